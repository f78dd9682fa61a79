//go:build !tinygo

package vm

import "github.com/femto-containers/femto/isa"

// An operation is what loopHost executes at a slot: the instruction there, or
// that one and those that follow it, if hostloop knows a pattern that they
// fit. Each slot has its own, so that a jump may go to any. Which field is
// what is up to the pattern: registers and constants are numbered in the order
// in which its instructions name them, destination first.
type operation struct {
	code                       uint8
	r0, r1, r2, r3, r4, r5, r6 uint8
	distance                   int32 // of the last instruction, if it jumps, in slots
	k2                         int32
	k0, k1                     uint64
}

// What hostloop tells of an instruction.
const (
	hasDestination = 1 << iota
	hasSource
	hasConstant
	isMemory // its constant is its offset
	isStore
	isJump
)

// longest is how many instructions a pattern has at most.
const longest = 4

// A pattern is a sequence of instructions and how each takes the value that
// the one before it left: as its destination ('.'), as its source ('>'), as
// the base of its address ('@') or not at all.
type pattern struct {
	code, length uint8
	parts        [longest]uint8
	links        [longest]uint8
}

// decode returns the operations of text, which Check has accepted.
func decode(text []byte) []operation {
	code := make([]operation, len(text)/slot)
	for i := range code {
		code[i] = decodeAt(text, i*slot)
	}
	return code
}

func decodeAt(text []byte, at int) operation {
	p := pattern{length: 1}
	p.parts[0] = codeAt(text, at)
	p.code = p.parts[0]
	switch p.code {
	case codeRare:
		return operation{}
	case codeWide:
		if outside(at, 2*slot, len(text)) {
			return operation{} // not reached: text is checked
		}
		return operation{code: codeWide, r0: text[at+1] & 15,
			k0: uint64(load32(text, at+4)) | uint64(load32(text, at+slot+4))<<32}
	}
	next := at + slot
	if outside(next, slot, len(text)) {
		return p.operation(text, at)
	}
	second := codeAt(text, next)
	for i := int(patternsFrom[p.code]); i < len(patterns) && patterns[i].parts[0] == p.code; i++ {
		if patterns[i].parts[1] == second && patterns[i].fits(text, at) {
			return patterns[i].operation(text, at)
		}
	}
	return p.operation(text, at)
}

// codeAt returns what the instruction at offset at alone is decoded to.
func codeAt(text []byte, at int) uint8 {
	code := codes[text[at]]
	if (code == codeMovX || code == codeMov32X) && load16(text, at+2) != 0 {
		return codeRare // with sign extension
	}
	if code == codeCall && text[at+1]>>4 != isa.CallLocal {
		return codeRare
	}
	return code
}

// fits reports whether the instructions from offset at on are those of p.
func (p *pattern) fits(text []byte, at int) bool {
	if outside(at, int(p.length)*slot, len(text)) {
		return false
	}
	value := uint8(0)
	for i, part := range p.parts[:p.length] {
		if codeAt(text, at) != part {
			return false
		}
		dst, src := text[at+1]&15, text[at+1]>>4
		use := uses[part]
		switch p.links[i] {
		case '.':
			// The destination gets its value at the end: nothing else may
			// read it before.
			if dst != value || use&(hasSource|isJump) == hasSource && src == value {
				return false
			}
		case '>':
			if src != value {
				return false
			}
		case '@':
			if use&isStore != 0 {
				src = dst
			}
			if src != value {
				return false
			}
		}
		if use&isJump != 0 && i+1 < int(p.length) && load16(text, at+2) != 1 {
			return false // not just over the jump that follows
		}
		value = dst
		at += slot
	}
	return true
}

// operation returns p with what the instructions from offset at on name.
func (p *pattern) operation(text []byte, at int) operation {
	var r [longest * 2]uint8
	var k [longest]uint64
	registers, constants := 0, 0
	o := operation{code: p.code}
	for i, part := range p.parts[:p.length] {
		use, link := uses[part], p.links[i]
		if use&hasDestination != 0 && link != '.' && (link != '@' || use&isStore == 0) {
			r[registers] = text[at+1] & 15
			registers++
		}
		if use&hasSource != 0 && link != '>' && (link != '@' || use&isStore != 0) {
			r[registers] = text[at+1] >> 4
			registers++
		}
		offset := int16(load16(text, at+2))
		if use&hasConstant != 0 {
			k[constants] = uint64(int32(load32(text, at+4)))
			if use&isMemory != 0 {
				k[constants] = uint64(offset)
			}
			constants++
		}
		if use&isJump != 0 {
			o.distance = int32(offset)
		}
		at += slot
	}
	if p.code == codeCall {
		o.distance = int32(load32(text, at-4))
	}
	o.r0, o.r1, o.r2, o.r3, o.r4, o.r5, o.r6 = r[0], r[1], r[2], r[3], r[4], r[5], r[6]
	o.k0, o.k1, o.k2 = k[0], k[1], int32(k[2])
	return o
}
