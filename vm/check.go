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
	if uint(len(text)-1) >= MaxText || len(text)%slot != 0 {
		err.Fault = FaultLength
		return err
	}
	for at := 0; ; {
		next, fault := checkInstruction(text, at, granted, n)
		if fault == OK && next >= len(text) && !leaves(text[at&textMask]) {
			fault = FaultNoReturn
		}
		if fault != OK {
			return CheckError{PC: at >> slotShift, Fault: fault}
		}
		if at = next; at >= len(text) {
			break
		}
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
	op, regs := text[at], uint32(text[at+1])
	distance, imm := int32(int16(load16(text, at+2))), load32(text, at+4)
	offset := uint32(distance)
	unused := imm // unless there is an immediate and no source
	switch op & isa.ClassMask {
	case isa.ClassALU, isa.ClassALU64:
		if op >= isa.END || op&0xf0 == isa.NEG {
			goto rare
		}
		if op&isa.SourceX == 0 {
			unused = regs >> 4
		}
		if offset != 0 && !variantDefined(op, offset) {
			return next, FaultField
		}
	case isa.ClassJMP, isa.ClassJMP32:
		if conditions>>(op>>4)&1 == 0 {
			goto rare
		}
		if op&isa.SourceX == 0 {
			unused = regs >> 4
		}
		if unused != 0 {
			return next, FaultField
		}
		goto jump
	case isa.ClassLDX:
		if op-isa.MEM >= isa.MEMSX+isa.DW-isa.MEM {
			goto rare
		}
	case isa.ClassSTX:
		if op-isa.MEM >= 32 {
			goto rare
		}
	case isa.ClassST:
		if op-isa.MEM >= 32 {
			goto rare
		}
		unused = regs >> 4
	case isa.ClassLD:
		goto rare
	}
	if unused != 0 {
		return next, FaultField
	}
	goto registers

rare:
	switch fault = checkRare(op, regs, offset, imm); fault {
	case callsHelper:
		if fault = need.helper(imm, granted); fault != OK {
			return next, fault
		}
		goto registers
	case callsLocal:
		need.Depth = 1 // until follow knows better
		distance = int32(imm)
	case isWide:
		if outside(at, 2*slot, len(text)) || load32(text, at+slot) != 0 {
			return next, FaultWide
		}
		next += slot
		goto registers
	case jumpsFar:
		distance = int32(imm)
	case jumpsNear:
	case OK:
		goto registers
	default:
		return next, fault
	}

jump:
	if !lands(text, next, distance) {
		return next, FaultJump
	}

registers:
	fault = OK
	if regs&15 >= isa.FramePointer || regs>>4 >= isa.FramePointer {
		fault = need.reach(text, at)
	}
	return next, fault
}

// What checkRare returns besides faults and callsHelper: what is left to be
// looked at.
const (
	isWide     Fault = 1 // the second half
	jumpsNear  Fault = 3 // the jump by the offset
	jumpsFar   Fault = 4 // the jump by the immediate
	callsLocal Fault = 5 // the same
)

// writers has a bit for each class whose instructions write their destination,
// conditions for each conditional jump.
const (
	writers    = 1<<isa.ClassLD | 1<<isa.ClassLDX | 1<<isa.ClassALU | 1<<isa.ClassALU64
	conditions = 1<<14 - 1 - 1<<(isa.JA>>4) - 1<<(isa.CALL>>4) - 1<<(isa.EXIT>>4)
)

// checkRare looks at an instruction that is not of the common kinds.
//
//go:noinline
func checkRare(op uint8, regs, offset, imm uint32) (fault Fault) {
	src := regs >> 4
	unused := src | offset
	switch op {
	case isa.LDDW, isa.LDDWD, isa.LDDWR:
		if op == isa.LDDW && offset == 0 && src-1 < 6 {
			return FaultPseudo
		}
		fault = isWide
	case isa.ClassALU | isa.NEG, isa.ClassALU64 | isa.NEG:
		unused |= imm
	case isa.ClassALU | isa.END, isa.ClassALU64 | isa.END, isa.ClassALU | isa.END | isa.SourceX:
		if imm != 16 && imm != 32 && imm != 64 {
			fault = FaultField
		}
	case isa.ClassSTX | isa.ATOMIC | isa.W, isa.ClassSTX | isa.ATOMIC | isa.DW:
		return checkAtomic(src, imm)
	case isa.ClassJMP | isa.EXIT:
		unused = regs | offset | imm
	case isa.ClassJMP | isa.JA:
		unused = regs | imm
		fault = jumpsNear
	case isa.ClassJMP32 | isa.JA:
		unused = regs | offset
		fault = jumpsFar
	case isa.ClassJMP | isa.CALL:
		unused = regs&15 | offset
		switch {
		case src == isa.CallLocal:
			fault = callsLocal
		case src != isa.CallHelper:
			fault = FaultCall
		default:
			fault = callsHelper
		}
	case isa.CALLX:
		return FaultCallx
	default:
		// The modes ABS and IND of class LD.
		if (op-isa.ABS)&^(isa.SizeMask|isa.ABS) == 0 {
			return FaultPacket
		}
		return FaultInstruction
	}
	if unused != 0 {
		fault = FaultField
	}
	return fault
}

// lands reports whether the slot distance slots after the byte offset next
// starts an instruction.
func lands(text []byte, next int, distance int32) bool {
	target := next>>slotShift + int(distance)
	return uint(target) < uint(len(text))>>slotShift && text[target<<slotShift] != 0
}

// variantDefined reports whether offset, which is not 0, is a variant of a
// division, a modulo or a move (RFC 9669 §4.1).
func variantDefined(op uint8, offset uint32) bool {
	const divisions = 1<<(isa.DIV>>4) | 1<<(isa.MOD>>4)
	bits := uint32(divisions>>(op>>4)) & 1
	if op&^3 == isa.ClassALU|isa.MOV|isa.SourceX {
		bits = 8 | 16 | uint32(op&1)<<5 // the third in class ALU64 only
	}
	return offset&^bits == 0 && 64%offset == 0
}

// checkAtomic checks that imm is an operation of RFC 9669 §5.3, and that src,
// if it is r10, is not written.
//
//go:noinline
func checkAtomic(src, imm uint32) Fault {
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
