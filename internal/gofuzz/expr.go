package gofuzz

import (
	"fmt"
	"strings"
)

// A mode says what an expression may have.
type mode uint8

const (
	// plain: variables, and what may panic, but no calls with effects.
	plain mode = iota
	// calling: calls with effects, so nothing that they could change and nothing
	// else that may panic.
	calling
)

// expr is an expression of type t; constant: Go evaluates it while it compiles.
func (g *generator) expr(t *typ, depth int, m mode) (text string, constant bool) {
	switch t.kind {
	case isBool:
		return g.boolean(depth, m)
	case isInt:
		return g.integer(t, depth, m)
	case isPointer:
		return g.address(t, m), false
	case isSlice:
		return g.slice(t, m), false
	case isFunc:
		return g.handed(t), false
	}
	return g.aggregate(t, depth, m), false
}

func (g *generator) value(t *typ, depth int, m mode) string {
	text, _ := g.expr(t, depth, m)
	return text
}

// varying is an expression that is no constant.
func (g *generator) varying(t *typ, depth int, m mode) string {
	for range 4 {
		if text, constant := g.expr(t, depth, m); !constant {
			return text
		}
	}
	if v := g.find(func(v *variable) bool { return v.t.is(t) && g.readable(v, m) }); v != nil {
		return v.name
	}
	if t.kind == isInt {
		if v := g.find(func(v *variable) bool { return v.t.kind == isInt && g.readable(v, m) }); v != nil {
			return t.name + "(" + v.name + ")"
		}
	}
	// A call hides the constant.
	return fmt.Sprintf("kit.Later(%s, %s)", g.literal(t), g.literal(t))
}

func (g *generator) readable(v *variable, m mode) bool {
	return m == plain || v.depth > 0 && !v.addressed
}

func (g *generator) find(ok func(*variable) bool) *variable {
	var found []*variable
	for _, v := range g.visible {
		if ok(v) {
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return pick(g, found)
}

// place is something of type t that has a name, and can be assigned to.
// panics: it may.
func (g *generator) place(t *typ, m mode, assigned bool) (text string, panics, ok bool) {
	type option struct {
		text   string
		panics bool
	}
	var options []option
	var walk func(x string, xt *typ, panics bool, depth int)
	promoted := false
	walk = func(x string, xt *typ, panics bool, depth int) {
		if xt.is(t) && !promoted {
			options = append(options, option{x, panics})
		}
		promoted = false
		if depth == 0 {
			return
		}
		switch xt.kind {
		case isArray:
			if i, p := g.index(xt.n, m); !p || m == plain {
				walk(x+"["+i+"]", xt.elem, panics || p, depth-1)
			}
		case isStruct:
			for _, f := range xt.fields {
				if f.embedded && g.one(2) {
					promoted = true
					walk(x, f.t, panics, depth-1)
					continue
				}
				walk(x+"."+f.name, f.t, panics, depth-1)
			}
		case isSlice:
			if m == plain {
				i, _ := g.index(6, m)
				if g.percent(70) {
					i = fmt.Sprintf("%s%%uint(max(len(%s), 1))", g.paren(g.varyingIndex()), x)
				}
				walk(x+"["+i+"]", xt.elem, true, depth-1)
			}
		case isPointer:
			if m == plain {
				walk("(*"+x+")", xt.elem, true, depth-1)
			}
		}
	}
	for _, v := range g.visible {
		if assigned && (v.fixed || v.name == "ctx" && v.t.is(t)) || !g.readable(v, m) || v.maybeNil && g.percent(95) {
			continue
		}
		walk(v.name, v.t, false, 3)
	}
	if len(options) == 0 {
		return "", false, false
	}
	o := pick(g, options)
	return o.text, o.panics, true
}

func (g *generator) paren(x string) string { return "(" + x + ")" }

// varyingIndex is some unsigned number that is no constant.
func (g *generator) varyingIndex() string {
	if v := g.find(func(v *variable) bool { return v.t.kind == isInt }); v != nil {
		return "uint(" + v.name + ")"
	}
	return fmt.Sprintf("kit.Later(uint(1), uint(%d))", 2+g.r.IntN(4))
}

// index is one into n elements; it seldom panics.
func (g *generator) index(n int, m mode) (text string, panics bool) {
	switch v := g.find(func(v *variable) bool { return v.t.kind == isInt && g.readable(v, m) }); {
	case v == nil || g.one(3):
		return fmt.Sprint(g.r.IntN(n)), false
	case m == plain && g.percent(4) && !g.current.pure:
		return v.name, true
	case v.t.signed:
		return fmt.Sprintf("uint64(%s)%%%d", v.name, n), false
	case v.t.bits >= 8 && n <= 127:
		return fmt.Sprintf("%s%%%d", v.name, n), false
	}
	return "0", false
}

func (g *generator) boolean(depth int, m mode) (string, bool) {
	if depth <= 0 {
		if x, p, ok := g.place(boolType, m, false); ok && !g.one(6) && (!p || !g.current.pure) {
			return x, false
		}
		return g.literal(boolType), true
	}
	switch g.r.IntN(12) {
	case 0:
		return "!" + g.paren(g.value(boolType, depth-1, m)), true
	case 1, 2:
		op := pick(g, []string{"&&", "||"})
		return fmt.Sprintf("(%s %s %s)", g.value(boolType, depth-1, m), op, g.value(boolType, depth-1, m)), true
	case 3:
		if x, ok := g.call(boolType, depth, m); ok {
			return x, false
		}
	case 4:
		t := g.valueType(16)
		a, _, ok := g.place(t, m, false)
		b, _, too := g.place(t, m, false)
		if ok && too && !g.current.pure {
			return fmt.Sprintf("(%s %s %s)", a, pick(g, []string{"==", "!="}), b), false
		}
	case 5:
		if v := g.find(func(v *variable) bool { return v.t.kind == isPointer }); v != nil {
			return fmt.Sprintf("(%s %s nil)", v.name, pick(g, []string{"==", "!="})), false
		}
	case 6:
		if x, p, ok := g.place(boolType, m, false); ok && (!p || !g.current.pure) {
			return x, false
		}
	}
	t := g.intType()
	op := pick(g, []string{"==", "!=", "<", "<=", ">", ">="})
	return fmt.Sprintf("(%s %s %s)", g.varying(t, depth-1, m), op, g.value(t, depth-1, m)), false
}

func (g *generator) integer(t *typ, depth int, m mode) (string, bool) {
	if depth <= 0 {
		if x, p, ok := g.place(t, m, false); ok && !g.one(4) && (!p || !g.current.pure) {
			return x, false
		}
		return g.literal(t), true
	}
	sub := func() string { return g.value(t, depth-1, m) }
	switch g.r.IntN(21) {
	case 0, 1, 2, 3, 4:
		op := pick(g, []string{"+", "-", "*", "&", "|", "^", "&^"})
		a, b := g.varying(t, depth-1, m), sub()
		if g.one(3) {
			a, b = b, a
		}
		return fmt.Sprintf("(%s %s %s)", a, op, b), false
	case 5, 6:
		return g.division(t, depth, m), false
	case 7, 8:
		return g.shift(t, depth, m), false
	case 9:
		return fmt.Sprintf("(%s%s)", pick(g, []string{"-", "^"}), g.paren(g.varying(t, depth-1, m))), false
	case 10, 11, 12:
		x := g.varying(g.intType(), depth-1, m)
		if g.one(2) {
			x = g.intType().name + "(" + x + ")"
		}
		return fmt.Sprintf("%s(%s)", t.name, x), false
	case 13:
		return fmt.Sprintf("%s(%s, %s)", pick(g, []string{"min", "max"}), g.varying(t, depth-1, m), sub()), false
	case 14:
		return fmt.Sprintf("kit.Later(%s, %s)", sub(), sub()), false
	case 15, 16:
		if x, ok := g.call(t, depth, m); ok {
			return x, false
		}
	case 18:
		return g.bits(t, depth, m), false
	case 17:
		if v := g.find(func(v *variable) bool { return v.t.kind == isSlice }); v != nil && t.is(intType) {
			return fmt.Sprintf("%s(%s)", pick(g, []string{"len", "len", "cap"}), v.name), false
		}
		if t.bits == 8 && !t.signed && t.constants == nil && m == plain {
			text := pick(g, []string{"femto", "a\x00b", "\xffz", "0123456789"})
			i, p := g.index(len(text), m)
			if !p && len(text) == 5 {
				return fmt.Sprintf("%s(kit.Choose(%s, %q, %q)[%s])", t.name, g.value(boolType, 0, m), text, "other", i), false
			}
			if !p {
				return fmt.Sprintf("%s(%+q[%s])", t.name, text, i), i != "" && i[0] >= '0' && i[0] <= '9'
			}
		}
	}
	if x, p, ok := g.place(t, m, false); ok && (!p || !g.current.pure) {
		return x, false
	}
	return g.literal(t), true
}

// bits is what a function of package math/bits makes of a number.
func (g *generator) bits(t *typ, depth int, m mode) string {
	width := pick(g, []int{8, 16, 32, 64})
	x := fmt.Sprintf("uint%d(%s)", width, g.varying(g.intType(), depth-1, m))
	switch g.r.IntN(8) {
	case 0:
		return fmt.Sprintf("%s(bits.Reverse%d(%s))", t.name, width, x)
	case 1:
		if width > 8 {
			return fmt.Sprintf("%s(bits.ReverseBytes%d(%s))", t.name, width, x)
		}
	case 2, 3:
		by := fmt.Sprint(g.r.IntN(140) - 70)
		if g.one(2) {
			by = "int(" + g.varying(g.intType(), depth-1, m) + ")"
		}
		return fmt.Sprintf("%s(bits.RotateLeft%d(%s, %s))", t.name, width, x, by)
	}
	name := pick(g, []string{"OnesCount", "LeadingZeros", "TrailingZeros", "Len"})
	return fmt.Sprintf("%s(bits.%s%d(%s))", t.name, name, width, x)
}

// division may divide by zero if nothing else is to panic.
func (g *generator) division(t *typ, depth int, m mode) string {
	op := pick(g, []string{"/", "%"})
	a := g.varying(t, depth-1, m)
	switch {
	case g.one(2):
		for {
			b := g.literal(t)
			if !strings.HasSuffix(b, "(0)") && !strings.HasPrefix(b, g.prefix+"C") {
				return fmt.Sprintf("(%s %s %s)", a, op, b)
			}
		}
	case m == plain && g.one(8) && !g.current.pure:
		return fmt.Sprintf("(%s %s %s)", a, op, g.varying(t, depth-1, m))
	}
	return fmt.Sprintf("(%s %s (%s | 1))", a, op, g.varying(t, depth-1, m))
}

func (g *generator) shift(t *typ, depth int, m mode) string {
	op := pick(g, []string{"<<", ">>"})
	a := g.varying(t, depth-1, m)
	switch g.r.IntN(4) {
	case 0:
		return fmt.Sprintf("(%s %s %d)", a, op, g.r.IntN(t.bits))
	case 1:
		return fmt.Sprintf("(%s %s %d)", a, op, g.r.IntN(70))
	}
	by := g.intType()
	count := g.varying(by, depth-1, m)
	switch {
	case !by.signed:
	case m == plain && g.one(20) && !g.current.pure:
		return fmt.Sprintf("(%s %s %s)", a, op, count)
	default:
		count = fmt.Sprintf("(%s & %d)", count, pick(g, []int{7, 15, 31, 63, 127}))
	}
	return fmt.Sprintf("(%s %s (%s))", a, op, count)
}

func (g *generator) aggregate(t *typ, depth int, m mode) string {
	if x, p, ok := g.place(t, m, false); ok && g.percent(50) && (!p || !g.current.pure) {
		return x
	}
	if depth > 0 && g.one(3) {
		if x, ok := g.call(t, depth, m); ok {
			return x
		}
	}
	if t.kind == isArray && m == plain && g.one(8) && !g.current.pure {
		if v := g.find(func(v *variable) bool { return v.t.is(sliceOf(t.elem)) }); v != nil {
			return fmt.Sprintf("%s(%s)", t.name, v.name)
		}
	}
	if depth > 0 && g.one(6) {
		return fmt.Sprintf("kit.Choose(%s, %s, %s)", g.value(boolType, 0, m), g.aggregate(t, depth-1, m), g.aggregate(t, depth-1, m))
	}
	var list []string
	if t.kind == isArray {
		for range t.n {
			list = append(list, g.value(t.elem, min(depth-1, 1), m))
		}
	} else {
		for _, f := range t.fields {
			if !g.one(6) {
				list = append(list, f.name+": "+g.value(f.t, min(depth-1, 1), m))
			}
		}
	}
	return "(" + t.name + "{" + strings.Join(list, ", ") + "})"
}

// address is one of something of the type, which is there.
func (g *generator) address(t *typ, m mode) string {
	var options []string
	for _, v := range g.visible {
		if v.t.is(t) && !v.maybeNil {
			options = append(options, v.name)
		}
		if !v.addressed || v.fixed || v.depth > g.depth {
			continue
		}
		if v.t.is(t.elem) {
			options = append(options, "&"+v.name)
		}
		switch v.t.kind {
		case isStruct:
			for _, f := range v.t.fields {
				if f.t.is(t.elem) {
					options = append(options, "&"+v.name+"."+f.name)
				}
			}
		case isArray:
			if v.t.elem.is(t.elem) {
				i, p := g.index(v.t.n, m)
				if !p {
					options = append(options, "&"+v.name+"["+i+"]")
				}
			}
		}
	}
	if len(options) == 0 {
		return "" // the caller looks elsewhere
	}
	return pick(g, options)
}

// slice is one of elements of the type.
func (g *generator) slice(t *typ, m mode) string {
	var options []string
	for _, v := range g.visible {
		if v.t.is(t) {
			options = append(options, v.name)
			if m == plain && g.one(2) {
				options = append(options, fmt.Sprintf("%s[min(len(%s), %d):]", v.name, v.name, g.r.IntN(3)))
			}
		}
		if v.addressed && v.t.kind == isArray && v.t.elem.is(t.elem) {
			low := g.r.IntN(v.t.n)
			high := low + g.r.IntN(v.t.n-low+1)
			options = append(options, fmt.Sprintf("%s[%d:%d]", v.name, low, high), v.name+"[:]")
			if g.one(3) {
				options = append(options, fmt.Sprintf("%s[%d:%d:%d]", v.name, low, high, high+g.r.IntN(v.t.n-high+1)))
			}
			if i, p := g.index(v.t.n, m); !p {
				options = append(options, fmt.Sprintf("%s[%s:]", v.name, i))
			} else if m == plain {
				options = append(options, fmt.Sprintf("%s[%s:]", v.name, i))
			}
		}
	}
	if len(options) == 0 {
		return ""
	}
	return pick(g, options)
}

// call is one of a function that returns t alone.
func (g *generator) call(t *typ, depth int, m mode) (string, bool) {
	var candidates []*function
	for _, f := range g.functions {
		if len(f.results) == 1 && f.results[0].is(t) && (m == calling || f.pure) {
			candidates = append(candidates, f)
		}
	}
	if m == calling && t.name == "uint32" && g.one(2) && !g.current.pure {
		return fmt.Sprintf("femto.%s.Get(%s)", g.scope(), g.key(depth, m)), true
	}
	if len(candidates) == 0 {
		return "", false
	}
	return g.callOf(pick(g, candidates), depth, m)
}

func (g *generator) scope() string { return pick(g, []string{"Local", "Tenant", "Global"}) }

func (g *generator) key(depth int, m mode) string {
	if g.one(2) {
		return fmt.Sprint(g.r.IntN(4))
	}
	return g.paren(g.value(integers[7], min(depth-1, 1), m)) + "&3"
}

// callOf calls f if there is something to call it with.
func (g *generator) callOf(f *function, depth int, m mode) (string, bool) {
	if g.cost+g.factor*f.cost > g.limit || g.current.pure && !f.pure || f.recurses && (g.factor > 1 || f.calls) {
		return "", false
	}
	receiver := ""
	if r := f.receiver; r != nil {
		if r.kind == isPointer {
			v := g.find(func(v *variable) bool {
				return v.addressed && !v.fixed && v.t.is(r.elem) || v.t.is(r) && !v.maybeNil
			})
			if v == nil {
				return "", false
			}
			receiver = v.name + "."
		} else if receiver = g.value(r, 1, m); receiver == "" {
			return "", false
		} else {
			receiver += "."
		}
	}
	var args []string
	for i, p := range f.params {
		x := ""
		if i == 0 && f.recurses {
			x = "p0 + 1"
		} else {
			x = g.value(p, min(depth-1, 2), m)
		}
		if x == "" {
			return "", false
		}
		args = append(args, x)
	}
	g.cost += g.factor * f.cost
	f.calls = f.calls || f.recurses
	return fmt.Sprintf("%s%s(%s)", receiver, f.name, strings.Join(args, ", ")), true
}
