//go:build tinygo && !lm3s6965

package main

const watchdog = false // the emulated machine has none
