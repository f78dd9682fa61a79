package vm

import "github.com/femto-containers/femto/isa"

// What execute and step return besides faults.
const (
	exited      Fault = 1
	callsHelper Fault = 2 // on hosts
	isRare      Fault = 3 // an instruction that step executes, or refuses
)

const textMask = MaxText - 1

// inPlace runs loop and says why it stopped. After FaultBudget, pc is at the
// next instruction, otherwise at the one that loop left.
func (m *Machine) inPlace() Fault {
	m.loop()
	if m.budget < 0 {
		return FaultBudget
	}
	m.pc -= slot
	return isRare
}

// loop executes instructions from pc on until one is not its business or the
// budget is spent, and leaves pc behind that instruction, or at the target of
// the jump that spent the budget. Accesses that are not allowed are among what
// is not its business.
//
// Rules of this function (they keep it fast and provable): one loop, in which
// goto leads forwards only; no calls but of the small functions that both
// compilers make part of it; a switch on the class and the source and then on
// the upper bits that leaves no value out, so that no compiler tests the
// range; every access tested by outside with an offset that was masked before.
// A small processor has registers for what every instruction needs: so pc is
// set before the instruction is executed and not back when it stops, and the
// budget, which only jumps need, is left in memory. What loads and stores have
// in common is done in one place.
//
//go:noinline
func (m *Machine) loop() {
	s := &m.space
	text := m.text
	pc := m.pc
run:
	for {
		at := pc & textMask
		pc = at + slot
		if outside(at, slot, len(text)) {
			break run // not reached: text is checked
		}
		op, regs := text[at], text[at+1]
		d, x := &s.r[regs&15], &s.r[regs>>4]
		var a, b uint64
		var v, w uint32
		var region *Region
		var mem []byte
		var to int

		switch op & 15 {
		case isa.ClassALU64 | isa.SourceK:
			b = uint64(int32(load32(text, at+4)))
			goto alu64
		case isa.ClassALU64 | isa.SourceX:
			b = *x
			goto alu64
		case isa.ClassALU | isa.SourceK:
			w = load32(text, at+4)
			goto alu32
		case isa.ClassALU | isa.SourceX:
			w = uint32(*x)
			goto alu32
		case isa.ClassJMP | isa.SourceK:
			a = *d
			b = uint64(int32(load32(text, at+4)))
			goto jump
		case isa.ClassJMP | isa.SourceX:
			a = *d
			b = *x
			goto jump
		case isa.ClassJMP32 | isa.SourceK:
			a = uint64(int32(*d))
			b = uint64(int32(load32(text, at+4)))
			goto jump
		case isa.ClassJMP32 | isa.SourceX:
			// Sign extension keeps both orders and the bits in common.
			a = uint64(int32(*d))
			b = uint64(int32(*x))
			goto jump
		case isa.ClassLDX, isa.ClassLDX | 8:
			if *x>>32 != 0 {
				break run
			}
			w = uint32(*x)
			goto access
		case isa.ClassSTX, isa.ClassSTX | 8:
			if *d>>32 != 0 {
				break run
			}
			w = uint32(*d)
			goto access
		case isa.ClassST, isa.ClassST | 8, isa.ClassLD, isa.ClassLD | 8:
			break run
		}

	access:
		w += uint32(int32(int16(load16(text, at+2))))
		region = &s.Region[w>>regionShift]
		mem = region.Bytes
		to = int(w & offsetMask)
		if op&2 == 0 {
			switch op >> 3 & 7 {
			case isa.B>>3 | 4:
				if outside(to, 1, len(mem)) {
					break run
				}
				*d = uint64(mem[to])
			case isa.H>>3 | 4:
				if outside(to, 2, len(mem)) {
					break run
				}
				*d = uint64(load16(mem, to))
			case isa.W>>3 | 4:
				if outside(to, 4, len(mem)) {
					break run
				}
				*d = uint64(load32(mem, to))
			case isa.DW>>3 | 4:
				if outside(to, 8, len(mem)) {
					break run
				}
				*d = uint64(load32(mem, to)) | uint64(load32(mem, to+4))<<32
			case 1, 2, 3, 0: // sign-extending
				break run
			}
			continue
		}
		if !region.Writable {
			break run
		}
		switch op >> 3 & 7 {
		case isa.B>>3 | 4:
			if outside(to, 1, len(mem)) {
				break run
			}
			mem[to] = uint8(*x)
		case isa.H>>3 | 4:
			if outside(to, 2, len(mem)) {
				break run
			}
			store16(mem, to, uint16(*x))
		case isa.DW>>3 | 4:
			if outside(to, 8, len(mem)) {
				break run
			}
			store32(mem, to, uint32(*x))
			to += 4
			v = uint32(*x >> 32)
			goto word
		case isa.W>>3 | 4:
			v = uint32(*x)
			goto word
		case 1, 2, 3, 0: // atomic
			break run
		}
		continue

	word:
		if outside(to, 4, len(mem)) {
			break run
		}
		store32(mem, to, v)
		continue

	alu32:
		v = uint32(*d)
		switch op >> 4 {
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
		default: // isa.ADD
			v += w
		}

		*d = uint64(v)
		continue

	alu64:
		a = *d
		switch op >> 4 {
		case isa.ADD >> 4:
			a += b
		case isa.SUB >> 4:
			a -= b
		case isa.MUL >> 4:
			a *= b
		case isa.OR >> 4:
			a |= b
		case isa.AND >> 4:
			a &= b
		case isa.XOR >> 4:
			a ^= b
		case isa.LSH >> 4:
			a <<= b & 63
		case isa.RSH >> 4:
			a >>= b & 63
		case isa.ARSH >> 4:
			a = uint64(int64(a) >> (b & 63))
		case isa.NEG >> 4:
			a = -a
		case isa.MOV >> 4:
			if load16(text, at+2) != 0 {
				break run
			}
			a = b
		case isa.DIV >> 4, isa.MOD >> 4, isa.END >> 4, 14, 15:
			break run
		}

		*d = a
		continue

	jump:
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
		m.budget += distance
		pc += int(distance) * slot
		if m.budget < 0 {
			break run
		}
	}
	m.pc = pc
}
