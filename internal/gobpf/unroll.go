package gobpf

import "slices"

// maxUnrolled is how many values a loop that is written out may become.
const maxUnrolled = 24

// unroll writes out loops that are short and run a known number of times: then
// what they index is at known places.
func (f *function) unroll() bool {
	changed := false
	for again := true; again; {
		again = false
		loops := f.loops()
		for _, head := range f.blocks {
			body := loops[head]
			if body == nil || len(head.preds) != 2 {
				continue
			}
			l := &counted{f: f, head: head, body: body, in: 0, back: 1}
			if body[head.preds[0]] {
				l.in, l.back = 1, 0
			}
			if !body[head.preds[l.in]] && body[head.preds[l.back]] {
				l.normalise()
			}
			if f.unrollOne(head, body) {
				f.prune()
				again, changed = true, true
				break
			}
		}
	}
	return changed
}

// unrollOne writes out a loop that tests in its head and has one more block.
func (f *function) unrollOne(head *block, body map[*block]bool) bool {
	if len(body) != 2 || len(head.preds) != 2 || head.kind != endBranch || head.on.op != opCmp || head.on.block != head {
		return false
	}
	in, back := 0, 1
	if body[head.preds[0]] {
		in, back = 1, 0
	}
	turn := head.preds[back]
	before := head.preds[in]
	if !body[turn] || body[before] || turn.kind != endJump || len(turn.preds) != 1 || turn == head {
		return false
	}
	yes := 0
	if head.succs[1] == turn {
		yes = 1
	}
	after := head.succs[1-yes]
	if head.succs[yes] != turn || body[after] {
		return false
	}
	size := 0
	for _, b := range []*block{head, turn} {
		for _, v := range b.values {
			switch v.op {
			case opPhi, opConst, opSlot, opCmp:
			case opAdd, opShl, opMul:
				if !v.args[1].isConst() {
					size++
				}
			case opHelper, opCall:
				return false
			default:
				size++
			}
		}
	}
	// How often: the counter is followed from its start.
	test := head.on
	k := test.args[0]
	if k.op != opPhi || k.block != head || !test.args[1].isConst() || !k.args[in].isConst() {
		return false
	}
	next := k.args[back]
	if next.op != opAdd || next.narrow || next.args[0] != k || !next.args[1].isConst() {
		return false
	}
	turns := 0
	for n := k.args[in].imm; test.cond.holds(n, test.args[1].imm, test.narrow) == (yes == 0); n += next.args[1].imm {
		if turns++; turns*size > maxUnrolled || turns > maxUnrolled {
			return false
		}
	}
	if turns == 0 {
		return false
	}

	now := map[*value]*value{} // what values of the loop are in this turn
	get := func(v *value) *value {
		if w := now[v]; w != nil {
			return w
		}
		return v
	}
	var phis []*value
	for _, v := range head.values {
		if v.op == opPhi {
			phis = append(phis, v)
			now[v] = v.args[in]
		}
	}
	out := f.newBlock()
	copyOf := func(v *value) {
		w := *v
		f.values++
		w.id, w.block, w.bound, w.lower = f.values, out, nil, nil
		w.args = nil
		for _, a := range v.args {
			w.args = append(w.args, get(a))
		}
		out.values = append(out.values, &w)
		now[v] = &w
	}
	for n := 0; n <= turns; n++ {
		for _, v := range head.values {
			if v.op != opPhi {
				copyOf(v)
			}
		}
		if n == turns {
			break
		}
		for _, v := range turn.values {
			copyOf(v)
		}
		var values []*value
		for _, p := range phis {
			values = append(values, get(p.args[back]))
		}
		for i, p := range phis {
			now[p] = values[i]
		}
	}
	out.kind, out.pos = endJump, head.pos
	out.succs, out.preds = []*block{after}, []*block{before}
	for i, s := range before.succs {
		if s == head {
			before.succs[i] = out
		}
	}
	for i, p := range after.preds {
		if p == head {
			after.preds[i] = out
		}
	}
	f.follow(func(v *value) *value { // what it is in which turn is not told apart
		if now[v] != nil {
			return nil
		}
		return v
	})
	// Who used values of the loop behind it uses those of the last turn.
	for _, b := range f.blocks {
		if body[b] {
			continue
		}
		for _, v := range b.values {
			for i, a := range v.args {
				v.args[i] = get(a)
			}
			v.related(get)
		}
		if b.on != nil {
			b.on = get(b.on)
		}
	}
	f.blocks = slices.DeleteFunc(f.blocks, func(b *block) bool { return body[b] })
	head.succs, turn.succs = nil, nil
	f.blocks = f.reachable()
	f.dominators()
	return true
}
