package vm

import "github.com/femto-containers/femto/isa"

// Need is what a program takes to run.
type Need struct {
	Helpers HelperSet
	Frame   uint16 // stack in bytes that each local call reserves; 0: no local calls
}

// Check is the load-time check (DESIGN §4): it accepts text only if every slot
// is a well-formed instruction or the second half of one, every jump and local
// call lands on an instruction, execution cannot run off the end, no
// instruction writes r10, and every helper is in granted. It takes one pass,
// a second one over programs with local calls, and does not keep text.
func Check(text []byte, granted *HelperSet) (need Need, err CheckError) {
	if len(text) == 0 || len(text)%slot != 0 || len(text) > MaxText {
		err.Fault = FaultLength
		return need, err
	}
	at, last, fault := 0, 0, OK
	for at < len(text) {
		var next int
		if next, fault = checkInstruction(text, at, granted, &need); fault != OK {
			break
		}
		last, at = at, next
	}
	if rule := rules[text[last]]; fault == OK && rule != exit && rule != ja && rule != ja32 {
		at, fault = last, FaultNoReturn
	}
	if fault != OK {
		err.PC = at / slot
	} else if need.Frame != 0 {
		need.Frame = frameSize(text)
	}
	err.Fault = fault
	return need, err
}

// checkInstruction looks at the instruction at offset at alone, and at the
// slots it leads to, and returns the offset of the next one; a helper or a
// local call is noted in need. It relies on a second half of a wide
// instruction having opcode 0: so whether a slot starts an instruction can be
// seen from that slot.
func checkInstruction(text []byte, at int, granted *HelperSet, need *Need) (next int, fault Fault) {
	at &= textMask
	next = at + slot
	if outside(at, slot, len(text)) {
		return next, FaultLength
	}
	op, regs := text[at], text[at+1]
	rule := rules[op]
	if rule == 0 {
		return next, refusedOpcode(op)
	}
	if regs>>4 > isa.FramePointer || regs&15 > isa.FramePointer-rule&dstWritten {
		return next, FaultRegister
	}
	if rule&dstZero != 0 && regs&15 != 0 ||
		rule&srcZero != 0 && regs > 15 ||
		rule&offZero != 0 && load16(text, at+2) != 0 ||
		rule&immZero != 0 && load32(text, at+4) != 0 {
		if op == isa.LDDW && regs>>4-1 < 6 && load16(text, at+2) == 0 {
			return next, FaultPseudo
		}
		return next, FaultField
	}
	switch rule >> kindShift {
	case kindJump >> kindShift:
		distance := int32(int16(load16(text, at+2)))
		if op == isa.ClassJMP32|isa.JA {
			distance = int32(load32(text, at+4))
		}
		if !lands(text, next, distance) {
			return next, FaultJump
		}
	case kindCall >> kindShift:
		fault = checkCall(text, next, regs>>4, load32(text, at+4), granted, need)
	case kindWide >> kindShift:
		if outside(next, slot, len(text)) || load32(text, next) != 0 {
			return next, FaultWide
		}
		next += slot
	case kindOffset >> kindShift:
		if !offsetDefined(op, load16(text, at+2)) {
			fault = FaultField
		}
	case kindEnd >> kindShift:
		if imm := load32(text, at+4); imm != 16 && imm != 32 && imm != 64 {
			fault = FaultField
		}
	case kindAtomic >> kindShift:
		imm := load32(text, at+4)
		if !atomicDefined(imm) {
			fault = FaultField
		} else if regs>>4 == isa.FramePointer && imm&isa.Fetch != 0 && imm != isa.AtomicCmpxchg {
			fault = FaultRegister
		}
	case kindPlain, 7:
	}
	return next, fault
}

func refusedOpcode(op uint8) Fault {
	if op == isa.CALLX {
		return FaultCallx
	}
	if op&isa.ClassMask == isa.ClassLD && (op&isa.ModeMask == isa.ABS || op&isa.ModeMask == isa.IND) {
		return FaultPacket
	}
	return FaultInstruction
}

// lands reports whether the slot distance slots after the byte offset next
// starts an instruction.
func lands(text []byte, next int, distance int32) bool {
	target := next/slot + int(distance)
	return uint(target) < uint(len(text)/slot) && text[target*slot] != 0
}

func checkCall(text []byte, next int, kind uint8, imm uint32, granted *HelperSet, need *Need) Fault {
	switch {
	case kind == isa.CallLocal:
		if !lands(text, next, int32(imm)) {
			return FaultJump
		}
		need.Frame = DefaultFrame // until frameSize knows better
	case kind != isa.CallHelper || imm > 255:
		return FaultCall
	case !granted.Has(uint8(imm)):
		return FaultNotGranted
	default:
		need.Helpers.Add(uint8(imm))
	}
	return OK
}

// offsetDefined reports whether off is a defined variant of a division, a
// modulo or a move (RFC 9669 §4.1).
func offsetDefined(op uint8, off uint16) bool {
	if op&0xf0 != isa.MOV {
		return off <= 1
	}
	return off == 0 || off == 8 || off == 16 || off == 32 && op&isa.ClassMask == isa.ClassALU64
}

// atomicDefined reports whether imm is an operation of RFC 9669 §5.3.
func atomicDefined(imm uint32) bool {
	const withFetch = 1<<(isa.AtomicXchg>>4) | 1<<(isa.AtomicCmpxchg>>4)
	const defined = withFetch | 1<<(isa.AtomicAdd>>4) | 1<<(isa.AtomicOr>>4) | 1<<(isa.AtomicAnd>>4) | 1<<(isa.AtomicXor>>4)
	operations := uint32(defined)
	if imm&isa.Fetch == 0 {
		operations &^= withFetch
	}
	return imm&^0xf1 == 0 && operations>>(imm>>4)&1 != 0
}

// frameSize returns how far below r10 any instruction of text reaches: through
// r10 itself, or through a copy of r10 that the next instruction lowers, which
// is all that compilers emit. A copy used otherwise counts as DefaultFrame.
func frameSize(text []byte) uint16 {
	lowest := int32(-slot)
	for at := 0; !outside(at&textMask, slot, len(text)); at += slot {
		at := at & textMask
		op, regs := text[at], text[at+1]
		base, offset := regs>>4, int32(int16(load16(text, at+2)))
		switch op & isa.ClassMask {
		case isa.ClassST, isa.ClassSTX:
			base = regs & 15
		case isa.ClassALU64:
			offset = -DefaultFrame
			if next := at + slot; !outside(next, slot, len(text)) &&
				text[next] == isa.ClassALU64|isa.ADD && text[next+1] == regs&15 {
				offset = int32(load32(text, next+4))
			}
		case isa.ClassLDX:
		default:
			continue
		}
		if base == isa.FramePointer {
			lowest = min(lowest, offset)
		}
	}
	return uint16(-max(lowest, -maxFrame)+slot-1) &^ (slot - 1)
}

const maxFrame = 1<<16 - slot
