package vm

import "github.com/femto-containers/femto/isa"

// Need is what a program takes to run.
type Need struct {
	Helpers HelperSet
	Frame   uint16 // stack in bytes that each local call reserves; 0: no local calls
	Depth   uint8  // local calls that are open at once, at most; above MaxDepth: see follow
	Stack   uint32 // bytes of stack that all of it takes
}

const maxFrame = 1<<16 - slot

// helper notes a call of helper number, if granted.
//
//go:noinline
func (n *Need) helper(number uint32, granted *HelperSet) Fault {
	if number > 255 {
		return FaultCall
	}
	if !granted.Has(uint8(number)) {
		return FaultNotGranted
	}
	n.Helpers.Add(uint8(number))
	return OK
}

// reach checks the registers of the instruction at offset at, which names r10
// or a register that does not exist, and notes how far below r10 it reaches:
// through r10 itself, or through a copy of r10 that the next instruction
// lowers, which is all that compilers emit. A copy used otherwise counts as
// DefaultFrame.
//
//go:noinline
func (n *Need) reach(text []byte, at int) Fault {
	at &= textMask
	next := at + slot
	if outside(at, slot, len(text)) {
		return FaultLength
	}
	class, regs := text[at]&isa.ClassMask, text[at+1]
	dst, base := regs&15, regs>>4
	if base > isa.FramePointer || dst > isa.FramePointer-writers>>class&1 {
		return FaultRegister
	}
	offset := int32(int16(load16(text, at+2)))
	switch class {
	case isa.ClassST, isa.ClassSTX:
		base = dst
	case isa.ClassALU64:
		offset = -DefaultFrame
		if !outside(next, slot, len(text)) && text[next] == isa.ClassALU64|isa.ADD && text[next+1] == dst {
			offset = int32(load32(text, next+4))
		}
	case isa.ClassLDX:
	default:
		return OK
	}
	if base == isa.FramePointer && offset < -int32(n.Frame) {
		n.Frame = uint16(slot-1-max(offset, -maxFrame)) &^ (slot - 1)
	}
	return OK
}

// follow finds the longest chain of local calls in text, which is otherwise
// checked, and completes n. A function reaches from where it is called to the
// first instruction that leaves it and that none of its jumps passes over. The
// chain counts as longer than MaxDepth, and the run ends in FaultDepth where
// it is, if calls recurse, if a function jumps to before its start, or if
// there are so many paths that following them takes unduly long.
func (n *Need) follow(text []byte) {
	n.Stack = uint32(n.Frame)
	if n.Depth == 0 {
		n.Frame = 0
		return
	}
	n.Frame = max(n.Frame, slot)
	n.Depth = callDepth(text)
	n.Stack = uint32(n.Frame) * uint32(n.Depth+1)
}

// A walk is where callDepth is in a function.
type walk struct{ at, start, passed int }

//go:noinline
func callDepth(text []byte) uint8 {
	var open [MaxDepth + 1]walk
	depth, deepest := 0, 0
	for steps := 2 * len(text); steps > 0; steps-- {
		w := &open[depth]
		at := w.at & textMask
		if outside(at, slot, len(text)) {
			break
		}
		op := text[at]
		distance, far := int(int16(load16(text, at+2))), int(int32(load32(text, at+4)))
		at += slot
		w.at = at
		switch op & isa.ClassMask {
		case isa.ClassLD:
			w.at = at + slot
			continue
		case isa.ClassJMP, isa.ClassJMP32:
		default:
			continue
		}
		switch op {
		case isa.ClassJMP | isa.CALL:
			if text[at-slot+1]>>4 != isa.CallLocal {
				continue
			}
			if depth++; depth > MaxDepth {
				return MaxDepth + 1
			}
			deepest = max(deepest, depth)
			at += far * slot
			open[depth] = walk{at, at, at}
			continue
		case isa.ClassJMP32 | isa.JA:
			distance = far
			fallthrough
		default:
			target := at + distance*slot
			if target < w.start {
				return MaxDepth + 1
			}
			w.passed = max(w.passed, target)
		case isa.ClassJMP | isa.EXIT:
		}
		if leaves(op) && w.passed < at {
			if depth--; depth < 0 {
				return uint8(deepest)
			}
		}
	}
	return MaxDepth + 1
}
