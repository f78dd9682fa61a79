package refvm

import "github.com/femto-containers/femto/vm"

// Operation codes of jump instructions (RFC 9669 §4.3).
const (
	codeJA   = 0x0
	codeJEQ  = 0x1
	codeJGT  = 0x2
	codeJGE  = 0x3
	codeJSET = 0x4
	codeJNE  = 0x5
	codeJSGT = 0x6
	codeJSGE = 0x7
	codeCALL = 0x8
	codeEXIT = 0x9
	codeJLT  = 0xa
	codeJLE  = 0xb
	codeJSLT = 0xc
	codeJSLE = 0xd
)

// Kinds of call, in the source register field.
const (
	callHelper = 0
	callLocal  = 1
)

// jmp executes a jump that compares 64 bits, a call or an exit.
func (m *Machine) jmp(in instruction) {
	switch {
	case in.code() == codeJA:
		m.transfer(m.PC + 1 + int(in.offset))
	case in.code() == codeCALL && in.src == callLocal:
		m.enterFunction(in)
	case in.code() == codeCALL:
		m.callHelper(in)
	case in.code() == codeEXIT:
		m.leaveFunction()
	default:
		dst, src := m.Reg[in.dst], uint64(in.imm)
		if in.register() {
			src = m.Reg[in.src]
		}
		m.jumpIf(in, holds(in.code(), dst, src, int64(dst), int64(src)))
	}
}

// jmp32 executes a jump that compares the lower halves of its operands.
func (m *Machine) jmp32(in instruction) {
	if in.code() == codeJA {
		m.transfer(m.PC + 1 + int(in.imm))
		return
	}
	dst, src := uint32(m.Reg[in.dst]), uint32(in.imm)
	if in.register() {
		src = uint32(m.Reg[in.src])
	}
	m.jumpIf(in, holds(in.code(), uint64(dst), uint64(src), int64(int32(dst)), int64(int32(src))))
}

func (m *Machine) jumpIf(in instruction, condition bool) {
	if condition {
		m.transfer(m.PC + 1 + int(in.offset))
	} else {
		m.next(1)
	}
}

// holds evaluates a condition on dst and src, which are given unsigned and
// signed.
func holds(code byte, dst, src uint64, sdst, ssrc int64) bool {
	switch code {
	case codeJEQ:
		return dst == src
	case codeJGT:
		return dst > src
	case codeJGE:
		return dst >= src
	case codeJSET:
		return dst&src != 0
	case codeJNE:
		return dst != src
	case codeJSGT:
		return sdst > ssrc
	case codeJSGE:
		return sdst >= ssrc
	case codeJLT:
		return dst < src
	case codeJLE:
		return dst <= src
	case codeJSLT:
		return sdst < ssrc
	default: // codeJSLE
		return sdst <= ssrc
	}
}

// enterFunction calls a function of the program. The callee finds r10 lower by
// a frame.
func (m *Machine) enterFunction(in instruction) {
	if len(m.calls) == MaxCalls {
		m.fail(vm.FaultDepth)
		return
	}
	m.calls = append(m.calls, call{
		next: m.PC + 1,
		r6:   m.Reg[6], r7: m.Reg[7], r8: m.Reg[8], r9: m.Reg[9],
		r10: m.Reg[10],
	})
	m.Reg[10] -= m.Frame
	m.transfer(m.PC + 1 + int(in.imm))
}

// leaveFunction returns to the caller, or ends the program.
func (m *Machine) leaveFunction() {
	if len(m.calls) == 0 {
		m.next(1)
		m.done = true
		return
	}
	last := m.calls[len(m.calls)-1]
	m.calls = m.calls[:len(m.calls)-1]
	m.Reg[6], m.Reg[7], m.Reg[8], m.Reg[9] = last.r6, last.r7, last.r8, last.r9
	m.Reg[10] = last.r10
	m.transfer(last.next)
}

// callHelper calls a function of the host with r1 to r5. The call is charged
// before it is made, and refused if that is more than the budget holds.
func (m *Machine) callHelper(in instruction) {
	helper, known := m.Helpers[uint8(in.imm)]
	if !known {
		m.fail(vm.FaultCall)
		return
	}
	args := [5]uint64(m.Reg[1:6])
	m.Charged += helper.Cost
	if helper.Prepare != nil {
		if fault := helper.Prepare(m, args); fault != vm.OK {
			m.fail(fault)
			return
		}
	}
	if m.overspent() {
		m.fail(vm.FaultBudget)
		return
	}
	result, fault := helper.Call(m, args)
	if fault != vm.OK {
		m.fail(fault)
		return
	}
	m.Reg[0] = result
	m.transfer(m.PC + 1)
}
