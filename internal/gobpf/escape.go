package gobpf

import (
	"maps"

	"github.com/femto-containers/femto/internal/diagnose"
)

// A variable on the stack is gone when its function returns, and is the same
// one in each turn of a loop. Where that could be seen, Go wants a heap, which
// containers do not have: these addresses are refused.

// A flow says where addresses of stack variables may be: which variables a
// value may point into, and which addresses lie in a variable.
type flow struct {
	l       *lowerer
	f       *function
	points  map[*value]map[*stackSlot]bool
	holds   map[*stackSlot]map[*stackSlot]bool
	params  map[*value]map[int]bool // parameters whose value it may be
	made    map[*stackSlot]*block   // where a variable begins
	changed bool
}

// A leak says what a function does with its parameters.
type leak struct {
	stored   map[int]bool // somewhere in memory
	returned map[int]bool
}

// escapes refuses variables whose address outlives them.
func (l *lowerer) escapes(functions []*function) {
	leaks := map[*function]*leak{}
	for _, f := range functions {
		leaks[f] = &leak{map[int]bool{}, map[int]bool{}}
	}
	for changed := true; changed; {
		changed = false
		for _, f := range functions {
			w := &flow{l: l, f: f}
			before := len(leaks[f].stored) + len(leaks[f].returned)
			w.run(leaks, false)
			changed = changed || before != len(leaks[f].stored)+len(leaks[f].returned)
		}
	}
	for _, f := range functions {
		w := &flow{l: l, f: f}
		w.run(leaks, true)
	}
}

func (w *flow) refuse(s *stackSlot, why string) {
	name := s.name
	if name == "" || name == "complit" || name == "new" || name == "makeslice" || name == "varargs" || name == "slicelit" {
		name = "a value"
	}
	w.l.refuse(diagnose.GoHeap, s.pos, "the address of "+name+" outlives it: "+why, "that needs a heap: a container has its stack and its package variables only", "make it a package variable, or pass the value itself")
}

func (w *flow) point(v *value, s *stackSlot) {
	if w.points[v] == nil {
		w.points[v] = map[*stackSlot]bool{}
	}
	if !w.points[v][s] {
		w.points[v][s] = true
		w.changed = true
	}
}

func (w *flow) param(v *value, n int) {
	if w.params[v] == nil {
		w.params[v] = map[int]bool{}
	}
	if !w.params[v][n] {
		w.params[v][n] = true
		w.changed = true
	}
}

func (w *flow) copy(to, from *value) {
	for s := range w.points[from] {
		w.point(to, s)
	}
	for n := range w.params[from] {
		w.param(to, n)
	}
}

func (w *flow) hold(in, s *stackSlot) {
	if w.holds[in] == nil {
		w.holds[in] = map[*stackSlot]bool{}
	}
	if !w.holds[in][s] {
		w.holds[in][s] = true
		w.changed = true
	}
}

func (w *flow) run(leaks map[*function]*leak, report bool) {
	w.points, w.holds, w.params = map[*value]map[*stackSlot]bool{}, map[*stackSlot]map[*stackSlot]bool{}, map[*value]map[int]bool{}
	w.made = map[*stackSlot]*block{}
	for _, b := range w.f.blocks {
		for _, v := range b.values {
			if v.op == opSlot && w.made[v.slot] == nil {
				w.made[v.slot] = b
			}
			if v.op == opZero && v.args[0].op == opSlot {
				w.made[v.args[0].slot] = b
			}
		}
	}
	for w.changed = true; w.changed; {
		w.changed = false
		for _, b := range w.f.blocks {
			for _, v := range b.values {
				w.value(v, leaks, false)
			}
		}
	}
	own := leaks[w.f]
	for _, b := range w.f.blocks {
		for _, v := range b.values {
			w.value(v, leaks, true)
			switch v.op {
			case opStore:
				w.stored(v.args[0], v.args[1], own, report)
			case opCall:
				for i, a := range v.args {
					if leaks[v.callee].stored[i] {
						w.stored(nil, a, own, report)
					}
				}
			}
		}
		if b.kind == endReturn && b.on != nil {
			maps.Copy(own.returned, w.params[b.on])
			if report {
				for s := range w.points[b.on] {
					w.refuse(s, w.f.name+" returns it")
				}
			}
		}
	}
	if report {
		w.loops()
	}
}

// value moves addresses on.
func (w *flow) value(v *value, leaks map[*function]*leak, last bool) {
	switch v.op {
	case opSlot:
		w.point(v, v.slot)
	case opParam:
		w.param(v, int(v.imm))
	case opAdd, opPhi, opOr, opMin, opMax:
		for _, a := range v.args {
			w.copy(v, a)
		}
	case opLoad:
		if v.size == 8 {
			for s := range w.points[v.args[0]] {
				for t := range w.holds[s] {
					w.point(v, t)
				}
			}
		}
	case opStore:
		for s := range w.points[v.args[0]] {
			for t := range w.points[v.args[1]] {
				w.hold(s, t)
			}
		}
	case opMove:
		for from := range w.points[v.args[1]] {
			for to := range w.points[v.args[0]] {
				for t := range w.holds[from] {
					w.hold(to, t)
				}
			}
		}
	case opCall:
		for i, a := range v.args {
			if leaks[v.callee].returned[i] {
				w.copy(v, a)
			}
		}
	}
}

// stored notes that an address goes into memory: into variables on the stack,
// or elsewhere.
func (w *flow) stored(base, v *value, own *leak, report bool) {
	inside := base != nil && len(w.points[base]) > 0 && len(w.params[base]) == 0 && base.op != opPhi
	if inside {
		return
	}
	maps.Copy(own.stored, w.params[v])
	if report {
		for s := range w.points[v] {
			w.refuse(s, "it is stored where it stays")
		}
	}
}

// loops refuses what a turn of a loop leaves to the next one.
func (w *flow) loops() {
	for _, list := range w.holds {
		for s := range list {
			if s.turns {
				w.refuse(s, "a turn of a loop leaves it to the next")
			}
		}
	}
	loops := w.f.loops()
	for head, body := range loops {
		for _, v := range head.values {
			if v.op != opPhi {
				continue
			}
			for s := range w.points[v] {
				if body[w.made[s]] || s.turns {
					w.refuse(s, "a turn of a loop leaves it to the next")
				}
			}
		}
		for in, list := range w.holds {
			for s := range list {
				if body[w.made[s]] && !body[w.made[in]] {
					w.refuse(s, "a turn of a loop leaves it to the next")
				}
			}
		}
	}
}
