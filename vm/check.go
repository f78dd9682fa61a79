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
	at := 0
	for at < len(text) {
		if err.Fault = checkInstruction(text, at, granted, &need); err.Fault != OK {
			err.PC = at / slot
			return need, err
		}
		at += slot
		// The second half of a wide instruction has opcode 0, which is
		// no instruction and would be refused above.
		if at < len(text) && text[at] == 0 && rules[text[at-slot]]&kindMask == kindWide {
			at += slot
		}
	}
	if need.Frame != 0 {
		need.Frame = frameSize(text)
	}
	return need, err
}

// checkInstruction looks at the instruction at offset at alone, and at the
// slots it leads to; a helper or a local call is noted in need. It relies on a
// second half of a wide instruction having opcode 0: so whether a slot starts
// an instruction can be seen from that slot.
func checkInstruction(text []byte, at int, granted *HelperSet, need *Need) Fault {
	at &= textMask
	if outside(at, slot, len(text)) {
		return FaultLength
	}
	low, imm := load32(text, at), int32(load32(text, at+4))
	op := uint8(low)
	rule := rules[op]
	if rule == 0 {
		return refusedOpcode(op)
	}
	dst, src, off := low>>8&15, low>>12&15, int32(low)>>16
	if src > isa.FramePointer || dst > uint32(isa.FramePointer-rule&dstWritten) {
		return FaultRegister
	}
	if low&unused[rule>>1&7] != 0 || rule&immZero != 0 && imm != 0 {
		if op == isa.LDDW && src-1 < 6 && off == 0 {
			return FaultPseudo
		}
		return FaultField
	}
	next := at + slot
	switch rule & kindMask {
	case kindExit:
		return OK
	case kindJump:
		if op == isa.ClassJMP32|isa.JA {
			off = imm
		}
		if !lands(text, next, off) {
			return FaultJump
		}
		if op&0xf0 == isa.JA {
			return OK
		}
	case kindCall:
		if fault := checkCall(text, next, src, imm, granted, need); fault != OK {
			return fault
		}
	case kindWide:
		if next >= len(text) || load32(text, next) != 0 {
			return FaultWide
		}
		next += slot
	case kindOffset:
		if !offsetDefined(op, uint32(off)) {
			return FaultField
		}
	case kindEnd:
		if imm != 16 && imm != 32 && imm != 64 {
			return FaultField
		}
	case kindAtomic:
		if !atomicDefined(uint32(imm)) {
			return FaultField
		}
		if src == isa.FramePointer && imm&isa.Fetch != 0 && imm != isa.AtomicCmpxchg {
			return FaultRegister
		}
	}
	if next >= len(text) {
		return FaultNoReturn
	}
	return OK
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

func checkCall(text []byte, next int, kind uint32, imm int32, granted *HelperSet, need *Need) Fault {
	switch {
	case kind == isa.CallLocal:
		if !lands(text, next, imm) {
			return FaultJump
		}
		need.Frame = DefaultFrame // until frameSize knows better
	case kind != isa.CallHelper || uint32(imm) > 255:
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
func offsetDefined(op uint8, off uint32) bool {
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
	frame := int32(slot)
	for at := 0; !outside(at&textMask, slot, len(text)); at += slot {
		low := load32(text, at&textMask)
		base, depth := low>>12&15, -(int32(low) >> 16)
		switch low & isa.ClassMask {
		case isa.ClassST, isa.ClassSTX:
			base = low >> 8 & 15
		case isa.ClassALU64:
			depth = DefaultFrame
			if next := (at + slot) & textMask; !outside(next, slot, len(text)) &&
				load32(text, next) == isa.ClassALU64|isa.ADD|low&0xf00 {
				depth = -int32(load32(text, next+4))
			}
		case isa.ClassLDX:
		default:
			continue
		}
		if base == isa.FramePointer && depth > frame {
			frame = depth
		}
	}
	return uint16(min(frame, maxFrame)+slot-1) &^ (slot - 1)
}

const maxFrame = 1<<16 - slot
