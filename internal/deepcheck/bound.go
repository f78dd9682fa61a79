package deepcheck

import (
	"math"
	"slices"

	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A Bound is how much an activation executes at most.
type Bound struct {
	Known        bool
	Instructions uint64 // with what helpers charge
	Slot         int    // of the loop or helper that has no bound, if it is not known; -1: the analysis gave up
	Helper       bool   // it is a helper
	Heaviest     Share  // of Instructions, if it is known
}

// A Share is what a loop, or a helper, takes of the worst case.
type Share struct {
	Instructions uint64 // 0: there is no loop, nor a helper that is charged more than its call
	Slot         int    // of the jump back, or of the call
	Times        uint64 // that the loop goes round at most; 0: it is a helper
}

// or is what holds with a context as without; first: b is of no run yet.
func (b Bound) or(c Bound, first bool) Bound {
	switch {
	case first || b.Known && !c.Known:
		return c
	case !b.Known:
		return b
	}
	if c.Instructions > b.Instructions {
		return c
	}
	return b
}

// A flow is the graph of the points that are reached.
type flow struct {
	a     *analysis
	next  map[*point][]*point
	cost  map[*point]uint64
	tries int
	known map[uint64][]*cutting // by component
	slot  int                   // of what has no bound
	heavy Share
}

// Limits of the search for a bound.
const (
	maxNesting = 5
	maxTries   = 400
	maxUnroll  = 4000 // instructions that are followed on single ways
)

// bound finds how much is executed at most.
func (a *analysis) bound() Bound {
	f := &flow{a: a, next: map[*point][]*point{}, cost: map[*point]uint64{}, known: map[uint64][]*cutting{}, slot: -1}
	var all []*point
	for _, p := range a.points {
		if p.state == nil {
			continue
		}
		all = append(all, p)
		for _, e := range a.step(p, p.state) {
			f.next[p] = append(f.next[p], e.to)
		}
		f.cost[p] = 1 + a.charge
		if a.charge == unbounded {
			return Bound{Slot: p.slot, Helper: true}
		}
	}
	if most, ok := f.longest(all, nil, a.points[:1], 0); ok {
		return Bound{Known: true, Instructions: most, Heaviest: f.heavy}
	}
	if most, ok := a.unroll(); ok {
		return Bound{Known: true, Instructions: most}
	}
	return Bound{Slot: f.slot}
}

// unroll follows all ways one by one, as long as there are not too many.
func (a *analysis) unroll() (most uint64, ok bool) {
	type place struct {
		edge
		cost uint64
	}
	a.single = true
	defer func() { a.single = false }()
	left := []place{{edge{a.points[0], a.points[0].state}, 0}}
	for steps := 0; len(left) > 0; steps++ {
		if steps > maxUnroll {
			return 0, false
		}
		at := left[len(left)-1]
		left = left[:len(left)-1]
		edges := a.step(at.to, at.state)
		cost := at.cost + 1 + a.charge
		most = max(most, cost)
		for _, e := range edges {
			left = append(left, place{e, cost})
		}
	}
	return most, true
}

// components returns the strongly connected components of set, without edges
// into cut, in the order in which they are executed. Tarjan's algorithm.
func (f *flow) components(set []*point, cut *point) [][]*point {
	in := map[*point]bool{}
	for _, p := range set {
		in[p] = true
	}
	number, low := map[*point]int{}, map[*point]int{}
	onStack := map[*point]bool{}
	var stack []*point
	var list [][]*point
	type visit struct {
		p *point
		i int
	}
	for _, root := range set {
		if number[root] != 0 {
			continue
		}
		work := []visit{{root, 0}}
		for len(work) > 0 {
			v := &work[len(work)-1]
			p := v.p
			if number[p] == 0 {
				number[p] = len(number) + 1
				low[p] = number[p]
				stack = append(stack, p)
				onStack[p] = true
			}
			if v.i < len(f.next[p]) {
				q := f.next[p][v.i]
				v.i++
				switch {
				case !in[q] || q == cut:
				case number[q] == 0:
					work = append(work, visit{q, 0})
				case onStack[q]:
					low[p] = min(low[p], number[q])
				}
				continue
			}
			work = work[:len(work)-1]
			if len(work) > 0 {
				up := work[len(work)-1].p
				low[up] = min(low[up], low[p])
			}
			if low[p] == number[p] {
				var component []*point
				for {
					q := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					onStack[q] = false
					component = append(component, q)
					if q == p {
						break
					}
				}
				list = append(list, component)
			}
		}
	}
	slices.Reverse(list)
	return list
}

// loops reports whether a component has a way from itself to itself.
func (f *flow) loops(component []*point, cut *point) bool {
	p := component[0]
	return len(component) > 1 || p != cut && slices.Contains(f.next[p], p)
}

// longest is the cost of the most expensive way in set that begins at one of
// starts, where edges into cut end it.
func (f *flow) longest(set []*point, cut *point, starts []*point, nesting int) (most uint64, ok bool) {
	before := map[*point]uint64{} // the most before each point
	reached := map[*point]bool{}
	for _, p := range starts {
		reached[p] = true
	}
	inside := map[*point]bool{}
	for _, p := range set {
		inside[p] = true
	}
	for _, component := range f.components(set, cut) {
		var entries []*point
		first := uint64(0)
		for _, p := range component {
			if reached[p] {
				entries = append(entries, p)
				first = max(first, before[p])
			}
		}
		if len(entries) == 0 {
			continue
		}
		cost := f.cost[component[0]]
		if p := component[0]; nesting == 0 && cost > 1 && cost > f.heavy.Instructions {
			f.heavy = Share{Instructions: cost, Slot: p.slot}
		}
		if f.loops(component, cut) {
			if cost, ok = f.loop(component, entries, nesting); !ok {
				return 0, false
			}
		}
		after := min(first+cost, unbounded)
		most = max(most, after)
		for _, p := range component {
			for _, q := range f.next[p] {
				if inside[q] && q != cut {
					reached[q] = true
					before[q] = max(before[q], after)
				}
			}
		}
	}
	return most, most < unbounded
}

// loop is the most that a loop costs each time it is entered.
func (f *flow) loop(set, entries []*point, nesting int) (best uint64, ok bool) {
	times := uint64(0)
	for _, c := range f.cuts(set, nesting) {
		first, one := f.longest(set, c.head, entries, nesting+1)
		each, two := f.longest(set, c.head, []*point{c.head}, nesting+1)
		if one && two && c.times < unbounded/max(each, 1) {
			if total := first + c.times*each; !ok || total < best {
				best, ok, times = total, true, c.times
			}
		}
	}
	switch {
	case !ok && f.slot < 0:
		f.slot = f.lastJump(set)
	case ok && nesting == 0 && best > f.heavy.Instructions:
		f.heavy = Share{Instructions: best, Slot: f.lastJump(set), Times: times + 1}
	}
	return best, ok
}

// lastJump is where a loop goes back.
func (f *flow) lastJump(set []*point) int {
	slot := -1
	for _, p := range set {
		if p.chain.depth == set[0].chain.depth && slices.ContainsFunc(f.next[p], func(q *point) bool { return q.slot <= p.slot && slices.Contains(set, q) }) {
			slot = max(slot, p.slot)
		}
	}
	return slot
}

// A cutting is a loop's head that is executed a known number of times at most,
// and what each time changes.
type cutting struct {
	head  *point
	times uint64
	each  *changes
}

// cuts finds the heads of a loop for which there is a bound.
func (f *flow) cuts(set []*point, nesting int) (list []*cutting) {
	if nesting > maxNesting {
		return nil
	}
	// The same component is met under several heads around it.
	key := uint64(len(set))
	for _, p := range set {
		key += (uint64(p.order) + 1) * (uint64(p.order) + 1) * 0x9e3779b97f4a7c15
	}
	if list, done := f.known[key]; done {
		return list
	}
	defer func() { f.known[key] = list }()
	for _, head := range set {
		if !head.head {
			continue
		}
		if f.tries++; f.tries > maxTries {
			break
		}
		each := f.around(set, head, []*point{head}, f.identity(head), nesting)
		if each == nil {
			continue
		}
		if times, ok := f.times(head, each); ok {
			list = append(list, &cutting{head, times, each})
		}
	}
	return list
}

// cut is the one of cuts that is executed least.
func (f *flow) cut(set []*point, nesting int) (best *cutting) {
	for _, c := range f.cuts(set, nesting) {
		if best == nil || c.times < best.times {
			best = c
		}
	}
	return best
}

// Variables whose changes are followed: r0 to r9, and some cells of the stack.
const (
	followedCells = 6
	followed      = isa.FramePointer + followedCells
	far           = 1 << 29 // changes beyond are not followed
)

// A delta says that a variable is what another was at a loop's head, and more by
// low to high; low above high: it is not known to be.
type delta struct{ low, high int32 }

var noDelta = delta{1, 0}

func (d delta) known() bool { return d.low <= d.high }

func (d delta) more(low, high int64) delta {
	if low, high = low+int64(d.low), high+int64(d.high); !d.known() || low < -far || high > far {
		return noDelta
	}
	return delta{int32(low), int32(high)}
}

func (d delta) join(e delta) delta {
	if !d.known() || !e.known() {
		return noDelta
	}
	return delta{min(d.low, e.low), max(d.high, e.high)}
}

// A trail is a variable's delta to each of those at the loop's head.
type trail [followed]delta

var noTrail = func() (t trail) {
	for k := range t {
		t[k] = noDelta
	}
	return t
}()

func (t *trail) more(low, high int64) {
	if low < -far || high > far {
		*t = noTrail
		return
	}
	for k := range t {
		t[k] = t[k].more(low, high)
	}
}

// changes are the trails of all variables that are followed.
type changes struct {
	of     [followed]trail
	at     []cell // the cells
	before trail  // of a register before it was shifted
}

func (f *flow) identity(head *point) *changes {
	c := &changes{at: head.state.cells, before: noTrail}
	if len(c.at) > followedCells {
		c.at = c.at[:followedCells]
	}
	for n := range c.of {
		c.of[n] = noTrail
		if n < isa.FramePointer+len(c.at) {
			c.of[n][n] = delta{}
		}
	}
	c.fill(f.a, head.state)
	return c
}

// fill follows registers by others that are known to be as much more.
func (c *changes) fill(a *analysis, s *state) {
	for n := range isa.FramePointer {
		for k := range isa.FramePointer {
			if k == n {
				continue
			}
			v, known := a.from(s, register+n, register+k).known()
			if !known || int64(v) < -far || int64(v) > far {
				continue
			}
			for j := range c.of[n] {
				if !c.of[n][j].known() {
					c.of[n][j] = c.of[k][j].more(int64(v), int64(v))
				}
			}
		}
	}
}

func (c *changes) copied() *changes {
	d := *c
	return &d
}

func (c *changes) join(d *changes) *changes {
	if c == nil {
		return d
	}
	m := c.copied()
	for n := range m.of {
		for k := range m.of[n] {
			m.of[n][k] = c.of[n][k].join(d.of[n][k])
		}
	}
	m.before = noTrail
	return m
}

// repeated is what c may be after each was done on top of it, any number of
// times less than times. own has the cells of the loop that each is of.
func (c *changes) repeated(each, own *changes, times uint64) *changes {
	m := c.copied()
	for n := range m.of {
		k := n
		if n >= isa.FramePointer { // the inner loop may follow other cells
			k = -1
			for i := range own.at {
				if j := n - isa.FramePointer; j < len(c.at) && own.at[i].at == c.at[j].at && own.at[i].size == c.at[j].size {
					k = isa.FramePointer + i
				}
			}
		}
		if k < 0 || !each.of[k][k].known() || times > far {
			m.of[n] = noTrail
			continue
		}
		e := each.of[k][k]
		m.of[n].more(min(0, int64(e.low)*int64(times-1)), max(0, int64(e.high)*int64(times-1)))
	}
	return m
}

// around follows changes through set from starts, where begin holds, and
// returns what they are on the edges into head; nil: a loop inside has no bound.
func (f *flow) around(set []*point, head *point, starts []*point, begin *changes, nesting int) *changes {
	arrived := map[*point]*changes{}
	for _, p := range starts {
		arrived[p] = begin
	}
	back, ok := f.through(set, head, arrived, nesting)
	if !ok {
		return nil
	}
	return back
}

// through follows changes from the points in arrived, and leaves there what
// holds at each.
func (f *flow) through(set []*point, cut *point, arrived map[*point]*changes, nesting int) (back *changes, ok bool) {
	inside := map[*point]bool{}
	for _, p := range set {
		inside[p] = true
	}
	out := func(p *point) {
		for _, q := range f.next[p] {
			if !inside[q] {
				continue
			}
			d := f.after(p, q, arrived)
			if q == cut {
				back = back.join(d)
			} else {
				arrived[q] = arrived[q].join(d)
			}
		}
	}
	for _, component := range f.components(set, cut) {
		var entries []*point
		for _, p := range component {
			if arrived[p] != nil {
				entries = append(entries, p)
			}
		}
		if len(entries) == 0 {
			continue
		}
		if !f.loops(component, cut) {
			out(component[0])
			continue
		}
		c := f.cut(component, nesting+1)
		if c == nil {
			return nil, false
		}
		// From where the loop is entered to its head, and from there on.
		first := map[*point]*changes{}
		for _, p := range entries {
			first[p] = arrived[p]
		}
		start, ok := f.through(component, c.head, first, nesting+1)
		if !ok {
			return nil, false
		}
		if first[c.head] != nil {
			start = start.join(first[c.head])
		}
		second := map[*point]*changes{}
		if start != nil {
			second[c.head] = start.repeated(c.each, f.identity(c.head), c.times)
			if _, ok := f.through(component, c.head, second, nesting+1); !ok {
				return nil, false
			}
		}
		for _, p := range component {
			switch {
			case first[p] != nil && second[p] != nil:
				arrived[p] = first[p].join(second[p])
			case first[p] != nil:
				arrived[p] = first[p]
			default:
				arrived[p] = second[p]
			}
		}
		in := map[*point]bool{}
		for _, p := range component {
			in[p] = true
		}
		for _, p := range component {
			if arrived[p] == nil {
				continue
			}
			for _, q := range f.next[p] {
				if in[q] || !inside[q] {
					continue
				}
				d := f.after(p, q, arrived)
				if q == cut {
					back = back.join(d)
				} else {
					arrived[q] = arrived[q].join(d)
				}
			}
			// The cut may lie in the component that it leaves.
			if in[cut] && cut != nil && slices.Contains(f.next[p], cut) {
				back = back.join(f.after(p, cut, arrived))
			}
		}
	}
	return back, true
}

// after is what holds at q, which follows p.
func (f *flow) after(p, q *point, arrived map[*point]*changes) *changes {
	a, s := f.a, p.state
	c := arrived[p].copied()
	in := a.fetch(p.slot)
	before := c.before
	c.before = noTrail
	var unused trail
	at := func(n uint8) *trail {
		if n >= isa.FramePointer {
			unused = noTrail
			return &unused
		}
		return &c.of[n]
	}
	dst, src := at(in.Dst), noTrail
	if in.Src < isa.FramePointer {
		src = c.of[in.Src]
	}
	d, v := s.abs(register+int(in.Dst)), exactly(uint64(int64(in.Imm)))
	x := in.Opcode&isa.SourceX != 0
	if x {
		v = s.abs(register + int(in.Src))
	}
	code := in.Opcode & 0xf0
	switch class := in.Class(); class {
	case isa.ClassALU64:
		switch {
		case code == isa.ADD:
			dst.more(v.smin, v.smax)
		case code == isa.SUB && v.smin > -far && v.smax < far:
			dst.more(-v.smax, -v.smin)
		case code == isa.MOV && x && in.Offset == 0:
			*dst = src
		case code == isa.LSH:
			c.before = *dst
			*dst = noTrail
		case (code == isa.RSH || code == isa.ARSH) && s.before != nil && in.Imm == 32 && !x:
			old := s.before.abs(register + int(in.Dst))
			same := code == isa.RSH && old.cut(32) == old || code == isa.ARSH && old.extend(32) == old
			*dst = noTrail
			if same {
				*dst = before
			}
		default:
			*dst = noTrail
		}
	case isa.ClassALU:
		w := v.cut(32)
		k, known := w.known()
		step := int64(int32(k))
		switch {
		case code == isa.MOV && x && in.Offset == 0 && v.umax <= math.MaxUint32:
			*dst = src
		case code == isa.ADD && d.umax <= math.MaxUint32 && d.add(w).umax <= math.MaxUint32:
			dst.more(int64(w.umin), int64(w.umax))
		case code == isa.SUB && d.umax <= math.MaxUint32 && d.sub(w).umax <= math.MaxUint32:
			dst.more(-int64(w.umax), -int64(w.umin))
		case code == isa.ADD && known && d.umax <= math.MaxUint32 && d.add(exactly(uint64(step))).umax <= math.MaxUint32:
			dst.more(step, step)
		case code == isa.SUB && known && d.umax <= math.MaxUint32 && d.add(exactly(uint64(-step))).umax <= math.MaxUint32:
			dst.more(-step, -step)
		default:
			*dst = noTrail
		}
	case isa.ClassLD:
		*dst = noTrail
	case isa.ClassLDX:
		*dst = noTrail
		if n := c.cell(s, register+int(in.Src), int64(in.Offset), in); n >= 0 && in.Opcode&isa.ModeMask == isa.MEM {
			*dst = c.of[isa.FramePointer+n]
		}
	case isa.ClassST, isa.ClassSTX:
		n := c.cell(s, register+int(in.Dst), int64(in.Offset), in)
		c.stored(s, register+int(in.Dst), int64(in.Offset), 8)
		switch {
		case in.Opcode&isa.ModeMask == isa.ATOMIC:
			if in.Imm == isa.AtomicCmpxchg {
				c.of[0] = noTrail
			} else if in.Imm&isa.Fetch != 0 {
				*at(in.Src) = noTrail
			}
		case n >= 0 && class == isa.ClassSTX && (c.at[n].size == 8 || s.abs(register+int(in.Src)).umax < 1<<(8*c.at[n].size)):
			c.of[isa.FramePointer+n] = src
		}
	default:
		switch {
		case isHelperCall(in):
			for n := range 6 {
				c.of[n] = noTrail
			}
			f.called(c, s, in)
		case in.Opcode == isa.ClassJMP|isa.EXIT && p.chain.caller != nil:
			saved := arrived[p.chain.caller.points[p.chain.call]]
			for n := 6; n < isa.FramePointer; n++ {
				c.of[n] = noTrail
				if saved != nil {
					c.of[n] = saved.of[n]
				}
			}
		}
	}
	if q.state != nil {
		c.fill(a, q.state)
	}
	return c
}

// cell is the index of the cell that an instruction accesses, or -1.
func (c *changes) cell(s *state, i int, offset int64, in isa.Instruction) int {
	at, known := s.differ[index(i, stackEnd)].add(exactly(uint64(offset))).known()
	if !known || s.region(i, offset) != vm.RegionStack {
		return -1
	}
	size := map[uint8]int32{isa.B: 1, isa.H: 2, isa.W: 4, isa.DW: 8}[in.Opcode&isa.SizeMask]
	return slices.IndexFunc(c.at, func(k cell) bool { return int64(k.at) == int64(at) && k.size == size })
}

// stored drops the cells that n bytes at register i plus offset may overlap.
func (c *changes) stored(s *state, i int, offset int64, n uint64) {
	at := s.abs(i).add(exactly(uint64(offset)))
	if at.umin > base(vm.RegionStack)+vm.MaxRegion || at.umax+n < base(vm.RegionStack) && at.umax < 1<<32 {
		return
	}
	from := s.differ[index(i, stackEnd)].add(exactly(uint64(offset)))
	for k := range c.at {
		if from.smin < -farthest || from.smax > farthest || n > farthest ||
			int64(c.at[k].at)+int64(c.at[k].size) > from.smin && int64(c.at[k].at) < from.smax+int64(n) {
			c.of[isa.FramePointer+k] = noTrail
		}
	}
}

// called drops the cells that a helper may write.
func (f *flow) called(c *changes, s *state, in isa.Instruction) {
	h := f.a.env.Helper(uint8(in.Imm))
	if h == nil || h.Opaque || h.Follows {
		for k := range c.at {
			c.of[isa.FramePointer+k] = noTrail
		}
		return
	}
	for i, arg := range h.Args {
		size := uint64(h.Writes[i])
		switch {
		case arg > vm.ArgValue && arg&1 != 0 && arg&2 != 0:
			size = uint64(arg>>3) & 0x1fff
		case arg > vm.ArgValue && arg&1 != 0:
			size = math.MaxUint64
		}
		if size > 0 && arg != vm.ArgString {
			c.stored(s, register+1+i, 0, size)
		}
	}
}

// times is how often a loop's head is executed at most, where each says what is
// changed from one time to the next.
func (f *flow) times(head *point, each *changes) (best uint64, ok bool) {
	s := *head.state
	if !f.a.reduce(&s) {
		return 1, true
	}
	consider := func(n num, d delta) {
		if d.low < 0 {
			d.low, d.high = -d.high, -d.low
		}
		if d.low <= 0 {
			return
		}
		span := min(n.umax-n.umin, uint64(n.smax)-uint64(n.smin))
		if span >= 1<<62 {
			return
		}
		if times := span/uint64(d.low) + 1; !ok || times < best {
			best, ok = times, true
		}
	}
	for i := range isa.FramePointer {
		d := each.of[i][i]
		if !d.known() {
			continue
		}
		for j := range register {
			consider(s.differ[index(register+i, j)], d)
		}
		for j := range i {
			if e := each.of[j][j]; e.known() {
				consider(s.differ[index(register+i, register+j)], delta{d.low - e.high, d.high - e.low})
			}
		}
	}
	for k := range each.at {
		if d := each.of[isa.FramePointer+k][isa.FramePointer+k]; d.known() {
			for _, n := range s.cells[k].value {
				consider(n, d)
			}
		}
	}
	return best, ok
}
