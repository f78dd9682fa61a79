package vm

import (
	"testing"

	"github.com/femto-containers/femto/isa"
)

// suspending is nested calls around a loop that calls helper 1 each time.
func suspending() []byte {
	var text []byte
	for _, in := range []isa.Instruction{
		{Opcode: isa.ClassALU64 | isa.MOV | isa.SourceK, Dst: 6, Imm: 1000},
		{Opcode: isa.ClassJMP | isa.CALL, Src: isa.CallLocal, Imm: 2},
		{Opcode: isa.ClassALU64 | isa.ADD | isa.SourceX, Dst: 0, Src: 6},
		{Opcode: isa.ClassJMP | isa.EXIT},
		{Opcode: isa.ClassALU64 | isa.MOV | isa.SourceK, Dst: 6, Imm: 5}, // 4: loop counter
		{Opcode: isa.ClassALU64 | isa.MOV | isa.SourceK, Dst: 7, Imm: 0},
		{Opcode: isa.ClassJMP | isa.CALL, Imm: 1}, // 6
		{Opcode: isa.ClassALU64 | isa.ADD | isa.SourceX, Dst: 7, Src: 0},
		{Opcode: isa.ClassSTX | isa.MEM | isa.DW, Dst: 10, Src: 7, Offset: -8},
		{Opcode: isa.ClassALU64 | isa.SUB | isa.SourceK, Dst: 6, Imm: 1},
		{Opcode: isa.ClassJMP | isa.JNE | isa.SourceK, Dst: 6, Offset: -5},
		{Opcode: isa.ClassLDX | isa.MEM | isa.DW, Dst: 0, Src: 10, Offset: -8},
		{Opcode: isa.ClassJMP | isa.EXIT},
	} {
		text = in.Append(text)
	}
	return text
}

// TestSaveRestore runs one program in slices, with another one on the same
// machine between any two, and wants what it gives in one go.
func TestSaveRestore(t *testing.T) {
	text := suspending()
	var granted HelperSet
	granted.Add(1)
	need, err := Check(text, &granted)
	if err.Fault != OK {
		t.Fatal(err)
	}
	calls := uint64(0)
	suspend := false
	var m Machine
	m.Helpers = []Helper{{Number: 1, Name: "next", Cost: 3, Call: func(c *Call) uint64 {
		calls++
		if suspend {
			c.Suspend()
		}
		return calls
	}}}
	m.Frame = need.Frame
	stack := [2][]byte{make([]byte, 256), make([]byte, 256)}
	start := func(i int) {
		m.Region[RegionStack] = Region{Bytes: stack[i], Writable: true}
		m.Reset(text, MaxBudget)
	}
	start(0)
	if m.Run() != Done || m.Result() != 1015 {
		t.Fatalf("in one go: %v, %d", m.Fault(), m.Result())
	}
	whole := m.Instructions() + m.Charged()

	for _, quantum := range []int32{0, 1, 2, 3, 7, 10_000} {
		for _, suspends := range []bool{false, true} {
			if quantum == 0 && !suspends {
				continue
			}
			calls, suspend = 0, suspends
			spent := uint32(0)
			saved := make([]byte, SavedSize(need.Depth))
			m.Quantum = quantum
			start(0)
			slices := 1
			for ; m.Run() == Suspended; slices++ {
				spent += m.Instructions() + m.Charged()
				if !m.Save(saved) || m.Save(saved[:len(saved)-1]) && m.depth > 0 {
					t.Fatal("saved where there is no room, or not where there is")
				}
				// Somebody else in between.
				before := calls
				m.Quantum, suspend = 0, false
				start(1)
				m.Run()
				m.Quantum, suspend = quantum, suspends
				calls = before
				start(0)
				m.Restore(saved)
			}
			spent += m.Instructions() + m.Charged()
			if m.Fault() != OK || m.Result() != 1015 {
				t.Errorf("quantum %d, helper suspends %v: %v, %d, want 1015", quantum, suspends, m.Fault(), m.Result())
			}
			if spent != whole {
				t.Errorf("quantum %d, helper suspends %v: %d instructions in %d slices, want %d", quantum, suspends, spent, slices, whole)
			}
			if suspends && slices < 6 || quantum == 1 && slices < 6 {
				t.Errorf("quantum %d, helper suspends %v: %d slices", quantum, suspends, slices)
			}
		}
	}
}

// TestSuspendOfTheLastQuantum: what is left of the budget is there afterwards,
// also where the quantum was all of it.
func TestSuspendOfTheLastQuantum(t *testing.T) {
	var m Machine
	m.Helpers = []Helper{{Number: 1, Call: func(c *Call) uint64 { c.Suspend(); return 1 }}}
	m.Region[RegionStack] = Region{Bytes: make([]byte, 256), Writable: true}
	m.Quantum = 1000
	m.Reset(suspending(), 1000)
	n := 0
	for ; m.Run() == Suspended; n++ {
	}
	if m.Result() != 1005 || n != 5 {
		t.Errorf("%v, %d after %d suspensions", m.Fault(), m.Result(), n)
	}
}

func TestSaveDoesNotAllocate(t *testing.T) {
	var m Machine
	saved := make([]byte, SavedSize(8))
	if n := testing.AllocsPerRun(100, func() { m.Save(saved); m.Restore(saved) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
