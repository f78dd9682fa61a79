//go:build !tinygo

package vm

import "github.com/femto-containers/femto/isa"

// A Trace is called before each instruction of an activation, when the machine
// is as the instruction finds it: PC is where it stands. It may look at the
// machine and set registers, but must not run or reset it. A call of a helper
// is one instruction: what it did shows before the next one, or, like what the
// last instruction did, when Run returns.
type Trace func(m *Machine)

// traced executes one instruction at a time by the loop of small processors,
// and calls Before for each.
func (m *Machine) traced() Fault {
	if len(m.lone) < len(m.text) {
		m.lone = make([]byte, len(m.text))
		for i := range m.lone {
			m.lone[i] = isa.ClassJMP | isa.EXIT
		}
	}
	for {
		m.Before(m)
		if fault := m.one(); fault != OK {
			return fault
		}
	}
}

// one executes the instruction at pc. For the loop, all the text around it is
// exits, at which it stops; and the budget is such that it stops after a jump
// backwards, to the instruction itself included.
func (m *Machine) one() Fault {
	text, at, budget := m.text, m.pc, m.budget
	m.text, m.budget = m.lone[:len(text)], 0
	slots := m.lone[at : at+slot : at+slot]
	copy(slots, text[at:])
	fault := m.inPlace()
	for i := range slots {
		slots[i] = isa.ClassJMP | isa.EXIT
	}
	m.text = text
	m.budget += budget
	switch {
	case fault == isRare && m.pc == at:
		return m.step()
	case fault == isRare || fault == FaultBudget:
		if m.budget < 0 { // which only a jump has made it
			return FaultBudget
		}
		return OK
	}
	return fault
}

// Kept returns registers r6 to r9 as open local call i found them, which are
// those of its caller.
func (m *Machine) Kept(i int) (r [4]uint64) {
	if i >= 0 && i < int(m.depth) {
		copy(r[:], m.frames[i*frameSize:])
	}
	return r
}

// FrameSize returns the bytes of stack that each open local call has below
// its caller's r10.
func (m *Machine) FrameSize() int { return int(m.frame) }

// Budget returns what this activation may still execute, in instructions;
// between the places where it is tested it may be below 0.
func (m *Machine) Budget() int { return int(m.budget+m.reserve) - m.pc/slot }
