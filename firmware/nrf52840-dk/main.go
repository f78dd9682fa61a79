//go:build tinygo

// Command nrf52840-dk is the firmware for the nRF52840-DK: SLIP over the serial
// port of its debugger. It has been type-checked but neither compiled nor run.
//
//	tinygo flash -target=pca10056 -opt=s -scheduler=none ./firmware/nrf52840-dk
package main

import (
	"github.com/femto-containers/femto/firmware/node"
	"github.com/femto-containers/femto/firmware/serial"
)

func main() { serial.Run("nrf52840-dk", node.ClassNRF52840DK) }
