package gobpf

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/vm"
)

// What the debugger shows of variables is found beside the code and changes
// nothing of it: a note says that a value is what a variable holds, follows the
// value when another one replaces it, and says at last in which register it is
// for which instructions. Where that is not known for certain, the variable is
// nowhere: "optimised out".

// A local is a variable of a function, once for each place at which the
// function was put in place of a call.
type local struct {
	name  string
	typ   types.Type
	bits  int64 // of it
	param bool
	body  int        // see function.bodies
	slot  *stackSlot // in which it lies, nil if it is in registers

	values  map[*value]bool // that it has been
	fixed   *int64          // it never is another number
	address *value          // it is the address of a variable, and no other one
}

// A note says that a local, or the word of it that is looked at, is a value.
type note struct {
	of    *local
	value *value // nil: it is gone
}

// A localKey names a local while its function is lowered.
type localKey struct {
	pos  token.Pos // of its declaration
	part int
}

// parts of a variable that are shown as variables of their own: those of a
// slice or string.
var parts = [...]string{"", "_len", "_cap"}

// declare returns the locals that a variable of the author is shown as; nil if
// it is not shown.
func (l *lowerer) declare(f *frame, name string, pos token.Pos, t types.Type) []*local {
	if l.site.IsValid() || name == "" || name == "_" || !pos.IsValid() {
		return nil
	}
	kinds := []types.Type{t}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Info()&types.IsString != 0 {
			kinds = []types.Type{types.NewPointer(types.Typ[types.Byte]), types.Typ[types.Int]}
		}
	case *types.Pointer:
	case *types.Slice:
		kinds = []types.Type{types.NewPointer(u.Elem()), types.Typ[types.Int]}
	default:
		return nil
	}
	var list []*local
	for n, t := range kinds {
		key := localKey{pos, n}
		if f.locals[key] == nil {
			f.locals[key] = &local{name: name + parts[n], typ: t, bits: int64(8 * l.sizeof(t)), body: l.within, values: map[*value]bool{}}
			l.f.locals = append(l.f.locals, f.locals[key])
		}
		list = append(list, f.locals[key])
	}
	return list
}

// noted notes that a variable is what an SSA value became.
func (l *lowerer) noted(list []*local, o operand, param bool) {
	if o.large || o.fn != nil || len(o.regs) < len(list) {
		return
	}
	for n, of := range list {
		if of.param = of.param || param; of.slot != nil {
			continue // what is on the stack is there
		}
		of.noted(l.f, o.regs[n])
	}
}

func (of *local) noted(f *function, v *value) {
	if !of.values[v] {
		of.values[v] = true
		f.notes = append(f.notes, note{of, v})
	}
}

// localIn returns the local that lies in a place on the stack, nil if it is
// none.
func (f *function) localIn(s *stackSlot) *local {
	for _, of := range f.locals {
		if of.slot == s {
			return of
		}
	}
	return nil
}

// refers notes what SSA says of a name in the source.
func (l *lowerer) refers(f *frame, in *ssa.DebugRef) {
	name, ok := in.Expr.(*ast.Ident)
	v, isVar := in.Object().(*types.Var)
	if !ok || !isVar || in.IsAddr || v.IsField() || l.site.IsValid() || v.Parent() == nil || v.Pkg() == nil || v.Parent() == v.Pkg().Scope() {
		return
	}
	if c, ok := in.X.(*ssa.Const); ok {
		l.settle(l.declare(f, name.Name, v.Pos(), v.Type()), c)
	} else if o, ok := f.env[in.X]; ok {
		l.noted(l.declare(f, name.Name, v.Pos(), v.Type()), o, false)
	}
}

// settle notes that a variable is a constant: a value that nothing computes.
func (l *lowerer) settle(list []*local, c *ssa.Const) {
	if len(list) != 1 {
		return
	}
	n := int64(0)
	if c.Value != nil {
		o := l.constantNumber(c)
		if o == nil {
			return
		}
		n = *o
	}
	of := list[0]
	if of.slot != nil {
		return
	}
	for v := range of.values {
		if v.isConst() && v.imm == n {
			return
		}
	}
	v := &value{op: opConst, imm: n}
	of.values[v] = true
	l.f.notes = append(l.f.notes, note{of, v})
}

// follow lets notes follow their values.
func (f *function) follow(to func(v *value) *value) {
	for i := range f.notes {
		if v := f.notes[i].value; v != nil {
			f.notes[i].value = to(v)
		}
	}
}

// forget drops notes of a value of which only so many bits stay true.
func (f *function) forget(v *value, bits int64) {
	for i := range f.notes {
		if n := &f.notes[i]; n.value == v && n.of.bits > bits {
			n.value = nil
		}
	}
}

// name finds which locals the registers hold, before they are allocated.
func (c *code) name(regs map[*value]int) {
	owners := map[*value]map[*local]bool{}
	held := map[*local]map[*value]bool{}
	for _, n := range c.f.notes {
		if held[n.of] == nil {
			held[n.of] = map[*value]bool{}
		}
		held[n.of][n.value] = true
		if n.value != nil {
			if owners[n.value] == nil {
				owners[n.value] = map[*local]bool{}
			}
			owners[n.value][n.of] = true
		}
	}
	c.named = map[int][]*local{}
	for _, of := range c.f.locals {
		of.fixed = fixed(held[of])
		for v := range held[of] {
			if len(held[of]) == 1 && v != nil && (v.op == opSlot || v.op == opGlobal) {
				of.address = v
			}
		}
		for v := range held[of] {
			if v == nil {
				continue
			}
			if r, ok := regs[v]; ok && r >= firstVirtual && (len(held[of]) == 1 || !c.f.outlives(v, of, owners[v])) {
				c.named[r] = append(c.named[r], of)
			}
		}
	}
	for _, list := range c.named {
		slices.SortFunc(list, func(a, b *local) int { return cmp.Compare(a.name, b.name) })
	}
}

// fixed is the constant that a variable always has, nil if there is none.
func fixed(held map[*value]bool) (n *int64) {
	for v := range held {
		if v == nil || !v.isConst() || n != nil && *n != v.imm {
			return nil
		}
		n = &v.imm
	}
	return n
}

// setAtOnce reports whether a variable gets a value on the line that declares
// it: nobody sees the zero that it has before.
func (l *lowerer) setAtOnce(v *ssa.Alloc) bool {
	for _, in := range v.Block().Instrs[slices.Index(v.Block().Instrs, ssa.Instruction(v))+1:] {
		if s, ok := in.(*ssa.Store); ok && s.Addr == ssa.Value(v) {
			return l.fset.Position(s.Pos()).Line == l.fset.Position(v.Pos()).Line
		}
	}
	return false
}

// outlives reports whether a value may be needed for another variable when this
// one has another value by now: for one beside it, or for one of the caller that
// was handed in.
func (f *function) outlives(v *value, of *local, owners map[*local]bool) bool {
	within := func(body, outer int) bool {
		for ; body != 0 && body != outer; body = f.bodies[body].outer {
		}
		return body == outer
	}
	for other := range owners {
		if other != of && within(of.body, other.body) && (other.body == of.body || !within(v.body, of.body)) {
			return true
		}
	}
	return false
}

// A holding is which register holds a local.
type holding struct {
	of *local
	r  int
}

// locate notes at each instruction which registers hold what.
func (c *code) locate() {
	if len(c.named) == 0 {
		return
	}
	c.liveness()
	arrives := c.arrivals()
	for n, b := range c.blocks {
		live := slices.Clone(bitset(b.live))
		half := map[int]bool{} // being computed by several instructions
		at := func(in *inst) {
			// backwards calls it with what is live after in.
			before := slices.Clone(live)
			in.visit(func(int) {}, before.clear)
			in.visit(before.set, func(int) {})
			if in.writes && in.dst >= firstVirtual {
				half[in.dst] = in.readsDst
			}
			var list []holding
			for r, locals := range c.named {
				if before.has(r) && !half[r] && c.color[r] >= 0 {
					for _, of := range locals {
						list = append(list, holding{of, c.color[r]})
					}
				}
			}
			if n == 0 {
				list = append(list, arrives[in]...)
			}
			in.holds = settled(list)
		}
		if b.kind != endBranch {
			at(&b.jump)
		}
		c.backwards(b, live, func(in *inst, _ bitset) { at(in) })
	}
}

// arrivals are the parameters that are still where the caller has left them,
// before the instructions that take them.
func (c *code) arrivals() map[*inst][]holding {
	arrives := map[*inst][]holding{}
	entry := c.blocks[0]
	for i := range c.f.params {
		for at := range entry.insts {
			if in := &entry.insts[at]; in.copies && in.src == 1+i {
				for _, of := range c.named[in.dst] {
					for before := range at + 1 {
						arrives[&entry.insts[before]] = append(arrives[&entry.insts[before]], holding{of, in.src})
					}
				}
				break
			}
		}
	}
	return arrives
}

// settled drops locals that are in two registers: one of them is the old value.
func settled(list []holding) *[]holding {
	where := map[*local]int{}
	for _, h := range list {
		if r, twice := where[h.of]; twice && r != h.r {
			where[h.of] = none
		} else if !twice {
			where[h.of] = h.r
		}
	}
	list = slices.DeleteFunc(list, func(h holding) bool { return where[h.of] != h.r })
	return &list
}

// both is what holds at an instruction that two ways share.
func both(a, b *[]holding) *[]holding {
	if a == nil || b == nil {
		return nil
	}
	list := slices.DeleteFunc(slices.Clone(*a), func(h holding) bool { return !slices.Contains(*b, h) })
	return &list
}

// sightings collect where locals are, in the order of slots.
type sightings struct {
	where map[*local][]build.Where
	slots map[*stackSlot]int // the first instruction that names it
	// Of the function that is being written, by its bodies: runs of slots, each
	// the first and the first behind it.
	bodies map[int][][2]int
}

func (s *sightings) see(in *inst, bodies []body, slot, width int) {
	if _, ok := s.slots[in.slot]; in.slot != nil && !ok {
		s.slots[in.slot] = slot
	}
	for n := in.body; n != 0; n = bodies[n].outer {
		runs := s.bodies[n]
		if last := len(runs) - 1; last >= 0 && runs[last][1] >= slot {
			runs[last][1] = slot + width
			continue
		}
		s.bodies[n] = append(runs, [2]int{slot, slot + width})
	}
	if in.holds == nil {
		return
	}
	for _, h := range *in.holds {
		list := s.where[h.of]
		text := fmt.Sprintf("r%d", h.r)
		if n := len(list); n > 0 && list[n-1].To >= slot && list[n-1].Value == text {
			list[n-1].To = slot + width
			continue
		}
		s.where[h.of] = append(list, build.Where{From: slot, To: slot + width, Value: text})
	}
}

// variables lists what the side file says of a function's variables.
func (l *lowerer) variables(c *code, s *sightings, table *typeList) (list []build.Variable) {
	for _, of := range c.f.locals {
		scope := [2]int{c.at, c.end}
		if of.body != 0 {
			runs := s.bodies[of.body]
			if len(runs) == 0 {
				continue
			}
			scope = [2]int{runs[0][0], runs[len(runs)-1][1]}
		}
		v := build.Variable{Name: of.name, Type: table.add(of.typ), Function: c.f.bodies[of.body].name, Parameter: of.param, From: scope[0], To: scope[1]}
		switch {
		case of.slot != nil:
			if first, ok := s.slots[of.slot]; ok && !of.slot.parted {
				v.Where = []build.Where{{From: max(v.From, first), To: v.To, Address: fmt.Sprintf("r10%+d", of.slot.offset)}}
			}
		case of.address != nil:
			if a := of.address; a.op == opGlobal {
				v.Where = []build.Where{{From: v.From, To: v.To, Value: fmt.Sprintf("%#x", a.global.address()+uint64(a.imm))}}
			} else if first, ok := s.slots[a.slot]; ok {
				v.Where = []build.Where{{From: max(v.From, first), To: v.To, Value: fmt.Sprintf("r10%+d", a.slot.offset+int(a.imm))}}
			}
		case of.fixed != nil:
			v.Where = []build.Where{{From: v.From, To: v.To, Value: fmt.Sprint(*of.fixed)}}
		default:
			for _, w := range s.where[of] {
				if w.From, w.To = max(w.From, v.From), min(w.To, v.To); w.From < w.To {
					v.Where = append(v.Where, w)
				}
			}
		}
		list = append(list, v)
	}
	return list
}

// inlined lists where what was put in place of calls is, from the outside in.
func (l *lowerer) inlined(c *code, s *sightings) (list []build.Inlined) {
	for n, of := range c.f.bodies {
		p := l.place(of.call)
		for _, run := range s.bodies[n] {
			list = append(list, build.Inlined{Function: of.name, From: run[0], To: run[1], File: p.File, Line: p.Line})
		}
	}
	s.bodies = map[int][][2]int{}
	return list
}

// packageVariables lists those of the container's own packages that it uses.
func (l *lowerer) packageVariables(end int, table *typeList) (list []build.Variable) {
	vars := slices.SortedFunc(maps.Keys(l.globals), func(a, b *types.Var) int { return cmp.Compare(a.Pos(), b.Pos()) })
	for _, v := range vars {
		g := l.globals[v]
		if s := l.sources[v.Pkg().Path()]; !g.used || s == nil || !s.own {
			continue
		}
		list = append(list, build.Variable{Name: v.Name(), Type: table.add(v.Type()), To: end,
			Where: []build.Where{{To: end, Address: fmt.Sprintf("%#x", g.address())}}})
	}
	return list
}

// address is where a global lies, once that is known.
func (g *global) address() uint64 {
	region := vm.RegionData
	if g.rodata {
		region = vm.RegionRodata
	}
	return vm.Address(region, uint32(g.offset))
}

// A typeList makes types of the side file of types in Go.
type typeList struct {
	l    *loader
	list []build.Type
	at   typeutil.Map // a type to its place in list
}

func (l *loader) newTypes() *typeList {
	return &typeList{l: l, list: []build.Type{{Kind: build.KindVoid}}}
}

func (t *typeList) add(of types.Type) int {
	if n, ok := t.at.At(of).(int); ok {
		return n
	}
	n := len(t.list)
	t.at.Set(of, n)
	t.list = append(t.list, build.Type{})
	out := build.Type{Name: typeName(of), Size: t.l.sizeof(of)}
	field := func(name string, of types.Type, offset int) {
		out.Fields = append(out.Fields, build.Field{Name: name, Type: t.add(of), Offset: offset})
	}
	switch u := of.Underlying().(type) {
	case *types.Basic:
		switch info := u.Info(); {
		case info&types.IsBoolean != 0:
			out.Kind = build.KindBool
		case info&types.IsString != 0:
			out.Kind = build.KindStruct
			field("ptr", types.NewPointer(types.Typ[types.Byte]), 0)
			field("len", types.Typ[types.Int], 8)
		case info&types.IsUnsigned != 0:
			out.Kind = build.KindUint
		default:
			out.Kind = build.KindInt
		}
	case *types.Pointer:
		out.Kind, out.Of = build.KindPointer, t.add(u.Elem())
	case *types.Slice:
		out.Kind = build.KindStruct
		field("ptr", types.NewPointer(u.Elem()), 0)
		field("len", types.Typ[types.Int], 8)
		field("cap", types.Typ[types.Int], 16)
	case *types.Array:
		out.Kind, out.Of, out.Count = build.KindArray, t.add(u.Elem()), int(u.Len())
	case *types.Struct:
		out.Kind = build.KindStruct
		for i := range u.NumFields() {
			field(u.Field(i).Name(), u.Field(i).Type(), t.l.fieldOffset(u, i))
		}
	default:
		out.Kind = build.KindVoid
	}
	t.list[n] = out
	return n
}
