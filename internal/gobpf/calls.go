package gobpf

import (
	"encoding/binary"
	"fmt"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/femto-containers/femto/internal/diagnose"
)

const (
	// smallBody is how many SSA instructions a function may have to be inlined
	// wherever it is called.
	smallBody = 16

	maxInlining = 64      // levels
	maxValues   = 1 << 16 // of a function
	registers   = 5       // that pass arguments
)

// survey counts calls of functions that can be reached from fn and finds
// cycles among them.
func (l *lowerer) survey(fn *ssa.Function, open map[*ssa.Function]bool) {
	open[fn] = true
	defer delete(open, fn)
	visit := func(callee *ssa.Function) {
		l.calls[callee]++
		if open[callee] {
			l.cycles[callee] = true
		} else if l.calls[callee] == 1 {
			l.survey(callee, open)
		}
	}
	for _, b := range fn.Blocks {
		for _, in := range b.Instrs {
			if _, debug := in.(*ssa.DebugRef); debug {
				continue
			}
			for _, o := range in.Operands(nil) {
				if callee, ok := (*o).(*ssa.Function); ok {
					visit(callee)
				}
			}
		}
	}
}

func (l *lowerer) call(f *frame, in *ssa.Call) operand {
	c := in.Common()
	pos := in.Pos()
	if c.IsInvoke() {
		l.fail(diagnose.GoType, pos, "a method of an interface is called", "there are no calls through pointers: a device could not check where they lead", "call a method of a type that is known")
	}
	callee := l.value(f, c.Value)
	if callee.builtin != nil {
		return l.callBuiltin(f, in, callee.builtin.Name())
	}
	if callee.fn == nil {
		l.fail(diagnose.GoFunctionValue, pos, "which function is called is not known when compiling", "there are no calls through pointers", "call it directly, or switch over a number")
	}
	fn := callee.fn
	var args []operand
	for _, a := range c.Args {
		args = append(args, l.value(f, a))
	}
	if !l.site.IsValid() {
		l.pos = pos
	}
	if number, ok := l.helperOf(fn); ok {
		return l.callHelper(fn, number, args, pos)
	}
	results := fn.Signature.Results()
	var list []operand
	if reason := l.mustInline(fn, args); l.cycles[fn] || reason == "" && l.calls[fn] > 1 && size(fn) > smallBody && callee.free == nil && fn.Parent() == nil {
		if reason != "" {
			l.fail(diagnose.GoRecursion, pos, fn.Name()+" calls itself, and "+reason, fmt.Sprintf("a function that is called, and not put into its caller, takes %d registers and returns one", registers), "use a loop")
		}
		list = l.callApart(fn, args, pos)
	} else {
		if l.depth > maxInlining {
			l.fail(diagnose.GoRecursion, pos, "functions are nested too deep", fmt.Sprintf("%d levels of calls were put into one another", maxInlining), "use a loop")
		}
		if l.f.values > maxValues {
			l.fail(diagnose.GoLarge, pos, "the program is too large", "functions were put into one another too often", "call them at fewer places")
		}
		site, before, within := l.site, l.pos, l.within
		switch own := !l.foreign(fn); {
		case own: // a closure of the author's, perhaps, that package femto calls
			l.site = token.NoPos
		case !l.foreign(in.Parent()):
			l.site = l.pos
		}
		if !l.site.IsValid() { // package femto is not looked into
			l.within = len(l.f.bodies)
			l.f.bodies = append(l.f.bodies, body{within, symbolName(fn), l.pos})
		}
		l.depth++
		list = l.body(fn, args, callee.free, true)
		l.depth--
		l.site, l.pos, l.within = site, before, within
	}
	switch results.Len() {
	case 0:
		return operand{}
	case 1:
		return list[0]
	}
	return operand{tuple: list}
}

// foreign reports whether a function is of package femto or the standard
// library: what is put in place of a call of it has the line of that call.
func (l *lowerer) foreign(fn *ssa.Function) bool {
	if o := fn.Origin(); o != nil {
		fn = o
	}
	for fn.Parent() != nil {
		fn = fn.Parent()
	}
	if fn.Pkg == nil {
		return false
	}
	name := fn.Pkg.Pkg.Path()
	return name == SDK || slices.Contains(compiled, name)
}

// size is how many instructions of SSA a function has that become something.
func size(fn *ssa.Function) int {
	n := 0
	for _, b := range fn.Blocks {
		for _, in := range b.Instrs {
			switch in.(type) {
			case *ssa.DebugRef, *ssa.Jump, *ssa.Return, *ssa.Phi:
			default:
				n++
			}
		}
	}
	return n
}

// mustInline says why a function cannot be called, "" if it can.
func (l *lowerer) mustInline(fn *ssa.Function, args []operand) string {
	n := 0
	for _, a := range args {
		if a.fn != nil {
			return "takes a function"
		}
		if a.large {
			return "takes a large value"
		}
		n += len(a.regs)
	}
	if n > registers {
		return fmt.Sprintf("takes %d registers of arguments", n)
	}
	results := fn.Signature.Results()
	switch results.Len() {
	case 0:
		return ""
	case 1:
		if _, function := results.At(0).Type().Underlying().(*types.Signature); function {
			return "returns a function"
		}
		if leaves, ok := l.leaves(results.At(0).Type(), fn.Pos()); !ok || len(leaves) > 1 {
			return "returns more than one register"
		}
		return ""
	}
	return "has several results"
}

// callApart calls a function that is compiled on its own.
func (l *lowerer) callApart(fn *ssa.Function, args []operand, pos token.Pos) []operand {
	callee := l.apart[fn]
	if callee == nil {
		callee = &function{name: symbolName(fn), pos: fn.Pos(), results: fn.Signature.Results().Len()}
		l.apart[fn] = callee
		l.queue = append(l.queue, fn)
	}
	var flat []*value
	for _, a := range args {
		flat = append(flat, a.regs...)
	}
	v := l.emit(opCall, flat...)
	v.callee = callee
	if callee.results == 0 {
		return nil
	}
	leaves, _ := l.leaves(fn.Signature.Results().At(0).Type(), pos)
	if len(leaves) == 0 {
		return []operand{{}}
	}
	return []operand{{regs: []*value{v}}}
}

func symbolName(fn *ssa.Function) string {
	if fn.Signature.Recv() != nil {
		return typeName(fn.Signature.Recv().Type()) + "." + fn.Name()
	}
	return fn.Name()
}

func (l *lowerer) helperOf(fn *ssa.Function) (int32, bool) {
	if o := fn.Origin(); o != nil {
		fn = o
	}
	object, ok := fn.Object().(*types.Func)
	if !ok {
		return 0, false
	}
	n, ok := l.helpers[object.Origin()]
	return n, ok
}

// callHelper passes arguments as docs/spec/go-containers.md says.
func (l *lowerer) callHelper(fn *ssa.Function, number int32, args []operand, pos token.Pos) operand {
	var flat []*value
	var short uint8
	var list []types.Type
	if r := fn.Signature.Recv(); r != nil {
		list = append(list, r.Type())
	}
	for n := range fn.Signature.Params().Len() {
		list = append(list, fn.Signature.Params().At(n).Type())
	}
	for n, t := range list {
		a := args[n]
		switch u := t.Underlying().(type) {
		case *types.Basic:
			if u.Info()&(types.IsInteger|types.IsBoolean|types.IsString) == 0 {
				l.fail(diagnose.GoHelper, pos, "the helper "+fn.Name()+" takes "+typeName(t), "helpers take numbers, addresses, slices and constant strings", "pass its parts, or its address")
			}
			if u.Info()&types.IsString == 0 && l.sizeof(u) <= 4 && fn.Origin() == nil {
				short |= 1 << len(flat) // as in C, helpers cut what they take
			}
			flat = append(flat, a.regs[0])
		case *types.Pointer:
			flat = append(flat, a.regs[0])
		case *types.Slice:
			length := a.regs[1]
			if size := l.sizeof(u.Elem()); size != 1 {
				length = l.emit(opMul, length, l.imm(int64(size)))
			}
			flat = append(flat, a.regs[0], length)
		default:
			l.fail(diagnose.GoHelper, pos, "the helper "+fn.Name()+" takes "+typeName(t), "helpers take numbers, addresses, slices and constant strings", "pass its parts, or its address")
		}
	}
	if len(flat) > registers {
		l.fail(diagnose.GoHelper, pos, fmt.Sprintf("the helper %s takes %d registers", fn.Name(), len(flat)), "arguments are passed in r1 to r5; a slice takes two", "declare it with the parameters that the device's helper has")
	}
	v := l.emit(opHelper, flat...)
	v.imm, v.short = int64(number), short
	results := fn.Signature.Results()
	switch results.Len() {
	case 0:
		return operand{}
	case 1:
		t := results.At(0).Type()
		b, ok := t.Underlying().(*types.Basic)
		if _, pointer := t.Underlying().(*types.Pointer); !pointer && (!ok || b.Info()&(types.IsInteger|types.IsBoolean) == 0) {
			break
		}
		width, signed := l.integer(t)
		if ok && b.Info()&types.IsBoolean != 0 {
			return operand{regs: []*value{l.compare(condNE, v, l.imm(0), false)}}
		}
		return operand{regs: []*value{l.extend(v, width, signed)}}
	}
	l.fail(diagnose.GoHelper, pos, "the helper "+fn.Name()+" returns more than a number", "results come in the one register r0", "let the helper write what is more to an address that it takes")
	return operand{}
}

func (l *lowerer) callBuiltin(f *frame, in *ssa.Call, name string) operand {
	args := in.Call.Args
	one := func(v *value) operand { return operand{regs: []*value{v}} }
	switch name {
	case "len", "cap":
		x := l.value(f, args[0])
		switch t := args[0].Type().Underlying().(type) {
		case *types.Slice:
			if name == "cap" {
				return one(x.regs[2])
			}
			return one(x.regs[1])
		case *types.Basic:
			return one(x.regs[1])
		case *types.Array:
			return one(l.imm(t.Len()))
		case *types.Pointer:
			return one(l.imm(t.Elem().Underlying().(*types.Array).Len()))
		}
	case "min", "max":
		_, signed := l.integer(in.Type())
		if b, ok := in.Type().Underlying().(*types.Basic); !ok || b.Info()&types.IsInteger == 0 {
			break
		}
		o := opMin
		if name == "max" {
			o = opMax
		}
		v := l.reg(f, args[0])
		for _, a := range args[1:] {
			v = l.emit(o, v, l.reg(f, a))
			v.signed = signed
		}
		return one(v)
	case "copy":
		return one(l.copies(f, in))
	case "clear":
		if s, ok := args[0].Type().Underlying().(*types.Slice); ok {
			x := l.value(f, args[0])
			l.loop(l.imm(0), x.regs[1], 1, func(i *value) {
				l.write(l.scaled(x.regs[0], i, l.sizeof(s.Elem())), l.zero(s.Elem()), s.Elem())
			})
			return operand{}
		}
	case "append":
		l.fail(diagnose.GoHeap, in.Pos(), "append needs a heap", "a container has its stack and its package variables only", "keep an array and a count of what is used")
	case "Slice": // of package unsafe
		x, n := l.reg(f, args[0]), l.reg(f, args[1])
		return operand{regs: []*value{x, n, n}}
	case "Add":
		return one(l.emit(opAdd, l.reg(f, args[0]), l.reg(f, args[1])))
	case "ssa:wrapnilchk":
		return l.value(f, args[0])
	case "print", "println":
		l.fail(diagnose.GoOther, in.Pos(), name+" has nowhere to print to", "a device has a log", "use femto.Log")
	case "recover":
		l.fail(diagnose.GoStatement, in.Pos(), "a container has no recover", "a fault stops a container at once", "check before what could fail")
	}
	l.fail(diagnose.GoOther, in.Pos(), "a container cannot use "+name+" here", "docs/spec/go-containers.md lists what there is", "write a loop, or a function of your own")
	return operand{}
}

// loop runs body for i from first, in steps of 1 or -1, until i is last.
func (l *lowerer) loop(first, last *value, step int64, body func(i *value)) {
	head, inside, after := l.f.newBlock(), l.f.newBlock(), l.f.newBlock()
	l.jump(head)
	l.b = head
	i := l.emit(opPhi, first)
	l.branch(l.compare(condNE, i, last, false), inside, after)
	l.b = inside
	if step < 0 {
		i2 := l.emit(opAdd, i, l.imm(step))
		body(i2)
		i.args = append(i.args, i2)
	} else {
		body(i)
		i.args = append(i.args, l.emit(opAdd, i, l.imm(step)))
	}
	l.jump(head)
	l.b = after
}

// copies is the builtin copy: source and destination may overlap.
func (l *lowerer) copies(f *frame, in *ssa.Call) *value {
	to, from := l.value(f, in.Call.Args[0]), l.value(f, in.Call.Args[1])
	elem := in.Call.Args[0].Type().Underlying().(*types.Slice).Elem()
	size := l.sizeof(elem)
	x, y := to.regs[1], from.regs[1]
	one := func(i *value) {
		l.write(l.scaled(to.regs[0], i, size), l.read(l.scaled(from.regs[0], i, size), elem, true), elem)
	}
	if g := from.regs[0]; g.op == opGlobal && g.global.text && size == 1 && y.isConst() && y.imm > 0 && y.imm <= maxText {
		return l.copiesText(to.regs[0], x, g.global.bytes[:y.imm], func() { l.loop(l.imm(0), x, 1, one) })
	}
	n := l.emit(opMin, x, y)
	n.length, n.signed = true, true
	a, b := root(to.regs[0]), root(from.regs[0])
	constant := from.regs[0].op == opGlobal && from.regs[0].global.text
	if a != nil && b != nil && a != b || constant {
		l.loop(l.imm(0), n, 1, one)
		return n
	}
	up, down, after := l.f.newBlock(), l.f.newBlock(), l.f.newBlock()
	l.branch(l.compare(condULE, to.regs[0], from.regs[0], false), up, down)
	l.b = up
	l.loop(l.imm(0), n, 1, one)
	l.jump(after)
	l.b = down
	l.loop(n, l.imm(0), -1, one)
	l.jump(after)
	l.b = after
	return n
}

// maxText is how long a constant string may be for its bytes to be part of the
// instructions that copy it.
const maxText = 16

// copiesText copies a constant string to room bytes: as a whole if there is
// room for it, otherwise as part does.
func (l *lowerer) copiesText(to, room *value, text []byte, part func()) *value {
	all, some, after := l.f.newBlock(), l.f.newBlock(), l.f.newBlock()
	l.branch(l.compare(condUGE, room, l.imm(int64(len(text))), false), all, some)
	l.b = all
	for at := 0; at < len(text); {
		size := 4
		for size > len(text)-at {
			size /= 2
		}
		word := [4]byte{}
		copy(word[:], text[at:at+size])
		l.store(to, l.imm(int64(binary.LittleEndian.Uint32(word[:]))), at, size)
		at += size
	}
	whole := l.imm(int64(len(text)))
	l.jump(after)
	l.b = some
	part()
	l.jump(after)
	l.b = after
	n := l.emit(opPhi, whole, room)
	n.length = true
	return n
}

// root is the variable in which an address lies, nil if it is not known.
func root(v *value) any {
	switch v.op {
	case opSlot:
		return v.slot
	case opGlobal:
		return v.global
	case opParam:
		return v.block // the context
	case opAdd:
		return root(v.args[0])
	}
	return nil
}
