//go:build tinygo

// Command conformance runs programs that the host hands it and prints what
// they return: the public conformance cases and the project's own vectors on
// the virtual machine as it is on a board. `make test-boards` runs it.
package main

import (
	"encoding/binary"

	"github.com/femto-containers/femto/firmware/board"
	"github.com/femto-containers/femto/vm"
)

var (
	machine vm.Machine
	helpers = [1]vm.Helper{{Number: 5, Name: "unwind", Args: [5]vm.Arg{vm.ArgValue}, Call: unwind}}
	granted vm.HelperSet
	stack   [512]byte
	memory  [2048]byte
	text    [16 << 10]byte
	header  [4]byte  // lengths of text and memory
	more    [16]byte // what a vector has beside
	line    [64]byte
)

// detailed is set in the length of the text of a vector: more follows, and all
// that came of it is printed.
const detailed = 1 << 15

// Bits of what a vector has.
const (
	contextReadOnly = 1 << iota
	grantedWritable
)

func unwind(c *vm.Call) uint64 { return c.R[0] }

func main() {
	board.Init()
	granted.Add(5)
	cases := board.OpenHost("cases\x00\x00")
	for cases.Read(header[:]) {
		size := binary.LittleEndian.Uint16(header[:])
		program := text[:size&^detailed]
		clear(more[:])
		binary.LittleEndian.PutUint16(more[6:], 512)
		binary.LittleEndian.PutUint32(more[8:], 10000)
		if size&detailed != 0 && !cases.Read(more[:]) {
			break
		}
		// Everything but the text, one behind the other.
		lengths := [4]uint16{
			binary.LittleEndian.Uint16(header[2:]), binary.LittleEndian.Uint16(more[0:]),
			binary.LittleEndian.Uint16(more[2:]), binary.LittleEndian.Uint16(more[4:]),
		}
		whole := uint16(0)
		for i, region := range [4]int{vm.RegionContext, vm.RegionData, vm.RegionRodata, vm.RegionGrant} {
			part := memory[whole : whole+lengths[i]]
			machine.Region[region] = vm.Region{Bytes: part, Writable: true}
			whole += lengths[i]
		}
		machine.Region[vm.RegionContext].Writable = more[12]&contextReadOnly == 0
		machine.Region[vm.RegionRodata].Writable = false
		machine.Region[vm.RegionGrant].Writable = more[12]&grantedWritable != 0
		machine.Region[vm.RegionStack] = vm.Region{Bytes: stack[:binary.LittleEndian.Uint16(more[6:])], Writable: true}
		if size&^detailed > 0 && !cases.Read(program) || whole > 0 && !cases.Read(memory[:whole]) {
			break
		}
		run(program, int32(binary.LittleEndian.Uint32(more[8:])), size&detailed != 0)
	}
	board.Print("done\n")
	for {
		board.Sleep(1 << 62)
	}
}

func run(program []byte, budget int32, detailed bool) {
	clear(stack[:])
	need, err := vm.Check(program, &granted)
	if err.Fault != vm.OK {
		at := print(0, 'c', uint64(-int64(err.Fault)), 16)
		finish(at, uint64(err.PC), detailed)
		return
	}
	machine.Helpers = helpers[:]
	machine.Frame = need.Frame
	machine.Reset(program, budget)
	at := 0
	if machine.Run() != vm.Done {
		at = print(0, 'f', uint64(-int64(machine.Fault())), 16)
	} else {
		at = print(0, 'r', machine.Result(), 16)
	}
	finish(at, uint64(machine.PC()), detailed)
}

// finish prints the line, with what else came of a vector: slot, instructions,
// address, and a sum of the context's bytes.
func finish(at int, pc uint64, detailed bool) {
	if detailed {
		sum := uint32(2166136261)
		for _, b := range machine.Region[vm.RegionContext].Bytes {
			sum = (sum ^ uint32(b)) * 16777619
		}
		at = print(at, ',', pc, 4)
		at = print(at, ',', uint64(machine.Instructions()), 8)
		at = print(at, ',', machine.FaultAddress(), 16)
		at = print(at, ',', uint64(sum), 8)
	}
	line[at] = '\n'
	board.Console(line[:at+1])
}

// print puts what a case came to (result, fault of the check, or fault), or
// another number, into the line, and returns where the next one goes.
func print(at int, kind byte, v uint64, digits int) int {
	line[at] = kind
	for i := range digits {
		line[at+1+i] = "0123456789abcdef"[v>>(4*(digits-1-i))&15]
	}
	return at + 1 + digits
}
