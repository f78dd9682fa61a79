package deepcheck

import (
	"bytes"
	"math"

	"github.com/femto-containers/femto/vm"
)

// inside reports whether n bytes at register i plus offset lie in a region that
// allows what is done.
func (a *analysis) inside(s *state, i int, offset int64, n uint64, region int, write bool) Answer {
	r := &a.env.Region[region]
	if r.Max == 0 || write && r.Write == No || n > uint64(r.Max) {
		return No
	}
	at := s.abs(i).add(exactly(uint64(offset))).sub(exactly(base(region)))
	allowed := Yes
	if write && r.Write == Maybe {
		allowed = Maybe
	}
	if at.umax < 1<<32 && at.umax+n <= uint64(r.Min) {
		return allowed
	}
	if at.umin > 1<<32 || at.umin+n > uint64(r.Max) {
		return No
	}
	var end num // the distance to the region's end
	switch region {
	case vm.RegionStack:
		end = s.differ[index(i, stackEnd)].add(exactly(uint64(offset)))
	case vm.RegionContext:
		end = s.differ[index(i, length)].add(exactly(uint64(offset))).sub(exactly(base(region)))
	default:
		return Maybe
	}
	switch below := -int64(n); {
	case end.smax <= below && (end.smin >= -int64(r.Min) || at.umax < 1<<32):
		return allowed
	case end.smin > below && end.smax < farthest, end.smin > -farthest && end.smax < -int64(r.Max):
		return No
	}
	return Maybe
}

// judge says what is known of n bytes at register i plus offset.
func (a *analysis) judge(s *state, i int, offset int64, n uint64, write bool) Verdict {
	if a.env.Packet > 0 {
		if at := s.differ[index(i, grant)].add(exactly(uint64(offset))); at.umax <= uint64(a.env.Packet) && at.umax+n <= uint64(a.env.Packet) {
			return Safe
		}
	}
	verdict := Fatal
	for region := range a.env.Region {
		switch a.inside(s, i, offset, n, region, write) {
		case Yes:
			return Safe
		case Maybe:
			verdict = Open
		}
	}
	return verdict
}

// region is the one that all of a register's values lie in, with offset; 0:
// there is none, or several.
func (s *state) region(i int, offset int64) int {
	at := s.abs(i).add(exactly(uint64(offset)))
	if at.umax>>32 != 0 || at.umin>>28 != at.umax>>28 {
		return 0
	}
	return int(at.umin >> 28)
}

// touch judges an access, notes it, and narrows s to what holds if it did not
// fault; false: it is certain to.
func (a *analysis) touch(s *state, t access) bool {
	if t.size == 0 {
		return true
	}
	t.verdict = a.judge(s, t.reg, t.offset, t.size, t.write)
	t.address = s.abs(t.reg).add(exactly(uint64(t.offset)))
	if a.note != nil {
		a.note(s, t)
	}
	if t.verdict == Fatal {
		return false
	}
	return a.survived(s, t.reg, t.offset, t.size)
}

// survived narrows s to what holds after n bytes at register i plus offset were
// there.
func (a *analysis) survived(s *state, i int, offset int64, n uint64) bool {
	switch region := s.region(i, offset); region {
	case vm.RegionContext:
		most := int64(a.env.Region[region].Max)
		if n > uint64(most) {
			return false
		}
		start := int64(base(region)) - offset
		return a.narrow(s, i, length, signed(start-most, start-int64(n)))
	case vm.RegionStack:
		most := int64(a.env.Region[region].Max)
		if n > uint64(most) {
			return false
		}
		return a.narrow(s, i, stackEnd, signed(-most-offset, -int64(n)-offset))
	}
	return true
}

// stored drops what is known of the bytes that may have been written.
func (a *analysis) stored(s *state, i int, offset int64, n uint64) {
	if len(s.cells) == 0 || n == 0 {
		return
	}
	at := s.abs(i).add(exactly(uint64(offset)))
	const stack = vm.RegionStack
	if at.umin > base(stack)+uint64(a.env.Region[stack].Max) || at.umax < 1<<32 && at.umax+n < base(stack) {
		return
	}
	s.forget(s.differ[index(i, stackEnd)].add(exactly(uint64(offset))), n)
}

// text judges the string at register i: where it is certain that it ends, and
// how long it can be. It is charged by its length.
func (a *analysis) text(s *state, i int) (v Verdict, longest uint64) {
	region := s.region(i, 0)
	if region == vm.RegionRodata {
		at := s.abs(i).sub(exactly(base(region)))
		if at.umax < uint64(len(a.env.Rodata)) {
			if end := bytes.IndexByte(a.env.Rodata[at.umax:], 0); end >= 0 {
				return Safe, at.umax - at.umin + uint64(end)
			}
		}
	}
	for r := range a.env.Region {
		longest = max(longest, uint64(a.env.Region[r].Max))
		if v == Safe && a.inside(s, i, 0, 1, r, false) != No {
			v = Open
		}
	}
	if v == Safe {
		return Fatal, longest
	}
	return v, longest
}

// load returns what n bytes at register i plus offset may hold.
func (a *analysis) load(s *state, i int, offset int64, n int) (r row, c *cell) {
	unknown := a.plain(s, anything.cut(8*n))
	switch s.region(i, offset) {
	case vm.RegionStack:
		at, known := s.differ[index(i, stackEnd)].add(exactly(uint64(offset))).known()
		if !known {
			return unknown, nil
		}
		if c := s.cell(int32(int64(at)), int32(n)); c != nil {
			r := a.plain(s, c.value[zero])
			for j := range c.value {
				r[j] = c.value[j]
			}
			for k := range variables - register {
				if c.holds>>k&1 != 0 {
					r = a.row(s, register+k)
					break
				}
			}
			return r, c
		}
		// A part of a cell.
		for k := range s.cells {
			c := &s.cells[k]
			if from := int64(at) - int64(c.at); from >= 0 && from+int64(n) <= int64(c.size) {
				return a.plain(s, c.value[zero].shr(exactly(uint64(8*from)), 64).cut(8*n)), nil
			}
		}
	case vm.RegionContext:
		at, known := s.abs(i).add(exactly(uint64(offset))).known()
		if known && at == base(vm.RegionContext) && n == 8 && a.env.Packet > 0 {
			unknown = a.plain(s, a.constants[grant])
			unknown[grant] = exactly(0)
		}
	case vm.RegionRodata:
		at := s.abs(i).add(exactly(uint64(offset) - base(vm.RegionRodata)))
		const few = 512
		if at.umax-at.umin > few || at.umax+uint64(n) > uint64(len(a.env.Rodata)) {
			break
		}
		var values num
		first := true
		for v := at.umin; v <= at.umax; v++ {
			if !at.contains(v) {
				continue
			}
			var w uint64
			for k := n - 1; k >= 0; k-- {
				w = w<<8 | uint64(a.env.Rodata[v+uint64(k)])
			}
			if first {
				values, first = exactly(w), false
			} else {
				values = values.join(exactly(w))
			}
		}
		if !first {
			return a.plain(s, values.settled()), nil
		}
	}
	return unknown, nil
}

// store notes that register v, or a number, is at register i plus offset.
func (a *analysis) store(s *state, i int, offset int64, n int, v int, value num) {
	a.stored(s, i, offset, uint64(n))
	if s.region(i, offset) != vm.RegionStack {
		return
	}
	at, known := s.differ[index(i, stackEnd)].add(exactly(uint64(offset))).known()
	if !known || int64(at) < math.MinInt32 || int64(at) >= 0 {
		return
	}
	c := cell{at: int32(int64(at)), size: int32(n), origin: int32(a.slot)}
	short := value.cut(8 * n)
	for j := range c.value {
		c.value[j] = short.sub(a.constants[j])
	}
	if v >= 0 {
		c.origin = s.origin[v-register]
		if short == value { // the whole register
			for j := range c.value {
				c.value[j] = s.differ[index(v, j)]
			}
			c.holds = 1 << (v - register)
		}
	}
	s.put(c)
}
