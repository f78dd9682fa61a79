package vm_test

import (
	"fmt"
	"testing"

	"github.com/femto-containers/femto/vm"
)

// Programs with the number of instructions they execute, counted by hand.
var counted = []struct {
	name, source string
	instructions uint32
}{
	{"straight", "mov %r0, 0\nadd %r0, 1\nexit", 3},
	{"wide", "lddw %r0, 1\nlddw %r1, 2\nexit", 3},
	{"forward jump", "ja +3\nadd %r0, 1\nadd %r0, 1\nadd %r0, 1\nexit", 2},
	{"forward jump over wide", "ja over\nlddw %r0, 1\nover:\nexit", 2},
	{"condition not taken", "jne %r0, 0, +1\nadd %r0, 1\nexit", 3},
	{"loop", "mov %r1, 10\nl: sub %r1, 1\njne %r1, 0, l\nexit", 22},
	{"loop over wide", "mov %r1, 10\nl: lddw %r2, 5\nsub %r1, 1\njne %r1, 0, l\nexit", 32},
	{"loop out of order", "mov %r1, 10\nja test\nl: sub %r1, 1\ntest: jne %r1, 0, l\nexit", 24},
	{"self-loop", "mov %r1, 1\nl: jslt32 %r1, 0, l\nexit", 3},
	{"call forward", "call local f\nexit\nadd %r0, 1\nf: add %r0, 1\nexit", 4},
	{"call backward", "ja main\nf: add %r0, 1\nexit\nadd %r0, 1\nmain: call local f\ncall local f\nexit", 8},
	{"ja32", "ja32 +1\nadd %r0, 1\nexit", 2},
	{"helper", "call 5\ncall 5\nexit", 3},
}

func TestInstructionsAreExact(t *testing.T) {
	for _, tt := range counted {
		m := testMachine(nil)
		text := load(t, m, tt.source)
		m.Reset(text, 1000)
		if m.Run() != vm.Done || m.Instructions() != tt.instructions {
			t.Errorf("%s: %v, got %d, want %d", tt.name, m.Fault(), m.Instructions(), tt.instructions)
		}
	}
}

// A sufficient budget always suffices, and what is executed beyond it is less
// than the text.
func TestBudgetBounds(t *testing.T) {
	for _, tt := range counted {
		m := testMachine(nil)
		text := load(t, m, tt.source)
		slots := len(text) / 8
		for budget := int32(0); budget < int32(tt.instructions)+5; budget++ {
			m.Reset(text, budget)
			status := m.Run()
			switch {
			case status != vm.Done && (m.Fault() != vm.FaultBudget || uint32(budget) >= tt.instructions):
				t.Errorf("%s with budget %d: %v", tt.name, budget, m.Fault())
			case m.Instructions() > uint32(budget)+uint32(slots):
				t.Errorf("%s with budget %d: executed %d, text of %d", tt.name, budget, m.Instructions(), slots)
			}
		}
	}
}

func TestEndlessProgramsEnd(t *testing.T) {
	for name, source := range map[string]string{
		"self-loop":                "ja -1",
		"conditional self-loop":    "jeq %r0, 0, -1\nexit",
		"loop that jumps forward":  "l: ja +2\nexit\nexit\nja l",
		"loop over wide":           "l: lddw %r0, 1\nlddw %r0, 1\nja l",
		"nested loops":             "a: b: add %r1, 1\njset %r1, 7, b\nja a",
		"loop of local calls":      "l: call local f\nja l\nf: exit",
		"backward calls":           "ja main\nf: exit\nmain: call local f\nja main",
		"calls forward, jump back": "m: call local f\nja m\nexit\nexit\nexit\nf: ja g\nexit\ng: exit",
		"loop of helper calls":     "l: call 5\nja l",
		"ja32":                     "l: add %r0, 1\nja32 l",
	} {
		for _, budget := range []int32{0, 1, 2, 3, 1000, 123456} {
			m := testMachine(nil)
			text := load(t, m, source)
			m.Reset(text, budget)
			m.Run()
			n := m.Instructions()
			if m.Fault() != vm.FaultBudget || n < uint32(budget)/2 || n > uint32(budget)+uint32(len(text)/8) {
				t.Errorf("%s with budget %d: %v after %d", name, budget, m.Fault(), n)
			}
			if m.PC() < 0 || m.PC() >= len(text)/8 {
				t.Errorf("%s: pc %d", name, m.PC())
			}
		}
	}
}

func TestBudgetLimits(t *testing.T) {
	m := testMachine(nil)
	text := load(t, m, "mov %r1, 5\nl: sub %r1, 1\njne %r1, 0, l\nexit")
	for _, budget := range []int32{-1 << 31, -1, 1<<31 - 1, vm.MaxBudget} {
		m.Reset(text, budget)
		want := vm.Done
		if budget < 0 {
			want = vm.Faulted
		}
		if status := m.Run(); status != want {
			t.Errorf("budget %d: status %d, %v", budget, status, m.Fault())
		}
	}
}

// A run in pieces has the same result, count and end as a run in one.
func TestQuantum(t *testing.T) {
	sources := []string{"l: add %r0, 3\nxor %r0, %r1\nadd %r1, 1\ncall local f\njlt %r1, 100, l\nexit\nf: call 5\nmul %r0, 7\nexit"}
	for _, tt := range counted {
		sources = append(sources, tt.source)
	}
	for i, source := range sources {
		for _, budget := range []int32{5, 30, 400, 100000} {
			whole, pieces := testMachine(nil), testMachine(nil)
			whole.Helpers[0].Cost, pieces.Helpers[0].Cost = 9, 9
			text := load(t, whole, source)
			pieces.Frame = whole.Frame
			whole.Reset(text, budget)
			want := whole.Run()
			for _, quantum := range []int32{1, 2, 7, 50, budget - 1, budget} {
				pieces.Quantum = quantum
				pieces.Reset(text, budget)
				suspended := 0
				status := pieces.Run()
				for before := uint32(0); status == vm.Suspended; status = pieces.Run() {
					suspended++
					n := pieces.Instructions() + pieces.Charged()
					if n > before+2*uint32(quantum)+uint32(len(text)/8)+9 || suspended > 1000 {
						t.Fatalf("program %d, quantum %d: from %d to %d without suspending", i, quantum, before, n)
					}
					before = n
				}
				name := fmt.Sprintf("program %d, budget %d, quantum %d", i, budget, quantum)
				if status != want || pieces.Fault() != whole.Fault() || pieces.PC() != whole.PC() ||
					pieces.Result() != whole.Result() || pieces.Instructions() != whole.Instructions() ||
					pieces.Charged() != whole.Charged() {
					t.Errorf("%s: %v at %d after %d, got %#x; in one %v at %d after %d, %#x", name,
						pieces.Fault(), pieces.PC(), pieces.Instructions(), pieces.Result(),
						whole.Fault(), whole.PC(), whole.Instructions(), whole.Result())
				}
				if i == 0 && quantum == 7 && budget == 100000 && suspended < 100 {
					t.Errorf("%s: suspended %d times", name, suspended)
				}
			}
		}
	}
}

func TestHelperCost(t *testing.T) {
	m := testMachine(nil)
	m.Helpers[0].Cost = 100
	calls := 0
	m.Helpers[0].Call = func(*vm.Call) uint64 { calls++; return 0 }
	text := load(t, m, "call 5\ncall 5\ncall 5\nexit")
	m.Reset(text, 300)
	if m.Run() != vm.Done || m.Instructions() != 4 || m.Charged() != 300 {
		t.Errorf("%v: %d instructions, %d charged", m.Fault(), m.Instructions(), m.Charged())
	}
	calls = 0
	m.Reset(text, 250)
	if m.Run() != vm.Faulted || m.Fault() != vm.FaultBudget || m.PC() != 2 || calls != 2 {
		t.Errorf("%v at %d after %d calls, want out of budget before the third", m.Fault(), m.PC(), calls)
	}
}
