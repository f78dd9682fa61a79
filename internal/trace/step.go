// Package trace makes of what a machine does, instruction by instruction, what
// people and tools read: steps with changed registers, accesses to memory by
// region, and calls of helpers with their arguments.
package trace

import (
	"encoding/binary"

	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A Step is one executed instruction and what it did. Of a fault or a helper
// that suspends the container, it is the last one of its activation.
type Step struct {
	Slot   int
	Next   int   // the slot that follows it; -1: its activation ended, or its slice did
	Number int   // instructions of this activation up to it, from 1
	Stack  []int // the slots of the open local calls, outermost first

	Instruction isa.Instruction
	Cost        int      // instructions that its helper charged, 0 if it is no call
	Budget      int      // what the activation may execute after it
	Fault       vm.Fault // that it ended with

	// The rest is there if the Tracer is to have Detail.
	Changed []Register
	Access  *Access
	Call    *Call
}

// A Register is a register that a step has changed.
type Register struct {
	Number int    `json:"register"`
	Value  uint64 `json:"value"`
	Text   string `json:"text"` // as ValueText has it
}

// An Access is a load or a store. The value is what was read, or what is there
// afterwards.
type Access struct {
	Write   bool   `json:"write"`
	Address uint64 `json:"address"`
	Name    string `json:"name"` // of the address, by its region
	Symbol  string `json:"symbol,omitempty"`
	Size    int    `json:"size"`
	Value   uint64 `json:"value"`
	Text    string `json:"text"`   // of the value, as ValueText has it
	Failed  bool   `json:"failed"` // no such memory, or not to be written
}

// A Tracer makes steps of what a machine does. Its Before is what the machine
// calls before each instruction; End ends the last step when the machine has
// stopped.
type Tracer struct {
	Program *symbols.Program
	Detail  bool
	Each    func(m *vm.Machine, s *Step) // s is the Tracer's own, and valid in the call

	m         *vm.Machine
	step      Step
	registers [11]uint64
	charged   uint32
	stack     [vm.MaxDepth]int
}

// Before is a vm.Trace.
func (t *Tracer) Before(m *vm.Machine) {
	executed := int(m.Instructions())
	if t.m != nil {
		// With nothing executed, another activation or slice has begun.
		t.finish(m, executed == 0, executed == 0)
	}
	t.m = m
	s := &t.step
	*s = Step{Slot: m.PC(), Number: executed + 1, Next: -1, Stack: t.stack[:m.Depth()]}
	for i := range s.Stack {
		s.Stack[i] = m.Caller(i) - 1
	}
	s.Instruction = t.Program.Instruction(s.Slot)
	t.charged = m.Charged()
	if !t.Detail {
		return
	}
	for i := range t.registers {
		t.registers[i] = m.Register(i)
	}
	s.Access = t.access(m)
	if in := s.Instruction; CallsHelper(in) {
		s.Call = decodeCall(t.Program, m, int(in.Imm))
	}
}

// End takes the machine as it is for the end of the activation. It does nothing
// if nothing was executed since the last one.
func (t *Tracer) End() {
	if t.m != nil {
		t.finish(t.m, true, false)
		t.m = nil
	}
}

// finish completes the step. over says that its activation or slice is, reset
// that m is in another one already: then a helper's cost is what it costs at
// least.
func (t *Tracer) finish(m *vm.Machine, over, reset bool) {
	s := &t.step
	if over && !reset {
		s.Fault = m.Fault()
	}
	if !over || s.Fault == vm.FaultBudget && m.PC() != s.Slot {
		s.Next = m.PC()
	}
	if CallsHelper(s.Instruction) {
		if reset {
			s.Cost = minimalCost(m, int(s.Instruction.Imm))
		} else {
			s.Cost = int(m.Charged() - t.charged)
		}
	}
	s.Budget = m.Budget()
	if t.Detail {
		t.detail(m)
	}
	t.Each(m, s)
}

func minimalCost(m *vm.Machine, number int) int {
	for i := range m.Helpers {
		if int(m.Helpers[i].Number) == number {
			return int(m.Helpers[i].Cost)
		}
	}
	return 0
}

func (t *Tracer) detail(m *vm.Machine) {
	s := &t.step
	// Of a budget that is spent, it may be the last instruction that spent it.
	failed := s.Fault != vm.OK && (s.Fault != vm.FaultBudget || m.PC() == s.Slot)
	for i := range t.registers {
		if v := m.Register(i); v != t.registers[i] && !failed {
			s.Changed = append(s.Changed, Register{i, v, ValueText(m, v)})
		}
	}
	if s.Call != nil {
		s.Call.Failed = failed
		s.Call.returned(m, s.Cost)
	}
	if a := s.Access; a != nil {
		b := mapped(m, a.Address, a.Size)
		a.Failed = failed
		if !failed && b != nil {
			a.Value = number(b)
			a.Text = ValueText(m, a.Value)
		}
		if failed && a.Write {
			a.Value = t.registers[s.Instruction.Src&15%11]
			if s.Instruction.Class() == isa.ClassST {
				a.Value = uint64(int64(s.Instruction.Imm))
			}
			a.Text = ValueText(m, a.Value)
		}
	}
}

// number reads up to eight bytes, the lowest first.
func number(b []byte) uint64 {
	var w [8]byte
	copy(w[:], b)
	return binary.LittleEndian.Uint64(w[:])
}

// CallsHelper reports whether in is a call of a helper.
func CallsHelper(in isa.Instruction) bool {
	return in.Opcode == isa.ClassJMP|isa.CALL && in.Src != isa.CallLocal && in.Src != isa.CallBTF
}

// CallsLocal reports whether in is a local call.
func CallsLocal(in isa.Instruction) bool {
	return in.Opcode == isa.ClassJMP|isa.CALL && in.Src == isa.CallLocal
}

// Conditional reports whether in is a jump that may be taken or not.
func Conditional(in isa.Instruction) bool {
	if in.Class() != isa.ClassJMP && in.Class() != isa.ClassJMP32 {
		return false
	}
	switch in.Opcode & 0xf0 {
	case isa.JA, isa.CALL, isa.EXIT:
		return false
	}
	return true
}

// access returns what the instruction that is next will load or store.
func (t *Tracer) access(m *vm.Machine) *Access {
	in := t.step.Instruction
	base := in.Dst
	switch in.Class() {
	case isa.ClassLDX:
		base = in.Src
	case isa.ClassST, isa.ClassSTX:
	default:
		return nil
	}
	sizes := map[uint8]int{isa.B: 1, isa.H: 2, isa.W: 4, isa.DW: 8}
	a := &Access{Write: in.Class() != isa.ClassLDX, Size: sizes[in.Opcode&isa.SizeMask]}
	a.Address = m.Register(int(base)) + uint64(int64(in.Offset))
	// The run loop adds in 32 bits if the upper half of the base is zero.
	if m.Register(int(base))>>32 == 0 {
		a.Address = uint64(uint32(a.Address))
	}
	a.Name, a.Symbol = symbols.AddressName(m, a.Address), t.Program.Symbol(a.Address)
	return a
}
