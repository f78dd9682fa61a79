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

// A loop is one that the place is in, or a switch.
type loop struct {
	label string
	used  bool // the label
	isFor bool
}

func (g *generator) one(n int) bool          { return g.r.IntN(n) == 0 }
func (g *generator) percent(n int) bool      { return g.r.IntN(100) < n }
func (g *generator) line(f string, a ...any) { fmt.Fprintf(&g.b, f+"\n", a...) }

func pick[T any](g *generator, list []T) T { return list[g.r.IntN(len(list))] }

func (g *generator) program() string {
	g.line("package generated\n\nimport \"github.com/femto-containers/femto/sdk/go/femto\"\n")
	for _, i := range g.r.Perm(len(integers))[:3+g.r.IntN(3)] {
		g.ints = append(g.ints, integers[i])
	}
	g.plainInts = len(g.ints)
	g.line("type %sinteger interface { ~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint }\n", g.prefix)
	g.line("func %slater[T %sinteger](a, b T) T { if a > b { return a - b }; return b &^ a }\n", g.prefix, g.prefix)
	g.line("func %schoose[T any](c bool, a, b T) T { if c { return a }; return b }\n", g.prefix)
	g.line("func %sbit(c bool) uint64 { if c { return 1 }; return 0 }\n", g.prefix)
	g.line("func %smix(h, v uint64) uint64 { h = h*31 + v; return h ^ h>>29 }\n", g.prefix)
	g.namedInts()
	g.namedStructs()
	g.packageVariables()
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
			f := field{name: string(rune('a' + n)), t: g.intType()}
			switch {
			case g.one(6):
				f.t = boolType
			case g.one(5):
				f.t = arrayOf(g.intType(), 1+g.r.IntN(3))
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
	if g.one(3) {
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
	for i := range g.r.IntN(4) {
		t := g.scalarType()
		switch {
		case g.one(5):
			t = g.valueType(24)
		case !pure && g.one(4):
			t = pointerTo(g.valueType(24))
		case !pure && g.one(4):
			t = sliceOf(g.intType())
			if g.one(2) {
				t = contextType
			}
		}
		f.params = append(f.params, t)
		name := fmt.Sprintf("p%d", i)
		declare(name, t)
		params = append(params, name+" "+t.name)
	}
	for range pick(g, []int{0, 1, 1, 1, 1, 2, 2, 3}) {
		t := g.scalarType()
		if g.one(5) {
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
	g.body(2 + g.r.IntN(5))
	g.finish()
	g.line("}\n")
	f.cost = g.cost + 10
	g.functions = append(g.functions, f)
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
	g.line("femto.Log1(\"%%d bytes\", len(ctx))")
	g.body(4 + g.r.IntN(7))
	g.line("h := uint64(len(ctx))")
	for _, v := range g.visible {
		if v.t.value() {
			v.t.leaves(v.name, func(x string, t *typ) {
				if t.kind == isBool {
					g.line("h = %smix(h, %sbit(%s))", g.prefix, g.prefix, x)
				} else {
					g.line("h = %smix(h, uint64(%s))", g.prefix, x)
				}
			})
		}
	}
	g.line("return h\n}")
}
