//go:build tinygo

// Command conformance runs programs that the host hands it and prints what
// they return: the public conformance cases on the virtual machine as it is on
// a board. `make test-boards` runs it.
package main

import (
	"encoding/binary"

	"github.com/femto-containers/femto/firmware/board"
	"github.com/femto-containers/femto/vm"
)

var (
	machine vm.Machine
	helpers = [1]vm.Helper{{Number: 5, Name: "unwind", Args: [5]vm.Arg{vm.ArgValue}, Call: unwind}}
	all     vm.HelperSet
	stack   [512]byte
	memory  [2048]byte
	text    [16 << 10]byte
	header  [4]byte // lengths of text and memory
	line    [24]byte
)

func unwind(c *vm.Call) uint64 { return c.R[0] }

func main() {
	board.Init()
	for i := range all {
		all[i] = ^uint32(0)
	}
	cases := board.OpenHost("cases\x00\x00")
	for cases.Read(header[:]) {
		program := text[:binary.LittleEndian.Uint16(header[:])]
		context := memory[:binary.LittleEndian.Uint16(header[2:])]
		if !cases.Read(program) || len(context) > 0 && !cases.Read(context) {
			break
		}
		run(program, context)
	}
	board.Print("done\n")
	for {
		board.Sleep(1 << 62)
	}
}

func run(program, context []byte) {
	clear(stack[:])
	need, err := vm.Check(program, &all)
	if err.Fault != vm.OK {
		print('c', uint64(-int64(err.Fault)))
		return
	}
	machine.Helpers = helpers[:]
	machine.Frame = need.Frame
	machine.Region[vm.RegionStack] = vm.Region{Bytes: stack[:], Writable: true}
	machine.Region[vm.RegionContext] = vm.Region{Bytes: context, Writable: true}
	machine.Reset(program, 10000)
	if machine.Run() != vm.Done {
		print('f', uint64(-int64(machine.Fault())))
		return
	}
	print('r', machine.Result())
}

// print prints what a case came to: result, fault of the check, or fault.
func print(kind byte, v uint64) {
	line[0] = kind
	for i := range 16 {
		line[1+i] = "0123456789abcdef"[v>>(60-4*i)&15]
	}
	line[17] = '\n'
	board.Console(line[:18])
}
