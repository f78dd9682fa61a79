// Package vmvectors runs the project's own vectors for virtual machines
// (vm/testdata/vectors) on the engines at hand.
package vmvectors

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/refvm"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A Vector is a case with the name of its file.
type Vector struct {
	Name string
	asm.Case
}

// Load reads the vectors. There are none to skip: they are part of the module.
func Load(tb testing.TB) []Vector {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			tb.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "vm", "testdata", "vectors", "*.data"))
	if err != nil || len(files) < 80 {
		tb.Fatalf("%d vectors: %v", len(files), err)
	}
	var list []Vector
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		c, err := asm.ParseCase(string(b))
		switch {
		case err != nil:
			tb.Errorf("%s: %v", file, err)
		case c.Reason == "":
			tb.Errorf("%s does not say in its first line what it is for", file)
		case c.HasResult == (c.Error != ""):
			tb.Errorf("%s: want either a result or an error", file)
		default:
			list = append(list, Vector{strings.TrimSuffix(filepath.Base(file), ".data"), c})
		}
	}
	return list
}

// An Outcome is what an engine made of a vector.
type Outcome struct {
	Refused  bool // by the load-time check, with Fault at PC
	Fault    vm.Fault
	PC       int // slot
	Address  uint64
	Result   uint64
	Executed int64
	After    []byte // the context
}

// ending is the outcome as a vector's section result or error has it.
func (o *Outcome) ending() string {
	switch {
	case o.Refused:
		return fmt.Sprintf("refused at %d: %v", o.PC, o.Fault)
	case o.Fault != vm.OK:
		return fmt.Sprintf("stopped at %d: %v", o.PC, o.Fault)
	}
	return fmt.Sprintf("%#x", o.Result)
}

// Judge says how an outcome differs from what the vector wants.
func (v *Vector) Judge(o Outcome) error {
	want := v.Error
	if v.HasResult {
		want = fmt.Sprintf("%#x", v.Result)
	}
	got := o.ending()
	switch {
	case got != want:
		return fmt.Errorf("got %q, want %q (%s)", got, want, v.Reason)
	case v.HasAddress && o.Address != v.Address:
		return fmt.Errorf("got address %#x, want %#x (%s)", o.Address, v.Address, v.Reason)
	case v.Executed >= 0 && o.Executed != v.Executed:
		return fmt.Errorf("got %d instructions, want %d (%s)", o.Executed, v.Executed, v.Reason)
	case v.After != nil && !bytes.Equal(o.After, v.After):
		return fmt.Errorf("the context is % x, want % x (%s)", o.After, v.After, v.Reason)
	}
	return nil
}

// UnwindHelper is the number of the only helper that vectors may call: the
// conformance suite's, here one that returns its first argument.
const UnwindHelper = 5

func (v *Vector) regions(r *[vm.Regions]vm.Region) {
	r[vm.RegionStack] = vm.Region{Bytes: make([]byte, v.Stack), Writable: true}
	r[vm.RegionContext] = vm.Region{Bytes: bytes.Clone(v.Memory), Writable: !v.ReadOnly}
	r[vm.RegionData] = vm.Region{Bytes: bytes.Clone(v.Data), Writable: true}
	r[vm.RegionRodata] = vm.Region{Bytes: bytes.Clone(v.Rodata)}
	r[vm.RegionGrant] = vm.Region{Bytes: bytes.Clone(v.Granted), Writable: v.GrantedWritable}
}

// Run runs the vector on the virtual machine, in pieces of quantum
// instructions unless that is 0.
func (v *Vector) Run(quantum int32) Outcome {
	var granted vm.HelperSet
	granted.Add(UnwindHelper)
	need, refused := vm.Check(v.Program, &granted)
	if refused.Fault != vm.OK {
		return Outcome{Refused: true, Fault: refused.Fault, PC: refused.PC, After: v.Memory}
	}
	m := &vm.Machine{Frame: need.Frame, Quantum: quantum}
	v.regions(&m.Region)
	m.Helpers = []vm.Helper{{
		Number: UnwindHelper, Name: "unwind", Args: [5]vm.Arg{vm.ArgValue},
		Call: func(c *vm.Call) uint64 { return c.R[0] },
	}}
	m.Reset(v.Program, int32(v.Budget))
	for m.Run() == vm.Suspended {
	}
	return Outcome{
		Fault: m.Fault(), PC: m.PC(), Address: m.FaultAddress(), Result: m.Result(),
		Executed: int64(m.Instructions()), After: m.Region[vm.RegionContext].Bytes,
	}
}

// RunReference runs the vector on the slow interpreter. That may refuse a
// program for several reasons; the wanted one is taken if it is among them.
// executed, if not nil, is told of each instruction before it is executed.
func (v *Vector) RunReference(executed func(isa.Instruction)) Outcome {
	reasons := refvm.Check(v.Program, map[uint8]bool{UnwindHelper: true})
	for slot, faults := range reasons {
		for _, fault := range faults {
			o := Outcome{Refused: true, Fault: fault, PC: slot, After: v.Memory}
			if v.Judge(o) == nil {
				return o
			}
		}
	}
	if len(reasons) > 0 {
		return Outcome{Refused: true, PC: -1}
	}
	var everything vm.HelperSet
	for i := range everything {
		everything[i] = ^uint32(0)
	}
	need, _ := vm.Check(v.Program, &everything)
	m := refvm.Machine{Budget: v.Budget, Frame: uint64(need.Frame), Helpers: map[uint8]refvm.Helper{
		UnwindHelper: {Call: func(_ *refvm.Machine, args [5]uint64) (uint64, vm.Fault) { return args[0], vm.OK }},
	}}
	if m.Frame == 0 {
		m.Frame = vm.DefaultFrame
	}
	v.regions(&m.Region)
	if executed != nil {
		m.Trace = func() { executed(isa.Decode(v.Program[m.PC*isa.Size:])) }
	}
	m.Enter()
	m.Run(v.Program)
	return Outcome{
		Fault: m.Fault, PC: m.PC, Address: m.Address, Result: m.Reg[0], Executed: m.Executed,
		After: m.Region[vm.RegionContext].Bytes,
	}
}
