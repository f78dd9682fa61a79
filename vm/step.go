package vm

import "github.com/femto-containers/femto/isa"

// fetch returns the instruction at pc.
//
//go:noinline
func (m *Machine) fetch() (low uint32, imm int32) {
	at := m.pc & textMask
	if outside(at, slot, len(m.text)) {
		return 0, 0 // not reached: text is checked
	}
	return load32(m.text, at), int32(load32(m.text, at+4))
}

// step executes the one instruction at pc, of those that loop leaves over:
// they are rare, long, or need a call on a small processor, and would cost
// the loop registers. It returns OK to go on, or what is the matter.
func (m *Machine) step() Fault {
	low, imm := m.fetch()
	op := uint8(low)
	src := low >> 12 & 15
	d := &m.r[low>>8&15]
	switch op & isa.ClassMask {
	case isa.ClassALU, isa.ClassALU64:
		*d = arithmetic(low, imm, *d, m.r[src])
	case isa.ClassLDX, isa.ClassST, isa.ClassSTX:
		return m.memory(low, imm)
	case isa.ClassLD:
		if op == 0 {
			return FaultLength // no program: text that was checked does not end here
		}
		v := uint64(uint32(imm))
		if op != isa.LDDW {
			v = uint64(imm) + Address(section(op), 0)
		}
		m.pc += slot
		_, high := m.fetch()
		*d = v + uint64(high)<<32
		m.budget++
	case isa.ClassJMP, isa.ClassJMP32:
		return m.branch(op, src, imm)
	}
	m.pc += slot
	return OK
}

// section is the region that LDDWD or LDDWR names.
func section(op uint8) int {
	if op == isa.LDDWD {
		return RegionData
	}
	return RegionRodata
}

// branch executes a call, an exit or a far jump.
func (m *Machine) branch(op uint8, src uint32, distance int32) Fault {
	if op == isa.ClassJMP|isa.CALL {
		if src != isa.CallLocal {
			return m.callHelper(distance)
		}
		if m.depth >= MaxDepth {
			return FaultDepth
		}
	}
	m.pc += slot
	switch op {
	case isa.ClassJMP | isa.CALL:
		f := m.open()
		m.depth++
		copy(f[:], m.r[6:10])
		f[4] = uint64(m.pc)
	case isa.ClassJMP | isa.EXIT:
		if m.depth == 0 {
			return exited
		}
		m.depth--
		f := m.open()
		copy(m.r[6:10], f[:])
		distance = (int32(f[4]) - int32(m.pc)) >> 3
	}
	m.setFrame()
	m.pc += int(distance) * slot
	m.budget += distance
	if m.budget < 0 {
		return FaultBudget
	}
	return OK
}

// open returns what is kept of the call that depth counts next.
func (m *Machine) open() *[frameSize]uint64 {
	return (*[frameSize]uint64)(m.frames[int(m.depth&(MaxDepth-1))*frameSize:])
}

// setFrame lets r10 be the end of the innermost function's part of the stack.
func (m *Machine) setFrame() {
	top := uint32(len(m.Region[RegionStack].Bytes)) - uint32(m.depth)*uint32(m.frame)
	m.r[isa.FramePointer] = Address(RegionStack, top)
}

// arithmetic computes what is rare of ALU and ALU64 from the values of the
// destination and the source register.
func arithmetic(low uint32, imm int32, a, b uint64) uint64 {
	op := uint8(low)
	narrow := op&isa.ClassMask == isa.ClassALU
	variant := low >> 16
	if op&isa.SourceX == 0 {
		b = uint64(imm)
	}
	switch op & 0xf0 {
	case isa.MOV: // with sign extension
		a = signExtend(b, variant)
	case isa.END:
		a = reverse(a, imm)
		if narrow && op&isa.SourceX == 0 {
			a = reverse(a, imm) // little endian: cut to the width
		}
		return a
	default: // isa.DIV, isa.MOD
		if narrow {
			a, b = uint64(uint32(a)), uint64(uint32(b))
			if variant != 0 {
				a, b = uint64(int32(a)), uint64(int32(b))
			}
		}
		a = divide(a, b, variant != 0, op&0xf0 == isa.MOD)
	}
	if narrow {
		a = uint64(uint32(a))
	}
	return a
}

// reverse reverses the lowest bytes of v, as many as make up bits, and drops
// the others.
//
//go:noinline
func reverse(v uint64, bits int32) uint64 {
	low, high := reverse32(uint32(v)), reverse32(uint32(v>>32))
	switch bits {
	case 16:
		return uint64(low >> 16)
	case 32:
		return uint64(low)
	}
	return uint64(low)<<32 | uint64(high)
}

// reverse32 reverses four bytes, which compilers know how to.
func reverse32(v uint32) uint32 {
	return v<<24 | v&0xff00<<8 | v>>8&0xff00 | v>>24
}

// signExtend extends the lowest bits of v, which are 8, 16, 32 or 64.
//
//go:noinline
func signExtend(v uint64, bits uint32) uint64 {
	shift := (64 - bits) & 63
	return uint64(int64(v<<shift) >> shift)
}

// divide is the division of RFC 9669 §4.1: by zero it gives 0, and the
// remainder of a division by zero is the dividend.
func divide(a, b uint64, signed, modulo bool) uint64 {
	// Signs are taken off and put back: one routine of the compiler's run time
	// library is enough.
	var minusA, minusB, q uint64
	if signed {
		minusA, minusB = uint64(int64(a)>>63), uint64(int64(b)>>63)
	}
	if b != 0 {
		q = (a ^ minusA - minusA) / (b ^ minusB - minusB)
	}
	minusA ^= minusB
	q = q ^ minusA - minusA
	if modulo {
		return a - q*b
	}
	return q
}

// reach notes the address that the load or store low accesses.
func (m *Machine) reach(low uint32) {
	base := low >> 8
	if low&isa.ClassMask == isa.ClassLDX {
		base = low >> 12
	}
	m.address = m.r[base&15] + uint64(int32(low)>>16)
}

// memory executes loads with sign extension, stores of an immediate, and
// atomic operations (RFC 9669 §5.3). One machine runs at a time on its memory,
// so that an ordinary read and write are atomic.
//
//go:noinline
func (m *Machine) memory(low uint32, imm int32) Fault {
	const widths = 1<<(isa.B>>1) | 2<<(isa.H>>1) | 4<<(isa.W>>1) | 8<<(isa.DW>>1)
	width := int(widths >> (low & isa.SizeMask >> 1) & 15)
	class := low & isa.ClassMask
	m.reach(low)
	if !m.find(width, ArgRead|Arg(class>>1)) { // argWritten for ClassST and ClassSTX
		return FaultMemory
	}
	mem := m.window
	var old uint64
	for i := len(mem) - 1; i >= 0; i-- {
		old = old<<8 | uint64(mem[i])
	}
	m.pc += slot
	v := uint64(imm)
	switch class {
	case isa.ClassLDX:
		m.r[low>>8&15] = signExtend(old, uint32(width)*8)
		return OK
	case isa.ClassSTX:
		v = m.atomic(&m.r[low>>12&15], uint8(imm), old, width == 4)
	}
	for i := range mem {
		mem[i] = uint8(v)
		v >>= 8
	}
	return OK
}

// atomic returns what is to be stored in place of old.
func (m *Machine) atomic(r *uint64, operation uint8, old uint64, narrow bool) uint64 {
	v := *r
	switch operation >> 4 {
	case isa.AtomicAdd >> 4:
		v += old
	case isa.AtomicOr >> 4:
		v |= old
	case isa.AtomicAnd >> 4:
		v &= old
	case isa.AtomicXor >> 4:
		v ^= old
	case isa.AtomicCmpxchg >> 4:
		r = &m.r[0]
		expected := *r
		if narrow {
			expected = uint64(uint32(expected))
		}
		if old != expected {
			v = old
		}
	}
	if operation&isa.Fetch != 0 {
		*r = old
	}
	return v
}
