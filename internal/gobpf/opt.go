package gobpf

import (
	"math/bits"
	"slices"
)

// optimise makes f shorter and faster without changing what it does.
func (f *function) optimise() {
	f.prune()
	f.promote()
	f.tidy()
	for f.unroll() {
		f.tidy()
	}
}

// finish brings f into the form that instructions are selected from.
func (f *function) finish() {
	f.expand()
	f.tidy()
	for f.reduce() {
		f.tidy()
	}
	f.split()
	f.dominators()
}

// tidy runs what removes and simplifies values until it finds nothing more.
func (f *function) tidy() {
	for range 8 {
		changed := f.signs()
		changed = f.simplify() || changed
		changed = f.number() || changed
		changed = f.bounds() || changed
		changed = f.demand() || changed
		changed = f.promote() || changed
		changed = f.forward() || changed
		changed = f.dead() || changed
		changed = f.sweep() || changed
		changed = f.prune() || changed
		if !changed {
			return
		}
	}
}

// reachable lists the blocks in reverse postorder.
func (f *function) reachable() []*block {
	seen := map[*block]bool{}
	var order []*block
	var walk func(b *block)
	walk = func(b *block) {
		seen[b] = true
		for i := len(b.succs) - 1; i >= 0; i-- {
			if s := b.succs[i]; !seen[s] {
				walk(s)
			}
		}
		order = append(order, b)
	}
	walk(f.blocks[0])
	slices.Reverse(order)
	return order
}

// disconnect removes the edge from p to b.
func disconnect(p, b *block) {
	for i, q := range b.preds {
		if q != p {
			continue
		}
		b.preds = slices.Delete(b.preds, i, i+1)
		for _, v := range b.values {
			if v.op == opPhi {
				v.args = slices.Delete(v.args, i, i+1)
			}
		}
		return
	}
}

// prune folds branches that are decided, removes what cannot be reached, joins
// blocks, and keeps dominators up to date.
func (f *function) prune() bool {
	changed := false
	for _, b := range f.blocks {
		if b.kind == endBranch && (b.on.isConst() || b.succs[0] == b.succs[1]) {
			taken := 0
			if b.on.isConst() && b.on.imm == 0 {
				taken = 1
			}
			disconnect(b, b.succs[1-taken])
			b.kind, b.on, b.succs = endJump, nil, b.succs[taken:taken+1]
			changed = true
		}
		for i, v := range b.values {
			if v.op != opTrapIf || !v.args[0].isConst() || !v.args[1].isConst() {
				continue
			}
			if v.cond.holds(v.args[0].imm, v.args[1].imm, v.narrow) { // it always stops here
				b.values = b.values[:i]
				for _, s := range b.succs {
					disconnect(b, s)
				}
				b.kind, b.reason, b.succs, b.on, b.pos = endTrap, int(v.imm), nil, nil, v.pos
				changed = true
				break
			}
		}
	}
	order := f.reachable()
	if len(order) < len(f.blocks) {
		changed = true
		in := map[*block]bool{}
		for _, b := range order {
			in[b] = true
		}
		for _, b := range f.blocks {
			if !in[b] {
				for _, s := range b.succs {
					if in[s] {
						disconnect(b, s)
					}
				}
			}
		}
	}
	f.blocks = order
	for _, b := range f.blocks {
		for b.kind == endJump && len(b.succs[0].preds) == 1 && b.succs[0] != b && b.succs[0] != f.blocks[0] {
			s := b.succs[0]
			for _, v := range s.values {
				if v.op == opPhi {
					f.replace(v, v.args[0])
					continue
				}
				v.block = b
				b.values = append(b.values, v)
			}
			b.kind, b.on, b.reason, b.succs, b.pos = s.kind, s.on, s.reason, s.succs, s.pos
			for _, t := range b.succs {
				for i, p := range t.preds {
					if p == s {
						t.preds[i] = b
					}
				}
			}
			s.succs, s.preds, s.values, s.kind = nil, nil, nil, endTrap
			changed = true
		}
	}
	f.blocks = f.reachable()
	f.dominators()
	return changed
}

// replace makes all users of v use w.
func (f *function) replace(v, w *value) {
	f.follow(func(x *value) *value {
		if x == v {
			return w
		}
		return x
	})
	for _, b := range f.blocks {
		for _, u := range b.values {
			for i, a := range u.args {
				if a == v {
					u.args[i] = w
				}
			}
			if u.bound == v {
				u.bound = w
			}
			if u.lower == v {
				u.lower = w
			}
		}
		if b.on == v {
			b.on = w
		}
	}
}

// split puts a block on each edge from a branch to where ways join, for the
// copies of phis.
func (f *function) split() {
	for _, b := range slices.Clone(f.blocks) {
		if b.kind != endBranch {
			continue
		}
		for i, s := range b.succs {
			if len(s.preds) < 2 {
				continue
			}
			between := f.newBlock()
			between.kind, between.succs, between.preds, between.pos = endJump, []*block{s}, []*block{b}, b.pos
			for n, p := range s.preds {
				if p == b {
					s.preds[n] = between
					break
				}
			}
			b.succs[i] = between
		}
	}
	f.blocks = f.reachable()
}

// dominators fills in the tree, and how deep in loops blocks are.
func (f *function) dominators() {
	for i, b := range f.blocks {
		b.order, b.idom, b.loop = i, nil, 0
	}
	entry := f.blocks[0]
	entry.idom = entry
	for changed := true; changed; {
		changed = false
		for _, b := range f.blocks[1:] {
			var idom *block
			for _, p := range b.preds {
				if p.idom == nil {
					continue
				}
				if idom == nil {
					idom = p
					continue
				}
				for q := p; q != idom; {
					for q.order > idom.order {
						q = q.idom
					}
					for idom.order > q.order {
						idom = idom.idom
					}
				}
			}
			if b.idom != idom {
				b.idom = idom
				changed = true
			}
		}
	}
	entry.idom = nil
	for _, b := range f.blocks {
		b.depth = 0
		if b.idom != nil {
			b.depth = b.idom.depth + 1
		}
	}
	for head, body := range f.loops() {
		_ = head
		for b := range body {
			b.loop++
		}
	}
}

// loops are the blocks of each loop by its head.
func (f *function) loops() map[*block]map[*block]bool {
	loops := map[*block]map[*block]bool{}
	for _, b := range f.blocks {
		for _, head := range b.succs {
			if !head.dominates(b) {
				continue
			}
			body := loops[head]
			if body == nil {
				body = map[*block]bool{head: true}
				loops[head] = body
			}
			list := []*block{b}
			for len(list) > 0 {
				q := list[len(list)-1]
				list = list[:len(list)-1]
				if !body[q] {
					body[q] = true
					list = append(list, q.preds...)
				}
			}
		}
	}
	return loops
}

// dominates reports whether every way to c leads through b.
func (b *block) dominates(c *block) bool {
	for c != nil && c.depth > b.depth {
		c = c.idom
	}
	return b == c
}

// sweep removes values that nobody uses.
func (f *function) sweep() bool {
	live := map[*value]bool{}
	var list []*value
	mark := func(v *value) {
		if v != nil && !live[v] {
			live[v] = true
			list = append(list, v)
		}
	}
	for _, b := range f.blocks {
		mark(b.on)
		for _, v := range b.values {
			if v.effects() || v.op == opParam {
				mark(v)
			}
		}
	}
	for len(list) > 0 {
		v := list[len(list)-1]
		list = list[:len(list)-1]
		for _, a := range v.args {
			mark(a)
		}
	}
	changed := false
	for _, b := range f.blocks {
		n := len(b.values)
		b.values = slices.DeleteFunc(b.values, func(v *value) bool { return !live[v] })
		changed = changed || n != len(b.values)
		for _, v := range b.values {
			if !live[v.bound] {
				v.bound = nil
			}
			if !live[v.lower] {
				v.lower = nil
			}
		}
	}
	return changed
}

// evaluate computes an operation on constants.
func evaluate(o op, a, b int64, narrow bool) (int64, bool) {
	if narrow {
		a, b = int64(uint32(a)), int64(uint32(b))
	}
	var r int64
	width := int64(64)
	if narrow {
		width = 32
	}
	switch o {
	case opAdd:
		r = a + b
	case opSub:
		r = a - b
	case opMul:
		r = a * b
	case opAnd:
		r = a & b
	case opOr:
		r = a | b
	case opXor:
		r = a ^ b
	case opShl:
		r = a << (b & (width - 1))
	case opShr:
		r = int64(uint64(a) >> (b & (width - 1)))
	case opSar:
		if narrow {
			r = int64(int32(a) >> (b & 31))
		} else {
			r = a >> (b & 63)
		}
	case opDiv, opMod:
		if b == 0 {
			return 0, false
		}
		r = int64(uint64(a) / uint64(b))
		if o == opMod {
			r = int64(uint64(a) % uint64(b))
		}
	case opSDiv, opSMod:
		if narrow {
			a, b = int64(int32(a)), int64(int32(b))
		}
		if b == 0 {
			return 0, false
		}
		r = a / b
		if o == opSMod {
			r = a % b
		}
	default:
		return 0, false
	}
	if narrow {
		r = int64(uint32(r))
	}
	return r, true
}

func extended(n int64, o op, width int64) int64 {
	shift := 64 - width
	if o == opSext {
		return n << shift >> shift
	}
	return int64(uint64(n) << shift >> shift)
}

func power(n int64) (int64, bool) {
	if n > 0 && n&(n-1) == 0 {
		return int64(bits.TrailingZeros64(uint64(n))), true
	}
	return 0, false
}

// simplify replaces values by simpler ones.
func (f *function) simplify() bool {
	changed := false
	to := map[*value]*value{} // replaced
	var final func(v *value) *value
	final = func(v *value) *value {
		if w, ok := to[v]; ok {
			w = final(w)
			to[v] = w
			return w
		}
		return v
	}
	for _, b := range f.blocks {
		var out []*value
		s := &simplifier{f: f, b: b}
		for _, v := range b.values {
			for i, a := range v.args {
				v.args[i] = final(a)
			}
			s.added = nil
			w := s.value(v)
			for _, a := range s.added {
				a.block, a.pos, a.body = b, v.pos, v.body
			}
			out = append(out, s.added...)
			if w != v {
				to[v] = w
				changed = true
				continue
			}
			out = append(out, v)
		}
		b.values = out
		changed = changed || s.changed
	}
	f.follow(final)
	for _, b := range f.blocks {
		for _, v := range b.values {
			for i, a := range v.args {
				v.args[i] = final(a)
			}
			v.related(final)
		}
		if b.on != nil {
			b.on = final(b.on)
		}
		// Phis stay in front.
		slices.SortStableFunc(b.values, func(x, y *value) int { return boolean(y.op == opPhi) - boolean(x.op == opPhi) })
		if b.kind == endBranch && s0(b) {
			changed = true
		}
	}
	return changed
}

// s0 takes negations out of a branch.
func s0(b *block) bool {
	v := b.on
	if v.op == opXor && v.args[1].isConst() && v.args[1].imm == 1 && isBool(v.args[0]) {
		b.on = v.args[0]
		b.succs[0], b.succs[1] = b.succs[1], b.succs[0]
		return true
	}
	if v.op == opCmp && v.cond == condNE && v.args[1].isConst() && v.args[1].imm == 0 && (isBool(v.args[0]) || !v.narrow && v.args[0].op != opLoad) && v.args[0].op == opCmp {
		b.on = v.args[0]
		return true
	}
	return false
}

func isBool(v *value) bool {
	if v.isConst() {
		return v.imm == 0 || v.imm == 1
	}
	switch v.op {
	case opCmp:
		return true
	case opAnd:
		return isBool(v.args[0]) || isBool(v.args[1])
	case opOr, opXor:
		return isBool(v.args[0]) && isBool(v.args[1])
	}
	return false
}

type simplifier struct {
	f       *function
	b       *block
	added   []*value
	changed bool
}

func (s *simplifier) new(o op, args ...*value) *value {
	v := s.f.newValue(o, args...)
	s.added = append(s.added, v)
	return v
}

func (s *simplifier) imm(n int64) *value {
	v := s.new(opConst)
	v.imm = n
	return v
}

// value returns what v can be replaced by, or v, perhaps changed.
func (s *simplifier) value(v *value) *value {
	switch v.op {
	case opPhi:
		var same *value
		for _, a := range v.args {
			if a == v || same != nil && (a == same || a.isConst() && same.isConst() && a.imm == same.imm) {
				continue
			}
			if same != nil {
				return v
			}
			same = a
		}
		if same == nil {
			return v
		}
		if same.isConst() {
			return s.imm(same.imm)
		}
		return same
	case opAdd, opSub, opMul, opAnd, opOr, opXor, opShl, opShr, opSar, opDiv, opMod, opSDiv, opSMod:
		return s.arithmetic(v)
	case opMin, opMax:
		a, b := v.args[0], v.args[1]
		if a == b {
			return a
		}
		if a.isConst() && b.isConst() {
			if (v.less().holds(a.imm, b.imm, false)) == (v.op == opMin) {
				return s.imm(a.imm)
			}
			return s.imm(b.imm)
		}
		if a.isConst() {
			v.args[0], v.args[1] = b, a
			s.changed = true
		}
	case opNeg:
		if v.args[0].isConst() {
			n, _ := evaluate(opSub, 0, v.args[0].imm, v.narrow)
			return s.imm(n)
		}
	case opZext, opSext:
		a := v.args[0]
		if a.isConst() {
			return s.imm(extended(a.imm, v.op, v.imm))
		}
		if v.op == opZext && zeroAbove(a, v.imm, 0) || v.op == opSext && signAbove(a, v.imm, 0) {
			return a
		}
		if (a.op == opZext || a.op == opSext) && a.imm >= v.imm {
			v.args[0] = a.args[0]
			s.changed = true
		}
	case opCmp, opTrapIf:
		return s.compare(v)
	case opLoad, opStore, opZero:
		if a := v.args[0]; a.op == opAdd && !a.narrow && a.args[1].isConst() && v.op != opZero && fits(v.imm+a.args[1].imm) {
			v.args[0], v.imm = a.args[0], v.imm+a.args[1].imm
			s.changed = true
		}
	}
	return v
}

func (s *simplifier) arithmetic(v *value) *value {
	a, b := v.args[0], v.args[1]
	if a.isConst() && b.isConst() {
		if n, ok := evaluate(v.op, a.imm, b.imm, v.narrow); ok {
			return s.imm(n)
		}
		return v
	}
	if commutes(v.op) && a.isConst() {
		v.args[0], v.args[1] = b, a
		a, b = b, a
		s.changed = true
	}
	wide := func(w *value) *value { // the low half of w, if v is narrow
		if v.narrow && !zeroAbove(w, 32, 0) {
			z := s.new(opZext, w)
			z.imm = 32
			return z
		}
		return w
	}
	if a == b {
		switch v.op {
		case opSub, opXor:
			return s.imm(0)
		case opAnd, opOr:
			return wide(a)
		}
	}
	if !b.isConst() {
		return v
	}
	n := b.imm
	switch v.op {
	case opAdd, opSub, opOr, opXor, opShl, opShr, opSar:
		if n == 0 {
			return wide(a)
		}
	}
	switch v.op {
	case opAdd:
		if a.op == opSlot || a.op == opGlobal {
			if !v.narrow {
				w := s.new(a.op)
				w.slot, w.global, w.imm = a.slot, a.global, a.imm+n
				return w
			}
		}
		if a.op == opAdd && a.narrow == v.narrow && a.args[1].isConst() {
			v.args = []*value{a.args[0], s.imm(a.args[1].imm + n)}
			s.changed = true
		}
	case opSub:
		v.op, v.args[1] = opAdd, s.imm(-n)
		s.changed = true
	case opMul:
		if n == 0 {
			return s.imm(0)
		}
		if n == 1 {
			return wide(a)
		}
		if k, ok := power(n); ok {
			v.op, v.args[1] = opShl, s.imm(k)
			s.changed = true
		}
	case opDiv:
		if n == 1 {
			return wide(a)
		}
		if k, ok := power(n); ok {
			v.op, v.args[1] = opShr, s.imm(k)
			s.changed = true
		}
	case opMod:
		if k, ok := power(n); ok && k < 32 {
			v.op, v.args[1] = opAnd, s.imm(n-1)
			s.changed = true
		}
	case opAnd:
		if n == 0 {
			return s.imm(0)
		}
		if n == -1 {
			return wide(a)
		}
		if a.op == opAnd && a.args[1].isConst() {
			v.args = []*value{a.args[0], s.imm(n & a.args[1].imm)}
			s.changed = true
		}
		if k, ok := power(n + 1); ok && (zeroAbove(a, k, 0)) {
			return a
		}
	case opOr:
		if a.op == opOr && a.args[1].isConst() {
			v.args = []*value{a.args[0], s.imm(n | a.args[1].imm)}
			s.changed = true
		}
	case opShl, opShr:
		// (x >> n) << n and the like stay: they are two instructions either way.
		if a.op == v.op && a.narrow == v.narrow && a.args[1].isConst() && !v.narrow && a.args[1].imm+n < 64 && a.args[1].imm >= 0 && n >= 0 {
			v.args = []*value{a.args[0], s.imm(n + a.args[1].imm)}
			s.changed = true
		}
	}
	return v
}

func (s *simplifier) compare(v *value) *value {
	a, b := v.args[0], v.args[1]
	if a.isConst() && !b.isConst() {
		v.args[0], v.args[1], v.cond = b, a, swapped[v.cond]
		a, b = b, a
		s.changed = true
	}
	if v.op == opTrapIf {
		if a == b && !a.isConst() {
			v.args = []*value{s.imm(0), s.imm(0)}
			s.changed = true
		}
		return v
	}
	if a.isConst() && b.isConst() {
		return s.imm(int64(boolean(v.cond.holds(a.imm, b.imm, v.narrow))))
	}
	if a == b {
		return s.imm(int64(boolean(v.cond.holds(0, 0, false))))
	}
	if b.isConst() && b.imm == 0 && isBool(a) {
		switch v.cond {
		case condNE:
			return a
		case condEQ:
			if a.op == opCmp {
				w := s.new(opCmp, a.args...)
				w.cond, w.narrow = negated[a.cond], a.narrow
				return w
			}
		}
	}
	if b.isConst() && b.imm == 1 && isBool(a) && v.cond == condEQ {
		return a
	}
	return v
}

// signs lets loads extend as what alone uses them does, which simplify then
// removes. No value is half replaced here: all uses can be counted.
func (f *function) signs() bool {
	uses := map[*value]int{}
	for _, b := range f.blocks {
		for _, v := range b.values {
			for _, a := range v.args {
				uses[a]++
			}
		}
		if b.on != nil {
			uses[b.on]++
		}
	}
	changed := false
	for _, b := range f.blocks {
		for _, v := range b.values {
			if v.op != opZext && v.op != opSext {
				continue
			}
			if a, signed := v.args[0], v.op == opSext; a.op == opLoad && a.size*8 == int(v.imm) && a.signed != signed && uses[a] == 1 {
				a.signed = signed
				changed = true
			}
		}
	}
	return changed
}

// zeroAbove reports whether all bits of v from width on are known to be zero.
func zeroAbove(v *value, width int64, depth int) bool {
	if width >= 64 {
		return true
	}
	if depth > 6 {
		return false
	}
	switch v.op {
	case opConst:
		return uint64(v.imm)>>width == 0
	case opCmp:
		return width >= 1
	case opLoad:
		return !v.signed && int64(v.size)*8 <= width
	case opZext:
		return v.imm <= width || zeroAbove(v.args[0], width, depth+1)
	case opAnd:
		return v.narrow && width >= 32 || zeroAbove(v.args[0], width, depth+1) || zeroAbove(v.args[1], width, depth+1)
	case opOr, opXor:
		return v.narrow && width >= 32 || zeroAbove(v.args[0], width, depth+1) && zeroAbove(v.args[1], width, depth+1)
	case opShr:
		if v.args[1].isConst() && !v.narrow && v.args[1].imm > 0 && v.args[1].imm < 64 {
			return width >= 64-v.args[1].imm || zeroAbove(v.args[0], min(64, width+v.args[1].imm), depth+1)
		}
		return v.narrow && width >= 32 || zeroAbove(v.args[0], width, depth+1)
	case opDiv, opMod:
		return v.narrow && width >= 32 || zeroAbove(v.args[0], width, depth+1)
	case opMin, opMax:
		return zeroAbove(v.args[0], width, depth+1) && zeroAbove(v.args[1], width, depth+1)
	case opPhi:
		for _, a := range v.args {
			if a != v && !zeroAbove(a, width, depth+3) {
				return false
			}
		}
		return true
	case opSwap:
		return v.imm <= width
	}
	return v.narrow && width >= 32
}

// signAbove reports whether v is the sign extension of its low bits.
func signAbove(v *value, width int64, depth int) bool {
	if width >= 64 {
		return true
	}
	if depth > 6 {
		return false
	}
	if zeroAbove(v, width-1, depth) {
		return true
	}
	switch v.op {
	case opConst:
		return extended(v.imm, opSext, width) == v.imm
	case opLoad:
		return v.signed && int64(v.size)*8 <= width
	case opSext:
		return v.imm <= width
	case opAnd, opOr, opXor:
		return !v.narrow && signAbove(v.args[0], width, depth+1) && signAbove(v.args[1], width, depth+1)
	case opSar:
		return !v.narrow && (signAbove(v.args[0], width, depth+1) || v.args[1].isConst() && v.args[1].imm >= 64-width)
	case opSMod:
		return !v.narrow && signAbove(v.args[0], width, depth+1) && signAbove(v.args[1], width, depth+1)
	case opPhi:
		for _, a := range v.args {
			if a != v && !signAbove(a, width, depth+3) {
				return false
			}
		}
		return true
	}
	return false
}

// number finds values that are computed twice (global value numbering along
// the dominator tree).
func (f *function) number() bool {
	type key struct {
		op             op
		cond           cond
		narrow, signed bool
		imm            int64
		a, b           *value
		slot           *stackSlot
		global         *global
	}
	changed := false
	known := map[key][]*value{}
	to := map[*value]*value{}
	get := func(v *value) *value {
		for to[v] != nil {
			v = to[v]
		}
		return v
	}
	constants := map[int64]*value{}
	unify := func(v *value) *value { // constants are compared by what they are
		if v != nil && v.isConst() {
			if constants[v.imm] == nil {
				constants[v.imm] = v
			}
			return constants[v.imm]
		}
		return v
	}
	for _, b := range f.blocks { // reverse postorder: dominators come first
		var out []*value
		for _, v := range b.values {
			for i, a := range v.args {
				v.args[i] = get(a)
			}
			switch v.op {
			case opConst, opPhi, opParam, opLoad, opStore, opZero, opMove, opHelper, opCall, opSlot:
				out = append(out, v)
				continue
			}
			k := key{op: v.op, cond: v.cond, narrow: v.narrow, signed: v.signed, imm: v.imm, slot: v.slot, global: v.global}
			if len(v.args) > 0 {
				k.a = unify(v.args[0])
			}
			if len(v.args) > 1 {
				k.b = unify(v.args[1])
			}
			found := false
			for _, w := range known[k] {
				if w.block == b || w.block.dominates(b) {
					to[v], found, changed = w, true, true
					break
				}
			}
			if !found {
				known[k] = append(known[k], v)
				out = append(out, v)
			}
		}
		b.values = out
	}
	f.follow(get)
	for _, b := range f.blocks {
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
	return changed
}

// related follows replacements in what is known of v.
func (v *value) related(final func(*value) *value) {
	if v.bound != nil {
		v.bound = final(v.bound)
	}
	if v.lower != nil {
		v.lower = final(v.lower)
	}
}
