package deepcheck

import (
	"math"
	"slices"

	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A Result is what the analysis of a container found.
type Result struct {
	// GaveUp says that the container has too many instructions, chains of
	// calls or loops to follow; then everything is left to run time.
	GaveUp   bool
	Accesses []Access // ascending by slot, then by argument
	Calls    []int    // slots of local calls that may be nested too deep
	Bound    Bound

	runs  []*analysis // without a context, and with one
	lower int64       // the lowest offset from the end of the stack that is accessed
}

// An Access is what is known of a place where memory is read or written, for
// all chains of calls together.
type Access struct {
	Slot    int
	Arg     int // of the helper that is called there, 1 to 5; 0: of the instruction
	Write   bool
	Size    uint64 // bytes; at most, of a helper
	Text    bool   // a string, whose end is looked for
	Verdict Verdict
	Stop    bool // it is meant to fault: a load from behind the stack, by which a container stops itself

	run   *analysis // of the state below
	point *point
	found access
	state *state // in which the verdict is the worst
}

// Analyze follows all paths through a container.
func Analyze(env *Env) *Result {
	r := &Result{}
	ctx := &env.Region[vm.RegionContext]
	var entries []bool // whether the context is empty
	if ctx.Min == 0 {
		entries = append(entries, true)
	}
	if ctx.Max > 0 {
		entries = append(entries, false)
	}
	type key struct{ slot, arg int }
	byPlace := map[key]*Access{}
	for _, empty := range entries {
		a := &analysis{env: env}
		a.layOut()
		if a.tooLarge {
			r.giveUp(env)
			return r
		}
		a.findThresholds()
		a.solve(a.entry(empty))
		if a.gaveUp {
			r.giveUp(env)
			return r
		}
		r.runs = append(r.runs, a)
		r.Bound = r.Bound.or(a.bound(), len(r.runs) == 1)
		seen := map[key]*Access{}
		for _, p := range a.points {
			if p.state == nil {
				continue
			}
			a.note = func(s *state, t access) {
				k := key{t.slot, t.arg}
				state := *s
				r.lower = min(r.lower, a.lowest(s, t))
				found := &Access{Slot: t.slot, Arg: t.arg, Write: t.write, Size: t.size, Text: t.text, Verdict: t.verdict, run: a, point: p, found: t, state: &state}
				if in := a.fetch(t.slot); t.verdict == Fatal && t.arg == 0 && in.Class() == isa.ClassLDX && in.Src == isa.FramePointer && in.Offset >= 0 {
					found.Verdict, found.Stop = Safe, true
				}
				if old := seen[k]; old == nil || found.Verdict > old.Verdict {
					seen[k] = found
				}
			}
			a.step(p, p.state)
			a.note = nil
			if in := a.fetch(p.slot); isCall(in) && p.chain.depth == vm.MaxDepth && !slices.Contains(r.Calls, p.slot) {
				r.Calls = append(r.Calls, p.slot)
			}
		}
		for k, found := range seen {
			if old := byPlace[k]; old != nil {
				found = worse(old, found)
			}
			byPlace[k] = found
		}
	}
	for _, found := range byPlace {
		r.Accesses = append(r.Accesses, *found)
	}
	slices.SortFunc(r.Accesses, func(a, b Access) int {
		if a.Slot != b.Slot {
			return a.Slot - b.Slot
		}
		return a.Arg - b.Arg
	})
	slices.Sort(r.Calls)
	return r
}

func isCall(in isa.Instruction) bool {
	return in.Opcode == isa.ClassJMP|isa.CALL && in.Src == isa.CallLocal
}

// worse is what holds for an access that is made both without a context and
// with one: it is certain to fault only if it is in both.
func worse(old, found *Access) *Access {
	w := *found
	if old.Verdict > found.Verdict {
		w = *old
	}
	if w.Verdict == Fatal && old.Verdict != found.Verdict {
		w.Verdict = Open
	}
	return &w
}

// lowest is the lowest offset from the end of the stack that an access may be
// for.
func (a *analysis) lowest(s *state, t access) int64 {
	if t.wild {
		return math.MinInt64
	}
	at := s.abs(t.reg).add(exactly(uint64(t.offset)))
	stack := &a.env.Region[vm.RegionStack]
	if t.verdict == Fatal || at.umin > base(vm.RegionStack)+uint64(stack.Max) || at.umax < base(vm.RegionStack) {
		return 0
	}
	return s.differ[index(t.reg, stackEnd)].add(exactly(uint64(t.offset))).smin
}

// StackUse is how many bytes of the stack are accessed at most, counted from its
// end; false: it is not known.
func (r *Result) StackUse() (bytes uint32, known bool) {
	if r.GaveUp || r.lower < -vm.MaxRegion {
		return 0, false
	}
	return uint32(-r.lower), true
}

// giveUp leaves everything to run time.
func (r *Result) giveUp(env *Env) {
	*r = Result{GaveUp: true, Bound: Bound{Slot: -1}}
	for slot := 0; slot < len(env.Text)/isa.Size; slot++ {
		in := isa.Decode(env.Text[slot*isa.Size:])
		found := Access{Slot: slot, Verdict: Open, Size: 1}
		switch class := in.Class(); {
		case in.Wide():
			slot++
		case class == isa.ClassLDX || class == isa.ClassST || class == isa.ClassSTX:
			found.Write = class != isa.ClassLDX
			found.Size = map[uint8]uint64{isa.B: 1, isa.H: 2, isa.W: 4, isa.DW: 8}[in.Opcode&isa.SizeMask]
			r.Accesses = append(r.Accesses, found)
		case in.Opcode == isa.ClassJMP|isa.CALL && in.Src == isa.CallHelper:
			h := env.Helper(uint8(in.Imm))
			for i := range 5 {
				if h == nil || h.Args[i] > vm.ArgValue || h.Writes[i] > 0 {
					found.Arg = i + 1
					r.Accesses = append(r.Accesses, found)
				}
				if h == nil {
					break
				}
			}
		}
	}
}
