//go:build tinygo

// Command riscv-virt is the firmware for QEMU's RISC-V "virt" machine with one
// RV32IMAC core: SLIP on its serial port.
package main

import (
	"github.com/femto-containers/femto/firmware/node"
	"github.com/femto-containers/femto/firmware/serial"
)

func main() { serial.Run("riscv-virt", node.ClassRISCVVirt) }
