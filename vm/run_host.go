//go:build !tinygo

package vm

import "github.com/femto-containers/femto/isa"

// loopHost is loop for processors with many registers and a large cache: one
// switch on the whole opcode, one load for the whole instruction. It leaves
// the same instructions to step, and the same state behind.
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
		var mem []byte
		var to int
		switch uint8(w) {
		case 0: // no instruction; saves the switch a subtraction
			break run

		case isa.ClassALU64 | isa.ADD | isa.SourceK:
			m.r[w>>8&15] += uint64(int64(w) >> 32)
			continue
		case isa.ClassALU64 | isa.ADD | isa.SourceX:
			m.r[w>>8&15] += m.r[w>>12&15]
			continue
		case isa.ClassALU | isa.ADD | isa.SourceK:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) + uint32(w>>32))
			continue
		case isa.ClassALU | isa.ADD | isa.SourceX:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) + uint32(m.r[w>>12&15]))
			continue
		case isa.ClassALU64 | isa.SUB | isa.SourceK:
			m.r[w>>8&15] -= uint64(int64(w) >> 32)
			continue
		case isa.ClassALU64 | isa.SUB | isa.SourceX:
			m.r[w>>8&15] -= m.r[w>>12&15]
			continue
		case isa.ClassALU | isa.SUB | isa.SourceK:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) - uint32(w>>32))
			continue
		case isa.ClassALU | isa.SUB | isa.SourceX:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) - uint32(m.r[w>>12&15]))
			continue
		case isa.ClassALU64 | isa.MUL | isa.SourceK:
			m.r[w>>8&15] *= uint64(int64(w) >> 32)
			continue
		case isa.ClassALU64 | isa.MUL | isa.SourceX:
			m.r[w>>8&15] *= m.r[w>>12&15]
			continue
		case isa.ClassALU | isa.MUL | isa.SourceK:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) * uint32(w>>32))
			continue
		case isa.ClassALU | isa.MUL | isa.SourceX:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) * uint32(m.r[w>>12&15]))
			continue
		case isa.ClassALU64 | isa.OR | isa.SourceK:
			m.r[w>>8&15] |= uint64(int64(w) >> 32)
			continue
		case isa.ClassALU64 | isa.OR | isa.SourceX:
			m.r[w>>8&15] |= m.r[w>>12&15]
			continue
		case isa.ClassALU | isa.OR | isa.SourceK:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) | uint32(w>>32))
			continue
		case isa.ClassALU | isa.OR | isa.SourceX:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) | uint32(m.r[w>>12&15]))
			continue
		case isa.ClassALU64 | isa.AND | isa.SourceK:
			m.r[w>>8&15] &= uint64(int64(w) >> 32)
			continue
		case isa.ClassALU64 | isa.AND | isa.SourceX:
			m.r[w>>8&15] &= m.r[w>>12&15]
			continue
		case isa.ClassALU | isa.AND | isa.SourceK:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) & uint32(w>>32))
			continue
		case isa.ClassALU | isa.AND | isa.SourceX:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) & uint32(m.r[w>>12&15]))
			continue
		case isa.ClassALU64 | isa.XOR | isa.SourceK:
			m.r[w>>8&15] ^= uint64(int64(w) >> 32)
			continue
		case isa.ClassALU64 | isa.XOR | isa.SourceX:
			m.r[w>>8&15] ^= m.r[w>>12&15]
			continue
		case isa.ClassALU | isa.XOR | isa.SourceK:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) ^ uint32(w>>32))
			continue
		case isa.ClassALU | isa.XOR | isa.SourceX:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) ^ uint32(m.r[w>>12&15]))
			continue
		case isa.ClassALU64 | isa.LSH | isa.SourceK:
			m.r[w>>8&15] <<= w >> 32 & 63
			continue
		case isa.ClassALU64 | isa.LSH | isa.SourceX:
			m.r[w>>8&15] <<= m.r[w>>12&15] & 63
			continue
		case isa.ClassALU | isa.LSH | isa.SourceK:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) << (w >> 32 & 31))
			continue
		case isa.ClassALU | isa.LSH | isa.SourceX:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) << (m.r[w>>12&15] & 31))
			continue
		case isa.ClassALU64 | isa.RSH | isa.SourceK:
			m.r[w>>8&15] >>= w >> 32 & 63
			continue
		case isa.ClassALU64 | isa.RSH | isa.SourceX:
			m.r[w>>8&15] >>= m.r[w>>12&15] & 63
			continue
		case isa.ClassALU | isa.RSH | isa.SourceK:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) >> (w >> 32 & 31))
			continue
		case isa.ClassALU | isa.RSH | isa.SourceX:
			m.r[w>>8&15] = uint64(uint32(m.r[w>>8&15]) >> (m.r[w>>12&15] & 31))
			continue
		case isa.ClassALU64 | isa.ARSH | isa.SourceK:
			m.r[w>>8&15] = uint64(int64(m.r[w>>8&15]) >> (w >> 32 & 63))
			continue
		case isa.ClassALU64 | isa.ARSH | isa.SourceX:
			m.r[w>>8&15] = uint64(int64(m.r[w>>8&15]) >> (m.r[w>>12&15] & 63))
			continue
		case isa.ClassALU | isa.ARSH | isa.SourceK:
			m.r[w>>8&15] = uint64(uint32(int32(m.r[w>>8&15]) >> (w >> 32 & 31)))
			continue
		case isa.ClassALU | isa.ARSH | isa.SourceX:
			m.r[w>>8&15] = uint64(uint32(int32(m.r[w>>8&15]) >> (m.r[w>>12&15] & 31)))
			continue
		case isa.ClassALU64 | isa.NEG:
			m.r[w>>8&15] = -m.r[w>>8&15]
			continue
		case isa.ClassALU | isa.NEG:
			m.r[w>>8&15] = uint64(-uint32(m.r[w>>8&15]))
			continue
		case isa.ClassALU64 | isa.MOV | isa.SourceK:
			m.r[w>>8&15] = uint64(int64(w) >> 32)
			continue
		case isa.ClassALU | isa.MOV | isa.SourceK:
			m.r[w>>8&15] = uint64(uint32(w >> 32))
			continue
		case isa.ClassALU64 | isa.MOV | isa.SourceX:
			if w>>16&0xffff != 0 { // with sign extension
				break run
			}
			m.r[w>>8&15] = m.r[w>>12&15]
			continue
		case isa.ClassALU | isa.MOV | isa.SourceX:
			if w>>16&0xffff != 0 { // with sign extension
				break run
			}
			m.r[w>>8&15] = uint64(uint32(m.r[w>>12&15]))
			continue

		case isa.ClassLDX | isa.MEM | isa.B:
			address := m.r[w>>12&15] + uint64(int64(w<<32)>>48)
			if address>>regionShift >= Regions {
				fault = FaultMemory
				break run
			}
			mem, to = m.Region[address>>regionShift].Bytes, int(address&offsetMask)
			if outside(to, 1, len(mem)) {
				fault = FaultMemory
				break run
			}
			m.r[w>>8&15] = uint64(mem[to])
			continue
		case isa.ClassLDX | isa.MEM | isa.H:
			address := m.r[w>>12&15] + uint64(int64(w<<32)>>48)
			if address>>regionShift >= Regions {
				fault = FaultMemory
				break run
			}
			mem, to = m.Region[address>>regionShift].Bytes, int(address&offsetMask)
			if outside(to, 2, len(mem)) {
				fault = FaultMemory
				break run
			}
			m.r[w>>8&15] = uint64(load16(mem, to))
			continue
		case isa.ClassLDX | isa.MEM | isa.W:
			address := m.r[w>>12&15] + uint64(int64(w<<32)>>48)
			if address>>regionShift >= Regions {
				fault = FaultMemory
				break run
			}
			mem, to = m.Region[address>>regionShift].Bytes, int(address&offsetMask)
			if outside(to, 4, len(mem)) {
				fault = FaultMemory
				break run
			}
			m.r[w>>8&15] = uint64(load32(mem, to))
			continue
		case isa.ClassLDX | isa.MEM | isa.DW:
			address := m.r[w>>12&15] + uint64(int64(w<<32)>>48)
			if address>>regionShift >= Regions {
				fault = FaultMemory
				break run
			}
			mem, to = m.Region[address>>regionShift].Bytes, int(address&offsetMask)
			if outside(to, 8, len(mem)) {
				fault = FaultMemory
				break run
			}
			m.r[w>>8&15] = load64(mem, to)
			continue

		case isa.ClassSTX | isa.MEM | isa.B, isa.ClassST | isa.MEM | isa.B:
			v := uint64(int64(w) >> 32)
			if w&1 != 0 { // STX
				v = m.r[w>>12&15]
			}
			address := m.r[w>>8&15] + uint64(int64(w<<32)>>48)
			if address>>regionShift >= Regions {
				fault = FaultMemory
				break run
			}
			region := &m.Region[address>>regionShift]
			mem, to = region.Bytes, int(address&offsetMask)
			if !region.Writable || outside(to, 1, len(mem)) {
				fault = FaultMemory
				break run
			}
			mem[to] = uint8(v)
			continue
		case isa.ClassSTX | isa.MEM | isa.H, isa.ClassST | isa.MEM | isa.H:
			v := uint64(int64(w) >> 32)
			if w&1 != 0 { // STX
				v = m.r[w>>12&15]
			}
			address := m.r[w>>8&15] + uint64(int64(w<<32)>>48)
			if address>>regionShift >= Regions {
				fault = FaultMemory
				break run
			}
			region := &m.Region[address>>regionShift]
			mem, to = region.Bytes, int(address&offsetMask)
			if !region.Writable || outside(to, 2, len(mem)) {
				fault = FaultMemory
				break run
			}
			store16(mem, to, uint16(v))
			continue
		case isa.ClassSTX | isa.MEM | isa.W, isa.ClassST | isa.MEM | isa.W:
			v := uint64(int64(w) >> 32)
			if w&1 != 0 { // STX
				v = m.r[w>>12&15]
			}
			address := m.r[w>>8&15] + uint64(int64(w<<32)>>48)
			if address>>regionShift >= Regions {
				fault = FaultMemory
				break run
			}
			region := &m.Region[address>>regionShift]
			mem, to = region.Bytes, int(address&offsetMask)
			if !region.Writable || outside(to, 4, len(mem)) {
				fault = FaultMemory
				break run
			}
			store32(mem, to, uint32(v))
			continue
		case isa.ClassSTX | isa.MEM | isa.DW, isa.ClassST | isa.MEM | isa.DW:
			v := uint64(int64(w) >> 32)
			if w&1 != 0 { // STX
				v = m.r[w>>12&15]
			}
			address := m.r[w>>8&15] + uint64(int64(w<<32)>>48)
			if address>>regionShift >= Regions {
				fault = FaultMemory
				break run
			}
			region := &m.Region[address>>regionShift]
			mem, to = region.Bytes, int(address&offsetMask)
			if !region.Writable || outside(to, 8, len(mem)) {
				fault = FaultMemory
				break run
			}
			store64(mem, to, v)
			continue

		case isa.ClassJMP | isa.JEQ | isa.SourceK:
			if m.r[w>>8&15] != uint64(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP | isa.JEQ | isa.SourceX:
			if m.r[w>>8&15] != m.r[w>>12&15] {
				continue
			}
		case isa.ClassJMP32 | isa.JEQ | isa.SourceK:
			if uint32(m.r[w>>8&15]) != uint32(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP32 | isa.JEQ | isa.SourceX:
			if uint32(m.r[w>>8&15]) != uint32(m.r[w>>12&15]) {
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
		case isa.ClassJMP32 | isa.JGT | isa.SourceK:
			if uint32(m.r[w>>8&15]) <= uint32(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP32 | isa.JGT | isa.SourceX:
			if uint32(m.r[w>>8&15]) <= uint32(m.r[w>>12&15]) {
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
		case isa.ClassJMP32 | isa.JGE | isa.SourceK:
			if uint32(m.r[w>>8&15]) < uint32(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP32 | isa.JGE | isa.SourceX:
			if uint32(m.r[w>>8&15]) < uint32(m.r[w>>12&15]) {
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
		case isa.ClassJMP32 | isa.JSET | isa.SourceK:
			if uint32(m.r[w>>8&15])&uint32(int64(w)>>32) == 0 {
				continue
			}
		case isa.ClassJMP32 | isa.JSET | isa.SourceX:
			if uint32(m.r[w>>8&15])&uint32(m.r[w>>12&15]) == 0 {
				continue
			}
		case isa.ClassJMP | isa.JNE | isa.SourceK:
			if m.r[w>>8&15] == uint64(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP | isa.JNE | isa.SourceX:
			if m.r[w>>8&15] == m.r[w>>12&15] {
				continue
			}
		case isa.ClassJMP32 | isa.JNE | isa.SourceK:
			if uint32(m.r[w>>8&15]) == uint32(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP32 | isa.JNE | isa.SourceX:
			if uint32(m.r[w>>8&15]) == uint32(m.r[w>>12&15]) {
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
		case isa.ClassJMP32 | isa.JSGT | isa.SourceK:
			if int32(m.r[w>>8&15]) <= int32(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP32 | isa.JSGT | isa.SourceX:
			if int32(m.r[w>>8&15]) <= int32(m.r[w>>12&15]) {
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
		case isa.ClassJMP32 | isa.JSGE | isa.SourceK:
			if int32(m.r[w>>8&15]) < int32(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP32 | isa.JSGE | isa.SourceX:
			if int32(m.r[w>>8&15]) < int32(m.r[w>>12&15]) {
				continue
			}
		case isa.ClassJMP | isa.JLT | isa.SourceK:
			if m.r[w>>8&15] >= uint64(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP | isa.JLT | isa.SourceX:
			if m.r[w>>8&15] >= m.r[w>>12&15] {
				continue
			}
		case isa.ClassJMP32 | isa.JLT | isa.SourceK:
			if uint32(m.r[w>>8&15]) >= uint32(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP32 | isa.JLT | isa.SourceX:
			if uint32(m.r[w>>8&15]) >= uint32(m.r[w>>12&15]) {
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
		case isa.ClassJMP32 | isa.JLE | isa.SourceK:
			if uint32(m.r[w>>8&15]) > uint32(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP32 | isa.JLE | isa.SourceX:
			if uint32(m.r[w>>8&15]) > uint32(m.r[w>>12&15]) {
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
		case isa.ClassJMP32 | isa.JSLT | isa.SourceK:
			if int32(m.r[w>>8&15]) >= int32(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP32 | isa.JSLT | isa.SourceX:
			if int32(m.r[w>>8&15]) >= int32(m.r[w>>12&15]) {
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
		case isa.ClassJMP32 | isa.JSLE | isa.SourceK:
			if int32(m.r[w>>8&15]) > int32(int64(w)>>32) {
				continue
			}
		case isa.ClassJMP32 | isa.JSLE | isa.SourceX:
			if int32(m.r[w>>8&15]) > int32(m.r[w>>12&15]) {
				continue
			}
		case isa.ClassJMP | isa.JA:

		default:
			break run
		}
		// What is left is a jump.
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
