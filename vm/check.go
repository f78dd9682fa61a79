package vm

import "github.com/femto-containers/femto/isa"

// Check is the load-time check (DESIGN §4): it accepts text only if every slot
// is a well-formed instruction or the second half of one, every jump and local
// call lands on an instruction, execution cannot run off the end, no
// instruction writes r10, and every helper is in granted. It takes one pass,
// follows the calls of programs with local calls, and does not keep text.
func Check(text []byte, granted *HelperSet) (need Need, err CheckError) {
	err = need.Check(text, granted)
	return need, err
}

// Check is the function Check for who has a place for what it finds: n, which
// is zero before.
func (n *Need) Check(text []byte, granted *HelperSet) (err CheckError) {
	if len(text) == 0 || len(text)%slot != 0 || len(text) > MaxText {
		err.Fault = FaultLength
		return err
	}
	for at := 0; at < len(text); {
		next, fault := checkInstruction(text, at, granted, n)
		if fault != OK {
			return CheckError{PC: at / slot, Fault: fault}
		}
		at = next
	}
	if last := len(text) - slot; !leaves(text[last]) {
		if text[last] == 0 { // second half of a wide instruction
			last -= slot
		}
		return CheckError{PC: last / slot, Fault: FaultNoReturn}
	}
	n.follow(text)
	return err
}

// leaves reports whether the instruction after one with this opcode is not
// the next to run.
func leaves(op uint8) bool {
	return op == isa.ClassJMP|isa.EXIT || op == isa.ClassJMP|isa.JA || op == isa.ClassJMP32|isa.JA
}

// checkInstruction looks at the instruction at offset at alone, and at the
// slots it leads to, and returns the offset of the next one; what it needs is
// noted in need. It relies on a second half of a wide instruction having
// opcode 0: so whether a slot starts an instruction can be seen from that slot.
func checkInstruction(text []byte, at int, granted *HelperSet, need *Need) (next int, fault Fault) {
	at &= textMask
	next = at + slot
	if outside(at, slot, len(text)) {
		return next, FaultLength
	}
	op, regs := text[at], text[at+1]
	switch op & isa.ClassMask {
	case isa.ClassALU, isa.ClassALU64:
		if op >= isa.END || op&0xf0 == isa.NEG {
			next, fault = checkRare(text, at, granted, need)
			break
		}
		if op&isa.SourceX == 0 {
			if regs > 15 {
				return next, FaultField
			}
		} else if load32(text, at+4) != 0 {
			return next, FaultField
		}
		if offset := load16(text, at+2); offset != 0 && !variantDefined(op, offset) {
			return next, FaultField
		}
	case isa.ClassJMP, isa.ClassJMP32:
		if conditions>>(op>>4)&1 == 0 {
			next, fault = checkRare(text, at, granted, need)
			break
		}
		if op&isa.SourceX == 0 {
			if regs > 15 {
				return next, FaultField
			}
		} else if load32(text, at+4) != 0 {
			return next, FaultField
		}
		if !lands(text, next, int32(int16(load16(text, at+2)))) {
			return next, FaultJump
		}
	case isa.ClassLDX:
		if op-isa.MEM >= isa.MEMSX+isa.DW-isa.MEM {
			next, fault = checkRare(text, at, granted, need)
			break
		}
		if load32(text, at+4) != 0 {
			return next, FaultField
		}
	case isa.ClassSTX:
		if op-isa.MEM >= 32 {
			next, fault = checkRare(text, at, granted, need)
			break
		}
		if load32(text, at+4) != 0 {
			return next, FaultField
		}
	case isa.ClassST:
		if op-isa.MEM >= 32 {
			next, fault = checkRare(text, at, granted, need)
			break
		}
		if regs > 15 {
			return next, FaultField
		}
	case isa.ClassLD:
		next, fault = checkRare(text, at, granted, need)
	}
	if fault == OK && (regs&15 >= isa.FramePointer || regs>>4 >= isa.FramePointer) {
		fault = need.reach(text, at)
	}
	return next, fault
}

// writers has a bit for each class whose instructions write their destination,
// conditions for each conditional jump.
const (
	writers    = 1<<isa.ClassLD | 1<<isa.ClassLDX | 1<<isa.ClassALU | 1<<isa.ClassALU64
	conditions = 1<<14 - 1 - 1<<(isa.JA>>4) - 1<<(isa.CALL>>4) - 1<<(isa.EXIT>>4)
)

// checkRare is checkInstruction for the less common opcodes.
//
//go:noinline
func checkRare(text []byte, at int, granted *HelperSet, need *Need) (next int, fault Fault) {
	at &= textMask
	next = at + slot
	if outside(at, slot, len(text)) {
		return next, FaultLength
	}
	op, regs := text[at], text[at+1]
	offset, imm := uint32(load16(text, at+2)), load32(text, at+4)
	src := regs >> 4
	unused := uint32(src) | offset
	switch op {
	case isa.LDDW, isa.LDDWD, isa.LDDWR:
		if op == isa.LDDW && offset == 0 && src-1 < 6 {
			return next, FaultPseudo
		}
		if outside(next, slot, len(text)) || load32(text, next) != 0 {
			fault = FaultWide
		}
		next += slot
	case isa.ClassALU | isa.NEG, isa.ClassALU64 | isa.NEG:
		unused |= imm
	case isa.ClassALU | isa.END, isa.ClassALU64 | isa.END, isa.ClassALU | isa.END | isa.SourceX:
		if imm != 16 && imm != 32 && imm != 64 {
			fault = FaultField
		}
	case isa.ClassSTX | isa.ATOMIC | isa.W, isa.ClassSTX | isa.ATOMIC | isa.DW:
		unused = 0
		fault = checkAtomic(src, imm)
	case isa.ClassJMP | isa.EXIT:
		unused = uint32(regs) | offset | imm
	case isa.ClassJMP | isa.JA:
		unused = uint32(regs) | imm
		if !lands(text, next, int32(int16(offset))) {
			fault = FaultJump
		}
	case isa.ClassJMP32 | isa.JA:
		unused = uint32(regs) | offset
		if !lands(text, next, int32(imm)) {
			fault = FaultJump
		}
	case isa.ClassJMP | isa.CALL:
		unused = uint32(regs&15) | offset
		switch {
		case src == isa.CallLocal:
			need.Depth = 1 // until follow knows better
			if !lands(text, next, int32(imm)) {
				fault = FaultJump
			}
		case src != isa.CallHelper:
			fault = FaultCall
		default:
			fault = need.helper(imm, granted)
		}
	case isa.CALLX:
		return next, FaultCallx
	default:
		// The modes ABS and IND of class LD.
		if op&isa.ClassMask == isa.ClassLD && op>>5-1 < 2 {
			return next, FaultPacket
		}
		return next, FaultInstruction
	}
	if unused != 0 {
		fault = FaultField
	}
	return next, fault
}

// lands reports whether the slot distance slots after the byte offset next
// starts an instruction.
func lands(text []byte, next int, distance int32) bool {
	target := next/slot + int(distance)
	return uint(target) < uint(len(text)/slot) && text[target*slot] != 0
}

// variantDefined reports whether offset, which is not 0, is a variant of a
// division, a modulo or a move (RFC 9669 §4.1).
//
//go:noinline
func variantDefined(op uint8, offset uint16) bool {
	switch op & 0xf0 {
	case isa.DIV, isa.MOD:
		return offset == 1
	case isa.MOV:
		return op&isa.SourceX != 0 && (offset == 8 || offset == 16 || offset == 32 && op&isa.ClassMask == isa.ClassALU64)
	}
	return false
}

// checkAtomic checks that imm is an operation of RFC 9669 §5.3, and that src,
// if it is r10, is not written.
//
//go:noinline
func checkAtomic(src uint8, imm uint32) Fault {
	const withFetch = 1<<(isa.AtomicXchg>>4) | 1<<(isa.AtomicCmpxchg>>4)
	const defined = withFetch | 1<<(isa.AtomicAdd>>4) | 1<<(isa.AtomicOr>>4) | 1<<(isa.AtomicAnd>>4) | 1<<(isa.AtomicXor>>4)
	operations := uint32(defined)
	if imm&isa.Fetch == 0 {
		operations &^= withFetch
	}
	if imm&^0xf1 != 0 || operations>>(imm>>4)&1 == 0 {
		return FaultField
	}
	if src == isa.FramePointer && imm&isa.Fetch != 0 && imm != isa.AtomicCmpxchg {
		return FaultRegister
	}
	return OK
}
