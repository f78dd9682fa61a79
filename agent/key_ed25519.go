//go:build !p256 && tinygo

package agent

const withP256 = false
