// Package gofuzz generates containers in Go and runs them twice, as Go compiled
// for this computer and as images that package gobpf makes: results, faults,
// lines of the log and stores must be the same.
package gofuzz

import (
	"fmt"
	"go/format"
	"math/rand/v2"
	"strings"
)

// Limits of what one activation does, in instructions, roughly.
const (
	functionLimit = 1500
	handedLimit   = 150 // functions that are handed to others
	entryLimit    = 20_000
)

// maxLocals is how many bytes of arrays and structs a function declares.
const maxLocals = 64

// Generate writes a container, the same one for the same seed: a Go file of
// package generated whose functions, types and variables begin with prefix. Its entry
// is prefix + "Entry".
//
// What Go leaves open, the program does not depend on: a statement that calls
// functions with effects has no operand that they could change, and nothing in
// it but calls may panic.
func Generate(seed uint64, prefix string) []byte {
	g := &generator{r: rand.New(rand.NewPCG(seed, 0x66656d746f)), prefix: prefix}
	text := g.program()
	out, err := format.Source([]byte(text))
	if err != nil {
		panic(fmt.Sprintf("seed %d is no Go: %v\n%s", seed, err, text))
	}
	return out
}

type generator struct {
	r      *rand.Rand
	prefix string
	b      strings.Builder

	ints      []*typ // the language's and named ones
	plainInts int    // of the language
	structs   []*typ
	funcs     []*typ
	globals   []*variable
	functions []*function

	// Of the function that is being written:
	visible []*variable
	depth   int // of the block
	results []*typ
	named   bool // results have names
	names   int
	cost    int
	limit   int
	factor  int // how often the place is run
	locals  int // bytes
	loops   []loop
	current *function
	nesting int
}

// A loop is one that the place is in, or a switch, or what goto leaves.
type loop struct {
	label  string
	used   bool // the label
	isFor  bool
	isGoto bool
}

func (g *generator) one(n int) bool          { return g.r.IntN(n) == 0 }
func (g *generator) percent(n int) bool      { return g.r.IntN(100) < n }
func (g *generator) line(f string, a ...any) { fmt.Fprintf(&g.b, f+"\n", a...) }

func pick[T any](g *generator, list []T) T { return list[g.r.IntN(len(list))] }

func (g *generator) program() string {
	g.line("package generated\n\nimport (\n\"math/bits\"\n\n\"godiff/kit\"\n\n\"github.com/femto-containers/femto/sdk/go/femto\"\n)\n")
	for _, i := range g.r.Perm(len(integers))[:3+g.r.IntN(3)] {
		g.ints = append(g.ints, integers[i])
	}
	g.plainInts = len(g.ints)
	g.namedInts()
	g.namedStructs()
	for range 2 {
		g.funcs = append(g.funcs, funcOf(g.scalarType(), g.scalarType()))
	}
	g.packageVariables()
	g.line("var %sH uint64 // digest of what functions compute\n", g.prefix)
	for range 2 + g.r.IntN(2) {
		g.function(true)
	}
	for range 2 + g.r.IntN(4) {
		g.function(false)
	}
	g.entry()
	return g.b.String()
}

func (g *generator) namedInts() {
	for i := range g.r.IntN(3) {
		base := pick(g, g.ints[:g.plainInts])
		t := integer(fmt.Sprintf("%sT%d", g.prefix, i), base.bits, base.signed)
		g.line("type %s %s\n", t.name, base.name)
		g.line("const (")
		step := 1 + g.r.IntN(5)
		for n := range 3 {
			name := fmt.Sprintf("%sC%d%c", g.prefix, i, 'a'+n)
			if n == 0 {
				g.line("%s %s = iota*%d + %d", name, t.name, step, g.r.IntN(9))
			} else {
				g.line("%s", name)
			}
			t.constants = append(t.constants, name)
		}
		g.line(")\n")
		g.ints = append(g.ints, t)
	}
}

func (g *generator) namedStructs() {
	for i := range 1 + g.r.IntN(3) {
		t := &typ{kind: isStruct, name: fmt.Sprintf("%sS%d", g.prefix, i)}
		for n := range 1 + g.r.IntN(4) {
			f := field{name: fmt.Sprintf("%c%d", 'a'+n, i), t: g.intType()}
			switch {
			case g.one(6):
				f.t = boolType
			case g.one(5):
				f.t = arrayOf(g.intType(), 1+g.r.IntN(3))
			case i > 0 && n == 0 && g.one(3):
				f.t, f.embedded = pick(g, g.structs), true
				f.name = f.t.name
			case i > 0 && g.one(4):
				f.t = pick(g, g.structs)
			}
			t.fields = append(t.fields, f)
		}
		g.line("%s", t.declaration())
		g.structs = append(g.structs, t)
	}
}

func (g *generator) packageVariables() {
	for i := range 2 + g.r.IntN(5) {
		t := g.valueType(48)
		v := &variable{name: fmt.Sprintf("%sV%d", g.prefix, i), t: t, addressed: true}
		if g.percent(60) {
			g.line("var %s = %s\n", v.name, g.constantOf(t))
		} else {
			g.line("var %s %s\n", v.name, t.name)
		}
		g.globals = append(g.globals, v)
	}
}

func (g *generator) intType() *typ { return pick(g, g.ints) }

func (g *generator) scalarType() *typ {
	if g.one(6) {
		return boolType
	}
	return g.intType()
}

// valueType is a type of at most so many bytes that holds no address.
func (g *generator) valueType(most int) *typ {
	for range 8 {
		t := g.scalarType()
		switch {
		case g.one(4):
			t = pick(g, g.structs)
		case g.one(3):
			t = arrayOf(g.intType(), 1+g.r.IntN(6))
		case g.one(12):
			t = arrayOf(pick(g, g.structs), 1+g.r.IntN(3))
		case g.one(12):
			t = arrayOf(arrayOf(g.intType(), 2), 2+g.r.IntN(2))
		}
		if t.size() <= most {
			return t
		}
	}
	return g.intType()
}

// constantOf is a value of a type, of constants alone.
func (g *generator) constantOf(t *typ) string {
	switch t.kind {
	case isBool, isInt:
		return g.literal(t)
	case isArray:
		var list []string
		for range t.n {
			list = append(list, g.constantOf(t.elem))
		}
		return t.name + "{" + strings.Join(list, ", ") + "}"
	}
	var list []string
	for _, f := range t.fields {
		if g.one(5) {
			continue
		}
		list = append(list, f.name+": "+g.constantOf(f.t))
	}
	return t.name + "{" + strings.Join(list, ", ") + "}"
}

// literal is a constant of a scalar type.
func (g *generator) literal(t *typ) string {
	if t.kind == isBool {
		return pick(g, []string{"true", "false"})
	}
	if len(t.constants) > 0 && g.one(2) {
		return pick(g, t.constants)
	}
	if !t.signed {
		most := ^uint64(0) >> (64 - t.bits)
		v := pick(g, []uint64{0, 1, 2, 3, 5, 7, 10, 31, most, most >> 1, most>>1 + 1, g.r.Uint64() & most, uint64(g.r.IntN(100))})
		return fmt.Sprintf("%s(%d)", t.name, v)
	}
	most := int64(1)<<(t.bits-1) - 1
	v := pick(g, []int64{0, 1, -1, 2, 3, -5, 7, 10, most, -most - 1, most - 1, g.r.Int64() & most, -int64(g.r.IntN(100)), int64(g.r.IntN(100))})
	return fmt.Sprintf("%s(%d)", t.name, v)
}

// function writes one, or a method.
func (g *generator) function(pure bool) {
	f := &function{name: fmt.Sprintf("%sf%d", g.prefix, len(g.functions)), pure: pure}
	g.begin(f, functionLimit)
	var params []string
	declare := func(name string, t *typ) {
		// What an address leads to can be anybody's.
		v := &variable{name: name, t: t, depth: 1, addressed: !pure && g.one(4), maybeNil: false}
		g.visible = append(g.visible, v)
	}
	receiver := ""
	before := len(g.functions)
	f.recurses = !pure && g.one(6)
	if g.one(3) && !f.recurses {
		t := pick(g, g.structs)
		if len(g.ints) > g.plainInts && g.one(3) {
			t = pick(g, g.ints[g.plainInts:])
		}
		f.receiver = t
		if !pure && g.one(2) {
			f.receiver = pointerTo(t)
		}
		receiver = fmt.Sprintf("(r %s) ", f.receiver.name)
		declare("r", f.receiver)
	}
	n := g.r.IntN(4)
	if f.recurses {
		n = 1 + g.r.IntN(3) // what it calls itself with is in registers
	}
	for i := range n {
		t := g.scalarType()
		switch {
		case i == 0 && f.recurses:
			t = byteType
		case f.recurses:
		case g.one(5):
			t = g.valueType(24)
		case !pure && g.one(4):
			t = pointerTo(g.valueType(24))
		case !pure && g.one(4):
			t = sliceOf(g.intType())
			if g.one(2) {
				t = contextType
			}
		case !pure && g.one(4):
			t = pick(g, g.funcs)
		}
		f.params = append(f.params, t)
		name := fmt.Sprintf("p%d", i)
		if t.kind == isFunc {
			g.functions = append(g.functions, &function{name: name, params: []*typ{t.param}, results: []*typ{t.elem}, cost: handedLimit})
			params = append(params, name+" "+t.name)
			continue
		}
		declare(name, t)
		if i == 0 && f.recurses {
			g.visible[len(g.visible)-1].fixed = true
			g.visible[len(g.visible)-1].addressed = false
		}
		params = append(params, name+" "+t.name)
	}
	n = pick(g, []int{0, 1, 1, 1, 1, 2, 2, 3})
	if f.recurses {
		n = min(n, 1)
	}
	for range n {
		t := g.scalarType()
		if g.one(5) && !f.recurses {
			t = g.valueType(24)
		}
		f.results = append(f.results, t)
	}
	if pure && len(f.results) == 0 {
		f.results = append(f.results, g.intType())
	}
	g.results = f.results
	var results []string
	if g.named = !pure && len(f.results) > 0 && g.one(4); g.named {
		for i, t := range f.results {
			name := fmt.Sprintf("n%d", i)
			declare(name, t)
			results = append(results, name+" "+t.name)
		}
	} else {
		for _, t := range f.results {
			results = append(results, t.name)
		}
	}
	g.line("func %s%s(%s) (%s) {", receiver, f.name, strings.Join(params, ", "), strings.Join(results, ", "))
	if f.recurses {
		g.line("if p0 > 2 {")
		g.returns()
		g.line("}")
		g.functions = append(g.functions, f)
		f.cost = 40
	}
	g.body(2 + g.r.IntN(5))
	f.recurses = false
	g.functions = g.functions[:before]
	g.finish()
	g.line("}\n")
	if f.cost = g.cost + 10; f.calls {
		f.cost *= 4
	}
	g.functions = append(g.functions, f)
}

// closure writes a function within another one, or takes one that is there.
func (g *generator) closure() {
	name := g.name()
	if g.one(5) {
		if t := pick(g, g.funcs); g.handedTo(t, name) {
			g.functions = append(g.functions, &function{name: name, params: []*typ{t.param}, results: []*typ{t.elem}, cost: handedLimit + 10})
			return
		}
	}
	f := &function{name: name}
	for range g.r.IntN(3) {
		f.params = append(f.params, g.scalarType())
	}
	f.results = []*typ{g.scalarType()}
	if g.one(3) {
		t := pick(g, g.funcs)
		f.params, f.results = []*typ{t.param}, []*typ{t.elem}
	}
	text := g.literalFunction(f, functionLimit/4)
	g.line("%s := %s\n_ = %s", name, text, name)
	g.functions = append(g.functions, f)
}

// literalFunction is a function literal with the parameters and results of f,
// and sets what it costs. It may read all that is there, but assigns only to
// what calls may change.
func (g *generator) literalFunction(f *function, limit int) string {
	saved := *g
	text := g.b.String()
	g.b.Reset()
	g.visible = nil
	for _, v := range saved.visible {
		inner := *v
		inner.fixed = v.fixed || !v.addressed
		g.visible = append(g.visible, &inner)
	}
	g.loops, g.named, g.cost, g.factor, g.limit = nil, false, 0, 1, limit
	var params []string
	g.depth++
	for _, t := range f.params {
		v := &variable{name: g.name(), t: t, depth: g.depth}
		params = append(params, v.name+" "+v.t.name)
		g.visible = append(g.visible, v)
	}
	g.results = f.results
	g.line("func(%s) %s {", strings.Join(params, ", "), f.results[0].name)
	g.block(1 + g.r.IntN(3))
	g.returns()
	g.b.WriteString("}")
	f.cost = g.cost + 10
	out := g.b.String()
	g.b.Reset()
	g.b.WriteString(text)
	g.visible, g.loops, g.named, g.cost, g.factor, g.limit = saved.visible, saved.loops, saved.named, saved.cost, saved.factor, saved.limit
	g.depth, g.results = saved.depth, saved.results
	return out
}

// handedTo declares a variable that is a function of type t.
func (g *generator) handedTo(t *typ, name string) bool {
	x := g.handed(t)
	if x != "" {
		g.line("%s := %s\n_ = %s", name, x, name)
	}
	return x != ""
}

// handed is a function of type t: one with a name, or a literal.
func (g *generator) handed(t *typ) string {
	var names []string
	for _, f := range g.functions {
		if f.receiver == nil && !f.recurses && f.cost <= handedLimit && len(f.params) == 1 && len(f.results) == 1 && f.params[0].is(t.param) && f.results[0].is(t.elem) {
			names = append(names, f.name)
		}
	}
	if len(names) > 0 && g.one(2) {
		return pick(g, names)
	}
	if g.nesting > 3 {
		return ""
	}
	f := &function{params: []*typ{t.param}, results: []*typ{t.elem}}
	g.nesting++
	text := g.literalFunction(f, handedLimit/2)
	g.nesting--
	if f.cost > handedLimit {
		return ""
	}
	return text
}

func (g *generator) begin(f *function, limit int) {
	g.visible = append(g.visible[:0], g.globals...)
	if f.pure {
		g.visible = g.visible[:0]
	}
	g.current, g.depth, g.results, g.named, g.names = f, 1, nil, false, 0
	g.cost, g.limit, g.factor, g.locals, g.loops, g.nesting = 0, limit, 1, 0, nil, 0
}

// finish writes the last return of a function.
func (g *generator) finish() {
	if len(g.results) > 0 {
		g.returns()
	}
}

// entry is what the hook runs: it returns a digest of all there is.
func (g *generator) entry() {
	f := &function{name: g.prefix + "Entry"}
	g.begin(f, entryLimit)
	g.visible = append(g.visible, &variable{name: "ctx", t: contextType, depth: 1})
	g.results = []*typ{integers[8]}
	g.line("//femto:hook event\nfunc %s(ctx []byte) uint64 {", f.name)
	g.line("femto.Log1(\"%%d bytes\", len(ctx)+bits.Len8(0))")
	g.body(4 + g.r.IntN(7))
	for _, v := range g.visible {
		g.digest(v)
	}
	g.line("return %sH\n}", g.prefix)
}

// digest lets the result depend on a variable.
func (g *generator) digest(v *variable) {
	if !v.t.value() {
		return
	}
	v.t.leaves(v.name, func(x string, t *typ) {
		if t.kind == isBool {
			x = "kit.Bit(" + x + ")"
		} else {
			x = "uint64(" + x + ")"
		}
		g.line("%sH = kit.Mix(%sH, %s)", g.prefix, g.prefix, x)
	})
}
