package gobpf

import "slices"

// A place is where an access goes: in a variable on the stack, or at an offset
// from an address.
type memoryPlace struct {
	slot   *stackSlot
	base   *value
	offset int64
	size   int64
}

func (v *value) memoryPlace() memoryPlace {
	a := v.args[0]
	p := memoryPlace{base: a, offset: v.imm, size: int64(v.size)}
	for a.op == opAdd && !a.narrow && a.args[1].isConst() {
		p.offset += a.args[1].imm
		a = a.args[0]
		p.base = a
	}
	if a.op == opSlot {
		p.slot, p.base, p.offset = a.slot, nil, p.offset+a.imm
	}
	return p
}

// An aliasing knows which variables on the stack are accessed directly alone.
type aliasing struct {
	taken map[*stackSlot]bool
}

func (f *function) aliasing() aliasing {
	a := aliasing{map[*stackSlot]bool{}}
	for _, b := range f.blocks {
		for _, v := range b.values {
			for i, x := range v.args {
				if x.op == opSlot && !((v.op == opLoad || v.op == opStore || v.op == opZero) && i == 0) {
					a.taken[x.slot] = true
				}
			}
		}
		if b.on != nil && b.on.op == opSlot {
			a.taken[b.on.slot] = true
		}
	}
	return a
}

func (a aliasing) overlap(p, q memoryPlace) bool {
	apart := p.offset+p.size <= q.offset || q.offset+q.size <= p.offset
	switch {
	case p.slot != nil && q.slot != nil:
		return p.slot == q.slot && !apart
	case p.slot != nil:
		return a.taken[p.slot] && q.base.op != opGlobal
	case q.slot != nil:
		return a.taken[q.slot] && p.base.op != opGlobal
	case p.base == q.base:
		return !apart
	case p.base.op == opGlobal && q.base.op == opGlobal:
		if p.base.global != q.base.global {
			return false
		}
		p.offset, q.offset = p.offset+p.base.imm, q.offset+q.base.imm
		return !(p.offset+p.size <= q.offset || q.offset+q.size <= p.offset)
	}
	return true
}

// A known is what lies at a place in memory.
type known struct {
	place  memoryPlace
	value  *value
	signed bool // how value was extended, if it was loaded
	loaded bool
}

// forward replaces loads of what was stored or loaded before.
func (f *function) forward() bool {
	changed := false
	alias := f.aliasing()
	ends := map[*block][]known{}
	for _, b := range f.blocks { // a single predecessor comes first
		var have []known
		if len(b.preds) == 1 {
			have = slices.Clone(ends[b.preds[0]])
		}
		for _, v := range b.values {
			switch v.op {
			case opLoad:
				p := v.memoryPlace()
				i := slices.IndexFunc(have, func(k known) bool { return k.place == p })
				if i < 0 {
					have = append(have, known{p, v, v.signed, true})
					continue
				}
				k := have[i]
				if v.must && k.value.op == opLoad && k.loaded {
					k.value.must = true
				}
				v.must = false
				if k.loaded && (k.signed == v.signed || v.size == 8) {
					zero := f.constant(0)
					v.op, v.args, v.imm, v.size, v.signed = opOr, []*value{k.value, zero}, 0, 0, false
				} else {
					v.imm = 0
					f.loaded(v, k.value)
				}
				changed = true
			case opStore:
				p := v.memoryPlace()
				have = slices.DeleteFunc(have, func(k known) bool { return alias.overlap(k.place, p) })
				have = append(have, known{p, v.args[1], false, false})
			case opZero, opMove:
				p := v.memoryPlace()
				have = slices.DeleteFunc(have, func(k known) bool { return alias.overlap(k.place, p) })
			case opHelper, opCall:
				have = slices.DeleteFunc(have, func(k known) bool { return k.place.slot == nil || alias.taken[k.place.slot] })
			}
		}
		ends[b] = have
	}
	return changed
}

// fills are the helpers that write all of what an argument points to, whatever
// happens: its number, and how many bytes that are.
var fills = map[int64][2]int{0x12: {1, 4}, 0x13: {1, 4}, 0x15: {1, 4}} // fetch_local, fetch_global, fetch_tenant

// dead removes stores to variables on the stack that nobody reads.
func (f *function) dead() bool {
	changed := false
	alias := f.aliasing()
	read := map[*stackSlot]bool{}
	for _, b := range f.blocks {
		for _, v := range b.values {
			if v.op == opLoad {
				if p := v.memoryPlace(); p.slot != nil {
					read[p.slot] = true
				}
			}
		}
	}
	for _, b := range f.blocks {
		var over []memoryPlace // written again before anybody reads
		drop := map[*value]bool{}
		for i := len(b.values) - 1; i >= 0; i-- {
			v := b.values[i]
			switch v.op {
			case opStore, opZero:
				p := v.memoryPlace()
				if p.slot == nil {
					continue
				}
				covered := slices.ContainsFunc(over, func(q memoryPlace) bool {
					return q.slot == p.slot && q.offset <= p.offset && p.offset+p.size <= q.offset+q.size
				})
				if covered || !read[p.slot] && !alias.taken[p.slot] {
					drop[v] = true
					continue
				}
				over = append(over, p)
			case opLoad:
				p := v.memoryPlace()
				over = slices.DeleteFunc(over, func(q memoryPlace) bool { return alias.overlap(p, q) })
			case opMove:
				over = nil
			case opHelper, opCall:
				over = slices.DeleteFunc(over, func(q memoryPlace) bool { return alias.taken[q.slot] })
				if fill, ok := fills[v.imm]; ok && v.op == opHelper && len(v.args) > fill[0] && v.args[fill[0]].op == opSlot {
					a := v.args[fill[0]]
					over = append(over, memoryPlace{slot: a.slot, offset: a.imm, size: int64(fill[1])})
				}
			}
		}
		if len(drop) > 0 {
			changed = true
			b.values = slices.DeleteFunc(b.values, func(v *value) bool { return drop[v] })
		}
	}
	return changed
}
