//go:build !tinygo

package vm

import "github.com/femto-containers/femto/isa"

// loopHost is loop for processors with many registers: one load for the whole
// instruction, a case for each opcode, and the commonest of each class told
// apart by comparisons, which such processors predict better than jumps
// through a table. It leaves the same instructions to step, and the same state
// behind.
//
//go:noinline
func (m *Machine) loopHost() Fault {
	text := m.text
	pc := m.pc
	budget := m.budget
	fault := isRare
run:
	for {
		if pc < 0 || pc > len(text)-slot {
			pc += slot
			fault = FaultNoReturn // not reached: text is checked
			break run
		}
		w := load64(text, pc)
		pc += slot
		op := uint8(w)
		if op&isa.ClassMask == isa.ClassALU64 {
			switch {
			case op == isa.ClassALU64|isa.ADD|isa.SourceK:
				m.r[w>>8&15] += uint64(int64(w) >> 32)
				continue
			case op == isa.ClassALU64|isa.MOV|isa.SourceX:
				if w>>16&0xffff != 0 { // with sign extension
					break run
				}
				m.r[w>>8&15] = m.r[w>>12&15]
				continue
			case op == isa.ClassALU64|isa.ADD|isa.SourceX:
				m.r[w>>8&15] += m.r[w>>12&15]
				continue
			case op == isa.ClassALU64|isa.LSH|isa.SourceK:
				m.r[w>>8&15] <<= w >> 32 & 63
				continue
			case op == isa.ClassALU64|isa.XOR|isa.SourceX:
				m.r[w>>8&15] ^= m.r[w>>12&15]
				continue
			default:
				switch op {
				case isa.ClassALU64 | isa.SUB | isa.SourceK:
					m.r[w>>8&15] -= uint64(int64(w) >> 32)
					continue
				case isa.ClassALU64 | isa.SUB | isa.SourceX:
					m.r[w>>8&15] -= m.r[w>>12&15]
					continue
				case isa.ClassALU64 | isa.MUL | isa.SourceK:
					m.r[w>>8&15] *= uint64(int64(w) >> 32)
					continue
				case isa.ClassALU64 | isa.MUL | isa.SourceX:
					m.r[w>>8&15] *= m.r[w>>12&15]
					continue
				case isa.ClassALU64 | isa.OR | isa.SourceK:
					m.r[w>>8&15] |= uint64(int64(w) >> 32)
					continue
				case isa.ClassALU64 | isa.OR | isa.SourceX:
					m.r[w>>8&15] |= m.r[w>>12&15]
					continue
				case isa.ClassALU64 | isa.AND | isa.SourceK:
					m.r[w>>8&15] &= uint64(int64(w) >> 32)
					continue
				case isa.ClassALU64 | isa.AND | isa.SourceX:
					m.r[w>>8&15] &= m.r[w>>12&15]
					continue
				case isa.ClassALU64 | isa.XOR | isa.SourceK:
					m.r[w>>8&15] ^= uint64(int64(w) >> 32)
					continue
				case isa.ClassALU64 | isa.LSH | isa.SourceX:
					m.r[w>>8&15] <<= m.r[w>>12&15] & 63
					continue
				case isa.ClassALU64 | isa.RSH | isa.SourceK:
					m.r[w>>8&15] >>= w >> 32 & 63
					continue
				case isa.ClassALU64 | isa.RSH | isa.SourceX:
					m.r[w>>8&15] >>= m.r[w>>12&15] & 63
					continue
				case isa.ClassALU64 | isa.ARSH | isa.SourceK:
					m.r[w>>8&15] = uint64(int64(m.r[w>>8&15]) >> (w >> 32 & 63))
					continue
				case isa.ClassALU64 | isa.ARSH | isa.SourceX:
					m.r[w>>8&15] = uint64(int64(m.r[w>>8&15]) >> (m.r[w>>12&15] & 63))
					continue
				case isa.ClassALU64 | isa.NEG:
					m.r[w>>8&15] = -m.r[w>>8&15]
					continue
				case isa.ClassALU64 | isa.MOV | isa.SourceK:
					m.r[w>>8&15] = uint64(int64(w) >> 32)
					continue
				default:
					break run
				}
			}
		} else if op&isa.ClassMask == isa.ClassALU {
			switch {
			case op == isa.ClassALU|isa.MOV|isa.SourceX:
				if w>>16&0xffff != 0 { // with sign extension
					break run
				}
				m.r[w>>8&15] = uint64(uint32(m.r[w>>12&15]))
				continue
			case op == isa.ClassALU|isa.ADD|isa.SourceX:
				m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) + uint32(m.r[w>>12&15]))
				continue
			case op == isa.ClassALU|isa.ADD|isa.SourceK:
				m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) + uint32(w>>32))
				continue
			default:
				switch op {
				case isa.ClassALU | isa.SUB | isa.SourceK:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) - uint32(w>>32))
					continue
				case isa.ClassALU | isa.SUB | isa.SourceX:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) - uint32(m.r[w>>12&15]))
					continue
				case isa.ClassALU | isa.MUL | isa.SourceK:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) * uint32(w>>32))
					continue
				case isa.ClassALU | isa.MUL | isa.SourceX:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) * uint32(m.r[w>>12&15]))
					continue
				case isa.ClassALU | isa.OR | isa.SourceK:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) | uint32(w>>32))
					continue
				case isa.ClassALU | isa.OR | isa.SourceX:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) | uint32(m.r[w>>12&15]))
					continue
				case isa.ClassALU | isa.AND | isa.SourceK:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) & uint32(w>>32))
					continue
				case isa.ClassALU | isa.AND | isa.SourceX:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) & uint32(m.r[w>>12&15]))
					continue
				case isa.ClassALU | isa.XOR | isa.SourceK:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) ^ uint32(w>>32))
					continue
				case isa.ClassALU | isa.XOR | isa.SourceX:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) ^ uint32(m.r[w>>12&15]))
					continue
				case isa.ClassALU | isa.LSH | isa.SourceK:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) << (w >> 32 & 31))
					continue
				case isa.ClassALU | isa.LSH | isa.SourceX:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) << (m.r[w>>12&15] & 31))
					continue
				case isa.ClassALU | isa.RSH | isa.SourceK:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) >> (w >> 32 & 31))
					continue
				case isa.ClassALU | isa.RSH | isa.SourceX:
					m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) >> (m.r[w>>12&15] & 31))
					continue
				case isa.ClassALU | isa.ARSH | isa.SourceK:
					m.r[w>>8&15] = uint64(uint32(int32(m.r[w>>8&15]) >> (w >> 32 & 31)))
					continue
				case isa.ClassALU | isa.ARSH | isa.SourceX:
					m.r[w>>8&15] = uint64(uint32(int32(m.r[w>>8&15]) >> (m.r[w>>12&15] & 31)))
					continue
				case isa.ClassALU | isa.NEG:
					m.r[w>>8&15] = uint64(-uint32(m.r[w>>8&15]))
					continue
				case isa.ClassALU | isa.MOV | isa.SourceK:
					m.r[w>>8&15] = uint64(uint32(w >> 32))
					continue
				default:
					break run
				}
			}
		} else if op&isa.ClassMask == isa.ClassLDX {
			address := m.r[w>>12&15] + uint64(int64(w<<32)>>48)
			if address>>regionShift >= Regions {
				fault = FaultMemory
				break run
			}
			mem, to := m.Region[address>>regionShift].Bytes, int(address&offsetMask)
			switch op &^ 7 {
			case isa.MEM | isa.W:
				if outside(to, 4, len(mem)) {
					fault = FaultMemory
					break run
				}
				m.r[w>>8&15] = uint64(load32(mem, to))
				continue
			case isa.MEM | isa.B:
				if outside(to, 1, len(mem)) {
					fault = FaultMemory
					break run
				}
				m.r[w>>8&15] = uint64(mem[to])
				continue
			case isa.MEM | isa.DW:
				if outside(to, 8, len(mem)) {
					fault = FaultMemory
					break run
				}
				m.r[w>>8&15] = load64(mem, to)
				continue
			case isa.MEM | isa.H:
				if outside(to, 2, len(mem)) {
					fault = FaultMemory
					break run
				}
				m.r[w>>8&15] = uint64(load16(mem, to))
				continue
			default: // with sign extension
				break run
			}
		} else if op&isa.ClassMask == isa.ClassJMP {
			switch {
			case op == isa.ClassJMP|isa.JLT|isa.SourceX:
				if m.r[w>>8&15] >= m.r[w>>12&15] {
					continue
				}
			case op == isa.ClassJMP|isa.JNE|isa.SourceK:
				if m.r[w>>8&15] == uint64(int64(w)>>32) {
					continue
				}
			case op == isa.ClassJMP|isa.JEQ|isa.SourceK:
				if m.r[w>>8&15] != uint64(int64(w)>>32) {
					continue
				}
			case op == isa.ClassJMP|isa.JNE|isa.SourceX:
				if m.r[w>>8&15] == m.r[w>>12&15] {
					continue
				}
			default:
				switch op {
				case isa.ClassJMP | isa.JEQ | isa.SourceX:
					if m.r[w>>8&15] != m.r[w>>12&15] {
						continue
					}
				case isa.ClassJMP | isa.JGT | isa.SourceK:
					if m.r[w>>8&15] <= uint64(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP | isa.JGT | isa.SourceX:
					if m.r[w>>8&15] <= m.r[w>>12&15] {
						continue
					}
				case isa.ClassJMP | isa.JGE | isa.SourceK:
					if m.r[w>>8&15] < uint64(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP | isa.JGE | isa.SourceX:
					if m.r[w>>8&15] < m.r[w>>12&15] {
						continue
					}
				case isa.ClassJMP | isa.JSET | isa.SourceK:
					if m.r[w>>8&15]&uint64(int64(w)>>32) == 0 {
						continue
					}
				case isa.ClassJMP | isa.JSET | isa.SourceX:
					if m.r[w>>8&15]&m.r[w>>12&15] == 0 {
						continue
					}
				case isa.ClassJMP | isa.JSGT | isa.SourceK:
					if int64(m.r[w>>8&15]) <= int64(w)>>32 {
						continue
					}
				case isa.ClassJMP | isa.JSGT | isa.SourceX:
					if int64(m.r[w>>8&15]) <= int64(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP | isa.JSGE | isa.SourceK:
					if int64(m.r[w>>8&15]) < int64(w)>>32 {
						continue
					}
				case isa.ClassJMP | isa.JSGE | isa.SourceX:
					if int64(m.r[w>>8&15]) < int64(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP | isa.JLT | isa.SourceK:
					if m.r[w>>8&15] >= uint64(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP | isa.JLE | isa.SourceK:
					if m.r[w>>8&15] > uint64(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP | isa.JLE | isa.SourceX:
					if m.r[w>>8&15] > m.r[w>>12&15] {
						continue
					}
				case isa.ClassJMP | isa.JSLT | isa.SourceK:
					if int64(m.r[w>>8&15]) >= int64(w)>>32 {
						continue
					}
				case isa.ClassJMP | isa.JSLT | isa.SourceX:
					if int64(m.r[w>>8&15]) >= int64(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP | isa.JSLE | isa.SourceK:
					if int64(m.r[w>>8&15]) > int64(w)>>32 {
						continue
					}
				case isa.ClassJMP | isa.JSLE | isa.SourceX:
					if int64(m.r[w>>8&15]) > int64(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP | isa.JA:
				default:
					break run
				}
			}
		} else if op&(isa.ClassMask&^1) == isa.ClassST {
			// ST and STX
			v := uint64(int64(w) >> 32)
			if op&1 != 0 {
				v = m.r[w>>12&15]
			}
			address := m.r[w>>8&15] + uint64(int64(w<<32)>>48)
			if address>>regionShift >= Regions {
				fault = FaultMemory
				break run
			}
			region := &m.Region[address>>regionShift]
			if !region.Writable {
				fault = FaultMemory
				break run
			}
			mem, to := region.Bytes, int(address&offsetMask)
			switch op &^ 7 {
			case isa.MEM | isa.W:
				if outside(to, 4, len(mem)) {
					fault = FaultMemory
					break run
				}
				store32(mem, to, uint32(v))
				continue
			case isa.MEM | isa.B:
				if outside(to, 1, len(mem)) {
					fault = FaultMemory
					break run
				}
				mem[to] = uint8(v)
				continue
			case isa.MEM | isa.DW:
				if outside(to, 8, len(mem)) {
					fault = FaultMemory
					break run
				}
				store64(mem, to, v)
				continue
			case isa.MEM | isa.H:
				if outside(to, 2, len(mem)) {
					fault = FaultMemory
					break run
				}
				store16(mem, to, uint16(v))
				continue
			default: // atomic
				break run
			}
		} else if op&isa.ClassMask == isa.ClassJMP32 {
			switch {
			case op == isa.ClassJMP32|isa.JNE|isa.SourceK:
				if uint32(m.r[w>>8&15]) == uint32(int64(w)>>32) {
					continue
				}
			case op == isa.ClassJMP32|isa.JLT|isa.SourceX:
				if uint32(m.r[w>>8&15]) >= uint32(m.r[w>>12&15]) {
					continue
				}
			case op == isa.ClassJMP32|isa.JEQ|isa.SourceK:
				if uint32(m.r[w>>8&15]) != uint32(int64(w)>>32) {
					continue
				}
			default:
				switch op {
				case isa.ClassJMP32 | isa.JEQ | isa.SourceX:
					if uint32(m.r[w>>8&15]) != uint32(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP32 | isa.JGT | isa.SourceK:
					if uint32(m.r[w>>8&15]) <= uint32(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP32 | isa.JGT | isa.SourceX:
					if uint32(m.r[w>>8&15]) <= uint32(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP32 | isa.JGE | isa.SourceK:
					if uint32(m.r[w>>8&15]) < uint32(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP32 | isa.JGE | isa.SourceX:
					if uint32(m.r[w>>8&15]) < uint32(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP32 | isa.JSET | isa.SourceK:
					if uint32(m.r[w>>8&15])&uint32(int64(w)>>32) == 0 {
						continue
					}
				case isa.ClassJMP32 | isa.JSET | isa.SourceX:
					if uint32(m.r[w>>8&15])&uint32(m.r[w>>12&15]) == 0 {
						continue
					}
				case isa.ClassJMP32 | isa.JNE | isa.SourceX:
					if uint32(m.r[w>>8&15]) == uint32(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP32 | isa.JSGT | isa.SourceK:
					if int32(m.r[w>>8&15]) <= int32(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP32 | isa.JSGT | isa.SourceX:
					if int32(m.r[w>>8&15]) <= int32(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP32 | isa.JSGE | isa.SourceK:
					if int32(m.r[w>>8&15]) < int32(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP32 | isa.JSGE | isa.SourceX:
					if int32(m.r[w>>8&15]) < int32(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP32 | isa.JLT | isa.SourceK:
					if uint32(m.r[w>>8&15]) >= uint32(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP32 | isa.JLE | isa.SourceK:
					if uint32(m.r[w>>8&15]) > uint32(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP32 | isa.JLE | isa.SourceX:
					if uint32(m.r[w>>8&15]) > uint32(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP32 | isa.JSLT | isa.SourceK:
					if int32(m.r[w>>8&15]) >= int32(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP32 | isa.JSLT | isa.SourceX:
					if int32(m.r[w>>8&15]) >= int32(m.r[w>>12&15]) {
						continue
					}
				case isa.ClassJMP32 | isa.JSLE | isa.SourceK:
					if int32(m.r[w>>8&15]) > int32(int64(w)>>32) {
						continue
					}
				case isa.ClassJMP32 | isa.JSLE | isa.SourceX:
					if int32(m.r[w>>8&15]) > int32(m.r[w>>12&15]) {
						continue
					}
				default:
					break run
				}
			}
		} else {
			break run
		}
		// What is left is a jump that is taken.
		distance := int32(w) >> 16
		budget += distance
		pc += int(distance) * slot
		if budget < 0 {
			fault = FaultBudget
			pc += slot
			break run
		}
	}
	m.pc, m.budget = pc-slot, budget
	return fault
}
