package vm

import (
	"encoding/binary"

	"github.com/femto-containers/femto/isa"
)

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
	calls := false
	for at := 0; at < len(text); at += slot {
		fault := checkInstruction(text, at)
		op := text[at]
		if fault == OK && op == isa.ClassJMP|isa.CALL {
			n := binary.LittleEndian.Uint32(text[at+4:])
			switch {
			case text[at+1] != isa.CallHelper<<4:
				calls = true
			case n > 255:
				fault = FaultCall
			case !granted.Has(uint8(n)):
				fault = FaultNotGranted
			default:
				need.Helpers.Add(uint8(n))
			}
		}
		if fault != OK {
			err.Fault, err.PC = fault, at/slot
			return need, err
		}
		if rules[op]&kindMask == kindWide {
			at += slot
		}
	}
	if calls {
		need.Frame = frameSize(text)
	}
	return need, err
}

// checkInstruction looks at the instruction at offset at alone, and at the
// slots it leads to. It relies on a second half of a wide instruction having
// opcode 0, which is no instruction: so whether a slot starts an instruction
// can be seen from that slot.
func checkInstruction(text []byte, at int) Fault {
	low := binary.LittleEndian.Uint32(text[at:])
	imm := int32(binary.LittleEndian.Uint32(text[at+4:]))
	op := uint8(low)
	rule := rules[op]
	if rule == 0 {
		return refusedOpcode(op)
	}
	dst, src, off := low>>8&15, low>>12&15, int32(low)>>16
	if src > isa.FramePointer || dst > uint32(isa.FramePointer-rule&dstWritten) {
		return FaultRegister
	}
	if rule&immZero != 0 && imm != 0 ||
		rule&srcZero != 0 && src != 0 ||
		rule&offZero != 0 && off != 0 ||
		rule&dstZero != 0 && dst != 0 {
		if op == isa.LDDW && src <= 6 && off == 0 {
			return FaultPseudo
		}
		return FaultField
	}
	next := at + slot
	falls := true // execution may go on at next
	switch rule & kindMask {
	case kindOffset:
		if !offsetDefined(op, off) {
			return FaultField
		}
	case kindEnd:
		if imm != 16 && imm != 32 && imm != 64 {
			return FaultField
		}
	case kindWide:
		if next >= len(text) || binary.LittleEndian.Uint32(text[next:]) != 0 {
			return FaultWide
		}
		next += slot
	case kindJump:
		if op == isa.ClassJMP32|isa.JA {
			off = imm
		}
		if !lands(text, next, off) {
			return FaultJump
		}
		falls = op&0xf0 != isa.JA
	case kindCall:
		switch src {
		case isa.CallHelper:
		case isa.CallLocal:
			if !lands(text, next, imm) {
				return FaultJump
			}
		default:
			return FaultCall
		}
	case kindExit:
		falls = false
	case kindAtomic:
		return checkAtomic(imm, src, next < len(text))
	}
	if falls && next >= len(text) {
		return FaultNoReturn
	}
	return OK
}

func refusedOpcode(op uint8) Fault {
	mode := op & isa.ModeMask
	switch {
	case op == isa.CALLX:
		return FaultCallx
	case op&isa.ClassMask == isa.ClassLD && (mode == isa.ABS || mode == isa.IND):
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

// offsetDefined reports whether off is a defined variant of a division, a
// modulo or a move (RFC 9669 §4.1).
func offsetDefined(op uint8, off int32) bool {
	if off == 0 {
		return true
	}
	if op&0xf0 != isa.MOV {
		return off == 1
	}
	return off == 8 || off == 16 || off == 32 && op&isa.ClassMask == isa.ClassALU64
}

func checkAtomic(imm int32, src uint32, more bool) Fault {
	switch imm {
	case isa.AtomicAdd, isa.AtomicOr, isa.AtomicAnd, isa.AtomicXor, isa.AtomicCmpxchg:
	case isa.AtomicAdd | isa.Fetch, isa.AtomicOr | isa.Fetch,
		isa.AtomicAnd | isa.Fetch, isa.AtomicXor | isa.Fetch, isa.AtomicXchg:
		if src == isa.FramePointer {
			return FaultRegister
		}
	default:
		return FaultField
	}
	if !more {
		return FaultNoReturn
	}
	return OK
}

// frameSize returns how far below r10 any instruction of text reaches: through
// r10 itself, or through a copy of r10 that the next instruction lowers, which
// is all that compilers emit. Other uses of a copy count as DefaultFrame.
func frameSize(text []byte) uint16 {
	frame := int32(slot)
	for at := 0; at < len(text); at += slot {
		in := isa.Decode(text[at:])
		depth := int32(0)
		switch in.Class() {
		case isa.ClassLDX:
			if in.Src == isa.FramePointer {
				depth = -int32(in.Offset)
			}
		case isa.ClassST, isa.ClassSTX:
			if in.Dst == isa.FramePointer {
				depth = -int32(in.Offset)
			} else if in.Src == isa.FramePointer {
				depth = DefaultFrame
			}
		case isa.ClassALU64:
			if in.Opcode&isa.SourceX == 0 || in.Src != isa.FramePointer {
				break
			}
			depth = DefaultFrame
			if in.Opcode != isa.ClassALU64|isa.MOV|isa.SourceX || at+slot >= len(text) {
				break
			}
			after := isa.Decode(text[at+slot:])
			if after.Opcode == isa.ClassALU64|isa.ADD && after.Dst == in.Dst {
				depth = -after.Imm
			}
		}
		if depth > frame {
			frame = depth
		}
	}
	if frame > maxFrame {
		frame = maxFrame
	}
	return uint16(frame+slot-1) &^ (slot - 1)
}

const maxFrame = 1<<16 - slot
