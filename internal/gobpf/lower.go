package gobpf

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/femto-containers/femto/internal/diagnose"
)

// An operand is what an SSA value became: the registers of its leaves; or an
// address where it lies, never to change, if it has too many; or a function
// that is known; or the parts of a tuple.
type operand struct {
	regs    []*value
	mem     *value // large values: nil is zero
	large   bool
	fn      *ssa.Function
	free    []operand // what a closure has captured
	tuple   []operand
	builtin *ssa.Builtin
	held    *operand // the function that is in the variable of which this is the address
}

// A lowerer turns SSA into functions of values. It inlines as it goes.
type lowerer struct {
	*loader
	packages map[string]*ssa.Package
	globals  map[*types.Var]*global
	strings  map[string]*global
	made     []*global // in order
	inits    map[*types.Var]initialiser
	apart    map[*ssa.Function]*function // compiled on their own
	queue    []*ssa.Function
	calls    map[*ssa.Function]int
	cycles   map[*ssa.Function]bool

	f      *function
	b      *block
	pos    token.Pos
	site   token.Pos // of the author's call of what is being lowered, if that is not the author's
	depth  int       // of inlining
	within int       // see function.bodies
}

// A frame is a body being lowered.
type frame struct {
	fn     *ssa.Function
	env    map[ssa.Value]operand
	entry  map[*ssa.BasicBlock]*block
	exit   map[*ssa.BasicBlock]*block
	after  *block      // where an inlined body goes on, nil otherwise
	result [][]operand // of each return of an inlined body
	phis   []*ssa.Phi
	locals map[localKey]*local
	same   map[ssa.Value]*ssa.Alloc // see loopVariables
}

// loopVariables finds the variables of for statements whose address is taken:
// Go makes one for each turn, with the value of the one before. They share a
// place on the stack, as long as nobody keeps the address of an old one, which
// escapes sees to.
func loopVariables(fn *ssa.Function) map[ssa.Value]*ssa.Alloc {
	same := map[ssa.Value]*ssa.Alloc{}
	for _, b := range fn.Blocks {
		for _, in := range b.Instrs {
			phi, ok := in.(*ssa.Phi)
			if !ok {
				break
			}
			if len(phi.Edges) != 2 {
				continue
			}
			for n := range 2 {
				first, ok1 := phi.Edges[n].(*ssa.Alloc)
				next, ok2 := phi.Edges[1-n].(*ssa.Alloc)
				if ok1 && ok2 && first.Comment == next.Comment && first.Pos() == next.Pos() && first.Block().Dominates(b) && b.Dominates(next.Block()) && takesOver(next, phi) {
					same[phi], same[next] = first, first
				}
			}
		}
	}
	return same
}

// takesOver reports whether a variable begins with the value of another one.
func takesOver(next *ssa.Alloc, from ssa.Value) bool {
	for _, r := range *next.Referrers() {
		if s, ok := r.(*ssa.Store); ok && s.Addr == ssa.Value(next) && s.Block() == next.Block() {
			if load, ok := s.Val.(*ssa.UnOp); ok && load.Op == token.MUL && load.X == from {
				return true
			}
		}
	}
	return false
}

// An abort ends the lowering of one function after a refusal that leaves
// nothing to go on with.
type abort struct{}

func (l *lowerer) fail(code diagnose.Code, pos token.Pos, what, why, fix string) {
	if !pos.IsValid() {
		pos = l.pos
	}
	l.refuse(code, pos, what, why, fix)
	panic(abort{})
}

func (l *lowerer) unforeseen(pos token.Pos, what string) {
	if !pos.IsValid() {
		pos = l.pos
	}
	l.loader.unforeseen(pos, what)
	panic(abort{})
}

func (l *lowerer) emit(o op, args ...*value) *value {
	v := l.f.newValue(o, args...)
	v.pos, v.block, v.body = l.pos, l.b, l.within
	l.b.values = append(l.b.values, v)
	return v
}

func (l *lowerer) imm(n int64) *value {
	v := l.emit(opConst)
	v.imm = n
	return v
}

func (l *lowerer) narrow(o op, args ...*value) *value {
	v := l.emit(o, args...)
	v.narrow = true
	return v
}

func (l *lowerer) compare(c cond, a, b *value, narrow bool) *value {
	v := l.emit(opCmp, a, b)
	v.cond, v.narrow = c, narrow
	return v
}

func (l *lowerer) trapIf(reason int, c cond, a, b *value) {
	v := l.emit(opTrapIf, a, b)
	v.cond, v.imm = c, int64(reason)
}

// extend brings a value into the form of its type: extended to 64 bits as the
// type's sign wants.
func (l *lowerer) extend(v *value, bits int, signed bool) *value {
	if bits == 64 {
		return v
	}
	o := opZext
	if signed {
		o = opSext
	}
	e := l.emit(o, v)
	e.imm = int64(bits)
	return e
}

func (l *lowerer) add(v *value, n int) *value {
	if n == 0 {
		return v
	}
	return l.emit(opAdd, v, l.imm(int64(n)))
}

func (l *lowerer) load(base *value, at leaf) *value {
	v := l.emit(opLoad, base)
	v.imm, v.size, v.signed, v.length = int64(at.offset), at.size, at.signed, at.length
	return v
}

func (l *lowerer) store(base, v *value, offset, size int) {
	s := l.emit(opStore, base, v)
	s.imm, s.size = int64(offset), size
}

func (l *lowerer) clear(base *value, size int) {
	if size > 0 {
		l.emit(opZero, base).size = size
	}
}

func (l *lowerer) move(to, from *value, size int) {
	if size > 0 {
		l.emit(opMove, to, from).size = size
	}
}

func (l *lowerer) newSlot(name string, t types.Type) *value {
	s := &stackSlot{name: name, size: l.sizeof(t), align: max(1, int(l.sizes.Alignof(t))), pos: l.pos}
	l.f.slots = append(l.f.slots, s)
	v := l.emit(opSlot)
	v.slot = s
	return v
}

// jump ends the block.
func (l *lowerer) jump(to *block) {
	l.b.kind, l.b.pos = endJump, l.pos
	link(l.b, to)
}

func (l *lowerer) branch(on *value, yes, no *block) {
	l.b.kind, l.b.on, l.b.pos = endBranch, on, l.pos
	link(l.b, yes)
	link(l.b, no)
}

// choose computes one of two values.
func (l *lowerer) choose(on *value, yes, no func() *value) *value {
	a, b, after := l.f.newBlock(), l.f.newBlock(), l.f.newBlock()
	l.branch(on, a, b)
	l.b = a
	x := yes()
	l.jump(after)
	l.b = b
	y := no()
	l.jump(after)
	l.b = after
	return l.emit(opPhi, x, y)
}

// zero is the zero value of a type.
func (l *lowerer) zero(t types.Type) operand {
	leaves, ok := l.leaves(t, l.pos)
	if !ok {
		return operand{large: true}
	}
	var o operand
	for range leaves {
		o.regs = append(o.regs, l.imm(0))
	}
	return o
}

// relate notes that the length of a slice is at most its capacity.
func relate(t types.Type, o operand) operand {
	if _, slice := t.Underlying().(*types.Slice); slice && len(o.regs) == 3 && o.regs[1] != o.regs[2] && !o.regs[1].isConst() && !o.regs[2].isConst() {
		o.regs[1].bound, o.regs[2].lower = o.regs[2], o.regs[1]
	}
	return o
}

// read loads a value of type t.
func (l *lowerer) read(base *value, t types.Type, direct bool) operand {
	leaves, ok := l.leaves(t, l.pos)
	if _, array := t.Underlying().(*types.Array); array && direct && len(leaves) > 1 {
		return operand{large: true, mem: base}
	}
	if !ok {
		if direct {
			return operand{large: true, mem: base}
		}
		temporary := l.newSlot("copy", t)
		l.move(temporary, base, l.sizeof(t))
		return operand{large: true, mem: temporary}
	}
	var o operand
	for _, at := range leaves {
		o.regs = append(o.regs, l.load(base, at))
	}
	return relate(t, o)
}

// write stores a value of type t.
func (l *lowerer) write(base *value, o operand, t types.Type) {
	if o.large {
		if o.mem == nil {
			l.clear(base, l.sizeof(t))
		} else {
			l.move(base, o.mem, l.sizeof(t))
		}
		return
	}
	if o.fn != nil {
		l.fail(diagnose.GoFunctionValue, l.pos, "a function is stored in a variable", "there are no calls through pointers: which function is called must be known when compiling",
			"call it directly, or switch over a number")
	}
	leaves, _ := l.leaves(t, l.pos)
	for i, at := range leaves {
		l.store(base, o.regs[i], at.offset, at.size)
	}
}

// part is the leaves of o from the leaf that lies at offset, of type t.
func (l *lowerer) part(o operand, whole types.Type, offset int, t types.Type) operand {
	if o.large {
		if o.mem == nil {
			return l.zero(t)
		}
		return l.read(l.add(o.mem, offset), t, true)
	}
	all, _ := l.leaves(whole, l.pos)
	want, _ := l.leaves(t, l.pos)
	var p operand
	for i, at := range all {
		if at.offset >= offset && len(p.regs) < len(want) {
			p.regs = append(p.regs, o.regs[i])
		}
	}
	return p
}

// constant is the value of an SSA constant.
func (l *lowerer) constant(c *ssa.Const) operand {
	if c.Value == nil {
		if _, ok := c.Type().Underlying().(*types.Signature); ok {
			l.fail(diagnose.GoFunctionValue, l.pos, "a function that is nil", "there are no calls through pointers: which function is called must be known when compiling", "switch over a number")
		}
		return l.zero(c.Type())
	}
	switch c.Value.Kind() {
	case constant.Bool:
		if constant.BoolVal(c.Value) {
			return operand{regs: []*value{l.imm(1)}}
		}
		return operand{regs: []*value{l.imm(0)}}
	case constant.String:
		text := constant.StringVal(c.Value)
		v := l.emit(opGlobal)
		v.global = l.text(text)
		return operand{regs: []*value{v, l.imm(int64(len(text)))}}
	}
	l.leaves(c.Type(), l.pos)
	return operand{regs: []*value{l.imm(integerOf(c.Value))}}
}

// madeUp are names that SSA gives to what has none.
var madeUp = []string{"complit", "new", "makeslice", "varargs", "slicelit"}

// constantNumber is the number that an SSA constant is, nil if it is none.
func (l *lowerer) constantNumber(c *ssa.Const) *int64 {
	var n int64
	switch c.Value.Kind() {
	case constant.Bool:
		n = int64(boolean(constant.BoolVal(c.Value)))
	case constant.Int:
		n = integerOf(c.Value)
	default:
		return nil
	}
	return &n
}

func integerOf(v constant.Value) int64 {
	v = constant.ToInt(v)
	if n, exact := constant.Int64Val(v); exact {
		return n
	}
	n, _ := constant.Uint64Val(v)
	return int64(n)
}

// value returns what v became.
func (l *lowerer) value(f *frame, v ssa.Value) operand {
	if o, ok := f.env[v]; ok {
		return o
	}
	switch v := v.(type) {
	case *ssa.Const:
		return l.constant(v)
	case *ssa.Global:
		g := l.emit(opGlobal)
		variable, _ := v.Object().(*types.Var)
		if variable == nil {
			l.unforeseen(v.Pos(), "a variable of the compiler: "+v.Name())
		}
		g.global = l.global(variable)
		return operand{regs: []*value{g}}
	case *ssa.Function:
		return operand{fn: v}
	case *ssa.Builtin:
		return operand{builtin: v}
	}
	l.unforeseen(v.Pos(), fmt.Sprintf("the compiler cannot translate %s (%T)", v.Name(), v))
	return operand{}
}

func (l *lowerer) reg(f *frame, v ssa.Value) *value {
	o := l.value(f, v)
	if len(o.regs) == 0 {
		l.unforeseen(l.pos, "a function is used as a value: "+v.Name())
	}
	return o.regs[0]
}

// body lowers fn with its arguments at the current place. An inlined one
// leaves its results; otherwise its returns are those of l.f.
func (l *lowerer) body(fn *ssa.Function, args, free []operand, inlined bool) []operand {
	f := &frame{fn: fn, env: map[ssa.Value]operand{}, entry: map[*ssa.BasicBlock]*block{}, exit: map[*ssa.BasicBlock]*block{}, locals: map[localKey]*local{}}
	if len(fn.Blocks) == 0 {
		l.fail(diagnose.GoNoBody, l.pos, "the function "+fn.Name()+" has no body", "it is neither compiled here nor a helper", "a helper is declared with //femto:helper and its number")
	}
	if fn.Recover != nil {
		pos := fn.Pos()
		for _, b := range fn.Blocks {
			for _, in := range b.Instrs {
				if d, ok := in.(*ssa.Defer); ok {
					pos = d.Pos()
				}
			}
		}
		l.fail(diagnose.GoStatement, pos, "a container has no defer", "a fault stops a container at once", "call it before each return")
	}
	for i, p := range fn.Params {
		f.env[p] = args[i]
		l.noted(l.declare(f, p.Name(), p.Pos(), p.Type()), args[i], true)
	}
	for i, p := range fn.FreeVars {
		f.env[p] = free[i]
	}
	if inlined {
		f.after = l.f.newBlock()
	}
	f.same = loopVariables(fn)
	order := fn.DomPreorder()
	for _, b := range order {
		f.entry[b] = l.f.newBlock()
	}
	l.jump(f.entry[fn.Blocks[0]])
	for _, b := range order {
		l.b = f.entry[b]
		if pos := placeOfBlock(b); pos.IsValid() && !l.site.IsValid() {
			l.pos = pos
		}
		for n, in := range b.Instrs {
			if ref, debug := in.(*ssa.DebugRef); debug {
				l.refers(f, ref)
				continue
			}
			switch {
			case l.site.IsValid():
				l.pos = l.site
			case placeless(in): // it has the place of what follows
				for _, next := range b.Instrs[n:] {
					if _, phi := next.(*ssa.Phi); !phi && next.Pos().IsValid() {
						l.pos = next.Pos()
						break
					}
				}
			case in.Pos().IsValid():
				l.pos = in.Pos()
			}
			l.instruction(f, in)
		}
	}
	l.connect(f, order)
	if !inlined {
		return nil
	}
	// The order of predecessors is that of returns.
	l.b = f.after
	signature := fn.Signature.Results()
	var results []operand
	for n := range signature.Len() {
		results = append(results, l.merge(f, n))
	}
	if len(f.result) == 0 { // it never returns: what follows cannot run
		l.b.kind, l.b.reason = endTrap, reasonPanic
		l.b = l.f.newBlock()
		for n := range results {
			results[n] = l.zero(signature.At(n).Type())
		}
	}
	return results
}

// placeOfBlock is where the first thing that a block does is in the source: the
// test of a range has no place of its own but that of what it goes through.
func placeOfBlock(b *ssa.BasicBlock) token.Pos {
	for n := 0; n < 2; n++ {
		for _, in := range b.Instrs {
			if _, debug := in.(*ssa.DebugRef); !debug && !placeless(in) && in.Pos().IsValid() {
				return in.Pos()
			}
		}
		if len(b.Succs) == 0 {
			break
		}
		b = b.Succs[0]
	}
	return token.NoPos
}

func placeless(in ssa.Instruction) bool {
	switch in.(type) {
	case *ssa.SliceToArrayPointer, *ssa.ChangeInterface, *ssa.Phi:
		return true
	}
	return false
}

// merge joins result n of all returns.
func (l *lowerer) merge(f *frame, n int) operand {
	if len(f.result) == 0 {
		return operand{}
	}
	first := f.result[0][n]
	if len(f.result) == 1 {
		return first
	}
	out := operand{large: first.large, fn: first.fn, free: first.free}
	if first.fn != nil {
		for _, r := range f.result {
			if r[n].fn != first.fn {
				l.fail(diagnose.GoFunctionValue, f.fn.Pos(), "a function returns one of several functions", "there are no calls through pointers: which function is called must be known when compiling", "switch over a number")
			}
		}
	}
	if first.large {
		phi := l.emit(opPhi)
		for i, r := range f.result {
			if r[n].mem == nil {
				saved := l.b
				l.b = l.b.preds[i]
				slot := l.newSlot("zero", f.fn.Signature.Results().At(n).Type())
				l.clear(slot, slot.slot.size)
				l.b = saved
				r[n].mem = slot
			}
			phi.args = append(phi.args, r[n].mem)
		}
		out.mem = phi
		return out
	}
	for i := range first.regs {
		phi := l.emit(opPhi)
		for _, r := range f.result {
			phi.args = append(phi.args, r[n].regs[i])
		}
		out.regs = append(out.regs, phi)
	}
	return out
}

// connect links the blocks of a body, in the order in which SSA has
// predecessors, and completes the phis.
func (l *lowerer) connect(f *frame, order []*ssa.BasicBlock) {
	for _, b := range order {
		for _, p := range b.Preds {
			f.entry[b].preds = append(f.entry[b].preds, f.edge(p, b))
		}
	}
	for _, phi := range f.phis {
		o := f.env[phi]
		b := phi.Block()
		for i, e := range phi.Edges {
			p := f.entry[b].preds[i]
			l.b = p
			in := l.value(f, e)
			if o.large {
				if in.mem == nil {
					l.clear(o.tuple[0].mem, l.sizeof(phi.Type()))
				} else {
					l.move(o.tuple[0].mem, in.mem, l.sizeof(phi.Type()))
				}
				continue
			}
			for n := range o.regs {
				o.regs[n].args = append(o.regs[n].args, in.regs[n])
			}
		}
	}
}

// edge is the block from which control comes into b from p.
func (f *frame) edge(p, b *ssa.BasicBlock) *block {
	exit := f.exit[p]
	to := f.entry[b]
	for _, s := range exit.succs {
		if s == to {
			return exit
		}
	}
	// A split edge.
	for _, s := range exit.succs {
		if len(s.succs) == 1 && s.succs[0] == to {
			taken := false
			for _, q := range to.preds {
				taken = taken || q == s
			}
			if !taken {
				return s
			}
		}
	}
	return exit
}

func (l *lowerer) instruction(f *frame, in ssa.Instruction) {
	switch in := in.(type) {
	case *ssa.Phi:
		if first := f.same[in]; first != nil {
			f.env[in] = f.env[first]
			return
		}
		f.phis = append(f.phis, in)
		leaves, ok := l.leaves(in.Type(), in.Pos())
		if !ok {
			slot := l.newSlot("phi", in.Type())
			staging := l.newSlot("edge", in.Type())
			l.move(slot, staging, l.sizeof(in.Type()))
			// The address of staging is needed where edges come from.
			l.atEntry(staging)
			f.env[in] = operand{large: true, mem: slot, tuple: []operand{{mem: staging}}}
			return
		}
		if _, ok := in.Type().Underlying().(*types.Signature); ok {
			l.fail(diagnose.GoFunctionValue, in.Pos(), "which function is called depends on the way here", "there are no calls through pointers: which function is called must be known when compiling", "switch over a number, and call it there")
		}
		var o operand
		for i := range leaves {
			phi := l.emit(opPhi)
			phi.length = leaves[i].length
			o.regs = append(o.regs, phi)
		}
		f.env[in] = relate(in.Type(), o)
		l.noted(l.declare(f, in.Comment, in.Pos(), in.Type()), o, false)
	case *ssa.Alloc:
		if first := f.same[in]; first != nil {
			f.env[in] = f.env[first]
			f.env[in].regs[0].slot.turns = true
			return
		}
		t := in.Type().Underlying().(*types.Pointer).Elem()
		l.leaves(t, in.Pos())
		if _, ok := t.Underlying().(*types.Signature); ok {
			if !assignedOnce(in) {
				l.fail(diagnose.GoFunctionValue, in.Pos(), "a variable holds a function", "there are no calls through pointers: which function is called must be known when compiling", "assign it once, where it is declared, and do not change it in closures; what calls itself is a function of the package")
			}
			f.env[in] = operand{held: new(operand)}
			return
		}
		slot := l.newSlot(in.Comment, t)
		l.clear(slot, slot.slot.size)
		f.env[in] = operand{regs: []*value{slot}}
		if token.IsIdentifier(in.Comment) && !slices.Contains(madeUp, in.Comment) && !l.site.IsValid() {
			of := &local{name: in.Comment, typ: t, slot: slot.slot, body: l.within, values: map[*value]bool{}}
			slot.slot.set = l.setAtOnce(in)
			f.locals[localKey{in.Pos(), 0}] = of
			l.f.locals = append(l.f.locals, of)
		}
	case *ssa.BinOp:
		f.env[in] = operand{regs: []*value{l.binary(f, in)}}
	case *ssa.UnOp:
		f.env[in] = l.unary(f, in)
	case *ssa.ChangeType:
		f.env[in] = l.value(f, in.X)
	case *ssa.Convert:
		f.env[in] = l.convert(f, in.X, in.Type(), in.Pos())
	case *ssa.MultiConvert:
		f.env[in] = l.convert(f, in.X, in.Type(), in.Pos())
	case *ssa.Call:
		f.env[in] = l.call(f, in)
	case *ssa.Extract:
		f.env[in] = l.value(f, in.Tuple).tuple[in.Index]
	case *ssa.FieldAddr:
		s := in.X.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct)
		f.env[in] = operand{regs: []*value{l.add(l.reg(f, in.X), l.fieldOffset(s, in.Field))}}
	case *ssa.Field:
		s := in.X.Type().Underlying().(*types.Struct)
		f.env[in] = l.part(l.value(f, in.X), in.X.Type(), l.fieldOffset(s, in.Field), in.Type())
	case *ssa.IndexAddr:
		f.env[in] = operand{regs: []*value{l.indexAddress(f, in)}}
	case *ssa.Index:
		f.env[in] = l.index(f, in.X, in.Index, in.Type())
	case *ssa.Lookup:
		if _, ok := in.X.Type().Underlying().(*types.Map); ok {
			l.fail(diagnose.GoType, in.Pos(), "a container has no maps", "maps need a heap", "use an array, or a store")
		}
		f.env[in] = l.index(f, in.X, in.Index, in.Type())
	case *ssa.Slice:
		f.env[in] = l.slice(f, in)
	case *ssa.SliceToArrayPointer:
		n := in.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Array).Len()
		s := l.value(f, in.X)
		l.trapIf(reasonConvert, condULT, s.regs[1], l.imm(n))
		f.env[in] = operand{regs: s.regs[:1]}
	case *ssa.Store:
		t := in.Addr.Type().Underlying().(*types.Pointer).Elem()
		if held := l.value(f, in.Addr).held; held != nil {
			*held = l.value(f, in.Val)
			return
		}
		base := l.reg(f, in.Addr)
		l.write(base, l.value(f, in.Val), t)
	case *ssa.MakeClosure:
		o := operand{fn: in.Fn.(*ssa.Function)}
		for _, b := range in.Bindings {
			o.free = append(o.free, l.value(f, b))
		}
		f.env[in] = o
	case *ssa.MakeInterface:
		if !onlyPanics(in) {
			l.fail(diagnose.GoType, in.Pos(), "a value is put into an interface", "interfaces need a heap and calls through pointers", "use the type itself, or a type parameter")
		}
	case *ssa.If:
		f.exit[in.Block()] = l.b
		yes, no := f.entry[in.Block().Succs[0]], f.entry[in.Block().Succs[1]]
		on := l.reg(f, in.Cond)
		from := l.b
		if yes == no {
			between := l.f.newBlock()
			l.b = between
			between.kind, between.succs = endJump, []*block{no}
			between.preds = []*block{from}
			no = between
			l.b = from
		}
		from.kind, from.on, from.pos = endBranch, on, l.pos
		from.succs = []*block{yes, no}
	case *ssa.Jump:
		f.exit[in.Block()] = l.b
		l.b.kind, l.b.pos = endJump, l.pos
		l.b.succs = []*block{f.entry[in.Block().Succs[0]]}
	case *ssa.Return:
		l.returns(f, in)
	case *ssa.Panic:
		f.exit[in.Block()] = l.b
		l.b.kind, l.b.reason, l.b.pos = endTrap, reasonPanic, l.pos
	case *ssa.Go:
		l.fail(diagnose.GoStatement, in.Pos(), "a container has no goroutines", "a container is one activation after the other", "keep state in package variables, and return")
	case *ssa.Send, *ssa.Select, *ssa.MakeChan:
		l.fail(diagnose.GoType, in.Pos(), "a container has no channels", "a container is one activation after the other", "use a package variable or a store")
	case *ssa.MakeMap, *ssa.MapUpdate:
		l.fail(diagnose.GoType, in.Pos(), "a container has no maps", "maps need a heap", "use an array, or a store")
	case *ssa.MakeSlice:
		l.fail(diagnose.GoHeap, in.Pos(), "make with a length that is not constant needs a heap", "a container has its stack and its package variables only", "use an array, and slice it")
	case *ssa.Range, *ssa.Next:
		l.fail(diagnose.GoStatement, in.Pos(), "a container cannot range over a string or a map", "strings hold bytes here, not characters", "for i := 0; i < len(s); i++ { … s[i] … }")
	case *ssa.ChangeInterface:
		if !onlyPanics(in) {
			l.noInterfaces(l.pos)
		}
	case *ssa.TypeAssert:
		l.noInterfaces(in.Pos())
	default:
		l.unforeseen(in.Pos(), fmt.Sprintf("the compiler cannot translate this (%T)", in))
	}
}

func (l *lowerer) noInterfaces(pos token.Pos) {
	l.fail(diagnose.GoType, pos, "a container has no interfaces", "there are no calls through pointers: a device could not check where they lead", "use the type itself, a switch, or a type parameter")
}

// onlyPanics reports whether v is what panic is called with, which nobody sees.
func onlyPanics(v ssa.Value) bool {
	for _, r := range *v.Referrers() {
		switch r := r.(type) {
		case *ssa.Panic, *ssa.DebugRef:
		case *ssa.ChangeInterface:
			if !onlyPanics(r) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// assignedOnce reports whether a variable gets its value at one place, before
// it is read: closures that capture it only read it.
func assignedOnce(v *ssa.Alloc) bool {
	var store *ssa.Store
	for _, r := range *v.Referrers() {
		if s, ok := r.(*ssa.Store); ok {
			if store != nil || s.Addr != ssa.Value(v) {
				return false
			}
			store = s
		}
	}
	if store == nil {
		return false
	}
	behind := func(in ssa.Instruction) bool {
		if in.Block() == store.Block() {
			return slices.Index(in.Block().Instrs, in) > slices.Index(in.Block().Instrs, ssa.Instruction(store))
		}
		return store.Block().Dominates(in.Block())
	}
	for _, r := range *v.Referrers() {
		switch r := r.(type) {
		case *ssa.Store, *ssa.DebugRef:
		case *ssa.UnOp:
			if !behind(r) {
				return false
			}
		case *ssa.MakeClosure:
			if !behind(r) || !onlyReads(r, v) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// onlyRead reports whether a captured variable is not changed where it is
// captured, and in closures there.
func onlyRead(v *ssa.FreeVar) bool {
	for _, r := range *v.Referrers() {
		switch r := r.(type) {
		case *ssa.UnOp, *ssa.DebugRef:
		case *ssa.MakeClosure:
			if !onlyReads(r, v) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// onlyReads reports whether a closure does not change a variable that it captures.
func onlyReads(c *ssa.MakeClosure, v ssa.Value) bool {
	for i, b := range c.Bindings {
		if b == v && !onlyRead(c.Fn.(*ssa.Function).FreeVars[i]) {
			return false
		}
	}
	return true
}

// atEntry moves v, which has no arguments, to the beginning of the function.
func (l *lowerer) atEntry(v *value) {
	for i, w := range v.block.values {
		if w == v {
			v.block.values = append(v.block.values[:i:i], v.block.values[i+1:]...)
			break
		}
	}
	entry := l.f.blocks[0]
	v.block = entry
	entry.values = append([]*value{v}, entry.values...)
}

func (l *lowerer) returns(f *frame, in *ssa.Return) {
	f.exit[in.Block()] = l.b
	if f.after != nil {
		var list []operand
		for _, r := range in.Results {
			list = append(list, l.value(f, r))
		}
		f.result = append(f.result, list)
		l.jump(f.after)
		return
	}
	l.b.kind, l.b.pos = endReturn, l.pos
	if len(in.Results) > 0 {
		if o := l.value(f, in.Results[0]); len(o.regs) > 0 {
			l.b.on = o.regs[0]
		}
	} else if l.f.entry {
		l.b.on = l.imm(0)
	}
}

var binaryOps = map[token.Token]op{token.ADD: opAdd, token.SUB: opSub, token.MUL: opMul, token.AND: opAnd, token.OR: opOr, token.XOR: opXor}

var conds = map[token.Token][2]cond{ // signed, unsigned
	token.EQL: {condEQ, condEQ}, token.NEQ: {condNE, condNE}, token.LSS: {condLT, condULT}, token.LEQ: {condLE, condULE},
	token.GTR: {condGT, condUGT}, token.GEQ: {condGE, condUGE},
}
