package vm

import (
	"encoding/binary"
	"math/bits"

	"github.com/femto-containers/femto/isa"
)

// step executes the one instruction at pc, of those that loop leaves over:
// they are rare, long, or need a call on a small processor, and would cost
// the loop registers. It returns OK to go on, or what loop would.
func (m *Machine) step() Fault {
	w := binary.LittleEndian.Uint64(m.text[m.pc:])
	op := uint8(w)
	switch op & isa.ClassMask {
	case isa.ClassALU, isa.ClassALU64:
		return m.arithmetic(w)
	case isa.ClassLD:
		v := uint64(int64(w) >> 32)
		switch op {
		case isa.LDDW:
			v = w >> 32
		case isa.LDDWD:
			v += RegionData << regionShift
		case isa.LDDWR:
			v += RegionRodata << regionShift
		default:
			return FaultInstruction
		}
		high := binary.LittleEndian.Uint64(m.text[m.pc+slot:])
		m.r[w>>8&15] = v + high>>32<<32
		m.pc += 2 * slot
		m.budget++
		return OK
	case isa.ClassLDX:
		return m.loadSigned(w)
	case isa.ClassST, isa.ClassSTX:
		return m.store(w)
	case isa.ClassJMP:
		switch {
		case op == isa.ClassJMP|isa.EXIT:
			return m.exit()
		case op != isa.ClassJMP|isa.CALL:
		case w>>12&15 == isa.CallLocal:
			return m.enter(int32(w >> 32))
		default:
			return callsHelper
		}
	case isa.ClassJMP32:
		if op == isa.ClassJMP32|isa.JA {
			m.pc += slot
			return m.jump(int32(w >> 32))
		}
	}
	return FaultInstruction
}

// enter opens a frame and goes to the function distance slots ahead.
func (m *Machine) enter(distance int32) Fault {
	if m.depth >= MaxDepth {
		return FaultDepth
	}
	f := &m.frames[m.depth]
	m.depth++
	m.pc += slot
	f.ret = m.pc
	f.saved[0], f.saved[1], f.saved[2], f.saved[3] = m.r[6], m.r[7], m.r[8], m.r[9]
	m.r[isa.FramePointer] -= uint64(m.frame)
	return m.jump(distance)
}

// exit leaves the function, or the program.
func (m *Machine) exit() Fault {
	m.pc += slot
	if m.depth == 0 {
		return exited
	}
	m.depth--
	f := &m.frames[m.depth&(MaxDepth-1)]
	m.r[6], m.r[7], m.r[8], m.r[9] = f.saved[0], f.saved[1], f.saved[2], f.saved[3]
	m.r[isa.FramePointer] += uint64(m.frame)
	return m.jump(int32(f.ret-m.pc) / slot)
}

func (m *Machine) jump(distance int32) Fault {
	m.pc += int(distance) * slot
	m.budget += distance
	if m.budget < 0 {
		return FaultBudget
	}
	return OK
}

// arithmetic executes what is rare of ALU and ALU64.
func (m *Machine) arithmetic(w uint64) Fault {
	op := uint8(w)
	d := &m.r[w>>8&15]
	a := *d
	b := uint64(int64(w) >> 32)
	if op&isa.SourceX != 0 {
		b = m.r[w>>12&15]
	}
	narrow := op&isa.ClassMask == isa.ClassALU
	variant := uint(w >> 16 & 0xffff)
	switch op & 0xf0 {
	case isa.NEG:
		a = -a
	case isa.MOV: // with sign extension
		unused := (64 - variant) & 63
		a = uint64(int64(b<<unused) >> unused)
	case isa.LSH:
		a <<= b & 63
	case isa.RSH:
		a >>= b & 63
	case isa.ARSH:
		a = uint64(int64(a) >> (b & 63))
	case isa.DIV, isa.MOD:
		if narrow {
			if variant == 0 {
				a, b = uint64(uint32(a)), uint64(uint32(b))
			} else {
				a, b = uint64(int32(a)), uint64(int32(b))
			}
		}
		a = divide(a, b, variant != 0, op&0xf0 == isa.MOD)
	case isa.END:
		unused := (64 - uint(w>>32)) & 63
		if op&(isa.ClassMask|isa.SourceX) == isa.ClassALU {
			a = a << unused >> unused
		} else {
			a = bits.ReverseBytes64(a) >> unused
		}
		narrow = false
	default:
		return FaultInstruction
	}
	if narrow {
		a = uint64(uint32(a))
	}
	*d = a
	m.pc += slot
	return OK
}

// divide is the division of RFC 9669 §4.1: by zero it gives 0, and the
// remainder of a division by zero is the dividend.
func divide(a, b uint64, signed, modulo bool) uint64 {
	switch {
	case b == 0 && modulo:
		return a
	case b == 0:
		return 0
	case signed && modulo:
		return uint64(int64(a) % int64(b))
	case signed:
		return uint64(int64(a) / int64(b))
	case modulo:
		return a % b
	}
	return a / b
}

// access returns the width bytes that the instruction w reaches through the
// address base, nil if it may not.
func (m *Machine) access(w, base uint64, width int, write bool) []byte {
	b, _ := m.find(base+uint64(int64(w<<32)>>48), uint64(width), write)
	return b
}

func (m *Machine) loadSigned(w uint64) Fault {
	base := m.r[w>>12&15]
	d := &m.r[w>>8&15]
	switch uint8(w) &^ isa.ClassMask {
	case isa.MEMSX | isa.B:
		b := m.access(w, base, 1, false)
		if len(b) < 1 {
			return FaultMemory
		}
		*d = uint64(int8(b[0]))
	case isa.MEMSX | isa.H:
		b := m.access(w, base, 2, false)
		if len(b) < 2 {
			return FaultMemory
		}
		*d = uint64(int16(binary.LittleEndian.Uint16(b)))
	case isa.MEMSX | isa.W:
		b := m.access(w, base, 4, false)
		if len(b) < 4 {
			return FaultMemory
		}
		*d = uint64(int32(binary.LittleEndian.Uint32(b)))
	default:
		return FaultInstruction
	}
	m.pc += slot
	return OK
}

// store executes the stores of an immediate and RFC 9669 §5.3. One machine
// runs at a time on its memory, so that an ordinary read and write are atomic.
func (m *Machine) store(w uint64) Fault {
	size := w >> 3 & 3
	mem := m.access(w, m.r[w>>8&15], int(0x8124>>(4*size)&15), true)
	if mem == nil {
		return FaultMemory
	}
	result := uint64(int64(w) >> 32)
	if w&isa.ClassMask == isa.ClassSTX {
		if w&isa.ModeMask != isa.ATOMIC {
			return FaultInstruction
		}
		result = m.atomic(w, mem)
	}
	for i := range mem {
		mem[i] = uint8(result >> (8 * i))
	}
	m.pc += slot
	return OK
}

// atomic returns what the atomic instruction w is to store in mem.
func (m *Machine) atomic(w uint64, mem []byte) uint64 {
	var old uint64
	for i := range mem {
		old |= uint64(mem[i]) << (8 * i)
	}
	v := &m.r[w>>12&15]
	imm := uint8(w >> 32)
	result := *v
	switch imm &^ isa.Fetch {
	case isa.AtomicAdd:
		result += old
	case isa.AtomicOr:
		result |= old
	case isa.AtomicAnd:
		result &= old
	case isa.AtomicXor:
		result ^= old
	case isa.AtomicCmpxchg &^ isa.Fetch:
		expected := m.r[0]
		if len(mem) == 4 {
			expected = uint64(uint32(expected))
		}
		if old != expected {
			result = old
		}
		v = &m.r[0]
	}
	if imm&isa.Fetch != 0 {
		*v = old
	}
	return result
}
