package gobpf

import "slices"

// promote keeps parts of stack variables in registers, where all that happens
// to them is loads and stores at known places.
func (f *function) promote() bool {
	type part struct {
		slot   *stackSlot
		offset int64
		size   int
	}
	bad := map[*stackSlot]bool{}
	parts := map[*stackSlot][]part{}
	zeroed := map[*value]*stackSlot{}
	found := false
	at := func(v *value) (part, bool) { // the access of a load or store
		a := v.args[0]
		if a.op != opSlot {
			return part{}, false
		}
		return part{a.slot, a.imm + v.imm, v.size}, true
	}
	for _, b := range f.blocks {
		for _, v := range b.values {
			for i, a := range v.args {
				if a.op != opSlot {
					continue
				}
				switch {
				case (v.op == opLoad || v.op == opStore) && i == 0:
					p, _ := at(v)
					if p.offset < 0 || p.offset+int64(p.size) > int64(a.slot.size) {
						bad[a.slot] = true
					}
					if !slices.Contains(parts[a.slot], p) {
						parts[a.slot] = append(parts[a.slot], p)
					}
				case v.op == opZero && a.imm == 0 && v.size == a.slot.size:
					zeroed[v] = a.slot
				default:
					bad[a.slot] = true
				}
			}
		}
		if b.on != nil && b.on.op == opSlot {
			bad[b.on.slot] = true
		}
	}
	index := map[part]int{}
	whole := map[int]*local{}
	note := func(n int, v *value) {
		if of := whole[n]; of != nil {
			of.noted(f, v)
		}
	}
	var list []part
	kept := map[*stackSlot]bool{} // some part stays in memory
	for _, s := range f.slots {
		if bad[s] {
			continue
		}
		for _, p := range parts[s] {
			overlaps := slices.ContainsFunc(parts[s], func(q part) bool {
				return q != p && q.offset < p.offset+int64(p.size) && p.offset < q.offset+int64(q.size)
			})
			if overlaps {
				kept[s] = true
				continue
			}
			if p.size != s.size {
				s.parted = true
			}
			if of := f.localIn(s); of != nil && p.size == s.size { // it is in registers from now on
				of.slot, of.values, of.bits = nil, map[*value]bool{}, int64(8*p.size)
				whole[len(list)] = of
			}
			index[p] = len(list)
			list = append(list, p)
		}
	}
	gone := func(v *value) bool { s, ok := zeroed[v]; return ok && !bad[s] && !kept[s] }
	if len(list) == 0 {
		for _, b := range f.blocks {
			b.values = slices.DeleteFunc(b.values, func(v *value) bool {
				found = found || gone(v)
				return gone(v)
			})
		}
		return found
	}

	// Values of variables at the end of blocks (Braun and others, Simple and
	// Efficient Construction of SSA Form).
	type state struct{ start, end []*value }
	states := map[*block]*state{}
	to := map[*value]*value{}
	get := func(v *value) *value {
		for to[v] != nil {
			v = to[v]
		}
		return v
	}
	var phis []*value
	var atEnd func(b *block, n int) *value
	atStart := func(b *block, n int) *value {
		s := states[b]
		if s.start[n] != nil {
			return s.start[n]
		}
		if len(b.preds) == 0 {
			v := f.constant(0)
			v.block = b
			b.values = append([]*value{v}, b.values...)
			s.start[n] = v
			return v
		}
		if len(b.preds) == 1 {
			s.start[n] = atEnd(b.preds[0], n)
			return s.start[n]
		}
		phi := f.newValue(opPhi)
		phi.block = b
		note(n, phi)
		s.start[n] = phi
		for _, p := range b.preds {
			phi.args = append(phi.args, atEnd(p, n))
		}
		phis = append(phis, phi)
		return phi
	}
	atEnd = func(b *block, n int) *value {
		s := states[b]
		if s.end[n] != nil {
			return s.end[n]
		}
		v := atStart(b, n)
		if s.end[n] == nil {
			s.end[n] = v
		}
		return s.end[n]
	}
	// What each block stores last, first: loads in front of stores need the
	// state at the start.
	for _, b := range f.blocks {
		states[b] = &state{make([]*value, len(list)), make([]*value, len(list))}
	}
	type pending struct {
		load *value
		n    int
	}
	var waits []pending
	for _, b := range f.blocks {
		current := make([]*value, len(list))
		var out []*value
		for _, v := range b.values {
			if s, ok := zeroed[v]; ok && !bad[s] {
				for n, p := range list {
					if p.slot == s {
						z := f.constant(0)
						z.block, z.pos = b, v.pos
						out = append(out, z)
						current[n] = z
						if !s.set {
							note(n, z)
						}
					}
				}
				if !kept[s] {
					continue
				}
			}
			if v.op == opLoad || v.op == opStore {
				if p, ok := at(v); ok {
					if n, ok := index[p]; ok {
						found = true
						if v.op == opStore {
							current[n] = v.args[1]
							if p.size < 8 { // what a load gives depends on how it extends
								z := f.newValue(opZext, v.args[1])
								z.imm, z.block, z.pos = int64(8*p.size), b, v.pos
								out = append(out, z)
								current[n] = z
							}
							note(n, current[n])
							continue
						}
						if current[n] == nil {
							waits = append(waits, pending{v, n})
							out = append(out, v)
							continue
						}
						out = append(out, f.loaded(v, current[n]))
						continue
					}
				}
			}
			out = append(out, v)
		}
		b.values = out
		copy(states[b].end, current)
	}
	for _, w := range waits {
		f.loaded(w.load, atStart(w.load.block, w.n))
	}
	for _, phi := range phis {
		phi.block.values = append([]*value{phi}, phi.block.values...)
	}
	f.follow(get)
	for _, b := range f.blocks {
		for _, v := range b.values {
			for i, a := range v.args {
				v.args[i] = get(a)
			}
		}
	}
	return found
}

// loaded turns a load into an extension of the value that it would give.
func (f *function) loaded(v, w *value) *value {
	v.op, v.args = opZext, []*value{w}
	if v.signed {
		v.op = opSext
	}
	v.imm = int64(v.size * 8)
	if v.size == 8 { // all of it: an addition of nothing, which simplify removes
		zero := f.constant(0)
		zero.block, zero.pos = v.block, v.pos
		v.op, v.args = opOr, []*value{w, zero}
		v.imm = 0
	}
	v.size, v.signed, v.must = 0, false, false
	return v
}
