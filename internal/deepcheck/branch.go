package deepcheck

import (
	"math"

	"github.com/femto-containers/femto/isa"
)

// opposite is the condition that holds where another does not.
var opposite = map[uint8]uint8{
	isa.JEQ: isa.JNE, isa.JNE: isa.JEQ, isa.JGT: isa.JLE, isa.JLE: isa.JGT, isa.JGE: isa.JLT, isa.JLT: isa.JGE,
	isa.JSGT: isa.JSLE, isa.JSLE: isa.JSGT, isa.JSGE: isa.JSLT, isa.JSLT: isa.JSGE,
}

const jumpsUnlessSet = 1 // no condition of RFC 9669: not JSET

// assume narrows s to where the condition of a jump holds, or does not; false:
// it never does.
func (a *analysis) assume(s *state, in isa.Instruction, holds bool) bool {
	code := in.Opcode & 0xf0
	if !holds {
		if code == isa.JSET {
			code = jumpsUnlessSet
		} else {
			code = opposite[code]
		}
	}
	dst, src := register+int(in.Dst), -1
	x, y := s.abs(dst), exactly(uint64(int64(in.Imm)))
	if in.Opcode&isa.SourceX != 0 {
		src = register + int(in.Src)
		y = s.abs(src)
	}
	if in.Class() == isa.ClassJMP32 {
		return a.assume32(s, code, dst, src, x, y)
	}
	if dst == src {
		return holdsForEqual(code, x)
	}
	nx, ny, ok := compare(code, x, y)
	if !ok || !a.narrow(s, dst, zero, nx) {
		return false
	}
	if src < 0 {
		return true
	}
	if !a.narrow(s, src, zero, ny) {
		return false
	}
	return a.relate(s, code, dst, src)
}

// relate narrows the difference of two registers by a comparison of 64 bits.
func (a *analysis) relate(s *state, code uint8, dst, src int) bool {
	x, y := s.abs(dst), s.abs(src)
	d := a.from(s, src, dst) // y - x
	ok := true
	switch code {
	case isa.JEQ:
		d = exactly(0)
	case isa.JNE:
		d, ok = d.without(0)
	case isa.JLT:
		d, ok = d.meet(between(1, max(y.umax-x.umin, 1)))
	case isa.JLE:
		if y.umax >= x.umin {
			d, ok = d.meet(between(0, y.umax-x.umin))
		}
	case isa.JGT:
		d, ok = d.neg().meet(between(1, max(x.umax-y.umin, 1)))
		d = d.neg()
	case isa.JGE:
		if x.umax >= y.umin {
			d, ok = d.neg().meet(between(0, x.umax-y.umin))
			d = d.neg()
		}
	case isa.JSLT:
		d, ok = d.meet(between(1, max(uint64(y.smax)-uint64(x.smin), 1)))
	case isa.JSLE:
		if y.smax >= x.smin {
			d, ok = d.meet(between(0, uint64(y.smax)-uint64(x.smin)))
		}
	case isa.JSGT:
		d, ok = d.neg().meet(between(1, max(uint64(x.smax)-uint64(y.smin), 1)))
		d = d.neg()
	case isa.JSGE:
		if x.smax >= y.smin {
			d, ok = d.neg().meet(between(0, uint64(x.smax)-uint64(y.smin)))
			d = d.neg()
		}
	}
	return ok && a.narrow(s, src, dst, d)
}

func holdsForEqual(code uint8, x num) bool {
	switch code {
	case isa.JNE, isa.JGT, isa.JLT, isa.JSGT, isa.JSLT:
		return false
	case isa.JSET:
		return x.umax != 0
	case jumpsUnlessSet:
		return x.contains(0)
	}
	return true
}

// compare returns what x and y may be where the condition holds.
func compare(code uint8, x, y num) (nx, ny num, ok bool) {
	both := func(a num, m num, b num, n num) (num, num, bool) {
		p, one := a.meet(m)
		q, two := b.meet(n)
		return p, q, one && two
	}
	switch code {
	case isa.JEQ:
		n, ok := x.meet(y)
		return n, n, ok
	case isa.JNE:
		nx, ny, ok = x, y, true
		if v, known := y.known(); known {
			nx, ok = x.without(v)
		}
		if v, known := x.known(); known && ok {
			ny, ok = y.without(v)
		}
		return nx, ny, ok
	case isa.JGT:
		ny, nx, ok = compare(isa.JLT, y, x)
		return nx, ny, ok
	case isa.JGE:
		ny, nx, ok = compare(isa.JLE, y, x)
		return nx, ny, ok
	case isa.JSGT:
		ny, nx, ok = compare(isa.JSLT, y, x)
		return nx, ny, ok
	case isa.JSGE:
		ny, nx, ok = compare(isa.JSLE, y, x)
		return nx, ny, ok
	case isa.JLT:
		if y.umax == 0 || x.umin == math.MaxUint64 {
			return x, y, false
		}
		return both(x, between(0, y.umax-1), y, between(x.umin+1, math.MaxUint64))
	case isa.JLE:
		return both(x, between(0, y.umax), y, between(x.umin, math.MaxUint64))
	case isa.JSLT:
		if y.smax == math.MinInt64 || x.smin == math.MaxInt64 {
			return x, y, false
		}
		return both(x, signed(math.MinInt64, y.smax-1), y, signed(x.smin+1, math.MaxInt64))
	case isa.JSLE:
		return both(x, signed(math.MinInt64, y.smax), y, signed(x.smin, math.MaxInt64))
	case isa.JSET:
		if v, known := y.known(); known {
			may := v & (x.value | x.mask)
			if may == 0 {
				return x, y, false
			}
			if may&(may-1) == 0 { // one bit
				nx, ok = x.meet(bitsOf(may, ^may))
				return nx, y, ok
			}
		}
		return x, y, x.umax != 0 && y.umax != 0
	case jumpsUnlessSet:
		if x.value&y.value != 0 {
			return x, y, false
		}
		if v, known := y.known(); known {
			nx, ok = x.meet(bitsOf(0, ^v))
			return nx, y, ok
		}
	}
	return x, y, true
}

// assume32 is assume for the lower halves.
func (a *analysis) assume32(s *state, code uint8, dst, src int, x, y num) bool {
	if dst == src {
		return holdsForEqual(code, x.cut(32)) || code == isa.JSET && x.umax > math.MaxUint32
	}
	ordered := code == isa.JSLT || code == isa.JSLE || code == isa.JSGT || code == isa.JSGE
	var p, q num
	if ordered {
		p, q = x.extend(32), y.extend(32)
	} else {
		p, q = x.cut(32), y.cut(32)
	}
	np, nq, ok := compare(code, p, q)
	if !ok {
		return false
	}
	if !a.narrow(s, dst, zero, back(x, np, ordered)) {
		return false
	}
	if src < 0 {
		return true
	}
	if !a.narrow(s, src, zero, back(s.abs(src), nq, ordered)) {
		return false
	}
	// Where both fit the half, it is a comparison of 64 bits.
	x, y = s.abs(dst), s.abs(src)
	if most := uint64(math.MaxUint32); !ordered && x.umax <= most && y.umax <= most || ordered && x.umax <= most>>1 && y.umax <= most>>1 {
		if code == jumpsUnlessSet || code == isa.JSET {
			return true
		}
		return a.relate(s, code, dst, src)
	}
	return true
}

// back is what x may be if its lower half, extended as signed or not, is in n.
func back(x, n num, ordered bool) num {
	switch {
	case !ordered && x.umax <= math.MaxUint32:
		return n
	case ordered && x.smin >= math.MinInt32 && x.smax <= math.MaxInt32:
		return n
	case ordered && x.umax <= math.MaxUint32:
		return n.cut(32)
	}
	// The lower bits, if nothing more.
	const high = uint64(math.MaxUint32) << 32
	return bitsOf(n.value&^high, n.mask|high)
}
