package refvm_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/refvm"
	"github.com/femto-containers/femto/internal/vectors"
	"github.com/femto-containers/femto/vm"
)

// A judge must be right first: the whole public suite.
func TestConformance(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors.Dir(t, "bpf_conformance"), "*.data"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	ran := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".data")
		c, err := asm.ParseCase(string(b))
		if err != nil || !c.HasResult {
			t.Errorf("%s: not read: %v", name, err)
			continue
		}
		if name == "callx" {
			continue // not in the RFC
		}
		refused := refvm.Check(c.Program, map[uint8]bool{5: true})
		if len(refused) != 0 {
			t.Errorf("%s: refused: %v", name, refused)
			continue
		}
		m := refvm.Machine{Budget: 100000, Frame: 64, Helpers: map[uint8]refvm.Helper{
			// The suite's call_unwind_fail calls it for its side effect only.
			5: {Call: func(*refvm.Machine, [5]uint64) (uint64, vm.Fault) { return 0, vm.OK }},
		}}
		m.Region[vm.RegionStack] = vm.Region{Bytes: make([]byte, 512), Writable: true}
		m.Region[vm.RegionContext] = vm.Region{Bytes: c.Memory, Writable: true}
		m.Enter()
		m.Run(c.Program)
		if m.Fault != vm.OK || m.Reg[0] != c.Result {
			t.Errorf("%s: got %#x (%v at %d), want %#x", name, m.Reg[0], m.Fault, m.PC, c.Result)
		}
		ran++
	}
	t.Logf("%d cases", ran)
}

func TestCheckReasons(t *testing.T) {
	for _, tt := range []struct {
		name   string
		text   string
		slot   int
		reason vm.Fault
	}{
		{"empty", "", 0, vm.FaultLength},
		{"half a slot", "\x95\x00\x00\x00", 0, vm.FaultLength},
		{"register 11", "\xbf\xb0\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultRegister},
		{"r10 written", "\xb7\x0a\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultRegister},
		{"exit with an immediate", "\x95\x00\x00\x00\x01\x00\x00\x00", 0, vm.FaultField},
		{"no exit", "\xb7\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultNoReturn},
		{"callx", "\x8d\x00\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultCallx},
		{"half of lddw", "\x18\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultWide},
		{"map", "\x18\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultPseudo},
		{"into lddw", "\x05\x00\x01\x00\x00\x00\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultJump},
		{"helper 1", "\x85\x00\x00\x00\x01\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultNotGranted},
		{"helper 257", "\x85\x00\x00\x00\x01\x01\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultCall},
		{"packet", "\x30\x00\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultPacket},
		{"movsx of an immediate", "\xb7\x00\x08\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00", 0, vm.FaultField},
	} {
		reasons := refvm.Check([]byte(tt.text), nil)[tt.slot]
		if len(reasons) != 1 || reasons[0] != tt.reason {
			t.Errorf("%s: got %v, want %v", tt.name, reasons, tt.reason)
		}
	}
}

func TestBudget(t *testing.T) {
	text, err := asm.Assemble("mov %r1, 10\nl: sub %r1, 1\njne %r1, 0, l\nexit")
	if err != nil {
		t.Fatal(err)
	}
	for budget, want := range map[int64]vm.Fault{22: vm.OK, 21: vm.OK, 18: vm.OK, 17: vm.FaultBudget, 0: vm.FaultBudget} {
		m := refvm.Machine{Budget: budget}
		m.Enter()
		m.Run(text)
		if m.Fault != want {
			t.Errorf("budget %d: got %v after %d, want %v", budget, m.Fault, m.Executed, want)
		}
	}
}
