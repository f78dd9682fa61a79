// Package asm assembles and disassembles eBPF in two notations: the one of the
// public bpf_conformance suite ("mov %r0, 1") and that of the kernel and LLVM
// ("r0 = 1"). Each line may be in either.
package asm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A Source is a file in assembly language.
type Source struct {
	Name    string           // for messages; may be empty
	Text    string           // one statement a line
	Helpers map[string]int32 // what "call name" may name beside labels

	constants map[string]uint64
}

// An Error says what was not understood, and where.
type Error struct {
	File   string // the Source's Name
	Line   int    // counted from 1
	Column int    // in bytes, counted from 1
	Text   string // of the line
	Why    string
}

// Error returns place, reason and the line itself.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Where(), e.Why, e.Text)
}

// Where returns file:line:column.
func (e *Error) Where() string {
	if e.File == "" {
		return fmt.Sprintf("line %d, column %d", e.Line, e.Column)
	}
	return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
}

// An Object is what a Source contains.
type Object struct {
	Data, Rodata, Text []byte
	Functions          []image.Function // in the order of .globl
	Contract           []byte           // CBOR, for an image of version 1; or nil
}

// Image returns the object as a container image.
func (o *Object) Image() ([]byte, error) {
	out := image.Append(nil, image.Parts{Data: o.Data, Rodata: o.Rodata, Text: o.Text, Functions: o.Functions})
	if out == nil {
		return nil, errors.New("a function or its name lies beyond 65535 bytes, which the function table cannot express")
	}
	if o.Contract != nil {
		out = append(out, o.Contract...)
		binary.LittleEndian.PutUint32(out[4:], 1)
	}
	if _, err := image.Parse(out); err != image.OK {
		return nil, err
	}
	return out, nil
}

// Assemble translates a program that has no data to instruction slots.
func Assemble(text string) ([]byte, error) {
	o, err := Source{Text: text}.Assemble()
	if err != nil {
		return nil, err
	}
	if len(o.Data)+len(o.Rodata)+len(o.Contract) != 0 {
		return nil, errors.New("the program has data, which instructions alone cannot carry")
	}
	return o.Text, nil
}

// maxErrors is how many lines are complained of at once.
const maxErrors = 10

// Assemble translates a source. A label stands before a colon; the first exit
// instruction also bears the label exit. The error joins one *Error for each
// line that is not understood, up to ten.
func (s Source) Assemble() (*Object, error) {
	s.constants = map[string]uint64{}
	a := assembler{source: &s, current: text, symbols: map[string]symbol{}}
	var all []error
	for i, statement := range strings.Split(s.Text, "\n") {
		l := scan(&s, i+1, statement)
		a.line(l)
		if l.err != nil {
			all = append(all, l.err)
		}
		if len(all) == maxErrors {
			break
		}
	}
	if len(all) == 0 {
		all = a.resolve()
	}
	if len(all) > 0 {
		return nil, errors.Join(all...)
	}
	o := &Object{Data: a.content[data], Rodata: a.content[rodata], Text: a.content[text], Contract: a.content[contract]}
	for _, g := range a.globals {
		if at := a.symbols[g.label.text]; at.section == text {
			o.Functions = append(o.Functions, image.Function{Name: []byte(g.name), Offset: at.offset})
		}
	}
	return o, nil
}

// A section is a part of an image.
type section uint8

const (
	text section = iota
	rodata
	data
	contract
	sections
)

var sectionNames = [sections]string{".text", ".rodata", ".data", ".contract"}

func (s section) String() string { return sectionNames[s] }

type symbol struct {
	section section
	offset  int // in bytes
}

// A reference is an instruction that waits for a symbol.
type reference struct {
	at     int // in .text; for useAddress in the section in
	in     section
	how    use
	name   token
	addend int64
	line   *line
}

type use uint8

const (
	useOffset  use = iota // distance in slots, to the offset
	useImm                // distance in slots, to the immediate
	useCall               // a label, or a helper
	useWide               // place in .data or .rodata
	useAddress            // address of that place, in data
)

// A global is an entry of the function table; what lies in other sections than
// .text gets none.
type global struct {
	name  string
	label token
	line  *line
}

type assembler struct {
	source  *Source
	current section
	content [sections][]byte
	symbols map[string]symbol
	refs    []reference
	globals []global
	exit    *symbol // the first exit instruction
}

func (a *assembler) here() symbol { return symbol{a.current, len(a.content[a.current])} }

func (a *assembler) line(l *line) {
	for l.ahead(1).text == ":" && l.ahead(1).kind == mark {
		t := l.next()
		l.next()
		a.label(l, t)
	}
	t := l.peek()
	if t.kind == end {
		return
	}
	_, _, isRegister := registerOf(t)
	switch {
	case t.kind == word && t.text[0] == '.':
		a.directive(l)
	case isRegister, t.text == "*", t.text == "if", t.text == "goto", t.text == "gotol", t.text == "callx",
		t.text == "lock" && l.ahead(1).text == "*":
		a.kernel(l)
	default:
		a.conformance(l)
	}
	l.finish()
}

func (a *assembler) label(l *line, t token) {
	_, _, isRegister := registerOf(t)
	_, taken := a.symbols[t.text]
	switch {
	case t.kind != word || isRegister:
		l.fail(t, "%s cannot be a label", t.name())
	case taken:
		l.fail(t, "label %s is there already", t.text)
	default:
		a.symbols[t.text] = a.here()
	}
}

// emit appends an instruction; the second half of a wide one is another.
func (a *assembler) emit(l *line, in isa.Instruction) {
	if a.current != text {
		l.fail(token{column: 1}, "an instruction in %v", a.current)
	}
	if l.err == nil {
		a.content[text] = in.Append(a.content[text])
	}
}

// refer notes that the instruction or number to be emitted next waits for a
// symbol.
func (a *assembler) refer(l *line, how use, name token, addend int64) {
	a.refs = append(a.refs, reference{len(a.content[a.current]), a.current, how, name, addend, l})
}

// target reads where a jump or call leads: a distance in slots, or a label.
func (a *assembler) target(l *line, in isa.Instruction, how use) {
	if sign := l.ahead(1).text; sign == "+" || sign == "-" {
		l.accept("pc") // as the kernel prints it
	}
	t := l.peek()
	switch {
	case t.kind == word:
		a.refer(l, how, l.next(), 0)
	case how == useOffset:
		in.Offset = l.offset16()
	default:
		v := int64(l.number64())
		in.Imm = int32(v)
		if v != int64(in.Imm) {
			l.fail(t, "the distance does not fit 32 bits")
		}
	}
	a.emit(l, in)
}

// wide emits an LDDW of a number, or of the place of a symbol.
func (a *assembler) wide(l *line, in isa.Instruction) {
	t := l.peek()
	if _, constant := a.source.constants[t.text]; t.kind == word && !constant {
		a.refer(l, useWide, l.next(), l.addend())
		a.emit(l, in)
		a.emit(l, isa.Instruction{})
		return
	}
	v := l.number64()
	in.Imm = int32(v)
	a.emit(l, in)
	a.emit(l, isa.Instruction{Imm: int32(v >> 32)})
}

// addend reads "+ n", "- n" or nothing.
func (l *line) addend() int64 {
	if sign := l.peek().text; sign == "+" || sign == "-" {
		return int64(l.number64())
	}
	return 0
}

// resolve fills in what waited for symbols.
func (a *assembler) resolve() []error {
	var all []error
	if _, taken := a.symbols["exit"]; !taken && a.exit != nil {
		a.symbols["exit"] = *a.exit
	}
	for i := range a.refs {
		r := &a.refs[i]
		if a.fill(r); r.line.err != nil {
			all = append(all, r.line.err)
		}
		if len(all) == maxErrors {
			return all
		}
	}
	for _, g := range a.globals {
		at, ok := a.symbols[g.label.text]
		switch {
		case !ok:
			g.line.fail(g.label, "there is no label %s", g.label.text)
		case at.section == text && (at.offset >= len(a.content[text]) || at.offset%isa.Size != 0):
			g.line.fail(g.label, "no instruction follows %s", g.label.text)
		}
		if g.line.err != nil {
			all = append(all, g.line.err)
		}
	}
	return all
}

func (a *assembler) fill(r *reference) {
	code := a.content[r.in][r.at:]
	to, known := a.symbols[r.name.text]
	switch r.how {
	case useWide:
		a.fillWide(r, code)
		return
	case useAddress:
		a.fillAddress(r, code)
		return
	}
	if helper, isHelper := a.source.Helpers[r.name.text]; r.how == useCall && !known && isHelper {
		binary.LittleEndian.PutUint32(code[4:], uint32(helper))
		return
	}
	distance := to.offset - r.at - isa.Size
	switch {
	case !known && r.how == useCall:
		r.line.fail(r.name, "there is no label and no helper %s%s", r.name.text, a.meant(r))
	case !known:
		r.line.fail(r.name, "there is no label %s%s", r.name.text, a.meant(r))
	case to.section != text || distance%isa.Size != 0:
		r.line.fail(r.name, "%s is no instruction", r.name.text)
	case r.how == useOffset:
		if distance /= isa.Size; distance != int(int16(distance)) {
			r.line.fail(r.name, "label %s is too far away: %d slots", r.name.text, distance)
		}
		binary.LittleEndian.PutUint16(code[2:], uint16(distance))
	default:
		if r.how == useCall {
			code[1] = code[1]&15 | isa.CallLocal<<4
		}
		binary.LittleEndian.PutUint32(code[4:], uint32(distance/isa.Size))
	}
}

// meant names the label or helper that a name which is neither comes closest
// to, if any does. Helpers may bear the prefix that they have in C elsewhere.
func (a *assembler) meant(r *reference) string {
	labels := slices.Sorted(maps.Keys(a.symbols))
	near := diagnose.Nearest(r.name.text, labels)
	if r.how == useCall && near == "" {
		near = diagnose.Nearest(strings.TrimPrefix(r.name.text, "bpf_"), slices.Sorted(maps.Keys(a.source.Helpers)))
	}
	if near == "" {
		return ""
	}
	return "; is " + near + " meant?"
}

// fillAddress puts the address that a container sees into its data.
func (a *assembler) fillAddress(r *reference, content []byte) {
	to, known := a.symbols[r.name.text]
	region := map[section]int{data: vm.RegionData, rodata: vm.RegionRodata}[to.section]
	place := int64(to.offset) + r.addend
	switch {
	case !known:
		r.line.fail(r.name, "there is no symbol %s", r.name.text)
	case region == 0:
		r.line.fail(r.name, "%s has no address: it lies in %v", r.name.text, to.section)
	case place < 0 || place > int64(len(a.content[to.section])):
		r.line.fail(r.name, "the place lies outside %v", to.section)
	}
	binary.LittleEndian.PutUint64(content, vm.Address(region, uint32(place)))
}

// fillWide makes an LDDW relative to the section its symbol is in.
func (a *assembler) fillWide(r *reference, code []byte) {
	opcodes := [sections]byte{rodata: isa.LDDWR, data: isa.LDDWD}
	to, known := a.symbols[r.name.text]
	for s, name := range sectionNames {
		if name == r.name.text {
			to, known = symbol{section: section(s)}, true
		}
	}
	place := int64(to.offset) + r.addend
	switch {
	case !known:
		r.line.fail(r.name, "there is no symbol %s", r.name.text)
	case to.section == text:
		r.line.fail(r.name, "%s has no address: a container cannot read its instructions", r.name.text)
	case to.section == contract:
		r.line.fail(r.name, "%s has no address: a container cannot read its contract", r.name.text)
	case code[0] != isa.LDDW && code[0] != opcodes[to.section]:
		r.line.fail(r.name, "%s lies in %v", r.name.text, to.section)
	case place != int64(int32(place)):
		r.line.fail(r.name, "the place does not fit 32 bits")
	}
	code[0] = opcodes[to.section]
	binary.LittleEndian.PutUint32(code[4:], uint32(place))
}
