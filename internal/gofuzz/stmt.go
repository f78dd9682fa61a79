package gofuzz

import (
	"fmt"
	"strings"
)

// body writes n statements.
func (g *generator) body(n int) {
	for range n {
		if g.cost > g.limit {
			return
		}
		g.cost += g.factor * 8
		g.statement()
	}
}

// block writes one within braces.
func (g *generator) block(n int, declare ...*variable) {
	visible, functions := len(g.visible), len(g.functions)
	g.depth++
	g.nesting++
	for _, v := range declare {
		v.depth = g.depth
		g.visible = append(g.visible, v)
		g.line("_ = %s", v.name)
	}
	g.body(n)
	if !g.current.pure && g.one(2) {
		for _, v := range g.visible[visible:][:min(2, len(g.visible)-visible)] {
			g.digest(v)
		}
	}
	g.nesting--
	g.depth--
	g.visible, g.functions = g.visible[:visible], g.functions[:functions]
}

func (g *generator) name() string {
	g.names++
	return fmt.Sprintf("x%d", g.names)
}

func (g *generator) depthOfExpr() int { return 1 + g.r.IntN(4) }

func (g *generator) statement() {
	deep := g.nesting >= 3
	switch n := g.r.IntN(100); {
	case n < 24:
		g.declaration()
	case n < 50:
		g.assignment()
	case n < 57:
		g.callStatement()
	case n < 63 && !g.current.pure:
		g.effect()
	case n < 72 && !deep:
		g.ifStatement()
	case n < 80 && !deep:
		g.forStatement()
	case n < 86 && !deep:
		g.switchStatement()
	case n < 88:
		g.jump()
	case n < 89 && !deep:
		g.gotoStatement()
	case n < 91 && g.nesting > 0 && g.one(3):
		g.line("if %s {", g.value(boolType, 1, plain))
		g.returns()
		g.line("}")
	case n < 94:
		g.swap()
	case n < 96 && !g.current.pure:
		g.bulk()
	case n < 98 && !g.current.pure && g.nesting < 2:
		g.closure()
	case n < 99 && !g.current.pure && g.one(2):
		g.line("if %s { panic(%s) }", g.value(boolType, 1, plain), pick(g, []string{`"text"`, "7", g.varying(intType, 1, plain)}))
	case n < 99:
		g.twoWords()
	default:
		g.assignment()
	}
}

func (g *generator) mode() mode {
	if g.one(3) {
		return calling
	}
	return plain
}

func (g *generator) declaration() {
	t := g.scalarType()
	switch {
	case g.locals < maxLocals && g.one(3):
		t = g.valueType(24)
	case !g.current.pure && g.one(5):
		t = pointerTo(g.valueType(24))
	case !g.current.pure && g.one(6):
		t = sliceOf(g.intType())
	}
	v := &variable{name: g.name(), t: t, depth: g.depth, addressed: t.value() && !g.current.pure && g.one(3)}
	m := plain
	if t.value() {
		m = g.mode()
	}
	x := ""
	switch {
	case t.kind == isPointer && g.one(4):
		x = "new(" + t.elem.name + ")"
	case t.kind == isSlice && g.one(3) && g.locals < maxLocals:
		n := g.r.IntN(5)
		x = fmt.Sprintf("make(%s, %d)", t.name, n)
		if g.one(2) {
			x = fmt.Sprintf("make(%s, %d, %d)", t.name, n, n+g.r.IntN(3))
		}
		g.locals += 6 * t.elem.size()
	default:
		x = g.value(t, g.depthOfExpr(), m)
	}
	switch {
	case x == "" && t.kind == isPointer && g.one(4):
		v.maybeNil = true
		g.line("var %s %s", v.name, t.name)
	case x == "":
		return
	case t.value() && g.one(6):
		g.line("var %s %s", v.name, t.name)
	case g.one(2) || t.kind == isInt:
		g.line("var %s %s = %s", v.name, t.name, x)
	default:
		g.line("%s := %s", v.name, x)
	}
	g.line("_ = %s", v.name)
	g.locals += t.size()
	g.visible = append(g.visible, v)
	if t.scalar() && !g.current.pure && g.one(3) {
		g.digest(v)
	}
}

func (g *generator) assignment() {
	t := g.scalarType()
	if g.one(5) {
		t = g.valueType(24)
	}
	m := g.mode()
	to, panics, ok := g.place(t, m, true)
	if !ok || panics && g.current.pure {
		return
	}
	if m == plain && t.kind == isInt && g.one(3) {
		switch g.r.IntN(8) {
		case 0:
			g.line("%s++", to)
		case 1:
			g.line("%s--", to)
		case 2:
			g.line("%s %s= %d", to, pick(g, []string{"<<", ">>"}), g.r.IntN(t.bits+2))
		default:
			op := pick(g, []string{"+", "-", "*", "&", "|", "^", "&^"})
			g.line("%s %s= %s", to, op, g.value(t, g.depthOfExpr(), plain))
		}
		return
	}
	g.line("%s = %s", to, g.value(t, g.depthOfExpr(), m))
	if t.scalar() && !panics && !g.current.pure && g.one(3) {
		g.digest(&variable{name: to, t: t})
	}
}

// swap assigns to several at once.
func (g *generator) swap() {
	t := g.scalarType()
	a, pa, ok := g.place(t, plain, true)
	b, pb, too := g.place(t, plain, true)
	if !ok || !too || pa || pb {
		return
	}
	if g.one(2) {
		g.line("%s, %s = %s, %s", a, b, b, a)
		return
	}
	g.line("%s, %s = %s, %s", a, b, g.value(t, 2, plain), g.value(t, 1, plain))
}

// callStatement calls any function, and keeps some of what it returns.
func (g *generator) callStatement() {
	if len(g.functions) == 0 {
		return
	}
	f := pick(g, g.functions)
	x, ok := g.callOf(f, 2, calling)
	if !ok {
		return
	}
	if len(f.results) == 0 || g.one(4) {
		g.line("%s", x)
		return
	}
	var to []string
	declares, kept := g.one(2), false
	var fresh []*variable
	for _, t := range f.results {
		name := "_"
		if g.percent(80) {
			if declares {
				v := &variable{name: g.name(), t: t, depth: g.depth}
				fresh = append(fresh, v)
				name = v.name
			} else if place, panics, ok := g.place(t, calling, true); ok && !panics {
				name = place
			}
		}
		kept = kept || name != "_"
		to = append(to, name)
	}
	op := "="
	if declares && kept {
		op = ":="
	}
	g.line("%s %s %s", strings.Join(to, ", "), op, x)
	for _, v := range fresh {
		g.line("_ = %s", v.name)
		g.visible = append(g.visible, v)
		g.locals += v.t.size()
	}
}

// effect is a call of the device.
func (g *generator) effect() {
	u32 := integers[7]
	g.cost += g.factor * 40
	switch g.r.IntN(7) {
	case 0, 1, 2:
		t := g.intType()
		verb := "%ld"
		if !t.signed {
			verb = pick(g, []string{"%lu", "%lx"})
		}
		g.line("femto.Log1(%q, %s)", verb, g.value(t, 2, g.mode()))
	case 3:
		a, b := g.intType(), g.intType()
		g.line("femto.Log2(%q, %s, %s)", "%d %u", g.value(a, 1, calling), g.value(b, 1, calling))
	case 4:
		g.line("femto.%s.Set(%s, %s)", g.scope(), g.key(2, calling), g.value(u32, 2, calling))
	case 5:
		g.line("if !femto.%s.Delete(%s) {", g.scope(), g.key(1, calling))
		g.block(1)
		g.line("}")
	case 6:
		v := &variable{name: g.name(), t: u32, depth: g.depth}
		g.line("%s := femto.%s.Get(%s)\n_ = %s", v.name, g.scope(), g.key(2, calling), v.name)
		g.visible = append(g.visible, v)
	}
}

func (g *generator) ifStatement() {
	if g.one(6) {
		v := &variable{name: g.name(), t: g.intType()}
		x := g.varying(v.t, 1, g.mode())
		g.line("if %s := %s; %s > %s {", v.name, x, v.name, g.literal(v.t))
		g.block(1+g.r.IntN(3), v)
	} else {
		g.line("if %s {", g.value(boolType, g.depthOfExpr(), g.mode()))
		g.block(1 + g.r.IntN(3))
	}
	if g.one(4) {
		g.line("} else if %s {", g.value(boolType, 1, plain))
		g.block(1 + g.r.IntN(2))
	}
	if g.one(2) {
		g.line("} else {")
		g.block(1 + g.r.IntN(3))
	}
	g.line("}")
}

// forStatement writes a loop that ends.
func (g *generator) forStatement() {
	trips := 1 + g.r.IntN(5)
	if g.factor*trips > 200 {
		return
	}
	t := g.intType()
	i := &variable{name: g.name(), t: t, fixed: true}
	before, after := "", ""
	var more []*variable
	head := ""
	switch g.r.IntN(8) {
	case 0:
		head = fmt.Sprintf("for %s := %s(0); %s < %d; %s++ {", i.name, t.name, i.name, trips, i.name)
	case 1:
		head = fmt.Sprintf("for %s := %s(%d); %s > 0; %s-- {", i.name, t.name, trips, i.name, i.name)
	case 2:
		head = fmt.Sprintf("for %s := range %s(%d) {", i.name, t.name, trips)
	case 3:
		i.t = intType
		head = fmt.Sprintf("for %s := 0; %s < %d && %s; %s += 2 {", i.name, i.name, 2*trips, g.value(boolType, 1, plain), i.name)
	case 4:
		// Without a condition.
		i.t = intType
		before = fmt.Sprintf("%s := 0", i.name)
		head = "for {"
		after = fmt.Sprintf("if %s++; %s > %d { break }", i.name, i.name, trips)
	case 5, 6:
		v := g.find(func(v *variable) bool { return v.t.kind == isArray && v.t.elem.value() && g.factor*v.t.n <= 200 })
		if v == nil {
			return
		}
		trips = v.t.n
		i.t = intType
		x := v.name
		if v.addressed && g.one(3) {
			x = pick(g, []string{"&" + x, x + "[:]"})
		}
		e := &variable{name: g.name(), t: v.t.elem, addressed: false}
		more = append(more, e)
		g.locals += e.t.size()
		head = fmt.Sprintf("for %s, %s := range %s {", i.name, e.name, x)
	default:
		v := g.find(func(v *variable) bool { return v.t.kind == isSlice })
		if v == nil || g.factor > 10 {
			return
		}
		trips = 16
		i.t = intType
		e := &variable{name: g.name(), t: v.t.elem}
		more = append(more, e)
		head = fmt.Sprintf("for %s, %s := range %s {", i.name, e.name, v.name)
	}
	label := fmt.Sprintf("L%d", g.names)
	text := g.b.String()
	factor := g.factor
	g.factor *= trips
	g.loops = append(g.loops, loop{label: label, isFor: true})
	g.b.Reset()
	if after != "" {
		g.line("%s", after)
	}
	g.block(1+g.r.IntN(4), append(more, i)...)
	inner := g.b.String()
	used := g.loops[len(g.loops)-1].used
	g.loops = g.loops[:len(g.loops)-1]
	g.factor = factor
	g.b.Reset()
	g.b.WriteString(text)
	if before != "" {
		g.line("%s", before)
	}
	if used {
		g.line("%s:", label)
	}
	g.line("%s", head)
	g.b.WriteString(inner)
	g.line("}")
}

func (g *generator) switchStatement() {
	label := "L" + g.name()
	g.loops = append(g.loops, loop{label: label})
	text := g.b.String()
	g.b.Reset()
	defer func() {
		inner := g.b.String()
		g.b.Reset()
		g.b.WriteString(text)
		if g.loops[len(g.loops)-1].used {
			g.line("%s:", label)
		}
		g.b.WriteString(inner)
		g.loops = g.loops[:len(g.loops)-1]
	}()
	cases := 1 + g.r.IntN(4)
	rest := g.r.IntN(cases + 2)
	if g.one(3) {
		g.line("switch {")
		for i := range cases {
			if i == rest {
				g.line("default:")
			} else {
				g.line("case %s:", g.varyingBool())
			}
			g.block(1 + g.r.IntN(2))
		}
		g.line("}")
		return
	}
	t := g.intType()
	x := g.varying(t, 2, g.mode())
	if g.one(2) {
		x = fmt.Sprintf("%s %% %d", x, 2+g.r.IntN(4))
	}
	g.line("switch %s {", x)
	value := g.r.IntN(2)
	for i := range cases {
		if i == rest {
			g.line("default:")
		} else {
			list := []string{fmt.Sprint(value)}
			value += 1 + g.r.IntN(3)
			if g.one(3) {
				list = append(list, fmt.Sprint(value))
				value++
			}
			g.line("case %s:", strings.Join(list, ", "))
		}
		g.block(1 + g.r.IntN(2))
		if i < cases-1 && g.one(6) {
			g.line("fallthrough")
		}
	}
	g.line("}")
}

// gotoStatement jumps forward, over a block that may do so too, or back, to
// begin a block again.
func (g *generator) gotoStatement() {
	label := "L" + g.name()
	if g.one(2) {
		// Within braces, for goto not to jump over a declaration.
		g.line("{\nif %s { goto %s }\n{", g.value(boolType, 1, plain), label)
		g.loops = append(g.loops, loop{label: label, isGoto: true})
		g.block(2 + g.r.IntN(3))
		g.loops = g.loops[:len(g.loops)-1]
		g.line("}\n%s:\n}", label)
		return
	}
	trips := 2 + g.r.IntN(3)
	if g.factor*trips > 200 {
		return
	}
	i := &variable{name: g.name(), t: g.intType(), fixed: true, depth: g.depth}
	g.line("%s := %s(0)\n%s:\n{", i.name, i.t.name, label)
	g.factor *= trips
	g.block(2 + g.r.IntN(3))
	g.factor /= trips
	g.line("}\nif %s++; %s < %d { goto %s }", i.name, i.name, trips, label)
	g.visible = append(g.visible, i)
}

// twoWords is arithmetic with a carry.
func (g *generator) twoWords() {
	m := g.mode()
	a, b, c := g.varying(integers[8], 1, m), g.value(integers[8], 1, m), g.value(integers[8], 0, m)
	x, y := &variable{name: g.name(), t: integers[8], depth: g.depth}, &variable{name: g.name(), t: integers[8], depth: g.depth}
	switch g.r.IntN(4) {
	case 0:
		g.line("%s, %s := bits.Mul64(%s, %s)", x.name, y.name, a, b)
	case 1:
		g.line("%s, %s := bits.Div64(%s %% 5, %s, %s | 8)", x.name, y.name, a, b, c)
	default:
		g.line("%s, %s := bits.%s(%s, %s, %s & 1)", x.name, y.name, pick(g, []string{"Add64", "Sub64"}), a, b, c)
	}
	g.line("_, _ = %s, %s", x.name, y.name)
	g.visible = append(g.visible, x, y)
}

func (g *generator) varyingBool() string {
	t := g.intType()
	return fmt.Sprintf("%s %s %s", g.varying(t, 1, plain), pick(g, []string{"<", ">", "!="}), g.value(t, 1, plain))
}

// jump leaves a loop, or begins its next round, under a condition.
func (g *generator) jump() {
	if len(g.loops) == 0 {
		return
	}
	condition := g.value(boolType, 1, plain)
	word := pick(g, []string{"break", "continue"})
	at := g.r.IntN(len(g.loops))
	l := &g.loops[at]
	if l.isGoto {
		g.line("if %s { goto %s }", condition, l.label)
		return
	}
	if !l.isFor && g.one(2) {
		l.used = true
		g.line("if %s { break %s }", condition, l.label)
		return
	}
	if l.isFor && g.one(2) {
		l.used = true
		g.line("if %s { %s %s }", condition, word, l.label)
		return
	}
	inLoop, inAny := false, false
	for _, l := range g.loops {
		inLoop, inAny = inLoop || l.isFor, inAny || !l.isGoto
	}
	if !inAny {
		return
	}
	if word == "continue" && !inLoop {
		word = "break"
	}
	g.line("if %s { %s }", condition, word)
}

// returns leaves the function.
func (g *generator) returns() {
	if g.named && g.one(2) || len(g.results) == 0 {
		g.line("return")
		return
	}
	m := plain
	if len(g.results) == 1 {
		m = g.mode()
	}
	var list []string
	for _, t := range g.results {
		list = append(list, g.value(t, 2, m))
	}
	g.line("return %s", strings.Join(list, ", "))
}

// bulk copies or clears many elements.
func (g *generator) bulk() {
	v := g.find(func(v *variable) bool { return v.t.kind == isSlice || v.addressed && v.t.kind == isArray })
	if v == nil {
		return
	}
	to := v.name
	if v.t.kind == isArray {
		to += "[:]"
	}
	if g.one(3) {
		g.line("clear(%s)", to)
		return
	}
	if from := g.slice(sliceOf(v.t.elem), plain); from != "" {
		g.line("copy(%s, %s)", to, from)
	}
}
