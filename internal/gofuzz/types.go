package gofuzz

import (
	"fmt"
	"strings"
)

type kind uint8

const (
	isBool kind = iota
	isInt
	isArray
	isStruct
	isPointer
	isSlice
	isFunc // of one parameter and one result
)

// A typ is a type of a generated program.
type typ struct {
	kind   kind
	name   string // in Go
	bits   int
	signed bool
	elem   *typ // of an array, a pointer, a slice; the result of a function
	param  *typ // of a function
	n      int  // elements of an array
	fields []field

	constants []string // of a named integer type
}

type field struct {
	name     string
	t        *typ
	embedded bool
}

var (
	boolType = &typ{kind: isBool, name: "bool"}
	intType  = integer("int", 64, true)
	uintType = integer("uint", 64, false)
	byteType = integer("byte", 8, false)

	integers = []*typ{
		integer("int8", 8, true), integer("int16", 16, true), integer("int32", 32, true), integer("int64", 64, true), intType,
		integer("uint8", 8, false), integer("uint16", 16, false), integer("uint32", 32, false), integer("uint64", 64, false), uintType,
	}
	contextType = sliceOf(byteType)
)

func integer(name string, bits int, signed bool) *typ {
	return &typ{kind: isInt, name: name, bits: bits, signed: signed}
}

func arrayOf(elem *typ, n int) *typ {
	return &typ{kind: isArray, name: fmt.Sprintf("[%d]%s", n, elem.name), elem: elem, n: n}
}

func funcOf(param, result *typ) *typ {
	return &typ{kind: isFunc, name: "func(" + param.name + ") " + result.name, param: param, elem: result}
}

func pointerTo(elem *typ) *typ { return &typ{kind: isPointer, name: "*" + elem.name, elem: elem} }
func sliceOf(elem *typ) *typ   { return &typ{kind: isSlice, name: "[]" + elem.name, elem: elem} }

func (t *typ) is(other *typ) bool {
	return t.name == other.name || t.name == "byte" && other.name == "uint8" || t.name == "uint8" && other.name == "byte" ||
		t.kind == other.kind && (t.kind == isSlice || t.kind == isPointer || t.kind == isArray && t.n == other.n) && t.elem.is(other.elem)
}

// scalar is true of what fits a register.
func (t *typ) scalar() bool { return t.kind == isBool || t.kind == isInt }

// value is true of what holds no address.
func (t *typ) value() bool { return t.kind < isPointer }

// size is in bytes, without padding.
func (t *typ) size() int {
	switch t.kind {
	case isBool:
		return 1
	case isInt:
		return t.bits / 8
	case isArray:
		return t.n * t.elem.size()
	case isStruct:
		n := 0
		for _, f := range t.fields {
			n += f.t.size()
		}
		return n
	case isPointer:
		return 8
	}
	return 24
}

// leaves calls f with an expression for each integer or bool in x.
func (t *typ) leaves(x string, f func(x string, t *typ)) {
	switch t.kind {
	case isBool, isInt:
		f(x, t)
	case isArray:
		for i := range t.n {
			t.elem.leaves(fmt.Sprintf("%s[%d]", x, i), f)
		}
	case isStruct:
		for _, field := range t.fields {
			field.t.leaves(x+"."+field.name, f)
		}
	}
}

// declaration is that of a named struct.
func (t *typ) declaration() string {
	var b strings.Builder
	fmt.Fprintf(&b, "type %s struct {\n", t.name)
	for _, f := range t.fields {
		if f.embedded {
			fmt.Fprintf(&b, "%s\n", f.name)
			continue
		}
		fmt.Fprintf(&b, "%s %s\n", f.name, f.t.name)
	}
	b.WriteString("}\n")
	return b.String()
}

// A variable is one, or a parameter.
type variable struct {
	name      string
	t         *typ
	depth     int  // of the block that declares it; 0: the package
	addressed bool // its address is taken, so that calls may change it
	fixed     bool // never assigned to: it counts a loop
	maybeNil  bool
}

// A function is one, or a method, of a generated program.
type function struct {
	name     string
	receiver *typ // nil: none; a pointer or a value
	params   []*typ
	results  []*typ
	cost     int  // instructions, roughly
	pure     bool // reads and writes only its own, and never panics
	calls    bool // itself
	recurses bool // it is being written, and calls itself with p0 + 1
}
