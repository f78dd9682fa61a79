package gobpf

import (
	"fmt"
	"go/token"
	"go/types"
	"math/bits"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/femto-containers/femto/internal/diagnose"
)

func (l *lowerer) binary(f *frame, in *ssa.BinOp) *value {
	t := in.X.Type()
	if c, ok := conds[in.Op]; ok {
		return l.compares(f, in, c)
	}
	if b, ok := t.Underlying().(*types.Basic); ok && b.Info()&types.IsString != 0 {
		l.fail(diagnose.GoString, in.Pos(), "strings are joined when running", "that needs a heap: strings are constants here", "write the text out, or log its parts one after the other")
	}
	l.leaves(t, in.Pos())
	width, signed := l.integer(t)
	x := l.reg(f, in.X)
	if in.Op == token.SHL || in.Op == token.SHR {
		return l.shift(f, in, x, width, signed)
	}
	y := l.reg(f, in.Y)
	switch in.Op {
	case token.AND, token.OR, token.XOR:
		return l.emit(binaryOps[in.Op], x, y)
	case token.AND_NOT:
		return l.emit(opAnd, x, l.emit(opXor, y, l.imm(-1)))
	case token.QUO, token.REM:
		l.trapIf(reasonDivision, condEQ, y, l.imm(0))
		o := opDiv
		if in.Op == token.REM {
			o = opMod
		}
		if signed {
			o += opSDiv - opDiv
			return l.extend(l.emit(o, x, y), width, true)
		}
		return l.emit(o, x, y)
	}
	if width == 64 {
		return l.emit(binaryOps[in.Op], x, y)
	}
	return l.extend(l.narrow(binaryOps[in.Op], x, y), width, signed)
}

// shift is that of Go: what is shifted out is gone, however far.
func (l *lowerer) shift(f *frame, in *ssa.BinOp, x *value, width int, signed bool) *value {
	o := opShl
	if in.Op == token.SHR {
		o = opShr
		if signed {
			o = opSar
		}
	}
	finish := func(v *value) *value {
		if o == opShl {
			return l.extend(v, width, signed)
		}
		return v
	}
	if c, ok := in.Y.(*ssa.Const); ok {
		n := integerOf(c.Value)
		if _, negative := l.integer(in.Y.Type()); negative && n < 0 {
			l.trapIf(reasonShift, condEQ, l.imm(0), l.imm(0))
			return l.imm(0)
		}
		if uint64(n) >= uint64(width) {
			if o != opSar {
				return l.imm(0)
			}
			n = int64(width - 1)
		}
		if n == 0 {
			return x
		}
		if o == opShl && width == 32 {
			return finish(l.narrow(o, x, l.imm(n)))
		}
		return finish(l.emit(o, x, l.imm(n)))
	}
	y := l.reg(f, in.Y)
	if _, negative := l.integer(in.Y.Type()); negative {
		l.trapIf(reasonShift, condLT, y, l.imm(0))
	}
	if o == opSar {
		return l.emit(o, x, l.emit(opMin, y, l.imm(63)))
	}
	inside := l.compare(condULT, y, l.imm(64), false)
	return l.choose(inside, func() *value { return finish(l.emit(o, x, y)) }, func() *value { return l.imm(0) })
}

func (l *lowerer) compares(f *frame, in *ssa.BinOp, c [2]cond) *value {
	t := in.X.Type()
	if b, ok := t.Underlying().(*types.Basic); ok && b.Info()&types.IsString != 0 {
		l.fail(diagnose.GoString, in.Pos(), "strings are compared when running", "strings are constants here, and there is no code to compare them", "compare numbers: constants with iota")
	}
	if _, ok := t.Underlying().(*types.Signature); ok {
		l.fail(diagnose.GoFunctionValue, in.Pos(), "a function is compared", "which function is called must be known when compiling", "compare what decides which function it is")
	}
	x, y := l.value(f, in.X), l.value(f, in.Y)
	if x.large || y.large {
		l.fail(diagnose.GoLarge, in.Pos(), "large values are compared as a whole", fmt.Sprintf("they have more than %d parts", maxLeaves), "compare them in a loop")
	}
	var b *types.Basic
	if b, _ = t.Underlying().(*types.Basic); b != nil {
		l.leaves(t, in.Pos())
	}
	width, signed := l.integer(t)
	which := c[1]
	if signed {
		which = c[0]
	}
	if _, slice := t.Underlying().(*types.Slice); slice { // with nil
		x.regs, y.regs = x.regs[:1], y.regs[:1]
	}
	if len(x.regs) == 0 {
		return l.imm(int64(boolean(which == condEQ)))
	}
	leaves, _ := l.leaves(t, in.Pos())
	all := l.compare(which, x.regs[0], y.regs[0], b != nil && width <= 32)
	for i := 1; i < len(x.regs); i++ {
		one := l.compare(which, x.regs[i], y.regs[i], leaves[i].size <= 4)
		if which == condNE {
			all = l.emit(opOr, all, one)
		} else {
			all = l.emit(opAnd, all, one)
		}
	}
	return all
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (l *lowerer) unary(f *frame, in *ssa.UnOp) operand {
	switch in.Op {
	case token.MUL:
		if _, ok := in.Type().Underlying().(*types.Interface); ok && onlyPanics(in) {
			return operand{}
		}
		if held := l.value(f, in.X).held; held != nil {
			return *held
		}
		if _, ok := in.Type().Underlying().(*types.Signature); ok {
			l.fail(diagnose.GoFunctionValue, in.Pos(), "a function is read from a variable", "there are no calls through pointers: which function is called must be known when compiling", "call it directly, or switch over a number")
		}
		n := len(l.b.values)
		o := l.read(l.reg(f, in.X), in.Type(), onlyIndexed(in) && l.undisturbed(in))
		if l.nilable(in.X) {
			for _, v := range l.b.values[n:] {
				v.must = v.op == opLoad
			}
		}
		return o
	case token.ARROW:
		l.fail(diagnose.GoType, in.Pos(), "a container has no channels", "a container is one activation after the other", "use a package variable or a store")
	}
	width, signed := l.integer(in.Type())
	l.leaves(in.Type(), in.Pos())
	x := l.reg(f, in.X)
	var v *value
	switch in.Op {
	case token.NOT:
		v = l.emit(opXor, x, l.imm(1))
	case token.XOR:
		v = l.emit(opXor, x, l.imm(-1))
		if !signed {
			v = l.extend(v, width, false)
		}
	case token.SUB:
		if width == 64 {
			v = l.emit(opNeg, x)
		} else {
			v = l.extend(l.narrow(opNeg, x), width, signed)
		}
	}
	return operand{regs: []*value{v}}
}

// nilable reports whether an address may be nil as far as its origin says.
func (l *lowerer) nilable(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Alloc, *ssa.Global, *ssa.FreeVar:
		return false
	case *ssa.Parameter:
		return !(l.f.entry && l.depth == 0)
	case *ssa.FieldAddr:
		return l.nilable(v.X)
	case *ssa.IndexAddr:
		_, pointer := v.X.Type().Underlying().(*types.Pointer)
		return pointer && l.nilable(v.X)
	}
	return true
}

// undisturbed reports whether what a load of an array or a large value reads
// cannot change before it is used for the last time.
func (l *lowerer) undisturbed(load *ssa.UnOp) bool {
	// The blocks in which that could happen: behind the load, in front of a use.
	users := map[*ssa.BasicBlock]int{}
	last := 0
	for _, r := range *load.Referrers() {
		switch r.(type) {
		case *ssa.Phi:
			return false
		case *ssa.DebugRef:
			continue
		}
		users[r.Block()]++
		if r.Block() == load.Block() {
			last = max(last, slices.Index(load.Block().Instrs, r))
		}
	}
	start := slices.Index(load.Block().Instrs, ssa.Instruction(load))
	if len(users) == 0 {
		return true
	}
	if len(users) == 1 && users[load.Block()] > 0 {
		return !l.disturbs(load, load.Block().Instrs[start+1:last+1])
	}
	behind := map[*ssa.BasicBlock]bool{}
	var down func(b *ssa.BasicBlock)
	down = func(b *ssa.BasicBlock) {
		for _, s := range b.Succs {
			if !behind[s] && s != load.Block() {
				behind[s] = true
				down(s)
			}
		}
	}
	down(load.Block())
	before := map[*ssa.BasicBlock]bool{}
	var up func(b *ssa.BasicBlock)
	up = func(b *ssa.BasicBlock) {
		if before[b] || b == load.Block() {
			return
		}
		before[b] = true
		for _, p := range b.Preds {
			up(p)
		}
	}
	for b := range users {
		up(b)
	}
	if l.disturbs(load, load.Block().Instrs[start+1:]) {
		return false
	}
	for b := range behind {
		if before[b] && l.disturbs(load, b.Instrs) {
			return false
		}
	}
	return true
}

// onlyIndexed reports whether a loaded value is large, or an array of which
// elements are used.
func onlyIndexed(load *ssa.UnOp) bool {
	if _, array := load.Type().Underlying().(*types.Array); !array {
		return true
	}
	for _, r := range *load.Referrers() {
		switch r.(type) {
		case *ssa.Index, *ssa.DebugRef:
		default:
			return load.Type().Underlying().(*types.Array).Len() > maxLeaves
		}
	}
	return true
}

// disturbs reports whether instructions may write what a load reads.
func (l *lowerer) disturbs(load *ssa.UnOp, list []ssa.Instruction) bool {
	from := variable(load.X)
	private := false // only loads and stores know where it is
	if a, ok := from.(*ssa.Alloc); ok {
		private = direct(a)
	}
	for _, in := range list {
		switch in := in.(type) {
		case *ssa.Store:
			to := variable(in.Addr)
			if to == from && from != nil {
				return true
			}
			if !private && (to == nil || from == nil) {
				return true
			}
		case *ssa.Call:
			if _, builtin := in.Call.Value.(*ssa.Builtin); builtin && in.Call.Value.Name() != "copy" && in.Call.Value.Name() != "clear" {
				continue
			}
			if !private {
				return true
			}
		case *ssa.Alloc: // it begins anew
			if from == ssa.Value(in) {
				return true
			}
		}
	}
	return false
}

// variable is the variable in which an address lies, nil if that is not known.
func variable(v ssa.Value) ssa.Value {
	switch v := v.(type) {
	case *ssa.Alloc, *ssa.Global:
		return v
	case *ssa.FieldAddr:
		return variable(v.X)
	case *ssa.IndexAddr:
		if _, pointer := v.X.Type().Underlying().(*types.Pointer); pointer {
			return variable(v.X)
		}
	}
	return nil
}

// direct reports whether the address of a variable is used by loads and stores
// alone.
func direct(v ssa.Value) bool {
	for _, r := range *v.Referrers() {
		switch r := r.(type) {
		case *ssa.FieldAddr:
			if !direct(r) {
				return false
			}
		case *ssa.IndexAddr:
			if !direct(r) {
				return false
			}
		case *ssa.UnOp, *ssa.DebugRef:
		case *ssa.Store:
			if r.Val == v {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (l *lowerer) convert(f *frame, x ssa.Value, to types.Type, pos token.Pos) operand {
	from := x.Type()
	fb, ok1 := from.Underlying().(*types.Basic)
	tb, ok2 := to.Underlying().(*types.Basic)
	refused := len(l.diags)
	l.leaves(from, pos)
	if l.leaves(to, pos); len(l.diags) > refused {
		panic(abort{})
	}
	if ok1 && fb.Kind() == types.UnsafePointer || ok2 && tb.Kind() == types.UnsafePointer {
		return l.value(f, x)
	}
	if !ok1 || !ok2 || fb.Info()&types.IsInteger == 0 || tb.Info()&types.IsInteger == 0 {
		if ok1 && fb.Info()&types.IsString != 0 || ok2 && tb.Info()&types.IsString != 0 {
			l.fail(diagnose.GoString, pos, fmt.Sprintf("%s is converted to %s", typeName(from), typeName(to)), "that needs a heap: strings are constants here", "keep bytes in an array of bytes")
		}
		l.unforeseen(pos, fmt.Sprintf("%s is converted to %s", typeName(from), typeName(to)))
	}
	width, signed := l.integer(to)
	return operand{regs: []*value{l.extend(l.reg(f, x), width, signed)}}
}

// scaled is base + index*size.
func (l *lowerer) scaled(base, index *value, size int) *value {
	switch {
	case size == 0:
		return base
	case index.isConst():
		return l.add(base, int(index.imm)*size)
	case size == 1:
	case size&(size-1) == 0:
		index = l.emit(opShl, index, l.imm(int64(bits.TrailingZeros(uint(size)))))
	default:
		index = l.emit(opMul, index, l.imm(int64(size)))
	}
	return l.emit(opAdd, base, index)
}

func (l *lowerer) indexAddress(f *frame, in *ssa.IndexAddr) *value {
	x := l.value(f, in.X)
	index := l.reg(f, in.Index)
	switch t := in.X.Type().Underlying().(type) {
	case *types.Slice:
		l.trapIf(reasonIndex, condUGE, index, x.regs[1])
		return l.scaled(x.regs[0], index, l.sizeof(t.Elem()))
	case *types.Pointer:
		array := t.Elem().Underlying().(*types.Array)
		l.trapIf(reasonIndex, condUGE, index, l.imm(array.Len()))
		return l.scaled(x.regs[0], index, l.sizeof(array.Elem()))
	}
	l.unforeseen(in.Pos(), "an index into "+typeName(in.X.Type()))
	return nil
}

func (l *lowerer) index(f *frame, x, i ssa.Value, t types.Type) operand {
	o, index := l.value(f, x), l.reg(f, i)
	array, ok := x.Type().Underlying().(*types.Array)
	if !ok { // a string
		l.trapIf(reasonIndex, condUGE, index, o.regs[1])
		return l.read(l.emit(opAdd, o.regs[0], index), t, true)
	}
	l.trapIf(reasonIndex, condUGE, index, l.imm(array.Len()))
	size := l.sizeof(array.Elem())
	if o.large && o.mem == nil {
		return l.zero(t)
	}
	if index.isConst() && uint64(index.imm) < uint64(array.Len()) {
		return l.part(o, x.Type(), int(index.imm)*size, t)
	}
	if !o.large {
		slot := l.newSlot("array", x.Type())
		l.write(slot, o, x.Type())
		return l.read(l.scaled(slot, index, size), t, false)
	}
	return l.read(l.scaled(o.mem, index, size), t, false)
}

func (l *lowerer) slice(f *frame, in *ssa.Slice) operand {
	x := l.value(f, in.X)
	var base, length, capacity *value
	size := 1
	switch t := in.X.Type().Underlying().(type) {
	case *types.Slice:
		base, length, capacity = x.regs[0], x.regs[1], x.regs[2]
		size = l.sizeof(t.Elem())
	case *types.Pointer:
		array := t.Elem().Underlying().(*types.Array)
		base, length = x.regs[0], l.imm(array.Len())
		if l.nilable(in.X) {
			l.trapIf(reasonNil, condEQ, base, l.imm(0))
		}
		capacity = length
		size = l.sizeof(array.Elem())
	default: // a string
		base, length, capacity = x.regs[0], x.regs[1], x.regs[1]
		if in.High != nil {
			l.fail(diagnose.GoString, in.Pos(), "the end of a string is cut off", "strings end with a zero byte, for helpers to see their end", "cut the beginning only, or write the text out")
		}
	}
	low, high, max := l.imm(0), length, capacity
	if in.Low != nil {
		low = l.reg(f, in.Low)
	}
	if in.High != nil {
		high = l.reg(f, in.High)
	}
	if in.Max != nil {
		max = l.reg(f, in.Max)
		l.trapIf(reasonSlice, condUGT, max, capacity)
		l.trapIf(reasonSlice, condUGT, high, max)
	} else if in.High != nil {
		l.trapIf(reasonSlice, condUGT, high, capacity)
	}
	l.trapIf(reasonSlice, condUGT, low, high)
	lengths := func(a, b *value) *value {
		v := l.emit(opSub, a, b)
		v.length = true
		return v
	}
	o := operand{regs: []*value{l.scaled(base, low, size), lengths(high, low)}}
	if _, slice := in.Type().Underlying().(*types.Slice); slice {
		o.regs = append(o.regs, lengths(max, low))
	}
	return relate(in.Type(), o)
}
