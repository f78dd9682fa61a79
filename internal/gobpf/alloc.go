package gobpf

import (
	"cmp"
	"math"
	"slices"

	"github.com/femto-containers/femto/isa"
)

// Register allocation colours the interference graph (Chaitin, Briggs): copies
// are coalesced as long as that keeps the graph colourable, and what finds no
// register lives on the stack.

const colors = 10 // r0 to r9

// visit calls use for each register that in reads, then def for each that it
// writes.
func (in *inst) visit(use, def func(r int)) {
	if in.call {
		for r := 1; r <= in.args; r++ {
			use(r)
		}
		for r := 0; r <= registers; r++ {
			def(r)
		}
		return
	}
	if in.src != none && in.src != frame10 {
		use(in.src)
	}
	if in.dst != none && in.dst != frame10 {
		if in.readsDst {
			use(in.dst)
		}
		if in.writes {
			def(in.dst)
		}
	}
}

type bitset []uint64

func newBits(n int) bitset      { return make(bitset, (n+63)/64) }
func (b bitset) has(i int) bool { return b[i>>6]>>(i&63)&1 != 0 }
func (b bitset) set(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b bitset) clear(i int)    { b[i>>6] &^= 1 << (i & 63) }
func (b bitset) or(c bitset) bool { // and whether that changes b
	changed := false
	for i, w := range c {
		if b[i]|w != b[i] {
			b[i] |= w
			changed = true
		}
	}
	return changed
}

func (b bitset) each(f func(i int)) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			n := 0
			for w>>n&1 == 0 {
				n++
			}
			f(i<<6 + n)
		}
	}
}

func (m *mblock) next() []*mblock {
	switch m.kind {
	case endJump:
		return []*mblock{m.no}
	case endBranch:
		return []*mblock{m.yes, m.no}
	}
	return nil
}

// liveness fills in what is live at the end of each block.
func (c *code) liveness() {
	n := c.virtuals
	in := make([]bitset, len(c.blocks))
	for i, b := range c.blocks {
		b.id = i
		b.live = newBits(n)
		in[i] = newBits(n)
	}
	for changed := true; changed; {
		changed = false
		for i := len(c.blocks) - 1; i >= 0; i-- {
			b := c.blocks[i]
			for _, s := range b.next() {
				bitset(b.live).or(in[s.id])
			}
			live := slices.Clone(bitset(b.live))
			c.backwards(b, live, func(*inst, bitset) {})
			if in[i].or(live) {
				changed = true
			}
		}
	}
}

// backwards goes through a block from its end and keeps live what is live
// before each instruction; at is called with what is live after it.
func (c *code) backwards(b *mblock, live bitset, at func(in *inst, after bitset)) {
	step := func(in *inst) {
		at(in, live)
		in.visit(func(int) {}, live.clear)
		in.visit(live.set, func(int) {})
	}
	switch b.kind {
	case endReturn:
		if c.f.results > 0 || c.f.entry {
			live.set(0)
		}
	case endBranch:
		step(&b.jump)
	}
	for i := len(b.insts) - 1; i >= 0; i-- {
		step(&b.insts[i])
	}
}

type graph struct {
	n      int
	edges  []bitset
	degree []int
	alias  []int
	cost   []float64
}

func (g *graph) find(r int) int {
	for g.alias[r] != r {
		g.alias[r] = g.alias[g.alias[r]]
		r = g.alias[r]
	}
	return r
}

func (g *graph) connect(a, b int) {
	if a == b || g.edges[a].has(b) {
		return
	}
	g.edges[a].set(b)
	g.edges[b].set(a)
	g.degree[a]++
	g.degree[b]++
}

// merge makes b the same as a.
func (g *graph) merge(a, b int) {
	g.alias[b] = a
	g.edges[b].each(func(t int) {
		g.edges[t].clear(b)
		g.degree[t]--
		if !g.edges[a].has(t) {
			g.connect(a, t)
		}
	})
	g.edges[b] = newBits(g.n)
	g.degree[b] = 0
	g.cost[a] += g.cost[b]
}

type copying struct {
	a, b   int
	weight float64
}

func weight(loop int) float64 { return math.Pow(10, float64(min(loop, 6))) }

// allocate assigns registers; c.color has them.
func (c *code) allocate() {
	short := map[int]bool{} // registers that spilling made: they are not spilled again
	for {
		g, present, copies := c.interference()
		color, spilled, final := c.attempt(g, present, copies, short, nil)
		if len(spilled) == 0 {
			c.color = color
			c.improve(g, present, copies, short)
			return
		}
		members := final.members()
		for _, root := range spilled {
			c.spill(members[root], short)
		}
	}
}

// improve coalesces copies that were left because that could have spoilt the
// colouring, as long as it does not.
func (c *code) improve(g *graph, present bitset, copies []copying, short map[int]bool) {
	var forced []copying
	tried := map[copying]bool{}
	for tries := 0; tries < 100 && g.n < 2000; tries++ {
		var next *copying
		for i := range copies {
			if m := &copies[i]; c.color[m.a] != c.color[m.b] && !tried[*m] {
				next = m
				break
			}
		}
		if next == nil {
			return
		}
		tried[*next] = true
		color, spilled, _ := c.attempt(g, present, copies, short, append(forced[:len(forced):len(forced)], *next))
		if len(spilled) == 0 && cost(color, copies) < cost(c.color, copies) {
			c.color = color
			forced = append(forced, *next)
		}
	}
}

// cost is that of the copies that stay.
func cost(color []int, copies []copying) (sum float64) {
	for _, m := range copies {
		if color[m.a] != color[m.b] {
			sum += m.weight
		}
	}
	return sum
}

// interference builds the graph.
func (c *code) interference() (*graph, bitset, []copying) {
	c.liveness()
	n := c.virtuals
	g := &graph{n: n, edges: make([]bitset, n), degree: make([]int, n), alias: make([]int, n), cost: make([]float64, n)}
	for r := range n {
		g.edges[r], g.alias[r] = newBits(n), r
	}
	for a := range colors {
		for b := range a {
			g.connect(a, b)
		}
		g.degree[a] = n
	}
	var copies []copying
	present := newBits(n)
	for _, b := range c.blocks {
		w := weight(b.loop)
		live := slices.Clone(bitset(b.live))
		c.backwards(b, live, func(in *inst, after bitset) {
			if in.copies {
				copies = append(copies, copying{in.dst, in.src, w})
			}
			in.visit(func(r int) { g.cost[r] += w; present.set(r) }, func(r int) {
				g.cost[r] += w
				present.set(r)
				after.each(func(t int) {
					if !in.copies || t != in.src {
						g.connect(r, t)
					}
				})
			})
		})
	}
	slices.SortStableFunc(copies, func(a, b copying) int { return cmp.Compare(b.weight, a.weight) })
	return g, present, copies
}

func (g *graph) clone() *graph {
	h := &graph{n: g.n, degree: slices.Clone(g.degree), alias: slices.Clone(g.alias), cost: slices.Clone(g.cost)}
	for _, e := range g.edges {
		h.edges = append(h.edges, slices.Clone(e))
	}
	return h
}

func (g *graph) members() map[int][]int {
	members := map[int][]int{}
	for r := range g.n {
		members[g.find(r)] = append(members[g.find(r)], r)
	}
	return members
}

// attempt colours a copy of the graph in which some copies are coalesced in
// any case.
func (c *code) attempt(g *graph, present bitset, copies []copying, short map[int]bool, forced []copying) ([]int, []int, *graph) {
	g, present = g.clone(), slices.Clone(present)
	for _, m := range forced {
		a, b := g.find(m.a), g.find(m.b)
		if b < firstVirtual {
			a, b = b, a
		}
		if a != b && b >= firstVirtual && a != frame10 && !g.edges[a].has(b) {
			g.merge(a, b)
		}
	}
	g.coalesce(copies)
	color, spilled := c.colour(g, present, copies, short)
	return color, spilled, g
}

func (g *graph) coalesce(copies []copying) {
	for again := true; again; {
		again = false
		for _, m := range copies {
			a, b := g.find(m.a), g.find(m.b)
			if a == b || a == frame10 || b == frame10 || g.edges[a].has(b) {
				continue
			}
			if b < firstVirtual {
				a, b = b, a
			}
			if b < firstVirtual {
				continue
			}
			safe := true
			if a < firstVirtual { // George
				g.edges[b].each(func(t int) {
					if t >= firstVirtual && g.degree[t] >= colors && !g.edges[t].has(a) {
						safe = false
					}
				})
			} else { // Briggs
				significant := 0
				count := func(t int) {
					d := g.degree[t]
					if g.edges[a].has(t) && g.edges[b].has(t) {
						d--
					}
					if d >= colors || t < firstVirtual {
						significant++
					}
				}
				g.edges[a].each(count)
				g.edges[b].each(func(t int) {
					if !g.edges[a].has(t) {
						count(t)
					}
				})
				safe = significant < colors
			}
			if safe {
				g.merge(a, b)
				again = true
			}
		}
	}
}

func (c *code) colour(g *graph, present bitset, copies []copying, short map[int]bool) (color, spilled []int) {
	var nodes []int
	present.each(func(r int) {
		if r >= firstVirtual && g.find(r) == r {
			nodes = append(nodes, r)
		}
	})
	for r := range c.virtuals { // an alias may be all that is left
		if root := g.find(r); r >= firstVirtual && present.has(r) && root >= firstVirtual && !present.has(root) {
			present.set(root)
			nodes = append(nodes, root)
		}
	}
	removed := make([]bool, g.n)
	degree := slices.Clone(g.degree)
	var stack []int
	remove := func(r int) {
		removed[r] = true
		stack = append(stack, r)
		g.edges[r].each(func(t int) { degree[t]-- })
	}
	isShort := map[int]bool{}
	for r := range short {
		isShort[g.find(r)] = true
	}
	for left := len(nodes); left > 0; left-- {
		best, lowest := -1, math.Inf(1)
		for _, r := range nodes {
			if removed[r] {
				continue
			}
			if degree[r] < colors {
				best = r
				break
			}
			cost := g.cost[r] / float64(degree[r])
			if isShort[r] {
				cost += 1e12
			}
			if cost < lowest || best < 0 {
				best, lowest = r, cost
			}
		}
		remove(best)
	}
	color = make([]int, c.virtuals)
	for r := range color {
		color[r] = -1
		if r <= frame10 {
			color[r] = r
		}
	}
	partners := map[int][]int{}
	for _, m := range copies {
		partners[m.a] = append(partners[m.a], m.b)
		partners[m.b] = append(partners[m.b], m.a)
	}
	members := g.members()
	for i := len(stack) - 1; i >= 0; i-- {
		r := stack[i]
		taken := uint32(0)
		g.edges[r].each(func(t int) {
			if k := color[g.find(t)]; k >= 0 {
				taken |= 1 << k
			}
		})
		free := -1
		for _, m := range members[r] {
			for _, p := range partners[m] {
				if k := color[g.find(p)]; free < 0 && k >= 0 && k < colors && taken>>k&1 == 0 {
					free = k
				}
			}
		}
		for k := 0; k < colors && free < 0; k++ {
			if taken>>k&1 == 0 {
				free = k
			}
		}
		if free < 0 {
			spilled = append(spilled, r)
			continue
		}
		color[r] = free
	}
	if len(spilled) == 0 {
		for r := range color {
			color[r] = color[g.find(r)]
		}
	}
	return color, spilled
}

// spill puts the registers of one node of the graph onto the stack.
func (c *code) spill(members []int, short map[int]bool) {
	slot := &stackSlot{name: "spilled", size: 8, align: 8}
	c.f.slots = append(c.f.slots, slot)
	is := map[int]bool{}
	for _, r := range members {
		is[r] = true
	}
	for _, b := range c.blocks {
		var out []inst
		for i, in := range b.insts {
			reads := in.src != none && is[in.src] || in.dst != none && in.readsDst && is[in.dst]
			writes := in.dst != none && in.writes && is[in.dst]
			if !reads && !writes {
				out = append(out, in)
				continue
			}
			if in.copies && reads && writes {
				continue
			}
			t := c.virtuals
			c.virtuals++
			short[t] = true
			// The three instructions of a comparison stay together: the second
			// half of it is only reached by falling through.
			held := i > 0 && b.insts[i-1].skip
			if held && in.src != none && is[in.src] { // the comparison before has it in a register
				in.src = out[len(out)-1].src
				out = append(out, in)
				continue
			}
			if reads && !(held && writes) {
				out = append(out, inst{opcode: isa.ClassLDX | isa.MEM | isa.DW, dst: t, src: frame10, slot: slot, writes: true, pos: in.pos})
			}
			if in.src != none && is[in.src] {
				in.src = t
			}
			if in.dst != none && is[in.dst] {
				in.dst = t
			}
			if held && writes && in.opcode&isa.SourceX != 0 { // mov d, src that may be skipped
				out = append(out, inst{opcode: isa.ClassSTX | isa.MEM | isa.DW, dst: frame10, src: in.src, slot: slot, readsDst: true, pos: in.pos})
				continue
			}
			if held && writes { // mov d, 0 that may be skipped
				out = append(out, inst{opcode: isa.ClassST | isa.MEM | isa.DW, dst: frame10, src: none, slot: slot, imm: in.imm, readsDst: true, pos: in.pos})
				continue
			}
			out = append(out, in)
			if writes {
				out = append(out, inst{opcode: isa.ClassSTX | isa.MEM | isa.DW, dst: frame10, src: t, slot: slot, readsDst: true, pos: in.pos})
			}
		}
		b.insts = out
		if b.kind == endBranch && (is[b.jump.dst] || b.jump.src != none && is[b.jump.src]) {
			t := c.virtuals
			c.virtuals++
			short[t] = true
			b.insts = append(b.insts, inst{opcode: isa.ClassLDX | isa.MEM | isa.DW, dst: t, src: frame10, slot: slot, writes: true, pos: b.jump.pos})
			if is[b.jump.dst] {
				b.jump.dst = t
			}
			if b.jump.src != none && is[b.jump.src] {
				b.jump.src = t
			}
		}
	}
}
