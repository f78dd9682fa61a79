//go:build tinygo

// Command esp32-c3 is the firmware for boards with an ESP32-C3: SLIP on USB. It
// has been type-checked but neither compiled nor run.
//
//	tinygo flash -target=xiao-esp32c3 -opt=s -scheduler=none ./firmware/esp32-c3
package main

import (
	"github.com/femto-containers/femto/firmware/node"
	"github.com/femto-containers/femto/firmware/serial"
)

func main() { serial.Run("esp32-c3", node.ClassESP32C3) }
