//go:build tinygo

// Command pico is the firmware for the Raspberry Pi Pico (RP2040): SLIP over its
// USB port. It has been type-checked but neither compiled nor run.
//
//	tinygo flash -target=pico -opt=s -scheduler=none ./firmware/pico
package main

import (
	"github.com/femto-containers/femto/firmware/node"
	"github.com/femto-containers/femto/firmware/serial"
)

func main() { serial.Run("pico", node.ClassPico) }
