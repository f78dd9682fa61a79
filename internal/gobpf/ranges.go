package gobpf

import (
	"math"
	"math/bits"
	"slices"
)

// An interval is what a value can be, read as a signed number.
type interval struct{ low, high int64 }

var everything = interval{math.MinInt64, math.MaxInt64}

// maxLength is more than any slice has: regions are shorter (docs/spec/vm.md).
const maxLength = 1 << 32

func (a interval) join(b interval) interval {
	if a == nothing {
		return b
	}
	if b == nothing {
		return a
	}
	return interval{min(a.low, b.low), max(a.high, b.high)}
}

func (a interval) meet(b interval) interval {
	if a == nothing || b == nothing {
		return nothing
	}
	c := interval{max(a.low, b.low), min(a.high, b.high)}
	if c.low > c.high { // this place is never reached
		return a
	}
	return c
}

func (a interval) within(low, high int64) bool { return a.low >= low && a.high <= high }

func sum(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

// A fact holds where control has come to: a comparison of two values.
type fact struct {
	cond   cond
	a, b   *value
	narrow bool
}

// A prover answers questions about values at places.
type prover struct {
	facts   map[*block][]fact    // that hold at the end of a block's own dominators, innermost first
	open    map[*value]*interval // phis being looked at, and what they are taken to be
	proving map[*value]bool      // phis of which a comparison is being proven
	steps   int
}

func newProver() *prover {
	return &prover{facts: map[*block][]fact{}, open: map[*value]*interval{}, proving: map[*value]bool{}}
}

// nothing is what a value is that is never computed.
var nothing = interval{1, 0}

const (
	maxDepth = 7
	maxSteps = 5000
)

// at lists the facts that hold at the end of b.
func (p *prover) at(b *block) []fact {
	if list, ok := p.facts[b]; ok {
		return list
	}
	var list []fact
	for _, v := range b.values {
		if v.op == opTrapIf {
			list = append(list, fact{negated[v.cond], v.args[0], v.args[1], v.narrow})
		}
	}
	list = append(list, p.before(b)...)
	p.facts[b] = list
	return list
}

// before lists the facts that hold at the beginning of b.
func (p *prover) before(b *block) (list []fact) {
	if len(b.preds) == 1 {
		list = p.edge(b.preds[0], b)
	}
	if b.idom != nil {
		list = append(list, p.at(b.idom)...)
	}
	return list
}

// edge is what the branch at the end of q says for who goes to b.
func (p *prover) edge(q, b *block) []fact {
	if q.kind != endBranch || q.succs[0] == q.succs[1] {
		return nil
	}
	return conditions(q.on, q.succs[0] == b)
}

func conditions(on *value, holds bool) []fact {
	switch {
	case on.op == opCmp && holds:
		return implied(fact{on.cond, on.args[0], on.args[1], on.narrow})
	case on.op == opCmp:
		return implied(fact{negated[on.cond], on.args[0], on.args[1], on.narrow})
	case on.op == opXor && on.args[1].isConst() && on.args[1].imm == 1:
		return conditions(on.args[0], !holds)
	case on.op == opAnd && holds && isBool(on.args[0]) && isBool(on.args[1]), on.op == opOr && !holds && isBool(on.args[0]) && isBool(on.args[1]):
		return append(conditions(on.args[0], holds), conditions(on.args[1], holds)...)
	}
	return nil
}

// implied adds what a fact about a minimum or maximum says about the numbers
// that it is of.
func implied(f fact) []fact {
	list := []fact{f}
	for _, swap := range []bool{false, true} {
		c, m, w := f.cond, f.a, f.b
		if swap {
			c, m, w = swapped[c], w, m
		}
		if f.narrow || m.op != opMin && m.op != opMax {
			continue
		}
		if greater := c == condGT || c == condGE; m.signed && greater == (m.op == opMin) && (greater || c == condLT || c == condLE) {
			list = append(list, fact{c, m.args[0], w, false}, fact{c, m.args[1], w, false})
		}
	}
	return list
}

// interval is what v can be where facts hold.
func (p *prover) interval(v *value, facts []fact, b *block, depth int) interval {
	if v.isConst() {
		return interval{v.imm, v.imm}
	}
	if depth > maxDepth {
		return v.crude()
	}
	r := p.structure(v, facts, b, depth)
	for _, f := range facts {
		c, w := f.cond, f.b
		if f.a != v {
			if f.b != v {
				continue
			}
			c, w = swapped[c], f.a
		}
		if w == v {
			continue
		}
		var s interval
		if w.isConst() {
			s = interval{w.imm, w.imm}
		} else if depth < 4 {
			s = p.interval(w, facts, b, max(depth+2, 4))
		} else {
			s = w.crude()
		}
		if f.narrow {
			if c >= condULT && (!r.within(0, math.MaxUint32) || !s.within(0, math.MaxUint32)) ||
				c < condULT && (!r.within(math.MinInt32, math.MaxInt32) || !s.within(math.MinInt32, math.MaxInt32)) {
				continue
			}
		}
		if r == nothing || s == nothing {
			return nothing
		}
		switch c {
		case condEQ:
			r = r.meet(s)
		case condNE:
			if s.low == s.high && r.low == s.low && r.low < r.high {
				r.low++
			}
			if s.low == s.high && r.high == s.low && r.low < r.high {
				r.high--
			}
		case condLT:
			if s.high > math.MinInt64 {
				r = r.meet(interval{math.MinInt64, s.high - 1})
			}
		case condLE:
			r = r.meet(interval{math.MinInt64, s.high})
		case condGT:
			if s.low < math.MaxInt64 {
				r = r.meet(interval{s.low + 1, math.MaxInt64})
			}
		case condGE:
			r = r.meet(interval{s.low, math.MaxInt64})
		case condULT:
			if s.low >= 0 && s.high > 0 {
				r = r.meet(interval{0, s.high - 1})
			}
		case condULE:
			if s.low >= 0 {
				r = r.meet(interval{0, s.high})
			}
		case condUGT:
			if r.low >= 0 && s.low >= 0 && s.low < math.MaxInt64 {
				r = r.meet(interval{s.low + 1, math.MaxInt64})
			}
		case condUGE:
			if r.low >= 0 && s.low >= 0 {
				r = r.meet(interval{s.low, math.MaxInt64})
			}
		}
	}
	return r
}

// crude is what v can be by its operation alone.
func (v *value) crude() interval {
	switch {
	case v.isConst():
		return interval{v.imm, v.imm}
	case v.length:
		return interval{0, maxLength}
	case v.op == opCmp:
		return interval{0, 1}
	case v.op == opLoad && v.size < 8 || v.op == opZext || v.op == opSext:
		n := v.imm
		if v.op == opLoad {
			n = int64(v.size * 8)
		}
		if v.op == opSext || v.op == opLoad && v.signed {
			return interval{-1 << (n - 1), 1<<(n-1) - 1}
		}
		return interval{0, 1<<n - 1}
	case v.narrow:
		return interval{0, math.MaxUint32}
	}
	return everything
}

func (p *prover) structure(v *value, facts []fact, b *block, depth int) interval {
	crude := v.crude()
	p.steps++
	if p.steps > maxSteps {
		return crude
	}
	never := false
	arg := func(n int) interval {
		r := p.interval(v.args[n], facts, b, depth+1)
		if r == nothing {
			never = true
			return everything
		}
		return r
	}
	if v.op != opPhi && len(p.open) > 0 {
		for n := range v.args {
			if arg(n); never {
				return nothing
			}
		}
	}
	switch v.op {
	case opPhi:
		if taken := p.open[v]; taken != nil {
			return *taken
		}
		if p.proving[v] {
			return crude
		}
		return crude.meet(p.phi(v, depth))
	case opAdd:
		x, y := arg(0), arg(1)
		low, ok1 := sum(x.low, y.low)
		high, ok2 := sum(x.high, y.high)
		if ok1 && ok2 && (!v.narrow || low >= 0 && high <= math.MaxUint32) {
			return crude.meet(interval{low, high})
		}
	case opMin, opMax:
		x, y := arg(0), arg(1)
		if !v.signed && v.op == opMin && (x.low >= 0 || y.low >= 0) {
			high := int64(math.MaxInt64)
			if x.low >= 0 {
				high = x.high
			}
			if y.low >= 0 {
				high = min(high, y.high)
			}
			return crude.meet(interval{0, high})
		}
		switch {
		case !v.signed && (x.low < 0 || y.low < 0):
		case v.op == opMin:
			return crude.meet(interval{min(x.low, y.low), min(x.high, y.high)})
		default:
			return crude.meet(interval{max(x.low, y.low), max(x.high, y.high)})
		}
	case opSub:
		x, y := arg(0), arg(1)
		if y.low == math.MinInt64 {
			break
		}
		low, ok1 := sum(x.low, -y.high)
		high, ok2 := sum(x.high, -y.low)
		if ok1 && ok2 && (!v.narrow || low >= 0 && high <= math.MaxUint32) {
			return crude.meet(interval{low, high})
		}
	case opAnd:
		r := crude
		for n := range 2 {
			if x := arg(n); x.low >= 0 {
				r = r.meet(interval{0, x.high})
			}
		}
		return r
	case opOr, opXor:
		if x, y := arg(0), arg(1); x.low >= 0 && y.low >= 0 {
			return crude.meet(interval{0, 1<<bits.Len64(uint64(x.high|y.high)) - 1})
		}
	case opShr:
		if v.args[1].isConst() && !v.narrow {
			k := v.args[1].imm & 63
			x := arg(0)
			if x.low >= 0 {
				return interval{x.low >> k, x.high >> k}
			}
			if k > 0 {
				return interval{0, math.MaxInt64 >> (k - 1)}
			}
		}
	case opSar:
		if v.args[1].isConst() && !v.narrow {
			x, k := arg(0), v.args[1].imm&63
			return interval{x.low >> k, x.high >> k}
		}
	case opShl:
		if v.args[1].isConst() && !v.narrow {
			x, k := arg(0), v.args[1].imm&63
			if x.low >= 0 && x.high <= math.MaxInt64>>k {
				return interval{x.low << k, x.high << k}
			}
		}
	case opMul:
		x, y := arg(0), arg(1)
		if x.within(0, math.MaxInt32) && y.within(0, math.MaxInt32) && (!v.narrow || x.high*y.high <= math.MaxUint32) {
			return crude.meet(interval{x.low * y.low, x.high * y.high})
		}
	case opDiv:
		x, y := arg(0), arg(1)
		if x.low >= 0 && y.low > 0 {
			return interval{x.low / y.high, x.high / y.low}
		}
	case opMod, opSMod:
		x, y := arg(0), arg(1)
		if y.low > 0 && (x.low >= 0 || v.op == opMod) {
			return crude.meet(interval{0, y.high - 1})
		}
		if v.op == opSMod && y.low > 0 {
			return crude.meet(interval{1 - y.high, y.high - 1})
		}
	case opSDiv:
		x, y := arg(0), arg(1)
		if x.low >= 0 && y.low > 0 {
			return interval{x.low / y.high, x.high / y.low}
		}
	case opZext, opSext:
		if x := arg(0); x.low >= crude.low && x.high <= crude.high {
			return x
		}
	}
	return crude
}

// phi is what a phi can be. What it is without anything known of itself is
// true; what it would be if only that came in which does not depend on it is
// true if it then stays within that.
func (p *prover) phi(v *value, depth int) interval {
	defer delete(p.open, v)
	crude := v.crude()
	p.open[v] = &crude
	sure := p.incoming(v, depth)
	if sure.low != crude.low && sure.high != crude.high || p.steps > maxSteps/4 {
		return sure
	}
	guess := nothing
	p.open[v] = &nothing
	guess = p.incoming(v, depth)
	for range 2 {
		if guess == nothing {
			break
		}
		taken := guess
		p.open[v] = &taken
		found := p.incoming(v, depth)
		if p.steps > maxSteps || found == nothing {
			break
		}
		if found.low >= guess.low && found.high <= guess.high {
			return guess
		}
		guess = guess.join(found)
	}
	return sure
}

// incoming joins what comes into a phi. What is added to it in a loop does not
// lower its bound, if it cannot overflow; and the other way round.
func (p *prover) incoming(v *value, depth int) interval {
	// A step adds d to the phi; what comes out is cut to low..high.
	type step struct{ d, cut interval }
	var plain, all interval
	first, seen := true, false
	var steps []step
	for i, a := range v.args {
		if a == v {
			continue
		}
		q := v.block.preds[i]
		facts := slices.Concat(p.edge(q, v.block), p.at(q))
		r := p.interval(a, facts, q, depth+1)
		if seen {
			all = all.join(r)
		} else {
			all, seen = r, true
		}
		cut, core := everything, a
		for core.op == opZext || core.op == opSext {
			cut = cut.meet(core.crude())
			core = core.args[0]
		}
		if core.op == opAdd && core.args[0] == v {
			d := p.interval(core.args[1], facts, q, depth+1)
			if core.narrow {
				if core.args[1].isConst() {
					n := int64(int32(core.args[1].imm))
					d = interval{n, n}
				}
				if core == a { // zero-extended
					cut = cut.meet(interval{0, math.MaxUint32})
				}
			}
			if d != nothing && (d.low >= 0 || d.high <= 0) && d.within(math.MinInt32, math.MaxInt32) {
				steps = append(steps, step{d, cut})
				continue
			}
		}
		if first {
			plain, first = r, false
		} else {
			plain = plain.join(r)
		}
	}
	if all == nothing || !seen {
		return nothing
	}
	if first {
		return all
	}
	up, down := len(steps) > 0, len(steps) > 0
	for _, s := range steps {
		high, ok := sum(all.high, s.d.high)
		up = up && s.d.low >= 0 && ok && high <= s.cut.high
		low, ok := sum(all.low, s.d.low)
		down = down && s.d.high <= 0 && ok && low >= s.cut.low
	}
	// Steps upwards that never pass the end of the numbers do not lower the
	// bound; and the other way round.
	if up {
		all.low = max(all.low, plain.low)
	}
	if down {
		all.high = min(all.high, plain.high)
	}
	return all
}

// atMost proves x <= y + c, as numbers that do not overflow.
func (p *prover) atMost(x, y *value, c int64, facts []fact, b *block, depth int) bool {
	if x == y || x.bound == y {
		return c >= 0
	}
	p.steps++
	if depth > 6 || p.steps > maxSteps {
		return false
	}
	rx, ry := p.interval(x, facts, b, 2), p.interval(y, facts, b, 2)
	if limit, ok := sum(ry.low, c); ok && rx.high <= limit {
		return true
	}
	if x.bound != nil && p.atMost(x.bound, y, c, facts, b, depth+1) || y.lower != nil && y.lower != x && y.lower.bound == y && p.atMost(x, y.lower, c, facts, b, depth+1) {
		return true
	}
	for _, f := range facts {
		cond, w := f.cond, f.b
		if f.a != x {
			if f.b != x {
				continue
			}
			cond, w = swapped[cond], f.a
		}
		if f.narrow || w == x || w.isConst() {
			continue
		}
		// x < w or x <= w
		d := int64(0)
		switch cond {
		case condLT:
			d = -1
		case condLE, condEQ:
		case condULT, condULE:
			if p.interval(w, facts, b, 3).low < 0 {
				continue
			}
			if cond == condULT {
				d = -1
			}
		default:
			continue
		}
		if next, ok := sum(c, -d); ok && p.atMost(w, y, next, without(facts, f), b, depth+1) {
			return true
		}
	}
	switch x.op {
	case opMin:
		if x.signed || p.interval(x.args[0], facts, b, 3).low >= 0 && p.interval(x.args[1], facts, b, 3).low >= 0 {
			return p.atMost(x.args[0], y, c, facts, b, depth+1) || p.atMost(x.args[1], y, c, facts, b, depth+1)
		}
	case opMax:
		if x.signed {
			return p.atMost(x.args[0], y, c, facts, b, depth+1) && p.atMost(x.args[1], y, c, facts, b, depth+1)
		}
	case opAdd:
		if k := x.args[1]; k.isConst() && !x.narrow {
			r := p.interval(x.args[0], facts, b, 3)
			_, up := sum(r.high, k.imm)
			_, down := sum(r.low, k.imm)
			if up && down {
				if next, ok := sum(c, -k.imm); ok && p.atMost(x.args[0], y, next, facts, b, depth+1) {
					return true
				}
			}
		}
	case opSub:
		if p.interval(x.args[1], facts, b, 3).low >= 0 && p.interval(x.args[0], facts, b, 3).low >= 0 && !x.narrow {
			if p.atMost(x.args[0], y, c, facts, b, depth+1) {
				return true
			}
		}
	case opShr, opDiv, opAnd, opMod:
		if p.interval(x.args[0], facts, b, 3).low >= 0 && !x.narrow {
			if x.op != opAnd || p.interval(x.args[1], facts, b, 3).low >= 0 {
				if p.atMost(x.args[0], y, c, facts, b, depth+1) {
					return true
				}
			}
		}
		if x.op == opMod && x.args[1] == y && c >= -1 && p.interval(y, facts, b, 3).low > 0 {
			return true
		}
		if x.op == opAnd && p.interval(x.args[1], facts, b, 3).low >= 0 && p.atMost(x.args[1], y, c, facts, b, depth+1) {
			return true
		}
	case opZext, opSext:
		if a := x.args[0]; p.interval(a, facts, b, 3).within(x.crude().low, x.crude().high) {
			return p.atMost(a, y, c, facts, b, depth+1)
		}
	case opPhi:
		if p.open[x] != nil || p.proving[x] {
			return false
		}
		p.proving[x] = true
		defer delete(p.proving, x)
		// y must be the same value on all ways here.
		if y.block != nil && y.block != x.block && !y.block.dominates(x.block) {
			return false
		}
		if y.block == x.block && y.op != opConst {
			return false
		}
		for i, a := range x.args {
			q := x.block.preds[i]
			if !p.atMost(a, y, c, slices.Concat(p.edge(q, x.block), p.at(q)), q, depth+1) {
				return false
			}
		}
		return true
	}
	return false
}

func without(list []fact, f fact) []fact {
	out := make([]fact, 0, len(list))
	for _, g := range list {
		if g != f {
			out = append(out, g)
		}
	}
	return out
}

// never proves that a comparison does not hold.
func (p *prover) never(c cond, x, y *value, narrow bool, facts []fact, b *block) bool {
	rx, ry := p.interval(x, facts, b, 0), p.interval(y, facts, b, 0)
	if rx == nothing || ry == nothing {
		return false
	}
	if narrow {
		low, high := int64(math.MinInt32), int64(math.MaxInt32)
		if c >= condULT {
			low, high = 0, math.MaxUint32
		}
		if !rx.within(low, high) || !ry.within(low, high) {
			return false
		}
	}
	switch c {
	case condEQ:
		return rx.high < ry.low || ry.high < rx.low
	case condNE:
		return rx.low == rx.high && ry == rx
	case condULT, condUGE, condULE, condUGT:
		if rx.low < 0 || ry.low < 0 {
			return false
		}
		c -= condULT - condLT
	}
	switch c {
	case condLT:
		return p.atMost(y, x, 0, facts, b, 0)
	case condGE:
		return p.atMost(x, y, -1, facts, b, 0)
	case condLE:
		return p.atMost(y, x, -1, facts, b, 0)
	case condGT:
		return p.atMost(x, y, 0, facts, b, 0)
	}
	return false
}

// exact is what a sum, difference or product of which the low half is computed
// would be if all of it were.
func (p *prover) exact(v *value, facts []fact, b *block) interval {
	if v.op != opAdd && v.op != opSub && v.op != opMul {
		return everything
	}
	x, y := p.interval(v.args[0], facts, b, 1), p.interval(v.args[1], facts, b, 1)
	const most = 1 << 31 // no result of two such numbers overflows
	if x == nothing || y == nothing || !x.within(-most, most) || !y.within(-most, most) {
		return everything
	}
	switch v.op {
	case opAdd:
		return interval{x.low + y.low, x.high + y.high}
	case opSub:
		return interval{x.low - y.high, x.high - y.low}
	}
	products := []int64{x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high}
	return interval{slices.Min(products), slices.Max(products)}
}

// bounds removes checks that cannot fail and decides comparisons.
func (f *function) bounds() bool {
	p := newProver()
	changed := false
	for _, b := range f.blocks {
		facts := p.before(b)
		var out []*value
		for _, v := range b.values {
			p.steps = 0
			switch v.op {
			case opTrapIf:
				if p.never(v.cond, v.args[0], v.args[1], v.narrow, facts, b) {
					changed = true
					continue
				}
				facts = append([]fact{{negated[v.cond], v.args[0], v.args[1], v.narrow}}, facts...)
			case opCmp:
				decided, result := false, int64(0)
				if p.never(v.cond, v.args[0], v.args[1], v.narrow, facts, b) {
					decided = true
				} else if p.never(negated[v.cond], v.args[0], v.args[1], v.narrow, facts, b) {
					decided, result = true, 1
				}
				if decided {
					v.op, v.args, v.imm, v.narrow, v.cond = opConst, nil, result, false, 0
					changed = true
				}
			case opZext, opSext:
				if c := v.crude(); p.interval(v.args[0], facts, b, 0).within(c.low, c.high) {
					zero := f.constant(0)
					v.op, v.args, v.imm = opOr, []*value{v.args[0], zero}, 0
					changed = true
				} else if a := v.args[0]; a.narrow && p.exact(a, facts, b).within(c.low, c.high) {
					v.op, v.args, v.imm = a.op, slices.Clone(a.args), 0
					changed = true
				}
			}
			out = append(out, v)
		}
		b.values = out
	}
	return changed
}
