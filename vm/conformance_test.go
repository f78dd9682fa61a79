package vm_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/vectors"
	"github.com/femto-containers/femto/vm"
)

// excluded lists the cases that are refused, with the fault and the reason.
var excluded = map[string]vm.Fault{
	"callx": vm.FaultCallx, // calls through a register are not in RFC 9669
}

// A machine for programs that r1 hands memory to; helper 5 is the suite's.
func testMachine(memory []byte) *vm.Machine {
	m := &vm.Machine{}
	m.Region[vm.RegionStack] = vm.Region{Bytes: make([]byte, 512), Writable: true}
	m.Region[vm.RegionContext] = vm.Region{Bytes: memory, Writable: true}
	m.Helpers = []vm.Helper{{Number: 5, Name: "unwind", Args: [5]vm.Arg{vm.ArgValue},
		Call: func(c *vm.Call) uint64 { return c.R[0] }}}
	return m
}

func assemble(tb testing.TB, source string) []byte {
	tb.Helper()
	text, err := asm.Assemble(source)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func allHelpers() *vm.HelperSet {
	var all vm.HelperSet
	for i := range all {
		all[i] = ^uint32(0)
	}
	return &all
}

func TestConformance(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors.Dir(t, "bpf_conformance"), "*.data"))
	if err != nil || len(files) < 200 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".data")
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := asm.ParseCase(string(b))
			if err != nil {
				t.Fatal(err)
			}
			if !c.HasResult {
				t.Fatal("no expected result")
			}
			need, check := vm.Check(c.Program, allHelpers())
			if check.Fault != excluded[name] {
				t.Fatalf("check: got %v at %d, want %v", check, check.PC, excluded[name])
			}
			if check.Fault != vm.OK {
				return
			}
			m := testMachine(c.Memory)
			m.Frame = need.Frame
			m.Reset(c.Program, 10000)
			if status := m.Run(); status != vm.Done {
				t.Fatalf("status %d: %v at %d, address %#x", status, m.Fault(), m.PC(), m.FaultAddress())
			}
			if m.Result() != c.Result {
				t.Errorf("r0: got %#x, want %#x", m.Result(), c.Result)
			}
		})
	}
}
