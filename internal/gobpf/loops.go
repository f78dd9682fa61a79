package gobpf

import "slices"

// A loop that counts i and reads at base + i*size takes an addition and a shift
// a turn; a pointer that moves takes one addition. reduce makes pointers of
// counters whose loops have one way in and one way back.
func (f *function) reduce() bool {
	changed := false
	loops := f.loops()
	for _, head := range slices.Clone(f.blocks) {
		body := loops[head]
		if body == nil || len(head.preds) != 2 {
			continue
		}
		in, back := 0, 1
		if body[head.preds[0]] {
			in, back = 1, 0
		}
		if body[head.preds[in]] || !body[head.preds[back]] {
			continue
		}
		l := &counted{f: f, head: head, body: body, in: in, back: back}
		changed = l.normalise() || changed
		changed = l.pointers() || changed
		changed = l.ends() || changed
	}
	return changed
}

type counted struct {
	f        *function
	head     *block
	body     map[*block]bool
	in, back int // of head's predecessors
}

// outside reports whether v is computed before the loop.
func (l *counted) outside(v *value) bool { return v.isConst() || v.block != nil && !l.body[v.block] }

func (l *counted) uses(v *value) (list []*value, on []*block) {
	for _, b := range l.f.blocks {
		for _, u := range b.values {
			if slices.Contains(u.args, v) {
				list = append(list, u)
			}
		}
		if b.on == v {
			on = append(on, b)
		}
	}
	return list, on
}

// atEnd appends a value to a block.
func (l *counted) atEnd(b *block, o op, args ...*value) *value {
	v := l.f.newValue(o, args...)
	v.block, v.pos = b, b.pos
	b.values = append(b.values, v)
	return v
}

// normalise turns a counter of which only its successor is used, as that of a
// range, into one that begins with the successor.
func (l *counted) normalise() bool {
	changed := false
	for _, k := range l.head.values {
		if k.op != opPhi {
			break
		}
		next := k.args[l.back]
		if next.op != opAdd || next.narrow || next.args[0] != k || !next.args[1].isConst() || next.block != l.head || !k.args[l.in].isConst() {
			continue
		}
		uses, on := l.uses(k)
		if len(uses) != 1 || len(on) != 0 {
			continue
		}
		n := next.args[1].imm
		j := l.f.newValue(opPhi, nil, nil)
		j.block, j.pos, j.body, j.length = l.head, k.pos, k.body, false
		j.args[l.in] = l.f.constant(k.args[l.in].imm + n)
		l.f.replace(next, j)
		step := l.atEnd(l.head.preds[l.back], opAdd, j, l.f.constant(n))
		j.args[l.back] = step
		l.head.values = slices.DeleteFunc(l.head.values, func(v *value) bool { return v == k || v == next })
		l.head.values = append([]*value{j}, l.head.values...)
		return l.normalise() || true
	}
	return changed
}

// counter is a phi that grows by a constant a turn.
func (l *counted) counter(k *value) (step int64, ok bool) {
	if k.op != opPhi || k.block != l.head {
		return 0, false
	}
	next := k.args[l.back]
	if next.op != opAdd || next.narrow || next.args[0] != k || !next.args[1].isConst() {
		return 0, false
	}
	return next.args[1].imm, true
}

// pointers finds base + counter<<shift.
func (l *counted) pointers() bool {
	for _, b := range l.f.blocks {
		if !l.body[b] {
			continue
		}
		for _, v := range b.values {
			if v.op != opAdd || v.narrow {
				continue
			}
			for n := range 2 {
				base, index := v.args[n], v.args[1-n]
				if base.op != opSlot && base.op != opGlobal && !l.outside(base) || base.isConst() {
					continue
				}
				scale := int64(1)
				k := index
				switch {
				case k.op == opShl && !k.narrow && k.args[1].isConst():
					scale, k = 1<<(k.args[1].imm&63), k.args[0]
				case k.op == opMul && !k.narrow && k.args[1].isConst():
					scale, k = k.args[1].imm, k.args[0]
				}
				step, ok := l.counter(k)
				if !ok || !l.addresses(v) {
					continue
				}
				before := l.head.preds[l.in]
				start := k.args[l.in]
				if start.isConst() {
					start = l.f.constant(start.imm * scale)
				} else if scale != 1 {
					start = l.atEnd(before, opMul, start, l.f.constant(scale))
				}
				if base.op == opSlot || base.op == opGlobal {
					w := l.atEnd(before, base.op)
					w.slot, w.global, w.imm = base.slot, base.global, base.imm
					base = w
				}
				first := base
				if !start.isConst() || start.imm != 0 {
					first = l.atEnd(before, opAdd, base, start)
				}
				p := l.f.newValue(opPhi, nil, nil)
				p.block, p.pos, p.body = l.head, v.pos, v.body
				p.args[l.in] = first
				p.args[l.back] = l.atEnd(l.head.preds[l.back], opAdd, p, l.f.constant(step*scale))
				l.head.values = append([]*value{p}, l.head.values...)
				l.f.replace(v, p)
				return l.pointers() || true
			}
		}
	}
	return false
}

// addresses reports whether v is used as the address of accesses alone.
func (l *counted) addresses(v *value) bool {
	uses, on := l.uses(v)
	for _, u := range uses {
		if u.op != opLoad && u.op != opStore || u.args[0] != v || len(u.args) > 1 && u.args[1] == v {
			return false
		}
	}
	return len(on) == 0 && len(uses) > 0
}

// ends lets the test of a loop compare a pointer instead of a counter that
// nothing else needs.
func (l *counted) ends() bool {
	if l.head.kind != endBranch || l.head.on.op != opCmp || l.head.on.narrow || l.body[l.head.succs[0]] == l.body[l.head.succs[1]] {
		return false
	}
	test := l.head.on
	k := test.args[0]
	limit := test.args[1]
	step, ok := l.counter(k)
	if !ok || step != 1 || !l.outside(limit) || !k.args[l.in].isConst() || k.args[l.in].imm != 0 || (test.cond != condLT && test.cond != condULT) || l.head.succs[0] != l.f.inside(l) {
		return false
	}
	// The counter goes from 0 to limit: its length, or a small constant.
	proof := newProver()
	before := l.head.preds[l.in]
	if !proof.interval(limit, slices.Concat(proof.edge(before, l.head), proof.at(before)), before, 0).within(0, maxLength) {
		return false
	}
	uses, on := l.uses(k)
	testUses, testOn := l.uses(test)
	if len(uses) != 2 || len(on) != 0 || len(testUses) != 0 || len(testOn) != 1 {
		return false
	}
	for _, p := range l.head.values {
		d, ok := l.counter(p)
		if p == k || !ok || d <= 0 || p.args[l.in].isConst() || p.args[l.back] == k.args[l.back] {
			continue
		}
		if !l.isPointer(p) {
			continue
		}
		far := limit
		if far.isConst() {
			far = l.f.constant(far.imm * d)
		} else if d != 1 {
			far = l.atEnd(before, opMul, far, l.f.constant(d))
		}
		end := l.atEnd(before, opAdd, p.args[l.in], far)
		w := l.f.newValue(opCmp, p, end)
		w.cond, w.block, w.pos = condNE, l.head, test.pos
		l.head.values = append(l.head.values, w)
		l.head.on = w
		return true
	}
	return false
}

func (f *function) inside(l *counted) *block {
	if l.body[l.head.succs[0]] {
		return l.head.succs[0]
	}
	return l.head.succs[1]
}

// isPointer reports whether p moves along what the loop accesses.
func (l *counted) isPointer(p *value) bool {
	uses, _ := l.uses(p)
	for _, u := range uses {
		if (u.op == opLoad || u.op == opStore) && u.args[0] == p {
			return true
		}
	}
	return false
}
