package deepcheck

import (
	"container/heap"
	"math"
	"slices"

	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// An analysis is that of one container for contexts that are all empty, or all
// not.
type analysis struct {
	env              *Env
	constants        [register]num
	unsigned         []uint64 // thresholds, ascending
	ordered          []int64
	root             *chain
	points           []*point // in the order in which they are executed, but for loops
	slot             int      // of the instruction that is being executed
	before           *state   // that of the instruction before, where it matters
	note             func(*state, access)
	steps            int
	charge           uint64 // by the helper that was just called
	gaveUp, tooLarge bool
	single           bool // ways are followed one by one: nothing was widened
}

// A chain is one chain of local calls: functions are analysed for each by
// itself.
type chain struct {
	caller *chain // nil: the program itself
	call   int    // slot of the call in caller
	depth  int
	points map[int]*point
	calls  map[int]*chain
}

// A point is an instruction in a chain of calls.
type point struct {
	chain  *chain
	slot   int
	order  int
	next   []*point // by any way
	ways   int      // that lead here
	head   bool     // of a loop
	visits int
	queued bool
	state  *state // nil: never reached
}

type edge struct {
	to    *point
	state *state
}

func (a *analysis) fetch(slot int) isa.Instruction { return isa.Decode(a.env.Text[slot*isa.Size:]) }

func (a *analysis) at(c *chain, slot int) *point {
	p := c.points[slot]
	if p == nil && len(a.points) < maxPoints {
		p = &point{chain: c, slot: slot}
		c.points[slot] = p
		a.points = append(a.points, p)
	}
	a.tooLarge = a.tooLarge || p == nil
	return p
}

// successors lists where an instruction leads.
func (a *analysis) successors(p *point) (list []*point) {
	in := a.fetch(p.slot)
	add := func(c *chain, slot int) {
		if q := a.at(c, slot); q != nil && !slices.Contains(list, q) {
			list = append(list, q)
		}
	}
	class := in.Class()
	switch {
	case class != isa.ClassJMP && class != isa.ClassJMP32:
		if in.Wide() {
			add(p.chain, p.slot+2)
		} else {
			add(p.chain, p.slot+1)
		}
	case in.Opcode == isa.ClassJMP|isa.EXIT:
		if c := p.chain; c.caller != nil {
			add(c.caller, c.call+1)
		}
	case in.Opcode == isa.ClassJMP|isa.CALL && in.Src == isa.CallLocal:
		if p.chain.depth < vm.MaxDepth {
			add(a.callee(p), p.slot+1+int(in.Imm))
		}
	case in.Opcode == isa.ClassJMP|isa.CALL:
		add(p.chain, p.slot+1)
	case in.Opcode == isa.ClassJMP|isa.JA:
		add(p.chain, p.slot+1+int(in.Offset))
	case in.Opcode == isa.ClassJMP32|isa.JA:
		add(p.chain, p.slot+1+int(in.Imm))
	default:
		add(p.chain, p.slot+1)
		add(p.chain, p.slot+1+int(in.Offset))
	}
	return list
}

func (a *analysis) callee(p *point) *chain {
	c := p.chain.calls[p.slot]
	if c == nil {
		c = newChain(p.chain, p.slot)
		p.chain.calls[p.slot] = c
	}
	return c
}

func newChain(caller *chain, call int) *chain {
	c := &chain{caller: caller, call: call, points: map[int]*point{}, calls: map[int]*chain{}}
	if caller != nil {
		c.depth = caller.depth + 1
	}
	return c
}

// layOut finds all points, their order and the heads of loops.
func (a *analysis) layOut() {
	a.root = newChain(nil, 0)
	start := a.at(a.root, 0)
	start.ways = 1
	type visit struct {
		p *point
		i int
	}
	const fresh, open, done = 0, 1, 2
	state := map[*point]int{start: open}
	start.next = a.successors(start)
	stack := []visit{{start, 0}}
	var left []*point
	for len(stack) > 0 {
		v := &stack[len(stack)-1]
		if v.i == len(v.p.next) {
			state[v.p] = done
			left = append(left, v.p)
			stack = stack[:len(stack)-1]
			continue
		}
		q := v.p.next[v.i]
		v.i++
		q.ways++
		switch state[q] {
		case fresh:
			state[q] = open
			q.next = a.successors(q)
			stack = append(stack, visit{q, 0})
		case open:
			q.head = true
		}
	}
	slices.Reverse(left)
	a.points = left
	for i, p := range left {
		p.order = i
	}
}

// findThresholds collects the numbers at which ranges are likely to end.
func (a *analysis) findThresholds() {
	var list []uint64
	add := func(v uint64) {
		for _, w := range []uint64{v - 1, v, v + 1} {
			list = append(list, w, -w)
		}
	}
	for _, v := range []uint64{0, 1, math.MaxUint8, math.MaxUint16, math.MaxInt32, math.MaxUint32} {
		add(v)
	}
	for region := range a.env.Region {
		if r := &a.env.Region[region]; r.Max > 0 {
			add(uint64(r.Min))
			add(uint64(r.Max))
			add(base(region))
			add(base(region) + uint64(r.Max))
		}
	}
	for slot := 0; slot < len(a.env.Text)/isa.Size; slot++ {
		in := a.fetch(slot)
		if in.Wide() {
			slot++
			continue
		}
		if class := in.Class(); (class == isa.ClassJMP || class == isa.ClassJMP32) && in.Opcode&isa.SourceX == 0 && in.Opcode&0xf0 != isa.JA &&
			in.Opcode&0xf0 != isa.CALL && in.Opcode&0xf0 != isa.EXIT || in.Opcode&0xf0 == isa.MOV && in.Opcode&isa.SourceX == 0 {
			add(uint64(int64(in.Imm)))
		}
	}
	for _, v := range list {
		a.ordered = append(a.ordered, int64(v))
	}
	slices.Sort(list)
	a.unsigned = slices.Compact(list)
	slices.Sort(a.ordered)
	a.ordered = slices.Compact(a.ordered)
}

// entry is the state in which a program begins, with a context or without.
func (a *analysis) entry(empty bool) *state {
	env := a.env
	ctx := &env.Region[vm.RegionContext]
	a.constants = [register]num{
		zero:   exactly(0),
		length: between(uint64(max(ctx.Min, 1)), uint64(max(ctx.Max, 1))),
		stackEnd: between(base(vm.RegionStack)+uint64(env.Region[vm.RegionStack].Min),
			base(vm.RegionStack)+uint64(env.Region[vm.RegionStack].Max)),
		grant: anything,
	}
	if empty {
		a.constants[length] = exactly(0)
	}
	if env.Packet > 0 {
		a.constants[grant] = between(base(vm.RegionGrant), math.MaxUint32-uint64(env.Packet))
	}
	s := &state{}
	for i := range s.differ {
		s.differ[i] = anything
	}
	for i := register; i < variables; i++ {
		a.number(s, i, exactly(0), atEntry)
	}
	if !empty {
		a.number(s, register+1, exactly(base(vm.RegionContext)), atEntry)
		a.same(s, register+2, length)
	}
	if env.Initial != nil {
		for i, v := range env.Initial {
			if v != 0 {
				a.number(s, register+i, exactly(v), atEntry)
			}
		}
	}
	a.same(s, framePointer, stackEnd)
	return s
}

// same makes register i one of the constant variables.
func (a *analysis) same(s *state, i, constant int) {
	r := a.plain(s, a.constants[constant])
	r[constant] = exactly(0)
	a.assign(s, i, &r, atEntry)
}

type queue []*point

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].order < q[j].order }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(p any)        { *q = append(*q, p.(*point)) }
func (q *queue) Pop() any {
	p := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return p
}

// Visits of a loop's head before its ranges are widened, and before they are
// given up.
const (
	exactVisits = 3
	lastVisit   = 60
)

// solve finds a state for each point that holds whenever it is reached.
func (a *analysis) solve(start *state) {
	first := a.points[0]
	first.state = start
	q := &queue{first}
	first.queued = true
	for q.Len() > 0 {
		if a.steps++; a.steps > maxSteps {
			a.gaveUp = true
			return
		}
		p := heap.Pop(q).(*point)
		p.queued = false
		push := func(p *point) {
			if !p.queued {
				p.queued = true
				heap.Push(q, p)
			}
		}
		for _, e := range a.step(p, p.state) {
			if a.arrive(e.to, e.state) {
				push(e.to)
			}
		}
		// What a function leaves as its caller had it comes from the call.
		if callee := p.chain.calls[p.slot]; callee != nil {
			for _, exit := range callee.points {
				if exit.state != nil && len(exit.next) > 0 && exit.next[0].chain == p.chain {
					push(exit)
				}
			}
		}
	}
	a.tighten(start)
}

// arrive merges a state into that of a point, and reports whether it changed.
func (a *analysis) arrive(p *point, s *state) bool {
	switch {
	case p.state == nil || p.ways == 1:
		if p.state != nil && p.state.equal(s) && p.state.before == nil && s.before == nil {
			return false
		}
		p.state = s
		return true
	}
	p.visits++
	m := a.merge(p.state, s, p.head && p.visits > exactVisits)
	if p.visits > lastVisit && p.head {
		for k := range m.differ {
			if m.differ[k] != p.state.differ[k] {
				m.differ[k] = anything
			}
		}
		if !slices.Equal(m.cells, p.state.cells) {
			m.cells = nil
		}
	}
	if m.equal(p.state) {
		return false
	}
	p.state = m
	return true
}

// tighten goes over all points again: what holds after each of what leads to a
// point holds at the point, and may say more than what widening left.
func (a *analysis) tighten(start *state) {
	leads := map[*point][]*point{}
	for _, p := range a.points {
		for _, q := range p.next {
			leads[q] = append(leads[q], p)
		}
	}
	const rounds = 2
	for range rounds {
		for i, p := range a.points {
			var s *state
			if i == 0 {
				s = start
			}
			for _, q := range leads[p] {
				if q.state == nil {
					continue
				}
				for _, e := range a.step(q, q.state) {
					switch {
					case e.to != p:
					case s == nil:
						s = e.state
					default:
						s = a.merge(s, e.state, false)
					}
				}
			}
			p.state = s
		}
	}
}

// step executes the instruction at p in state s, and returns where it leads.
func (a *analysis) step(p *point, s *state) []edge {
	in := a.fetch(p.slot)
	a.slot, a.charge = p.slot, 0
	next := *s
	t := &next
	a.before, t.before = s.before, nil
	if p.head && !a.single && !a.reduce(t) {
		return nil
	}
	to := func(slot int, s *state) []edge { return []edge{{p.chain.points[slot], s}} }
	switch class := in.Class(); class {
	case isa.ClassALU, isa.ClassALU64:
		a.arithmetic(t, in)
		return to(p.slot+1, t)
	case isa.ClassLD:
		a.wide(t, in, a.fetch(p.slot+1).Imm)
		return to(p.slot+2, t)
	case isa.ClassLDX, isa.ClassST, isa.ClassSTX:
		if !a.memory(t, in) {
			return nil
		}
		return to(p.slot+1, t)
	}
	switch {
	case in.Opcode == isa.ClassJMP|isa.JA:
		return to(p.slot+1+int(in.Offset), t)
	case in.Opcode == isa.ClassJMP32|isa.JA:
		return to(p.slot+1+int(in.Imm), t)
	case in.Opcode == isa.ClassJMP|isa.EXIT:
		return a.leave(p, t)
	case in.Opcode == isa.ClassJMP|isa.CALL && in.Src == isa.CallLocal:
		callee := p.chain.calls[p.slot]
		if callee == nil {
			return nil // too deep
		}
		a.lower(t, -int64(a.frame()))
		return []edge{{callee.points[p.slot+1+int(in.Imm)], t}}
	case in.Opcode == isa.ClassJMP|isa.CALL:
		charge, ok := a.call(t, uint8(in.Imm))
		a.charge = charge
		if !ok {
			return nil
		}
		return to(p.slot+1, t)
	}
	var edges []edge
	other := next
	if a.assume(t, in, true) {
		edges = to(p.slot+1+int(in.Offset), t)
	}
	if a.assume(&other, in, false) {
		q := p.chain.points[p.slot+1]
		if len(edges) > 0 && edges[0].to == q { // a jump to the next instruction
			edges[0].state = a.merge(edges[0].state, &other, false)
			return edges
		}
		edges = append(edges, edge{q, &other})
	}
	return edges
}

// reduce lets registers know what is known of each other.
func (a *analysis) reduce(s *state) bool {
	for i := register; i < variables; i++ {
		if !a.spread(s, i) {
			return false
		}
	}
	a.refresh(s)
	return true
}

func (a *analysis) frame() uint16 {
	if a.env.Need.Frame == 0 {
		return vm.DefaultFrame
	}
	return a.env.Need.Frame
}

// lower moves r10.
func (a *analysis) lower(s *state, by int64) {
	r := a.row(s, framePointer)
	for j := range r {
		if j != framePointer {
			r[j] = r[j].add(exactly(uint64(by)))
		}
	}
	a.assign(s, framePointer, &r, atEntry)
}

// leave returns from a function: r6 to r10 are as at the call.
func (a *analysis) leave(p *point, s *state) []edge {
	c := p.chain
	if c.caller == nil {
		return nil
	}
	call := c.caller.points[c.call].state
	if call == nil {
		return nil
	}
	const saved = register + 6
	for i := saved; i < variables; i++ {
		r := a.plain(s, call.abs(i))
		for j := range register {
			r[j] = call.differ[index(i, j)]
		}
		for j := saved; j < i; j++ {
			r[j] = call.differ[index(i, j)]
		}
		a.assign(s, i, &r, int(call.origin[i-register]))
	}
	return []edge{{c.caller.points[c.call+1], s}}
}
