//go:build tinygo && lm3s6965

package main

const watchdog = true
