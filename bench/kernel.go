// Package bench runs eight small computations, and three more, as containers
// and as native Go. The module in peers compares them with other machines.
package bench

import (
	"embed"
	"encoding/binary"
	"fmt"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

//go:embed images/*.bin
var images embed.FS

// MemorySize is how much memory each kernel is handed, in bytes.
const MemorySize = 64 << 10

// A Kernel is one computation and how much of it is done in a run.
type Kernel struct {
	Name    string
	Program string // name of its C source, image and module
	N       int    // the program's argument
	Mean    bool   // one of the eight that make the geometric mean
	Native  func(memory []byte, n int) uint64
}

// Kernels are those of the published comparisons of such machines.
var Kernels = []Kernel{
	{"nop", "fletcher", 0, false, fletcher},
	{"fletcher360", "fletcher", 180, true, fletcher},
	{"fletcher64k", "fletcher", 32768, true, fletcher},
	{"alu1000", "alu", 1000, true, alu},
	{"memcpy8", "memcpy8", 4096, true, memcpy8},
	{"memcpy64", "memcpy64", 512, true, memcpy64},
	{"bubble1k", "bubble", 1000, true, bubble},
	{"quick1k", "quick", 1000, true, quick},
	{"sieve8k", "sieve", 8192, true, sieve},
	{"calls1k", "calls", 1000, false, calls},
	{"hcall1k", "hcall", 1000, false, hcall},
}

// Fill writes what a kernel finds in its memory.
func Fill(memory []byte) {
	for i := range memory {
		memory[i] = byte(i*7 + i>>8)
	}
}

// Budget is more than any kernel needs.
const Budget = 1 << 29

// Helpers are the functions that the kernels call.
func Helpers() []vm.Helper {
	return []vm.Helper{{Number: 1, Name: "host", Args: [5]vm.Arg{vm.ArgValue},
		Call: func(c *vm.Call) uint64 { return c.R[0] + 1 }}}
}

// Load returns the text of a kernel, which the load-time check has accepted,
// and a machine to run it with.
func (k *Kernel) Load() (*vm.Machine, []byte, error) {
	b, err := images.ReadFile("images/" + k.Program + ".bin")
	if err != nil {
		return nil, nil, err
	}
	img, e := image.Parse(b)
	if e != image.OK {
		return nil, nil, fmt.Errorf("image %s: %w", k.Program, e)
	}
	var granted vm.HelperSet
	granted.Add(1)
	need, refusal := vm.Check(img.Text(), &granted)
	if refusal.Fault != vm.OK {
		return nil, nil, fmt.Errorf("image %s: slot %d: %w", k.Program, refusal.PC, refusal)
	}
	memory := make([]byte, MemorySize)
	Fill(memory)
	var args []byte
	args = binary.LittleEndian.AppendUint64(args, vm.Address(vm.RegionGrant, 0))
	args = binary.LittleEndian.AppendUint64(args, uint64(k.N))
	m := &vm.Machine{Helpers: Helpers(), Frame: need.Frame}
	m.Region[vm.RegionStack] = vm.Region{Bytes: make([]byte, 512), Writable: true}
	m.Region[vm.RegionContext] = vm.Region{Bytes: args}
	m.Region[vm.RegionData] = vm.Region{Bytes: append([]byte(nil), img.Data()...), Writable: true}
	m.Region[vm.RegionRodata] = vm.Region{Bytes: img.Rodata()}
	m.Region[vm.RegionGrant] = vm.Region{Bytes: memory, Writable: true}
	return m, append([]byte(nil), img.Text()...), nil
}
