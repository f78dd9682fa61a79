package gobpf

import "slices"

// unrolled is up to how many bytes are cleared or copied without a loop.
const unrolled = 64

// expand writes out what clears and copies memory.
func (f *function) expand() {
	for i := 0; i < len(f.blocks); i++ {
		b := f.blocks[i]
		for n := 0; n < len(b.values); n++ {
			v := b.values[n]
			if v.op != opZero && v.op != opMove {
				continue
			}
			if v.size > unrolled {
				f.expandLoop(b, n)
				break // the rest is in a block that comes later in the list
			}
			var list []*value
			f.chunks(v, b, 0, v.size, &list)
			b.values = slices.Replace(b.values, n, n+1, list...)
			n += len(list) - 1
		}
	}
	f.blocks = f.reachable()
	f.dominators()
}

// chunks appends what clears or copies the bytes of v from one offset to
// another.
func (f *function) chunks(v *value, b *block, from, to int, list *[]*value) {
	put := func(o op, args ...*value) *value {
		w := f.newValue(o, args...)
		w.block, w.pos = b, v.pos
		*list = append(*list, w)
		return w
	}
	for at := from; at < to; {
		size := 8
		for size > to-at {
			size /= 2
		}
		var w *value
		if v.op == opMove {
			w = put(opLoad, v.args[1])
			w.imm, w.size = v.imm+int64(at), size
		} else {
			w = put(opConst)
		}
		s := put(opStore, v.args[0], w)
		s.imm, s.size = v.imm+int64(at), size
		at += size
	}
}

// expandLoop makes a loop of value n of b, eight bytes a turn.
func (f *function) expandLoop(b *block, n int) {
	v := b.values[n]
	loop, after := f.newBlock(), f.newBlock()
	after.values = slices.Clone(b.values[n+1:])
	for _, w := range after.values {
		w.block = after
	}
	after.kind, after.on, after.reason, after.pos, after.succs = b.kind, b.on, b.reason, b.pos, b.succs
	for _, s := range after.succs {
		for i, p := range s.preds {
			if p == b {
				s.preds[i] = after
			}
		}
	}
	b.values = b.values[:n]
	b.kind, b.on, b.succs, b.pos = endJump, nil, []*block{loop}, v.pos
	put := func(o op, args ...*value) *value {
		w := f.newValue(o, args...)
		w.block, w.pos = loop, v.pos
		loop.values = append(loop.values, w)
		return w
	}
	i := put(opPhi, f.constant(0))
	loop.preds = []*block{b}
	step := *v
	step.args = nil
	for _, a := range v.args {
		step.args = append(step.args, put(opAdd, a, i))
	}
	step.op = v.op
	f.chunks(&step, loop, 0, 8, &loop.values)
	next := put(opAdd, i, f.constant(8))
	i.args = append(i.args, next)
	on := put(opCmp, next, f.constant(int64(v.size&^7)))
	on.cond = condNE
	loop.kind, loop.on, loop.pos = endBranch, on, v.pos
	link(loop, loop)
	// preds of loop are b, then loop, as the arguments of i are.
	link(loop, after)
	var rest []*value
	f.chunks(v, after, v.size&^7, v.size, &rest)
	after.values = append(rest, after.values...)
}
