package vm

import (
	"encoding/binary"
	"math/bits"

	"github.com/femto-containers/femto/isa"
)

// What loop returns besides faults.
const (
	exited      Fault = 1
	callsHelper Fault = 2
)

// loop executes instructions from pc on until something happens that is not
// its business, and returns what. After a fault, and before a helper call, pc
// is at the instruction concerned; after FaultBudget at the next one.
//
// Rules of this function (they keep it fast and provable): one loop, no calls
// but those the compiler replaces by instructions, a switch on the class and
// then on the upper bits, offsets masked to 28 bits before they are compared
// with a length less the width.
func (m *Machine) loop() Fault {
	text := m.text
	pc := m.pc
	budget := m.budget
	var fault Fault
run:
	for {
		w := binary.LittleEndian.Uint64(text[pc:])
		pc += slot
		op := uint8(w)
		var a, b uint64 // the operands of what the class switch leaves over
		switch op & isa.ClassMask {
		case isa.ClassALU64:
			d := w >> 8 & 15
			b = uint64(int64(w) >> 32)
			if op&isa.SourceX != 0 {
				b = m.r[w>>12&15]
			}
			a = m.r[d]
			switch op >> 4 {
			case isa.ADD >> 4:
				m.r[d] = a + b
				continue
			case isa.SUB >> 4:
				m.r[d] = a - b
				continue
			case isa.OR >> 4:
				m.r[d] = a | b
				continue
			case isa.AND >> 4:
				m.r[d] = a & b
				continue
			case isa.LSH >> 4:
				m.r[d] = a << (b & 63)
				continue
			case isa.RSH >> 4:
				m.r[d] = a >> (b & 63)
				continue
			case isa.XOR >> 4:
				m.r[d] = a ^ b
				continue
			case isa.MUL >> 4:
				m.r[d] = a * b
				continue
			case isa.MOV >> 4:
				if w&0xffff0000 == 0 {
					m.r[d] = b
					continue
				}
			}

		case isa.ClassALU:
			a = uint64(int32(m.r[w>>8&15]))
			b = uint64(int64(w) >> 32)
			if op&isa.SourceX != 0 {
				b = uint64(int32(m.r[w>>12&15]))
			}

		case isa.ClassJMP, isa.ClassJMP32:
			a = m.r[w>>8&15]
			b = uint64(int64(w) >> 32)
			if op&isa.SourceX != 0 {
				b = m.r[w>>12&15]
			}
			if op&isa.ClassMask == isa.ClassJMP32 {
				// Sign extension keeps both orders and bits in common.
				a, b = uint64(int32(a)), uint64(int32(b))
			}
			switch op >> 4 {
			case isa.JA >> 4:
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
			case isa.CALL >> 4:
				if w>>12&15 != isa.CallLocal {
					fault = callsHelper
					break run
				}
				if m.depth >= MaxDepth {
					fault = FaultDepth
					break run
				}
				f := &m.frames[m.depth]
				m.depth++
				f.ret = pc
				f.saved[0], f.saved[1], f.saved[2], f.saved[3] = m.r[6], m.r[7], m.r[8], m.r[9]
				m.r[isa.FramePointer] -= uint64(m.frame)
				distance := int32(w >> 32)
				budget += distance
				pc += int(distance) * slot
				if budget < 0 {
					m.pc, m.budget = pc, budget
					return FaultBudget
				}
				continue
			case isa.EXIT >> 4:
				if m.depth == 0 {
					m.pc, m.budget = pc, budget
					return exited
				}
				m.depth--
				f := &m.frames[m.depth]
				m.r[6], m.r[7], m.r[8], m.r[9] = f.saved[0], f.saved[1], f.saved[2], f.saved[3]
				m.r[isa.FramePointer] += uint64(m.frame)
				budget += int32((f.ret - pc) / slot)
				pc = f.ret
				if budget < 0 {
					m.pc, m.budget = pc, budget
					return FaultBudget
				}
				continue
			default:
				fault = FaultInstruction
				break run
			}
			distance := int32(w) >> 16
			if op == isa.ClassJMP32|isa.JA {
				distance = int32(w >> 32)
			}
			budget += distance
			pc += int(distance) * slot
			if budget < 0 {
				m.pc, m.budget = pc, budget
				return FaultBudget
			}
			continue

		case isa.ClassLDX:
			base := m.r[w>>12&15]
			low := uint32(base) + uint32(int32(w)>>16)
			at := int(low & offsetMask)
			mem := m.Region[low>>regionShift].Bytes
			if base>>32 != 0 {
				fault = FaultMemory
				break run
			}
			var v uint64
			switch op >> 3 {
			case (isa.MEM | isa.B) >> 3:
				if at > len(mem)-1 {
					fault = FaultMemory
					break run
				}
				v = uint64(mem[at])
			case (isa.MEM | isa.H) >> 3:
				if at > len(mem)-2 {
					fault = FaultMemory
					break run
				}
				v = uint64(binary.LittleEndian.Uint16(mem[at:]))
			case (isa.MEM | isa.W) >> 3:
				if at > len(mem)-4 {
					fault = FaultMemory
					break run
				}
				v = uint64(binary.LittleEndian.Uint32(mem[at:]))
			case (isa.MEM | isa.DW) >> 3:
				if at > len(mem)-8 {
					fault = FaultMemory
					break run
				}
				v = binary.LittleEndian.Uint64(mem[at:])
			case (isa.MEMSX | isa.B) >> 3:
				if at > len(mem)-1 {
					fault = FaultMemory
					break run
				}
				v = uint64(int8(mem[at]))
			case (isa.MEMSX | isa.H) >> 3:
				if at > len(mem)-2 {
					fault = FaultMemory
					break run
				}
				v = uint64(int16(binary.LittleEndian.Uint16(mem[at:])))
			case (isa.MEMSX | isa.W) >> 3:
				if at > len(mem)-4 {
					fault = FaultMemory
					break run
				}
				v = uint64(int32(binary.LittleEndian.Uint32(mem[at:])))
			default:
				fault = FaultInstruction
				break run
			}
			m.r[w>>8&15] = v
			continue

		case isa.ClassST, isa.ClassSTX:
			base := m.r[w>>8&15]
			low := uint32(base) + uint32(int32(w)>>16)
			at := int(low & offsetMask)
			region := &m.Region[low>>regionShift]
			mem := region.Bytes
			if base>>32 != 0 || !region.Writable {
				fault = FaultMemory
				break run
			}
			v := uint64(int64(w) >> 32)
			if op&isa.ClassMask == isa.ClassSTX {
				v = m.r[w>>12&15]
			}
			switch op >> 3 {
			case (isa.MEM | isa.B) >> 3:
				if at > len(mem)-1 {
					fault = FaultMemory
					break run
				}
				mem[at] = uint8(v)
			case (isa.MEM | isa.H) >> 3:
				if at > len(mem)-2 {
					fault = FaultMemory
					break run
				}
				binary.LittleEndian.PutUint16(mem[at:], uint16(v))
			case (isa.MEM | isa.W) >> 3:
				if at > len(mem)-4 {
					fault = FaultMemory
					break run
				}
				binary.LittleEndian.PutUint32(mem[at:], uint32(v))
			case (isa.MEM | isa.DW) >> 3:
				if at > len(mem)-8 {
					fault = FaultMemory
					break run
				}
				binary.LittleEndian.PutUint64(mem[at:], v)
			case (isa.ATOMIC | isa.W) >> 3, (isa.ATOMIC | isa.DW) >> 3:
				// One machine runs at a time, so that an ordinary
				// read and write are atomic.
				narrow := op&isa.SizeMask == isa.W
				var old uint64
				if narrow {
					if at > len(mem)-4 {
						fault = FaultMemory
						break run
					}
					old = uint64(binary.LittleEndian.Uint32(mem[at:]))
				} else {
					if at > len(mem)-8 {
						fault = FaultMemory
						break run
					}
					old = binary.LittleEndian.Uint64(mem[at:])
				}
				imm := uint8(w >> 32)
				result := v
				switch imm &^ isa.Fetch {
				case isa.AtomicAdd:
					result = old + v
				case isa.AtomicOr:
					result = old | v
				case isa.AtomicAnd:
					result = old & v
				case isa.AtomicXor:
					result = old ^ v
				case isa.AtomicCmpxchg &^ isa.Fetch:
					expected := m.r[0]
					if narrow {
						expected = uint64(uint32(expected))
					}
					if old != expected {
						result = old
					}
					m.r[0] = old
				}
				if imm&isa.Fetch != 0 && imm != isa.AtomicCmpxchg {
					m.r[w>>12&15] = old
				}
				if narrow {
					binary.LittleEndian.PutUint32(mem[at:], uint32(result))
				} else {
					binary.LittleEndian.PutUint64(mem[at:], result)
				}
			default:
				fault = FaultInstruction
				break run
			}
			continue

		default: // isa.ClassLD: the wide instructions
			v := uint64(int64(w) >> 32)
			switch op {
			case isa.LDDW:
				v = w >> 32
			case isa.LDDWD:
				v += RegionData << regionShift
			case isa.LDDWR:
				v += RegionRodata << regionShift
			default:
				fault = FaultInstruction
				break run
			}
			high := binary.LittleEndian.Uint64(text[pc:])
			m.r[w>>8&15] = v + high>>32<<32
			pc += slot
			budget++
			continue
		}

		// What ALU and ALU64 share, and what is rare in ALU64. ALU operands
		// are sign-extended and the result is cut to 32 bits.
		narrow := op&isa.ClassMask == isa.ClassALU
		offset := w & 0xffff0000
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
		case isa.NEG >> 4:
			a = -a
		case isa.MOV >> 4:
			a = b
			if offset != 0 {
				unused := (64 - uint(offset>>16)) & 63
				a = uint64(int64(a<<unused) >> unused)
			}
		case isa.LSH >> 4:
			if narrow {
				b &= 31
			}
			a <<= b & 63
		case isa.RSH >> 4:
			if narrow {
				a = uint64(uint32(a))
				b &= 31
			}
			a >>= b & 63
		case isa.ARSH >> 4:
			if narrow {
				b &= 31
			}
			a = uint64(int64(a) >> (b & 63))
		case isa.DIV >> 4, isa.MOD >> 4:
			modulo := op>>4 == isa.MOD>>4
			if narrow && offset == 0 {
				a, b = uint64(uint32(a)), uint64(uint32(b))
			}
			switch {
			case b == 0:
				if !modulo {
					a = 0
				}
			case offset == 0 && modulo:
				a %= b
			case offset == 0:
				a /= b
			case modulo:
				a = uint64(int64(a) % int64(b))
			default:
				a = uint64(int64(a) / int64(b))
			}
		case isa.END >> 4:
			a = m.r[w>>8&15]
			unused := (64 - uint(w>>32)) & 63
			if narrow && op&isa.SourceX == 0 {
				a = a << unused >> unused
			} else {
				a = bits.ReverseBytes64(a) >> unused
			}
			narrow = false
		default:
			fault = FaultInstruction
			break run
		}
		if narrow {
			a = uint64(uint32(a))
		}
		m.r[w>>8&15] = a
	}
	m.pc, m.budget = pc-slot, budget
	return fault
}
