package deepcheck

import (
	"fmt"
	"math"
	"math/bits"
)

// A num is a set of 64-bit numbers: those between both pairs of bounds whose
// bits are value wherever mask has a 0. It is never empty; what could become
// empty returns false instead.
type num struct {
	umin, umax  uint64
	smin, smax  int64
	value, mask uint64
}

var anything = num{umax: math.MaxUint64, smin: math.MinInt64, smax: math.MaxInt64, mask: math.MaxUint64}

func exactly(v uint64) num {
	return num{umin: v, umax: v, smin: int64(v), smax: int64(v), value: v}
}

// between is the numbers from low to high, unsigned.
func between(low, high uint64) num {
	n := anything
	n.umin, n.umax = low, high
	return n.settled()
}

// signed is the numbers from low to high, signed.
func signed(low, high int64) num {
	n := anything
	n.smin, n.smax = low, high
	return n.settled()
}

// bitsOf is the numbers that are value where mask has a 0.
func bitsOf(value, mask uint64) num {
	n := anything
	n.value, n.mask = value, mask
	return n.settled()
}

func (n num) known() (uint64, bool) { return n.umin, n.umin == n.umax }

func (n num) contains(v uint64) bool {
	return v >= n.umin && v <= n.umax && int64(v) >= n.smin && int64(v) <= n.smax && v&^n.mask == n.value
}

// String is the range as people read it.
func (n num) String() string {
	switch v, ok := n.known(); {
	case n == anything:
		return "any number"
	case ok && int64(v) >= math.MinInt32 && int64(v) < 0:
		return fmt.Sprint(int64(v))
	case ok:
		return fmt.Sprint(v)
	case n.smin > math.MinInt64 && n.smin < 0 && n.smax < math.MaxInt64:
		return fmt.Sprintf("%d..%d", n.smin, n.smax)
	case n.umax == math.MaxUint64:
		return fmt.Sprintf("%d or more", n.umin)
	}
	return fmt.Sprintf("%d..%d", n.umin, n.umax)
}

const top = 1 << 63

// settle makes each description of the set as tight as the others allow.
func (n num) settle() (num, bool) {
	for range 2 {
		n.umin, n.umax = max(n.umin, n.value), min(n.umax, n.value|n.mask)
		n.smin = max(n.smin, int64(n.value|n.mask&top))
		n.smax = min(n.smax, int64(n.value|n.mask&^top))
		if n.umin > n.umax || n.smin > n.smax {
			return n, false
		}
		if int64(n.umin) <= int64(n.umax) {
			n.smin, n.smax = max(n.smin, int64(n.umin)), min(n.smax, int64(n.umax))
		}
		if n.smin > n.smax {
			return n, false
		}
		if n.smin >= 0 || n.smax < 0 {
			n.umin, n.umax = max(n.umin, uint64(n.smin)), min(n.umax, uint64(n.smax))
		}
		if n.umin > n.umax {
			return n, false
		}
		// The bits above the first in which the bounds differ are known.
		high := uint64(1)<<bits.Len64(n.umin^n.umax) - 1
		if n.mask&^high != 0 {
			if (n.value^n.umin)&^(n.mask|high) != 0 {
				return n, false
			}
			n.value = n.value&high | n.umin&^high
			n.mask &= high
		}
		// The bounds themselves have the low bits that are known.
		step := uint64(1) << bits.TrailingZeros64(n.mask) // 0: all 64 are known
		if n.mask == 0 {
			if n.value < n.umin || n.value > n.umax || int64(n.value) < n.smin || int64(n.value) > n.smax {
				return n, false
			}
			return exactly(n.value), true
		}
		low := n.value & (step - 1)
		up := (low - n.umin) & (step - 1)
		down := (n.umax - low) & (step - 1)
		if n.umin+up < n.umin || n.umax < down {
			return n, false
		}
		n.umin, n.umax = n.umin+up, n.umax-down
		sup := int64((low - uint64(n.smin)) & (step - 1))
		sdown := int64((uint64(n.smax) - low) & (step - 1))
		if sup < 0 || sdown < 0 || n.smin > math.MaxInt64-sup || n.smax < math.MinInt64+sdown {
			return n, false
		}
		n.smin, n.smax = n.smin+sup, n.smax-sdown
		if n.umin > n.umax || n.smin > n.smax {
			return n, false
		}
	}
	return n, true
}

// settled is settle of a set that has members.
func (n num) settled() num {
	if tight, ok := n.settle(); ok {
		return tight
	}
	return n
}

func (n num) join(m num) num {
	if n == m {
		return n
	}
	differ := n.mask | m.mask | (n.value ^ m.value)
	return num{
		umin: min(n.umin, m.umin), umax: max(n.umax, m.umax),
		smin: min(n.smin, m.smin), smax: max(n.smax, m.smax),
		value: n.value &^ differ, mask: differ,
	}
}

func (n num) within(m num) bool {
	return m.umin <= n.umin && m.umax >= n.umax && m.smin <= n.smin && m.smax >= n.smax && n.mask&^m.mask == 0 && (n.value^m.value)&^m.mask == 0
}

// meet is what both sets have; false: nothing.
func (n num) meet(m num) (num, bool) {
	if n.within(m) {
		return n, true
	}
	if (n.value^m.value)&^(n.mask|m.mask) != 0 {
		return n, false
	}
	return num{
		umin: max(n.umin, m.umin), umax: min(n.umax, m.umax),
		smin: max(n.smin, m.smin), smax: min(n.smax, m.smax),
		value: n.value | m.value, mask: n.mask & m.mask,
	}.settle()
}

// without is n without one value, as far as bounds can say so.
func (n num) without(v uint64) (num, bool) {
	if n.umin == v {
		if n.umax == v {
			return n, false
		}
		n.umin++
	}
	if n.umax == v {
		n.umax--
	}
	if n.smin == int64(v) {
		n.smin++
	}
	if n.smax == int64(v) {
		n.smax--
	}
	return n.settle()
}

// widen is join, but bounds that grew go to the next of the thresholds, which
// ascend, or all the way.
func (n num) widen(m num, unsigned []uint64, ordered []int64) num {
	w := n.join(m)
	if w.umax > n.umax {
		w.umax = above(unsigned, w.umax, math.MaxUint64)
	}
	if w.umin < n.umin {
		w.umin = below(unsigned, w.umin, 0)
	}
	if w.smax > n.smax {
		w.smax = above(ordered, w.smax, math.MaxInt64)
	}
	if w.smin < n.smin {
		w.smin = below(ordered, w.smin, math.MinInt64)
	}
	return w.settled()
}

func above[T int64 | uint64](list []T, v, last T) T {
	for _, t := range list {
		if t >= v {
			return t
		}
	}
	return last
}

func below[T int64 | uint64](list []T, v, last T) T {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] <= v {
			return list[i]
		}
	}
	return last
}

// The operations hold for numbers of 64 bits that wrap.

func (n num) add(m num) num {
	if v, ok := m.known(); ok && v == 0 {
		return n
	}
	r := anything
	low, c := bits.Add64(n.umin, m.umin, 0)
	high, d := bits.Add64(n.umax, m.umax, 0)
	if c == d {
		r.umin, r.umax = low, high
	}
	if !overflows(n.smin, m.smin) && !overflows(n.smax, m.smax) {
		r.smin, r.smax = n.smin+m.smin, n.smax+m.smax
	}
	sum, loose := n.value+m.value, n.mask+m.mask
	changed := (sum + loose) ^ sum
	r.mask = changed | n.mask | m.mask
	r.value = sum &^ r.mask
	return r.settled()
}

func overflows(a, b int64) bool { return (a+b < a) != (b < 0) }

func (n num) sub(m num) num {
	if v, ok := m.known(); ok && v == 0 {
		return n
	}
	r := anything
	low, c := bits.Sub64(n.umin, m.umax, 0)
	high, d := bits.Sub64(n.umax, m.umin, 0)
	if c == d {
		r.umin, r.umax = low, high
	}
	if !underflows(n.smin, m.smax) && !underflows(n.smax, m.smin) {
		r.smin, r.smax = n.smin-m.smax, n.smax-m.smin
	}
	difference := n.value - m.value
	changed := (difference + n.mask) ^ (difference - m.mask)
	r.mask = changed | n.mask | m.mask
	r.value = difference &^ r.mask
	return r.settled()
}

func underflows(a, b int64) bool { return (a-b > a) != (b < 0) }

func (n num) neg() num { return exactly(0).sub(n) }

func (n num) mul(m num) num {
	a, known := n.known()
	b, too := m.known()
	if known && too {
		return exactly(a * b)
	}
	r := anything
	if over, _ := bits.Mul64(n.umax, m.umax); over == 0 {
		r.umin, r.umax = n.umin*m.umin, n.umax*m.umax
	}
	zeros := bits.TrailingZeros64(n.value|n.mask) + bits.TrailingZeros64(m.value|m.mask)
	if zeros >= 64 {
		return exactly(0)
	}
	r.mask = math.MaxUint64 << zeros
	if small := int64(1) << 31; n.smin > -small && n.smax < small && m.smin > -small && m.smax < small {
		p := []int64{n.smin * m.smin, n.smin * m.smax, n.smax * m.smin, n.smax * m.smax}
		r.smin, r.smax = min(p[0], p[1], p[2], p[3]), max(p[0], p[1], p[2], p[3])
	}
	return r.settled()
}

func (n num) and(m num) num {
	r := anything
	may := (n.value | n.mask) & (m.value | m.mask)
	r.value = n.value & m.value
	r.mask = may &^ r.value
	r.umax = min(n.umax, m.umax)
	return r.settled()
}

func (n num) or(m num) num {
	r := anything
	r.value = n.value | m.value
	r.mask = (n.mask | m.mask) &^ r.value
	r.umin = max(n.umin, m.umin)
	return r.settled()
}

func (n num) xor(m num) num {
	mask := n.mask | m.mask
	return bitsOf((n.value^m.value)&^mask, mask)
}

// shl, shr and sar shift by a number that is below width, 32 or 64, after the
// upper bits are taken off.

func (n num) shl(m num, width uint64) num {
	k, known := m.and(exactly(width - 1)).known()
	if !known {
		return anything
	}
	r := anything
	r.value, r.mask = n.value<<k, n.mask<<k
	if n.umax<<k>>k == n.umax {
		r.umin, r.umax = n.umin<<k, n.umax<<k
	}
	if n.smin<<k>>k == n.smin && n.smax<<k>>k == n.smax {
		r.smin, r.smax = n.smin<<k, n.smax<<k
	}
	return r.settled()
}

func (n num) shr(m num, width uint64) num {
	m = m.and(exactly(width - 1))
	r := anything
	if k, known := m.known(); known {
		r.value, r.mask = n.value>>k, n.mask>>k
	}
	r.umin, r.umax = n.umin>>m.umax, n.umax>>m.umin
	return r.settled()
}

func (n num) sar(m num, width uint64) num {
	k, known := m.and(exactly(width - 1)).known()
	if !known {
		return signed(min(n.smin, 0), max(n.smax, -1))
	}
	r := signed(n.smin>>k, n.smax>>k)
	value, mask := uint64(int64(n.value)>>k), uint64(int64(n.mask)>>k)
	if met, ok := r.meet(num{umax: math.MaxUint64, smin: math.MinInt64, smax: math.MaxInt64, value: value &^ mask, mask: mask}); ok {
		return met
	}
	return r
}

func (n num) div(m num) num {
	if m.umin == 0 {
		return between(0, n.umax)
	}
	return between(n.umin/m.umax, n.umax/m.umin)
}

func (n num) mod(m num) num {
	switch {
	case n.umax < m.umin:
		return n
	case m.umin == 0:
		return between(0, n.umax)
	}
	return between(0, min(n.umax, m.umax-1))
}

func (n num) sdiv(m num) num {
	if n.smin >= 0 && m.smin >= 0 {
		return n.div(m)
	}
	k, known := m.known()
	switch c := int64(k); {
	case known && c == 0:
		return exactly(0)
	case known && c > 0:
		return signed(n.smin/c, n.smax/c)
	case known && c < -1:
		return signed(n.smax/c, n.smin/c)
	}
	return anything
}

func (n num) smod(m num) num {
	if n.smin >= 0 && m.smin >= 0 {
		return n.mod(m)
	}
	k, known := m.known()
	if c := int64(k); known && c != 0 && c != math.MinInt64 {
		if c < 0 {
			c = -c
		}
		return signed(max(min(n.smin, 0), 1-c), min(max(n.smax, 0), c-1))
	}
	return anything
}

// cut is the lower bits of n.
func (n num) cut(width int) num {
	if width >= 64 {
		return n
	}
	mask := uint64(1)<<width - 1
	r := anything
	r.value, r.mask = n.value&mask, n.mask&mask
	if n.umin&^mask == n.umax&^mask {
		r.umin, r.umax = n.umin&mask, n.umax&mask
	}
	return r.settled()
}

// extend takes the lower bits of n for a signed number.
func (n num) extend(width int) num {
	if width >= 64 {
		return n
	}
	if half := int64(1) << (width - 1); n.smin >= -half && n.smax < half {
		return n
	}
	n = n.cut(width)
	sign := uint64(1) << (width - 1)
	if n.umax < sign {
		return n
	}
	high := uint64(math.MaxUint64) << width
	switch {
	case n.umin >= sign:
		return n.or(exactly(high))
	}
	return signed(-int64(sign), int64(sign-1))
}

// reversed is the lower bits of n with their bytes in the other order.
func (n num) reversed(width int) num {
	shift := 64 - width
	return bitsOf(bits.ReverseBytes64(n.value)>>shift, bits.ReverseBytes64(n.mask)>>shift)
}
