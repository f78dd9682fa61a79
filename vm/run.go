package vm

import "github.com/femto-containers/femto/isa"

// What loop returns besides faults.
const (
	exited      Fault = 1
	callsHelper Fault = 2
	isRare      Fault = 3 // an instruction that step executes
)

const textMask = MaxText - 1

// loop executes instructions from pc on until something happens that is not
// its business, and returns what. After FaultBudget, pc is at the next
// instruction, otherwise at the one concerned.
//
// Rules of this function (they keep it fast and provable): one loop; no calls
// but of the small functions that both compilers make part of it; a switch on
// the class and then on the upper bits that leaves no value out, so that no
// compiler tests the range; every access tested by outside with an offset that
// was masked before.
//
//go:noinline
func (m *Machine) loop() Fault {
	text := m.text
	pc := m.pc
	budget := m.budget
	m.fault = isRare // what most exits return; in memory, not in a register
run:
	for {
		at := pc & textMask
		if outside(at, slot, len(text)) {
			m.fault = FaultNoReturn // not reached: text is checked
			pc = at + slot
			break run
		}
		op, regs := text[at], text[at+1]
		pc = at + slot
		d, x := &m.r[regs&15], &m.r[regs>>4]
		var a, b uint64

		switch op & isa.ClassMask {
		case isa.ClassALU64:
			switch op >> 3 {
			case (isa.ADD | isa.SourceK) >> 3:
				*d += uint64(int32(load32(text, at+4)))
			case (isa.ADD | isa.SourceX) >> 3:
				*d += *x
			case (isa.SUB | isa.SourceX) >> 3:
				*d -= *x
			case (isa.SUB | isa.SourceK) >> 3:
				*d -= uint64(int32(load32(text, at+4)))
			case (isa.MUL | isa.SourceX) >> 3:
				*d *= *x
			case (isa.MUL | isa.SourceK) >> 3:
				*d *= uint64(int32(load32(text, at+4)))
			case (isa.OR | isa.SourceX) >> 3:
				*d |= *x
			case (isa.OR | isa.SourceK) >> 3:
				*d |= uint64(int32(load32(text, at+4)))
			case (isa.AND | isa.SourceX) >> 3:
				*d &= *x
			case (isa.AND | isa.SourceK) >> 3:
				*d &= uint64(int32(load32(text, at+4)))
			case (isa.XOR | isa.SourceX) >> 3:
				*d ^= *x
			case (isa.XOR | isa.SourceK) >> 3:
				*d ^= uint64(int32(load32(text, at+4)))
			case (isa.LSH | isa.SourceK) >> 3:
				*d <<= text[at+4] & 63
			case (isa.LSH | isa.SourceX) >> 3:
				*d <<= *x & 63
			case (isa.RSH | isa.SourceK) >> 3:
				*d >>= text[at+4] & 63
			case (isa.RSH | isa.SourceX) >> 3:
				*d >>= *x & 63
			case (isa.ARSH | isa.SourceK) >> 3:
				*d = uint64(int64(*d) >> (text[at+4] & 63))
			case (isa.ARSH | isa.SourceX) >> 3:
				*d = uint64(int64(*d) >> (*x & 63))
			case (isa.NEG | isa.SourceK) >> 3:
				*d = -*d
			case (isa.MOV | isa.SourceK) >> 3:
				*d = uint64(int32(load32(text, at+4)))
			case (isa.MOV | isa.SourceX) >> 3:
				if load16(text, at+2) != 0 {
					break run
				}
				*d = *x
			case (isa.DIV | isa.SourceK) >> 3, (isa.DIV | isa.SourceX) >> 3,
				(isa.MOD | isa.SourceK) >> 3, (isa.MOD | isa.SourceX) >> 3,
				(isa.END | isa.SourceK) >> 3, (isa.END | isa.SourceX) >> 3,
				(isa.NEG | isa.SourceX) >> 3, 28, 29, 30, 31:
				break run
			}
			continue

		case isa.ClassALU:
			v, w := uint32(*d), load32(text, at+4)
			if op&isa.SourceX != 0 {
				w = uint32(*x)
			}
			switch op >> 4 {
			case isa.ADD >> 4:
				v += w
			case isa.SUB >> 4:
				v -= w
			case isa.MUL >> 4:
				v *= w
			case isa.OR >> 4:
				v |= w
			case isa.AND >> 4:
				v &= w
			case isa.XOR >> 4:
				v ^= w
			case isa.LSH >> 4:
				v <<= w & 31
			case isa.RSH >> 4:
				v >>= w & 31
			case isa.ARSH >> 4:
				v = uint32(int32(v) >> (w & 31))
			case isa.MOV >> 4:
				if load16(text, at+2) != 0 {
					break run
				}
				v = w
			case isa.NEG >> 4:
				v = -v
			case isa.DIV >> 4, isa.MOD >> 4, isa.END >> 4, 14, 15:
				break run
			}
			*d = uint64(v)
			continue

		case isa.ClassLDX:
			base := *x
			address := uint32(base) + uint32(int32(int16(load16(text, at+2))))
			if base>>32 != 0 {
				m.fault = FaultMemory
				break run
			}
			mem := m.Region[address>>regionShift].Bytes
			to := int(address & offsetMask)
			switch op >> 3 & 7 {
			case isa.B>>3 | 4:
				if outside(to, 1, len(mem)) {
					m.fault = FaultMemory
					break run
				}
				*d = uint64(mem[to])
			case isa.H>>3 | 4:
				if outside(to, 2, len(mem)) {
					m.fault = FaultMemory
					break run
				}
				*d = uint64(load16(mem, to))
			case isa.W>>3 | 4:
				if outside(to, 4, len(mem)) {
					m.fault = FaultMemory
					break run
				}
				*d = uint64(load32(mem, to))
			case isa.DW>>3 | 4:
				if outside(to, 8, len(mem)) {
					m.fault = FaultMemory
					break run
				}
				*d = uint64(load32(mem, to)) | uint64(load32(mem, to+4))<<32
			case 1, 2, 3, 0: // sign-extending
				break run
			}
			continue

		case isa.ClassSTX:
			base := *d
			address := uint32(base) + uint32(int32(int16(load16(text, at+2))))
			region := &m.Region[address>>regionShift]
			if base>>32 != 0 || !region.Writable {
				m.fault = FaultMemory
				break run
			}
			mem := region.Bytes
			to := int(address & offsetMask)
			switch op >> 3 & 7 {
			case isa.B>>3 | 4:
				if outside(to, 1, len(mem)) {
					m.fault = FaultMemory
					break run
				}
				mem[to] = uint8(*x)
			case isa.H>>3 | 4:
				if outside(to, 2, len(mem)) {
					m.fault = FaultMemory
					break run
				}
				store16(mem, to, uint16(*x))
			case isa.W>>3 | 4:
				if outside(to, 4, len(mem)) {
					m.fault = FaultMemory
					break run
				}
				store32(mem, to, uint32(*x))
			case isa.DW>>3 | 4:
				if outside(to, 8, len(mem)) {
					m.fault = FaultMemory
					break run
				}
				store32(mem, to, uint32(*x))
				store32(mem, to+4, uint32(*x>>32))
			case 1, 2, 3, 0: // atomic
				break run
			}
			continue

		case isa.ClassJMP, isa.ClassJMP32:
			a, b = *d, uint64(int32(load32(text, at+4)))
			if op&isa.SourceX != 0 {
				b = *x
			}
			if op&1 == 0 { // JMP32
				// Sign extension keeps both orders and the bits in common.
				a, b = uint64(int32(a)), uint64(int32(b))
			}

		case isa.ClassST:
			break run

		case isa.ClassLD:
			break run
		}

		// What is left is a jump.
		switch op >> 4 {
		case isa.JEQ >> 4:
			if a != b {
				continue
			}
		case isa.JGT >> 4:
			if a <= b {
				continue
			}
		case isa.JGE >> 4:
			if a < b {
				continue
			}
		case isa.JSET >> 4:
			if a&b == 0 {
				continue
			}
		case isa.JNE >> 4:
			if a == b {
				continue
			}
		case isa.JSGT >> 4:
			if int64(a) <= int64(b) {
				continue
			}
		case isa.JSGE >> 4:
			if int64(a) < int64(b) {
				continue
			}
		case isa.JLT >> 4:
			if a >= b {
				continue
			}
		case isa.JLE >> 4:
			if a > b {
				continue
			}
		case isa.JSLT >> 4:
			if int64(a) >= int64(b) {
				continue
			}
		case isa.JSLE >> 4:
			if int64(a) > int64(b) {
				continue
			}
		case isa.CALL >> 4, isa.EXIT >> 4, 14, 15:
			break run
		default:
			if op != isa.ClassJMP|isa.JA {
				break run
			}
		}
		distance := int32(int16(load16(text, at+2)))
		budget += distance
		pc += int(distance) * slot
		if budget < 0 {
			m.fault = FaultBudget
			pc += slot
			break run
		}
	}
	m.pc, m.budget = pc-slot, budget
	return m.fault
}
