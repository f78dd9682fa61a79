package gofuzz

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/gobpf"
	"github.com/femto-containers/femto/vm"
)

// Capacities of the device on which images run; the stores are those of package
// fake.
const (
	stackSize  = 8 << 10
	memorySize = 64 << 10
	entries    = 256
	lineSize   = 128
)

// Image compiles a program to an image and runs it on all Contexts. dir is a
// folder that may be used before for the same. A program that the compiler
// refuses is an error, a diagnose.List.
func Image(ctx context.Context, dir string, p Program) ([]Activation, error) {
	program, err := compile(ctx, dir, p)
	if err != nil {
		return nil, err
	}
	return fire(program)
}

func compile(ctx context.Context, dir string, p Program) (*build.Program, error) {
	if err := prepare(dir); err != nil {
		return nil, err
	}
	if err := write(dir, map[string][]byte{"container/container.go": p.Source}); err != nil {
		return nil, err
	}
	return gobpf.Compile(ctx, filepath.Join(dir, "container"))
}

// fire runs a program on a device of its own.
func fire(program *build.Program) ([]Activation, error) {
	raw, err := program.Image()
	if err != nil {
		return nil, err
	}
	var lines []string
	var e engine.Engine
	hook := make([]engine.Hook, 1)
	hooks.EventHook(&hook[0])
	hook[0].Budget = vm.MaxBudget
	if err := e.Init(&engine.Config{
		Hooks: hook, Containers: make([]engine.Container, 1), Stack: make([]byte, stackSize), Memory: make([]byte, memorySize),
		Entries: make([]engine.Entry, entries), Line: make([]byte, lineSize), Helpers: helpers.Standard, Env: &helpers.Board{},
		Log: func(_ *engine.Container, line []byte) { lines = append(lines, string(line)) },
	}); err != engine.OK {
		return nil, fmt.Errorf("set up the device: %w", err)
	}
	if err := e.Install(0, &engine.Spec{Tenant: engine.Owner, Image: raw}); err.Reason != engine.OK {
		return nil, fmt.Errorf("load: %w", err)
	}
	debug := build.Debug{Symbols: program.Symbols, Lines: program.Lines}
	var list []Activation
	for _, context := range Contexts {
		lines = nil
		outcomes := make([]engine.Outcome, 1)
		e.FireEach(0, 0, slices.Clone(context), outcomes)
		o := &outcomes[0]
		a := Activation{Log: lines}
		if o.Fault == vm.OK {
			a.Result = uint64(o.Value)
		} else {
			if a.Fault = gobpf.Reason(program.Text, int(o.PC)); a.Fault == "" {
				a.Fault = fmt.Sprintf("%v at %#x", o.Fault, o.Address)
				if o.Fault == vm.FaultMemory && o.Address < 1<<16 {
					a.Fault = nilPointer
				}
			}
			if place, ok := debug.Place(int(o.PC)); ok {
				a.Line = place.Line
			}
		}
		for scope, owner := range []int{0, engine.TenantStore(engine.Owner), engine.Global} {
			a.Stores[scope] = map[int]uint32{}
			for _, entry := range e.Pairs(owner) {
				a.Stores[scope][int(entry.Key)] = entry.Value
			}
		}
		list = append(list, a)
	}
	return list, nil
}

const nilPointer = "nil pointer"

// reasons are what Go says of a fault, and what package gobpf calls it.
var reasons = []struct{ native, image string }{
	{"runtime error: index out of range", "index out of range"},
	{"runtime error: slice bounds out of range", "slice bounds out of range"},
	{"runtime error: integer divide by zero", "division by zero"},
	{"runtime error: negative shift amount", "negative shift amount"},
	{"runtime error: cannot convert slice", "slice is shorter than the array"},
	{"runtime error: invalid memory address or nil pointer dereference", nilPointer},
	{"panic", "panic"},
}

// known is true of faults that package gobpf makes.
func known(fault string) bool {
	return slices.ContainsFunc(reasons, func(r struct{ native, image string }) bool { return r.image == fault })
}

// Differ says how what an image did differs from what Go did; "" if it does not.
// Which one of several faults of a statement comes first, Go leaves open.
func Differ(native, image []Activation) string {
	for i := range native {
		want, got := &native[i], &image[i]
		fault := want.Fault
		for _, r := range reasons {
			if len(fault) >= len(r.native) && fault[:len(r.native)] == r.native {
				fault = r.image
			}
		}
		what := ""
		switch {
		case fault != got.Fault && !(known(fault) && known(got.Fault) && want.Line == got.Line):
			what = fmt.Sprintf("fault %q at line %d, Go has %q at line %d", got.Fault, got.Line, fault, want.Line)
		case !slices.Equal(want.Log, got.Log):
			what = fmt.Sprintf("printed %q, Go prints %q", got.Log, want.Log)
		case !maps.Equal(want.Stores[0], got.Stores[0]) || !maps.Equal(want.Stores[1], got.Stores[1]) || !maps.Equal(want.Stores[2], got.Stores[2]):
			what = fmt.Sprintf("stores %v, in Go %v", got.Stores, want.Stores)
		case want.Line != got.Line:
			what = fmt.Sprintf("%s at line %d, in Go at line %d", got.Fault, got.Line, want.Line)
		case want.Result != got.Result:
			what = fmt.Sprintf("returned %#x, Go returns %#x", got.Result, want.Result)
		}
		if what != "" {
			return fmt.Sprintf("activation %d: %s", i, what)
		}
	}
	return ""
}
