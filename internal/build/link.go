// Package build turns what a container author wrote into a container image.
package build

import (
	"bytes"
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/isa"
)

const (
	slot = 8 // bytes of an instruction

	// Bounds on what an object may claim, far above any microcontroller.
	maxSection = 1 << 20
	maxAlign   = 1 << 12
)

// metaSection holds what FEMTO_META said: for the builder, not the device.
const metaSection = ".femto.meta"

// An Object is a relocatable BPF object, as clang writes it.
type Object struct {
	Name  string // for messages; may be empty
	Bytes []byte
}

// A Program is what objects link to.
type Program struct {
	image.Parts
	Symbols []Symbol // by section and offset
	Lines   []Line   // by slot; empty if the objects have no debug information
	Traps   []Trap   // by slot; of containers in Go

	Types     []Type // of Variables
	Variables []Variable
	Inlined   []Inlined
}

// A Symbol is a function or a variable, static or not.
type Symbol struct {
	Name    string `json:"name"`
	Section string `json:"section"` // .text, .rodata or .data
	Offset  int    `json:"offset"`  // in bytes
	Size    int    `json:"size"`    // in bytes; 0 if the object does not say
	Global  bool   `json:"global"`
}

// A segment is what sections of an object become in an image.
type segment uint8

const (
	none segment = iota
	text
	rodata
	data
)

var segmentNames = [...]string{text: ".text", rodata: ".rodata", data: ".data"}

type linker struct {
	begin   bool // with a jump to the only function that is not static
	traps   bool // some instructions stop the container
	objects []*object
	content [4][]byte
	globals map[string]definition
}

// An object is one that is being linked.
type object struct {
	name    string
	file    *elf.File
	symbols []elf.Symbol
	segment []segment // by section index
	base    []uint64  // by section index, in bytes from the segment's beginning
}

// A definition is where a global symbol is.
type definition struct {
	object *object
	symbol elf.Symbol
}

// Link makes an image of a relocatable BPF object as clang writes it, with a
// contract (version 1) if its source says something with FEMTO_META.
// Its entry is the first function of .text. The image depends on the sections,
// symbols and relocations only: the same object gives the same bytes.
func Link(object []byte) ([]byte, error) {
	p, err := LinkObjects(Object{Bytes: object})
	if err != nil {
		return nil, err
	}
	return p.Image()
}

// LinkObjects joins objects in their order. The entry is the first function of
// the first one: .text comes before other sections with code. Addresses in
// initialised data become those that containers see (docs/spec/vm.md).
func LinkObjects(objects ...Object) (*Program, error) {
	return new(linker).link(objects)
}

// LinkForeign is LinkObjects for sources that were not written for it: where
// static functions come before the only one that is not static, execution begins
// with a jump to that.
func LinkForeign(objects ...Object) (*Program, error) {
	p, err := LinkObjects(objects...)
	var refused *LinkError
	if !errors.As(err, &refused) || refused.Kind != ErrEntry {
		return p, err
	}
	if q, err := (&linker{begin: true}).link(objects); err == nil {
		return q, nil
	}
	return p, err
}

func (l *linker) link(objects []Object) (*Program, error) {
	l.globals = map[string]definition{}
	if l.begin {
		l.content[text] = make([]byte, slot)
	}
	for _, o := range objects {
		opened, err := open(o)
		if err != nil {
			return nil, in(o.Name, err)
		}
		l.objects = append(l.objects, opened)
	}
	for _, pass := range []func(*object) error{l.define, l.placeCode, l.placeData, l.placeZeros} {
		for _, o := range l.objects {
			if err := pass(o); err != nil {
				return nil, in(o.name, err)
			}
		}
	}
	if len(l.content[text]) == 0 {
		return nil, linkError(ErrNoCode, "", "no .text: nothing to run")
	}
	for _, o := range l.objects {
		if err := l.relocate(o); err != nil {
			return nil, in(o.name, err)
		}
	}
	if last := l.content[text][len(l.content[text])-slot]; l.traps && last != isa.ClassJMP|isa.EXIT && last != isa.ClassJMP|isa.JA {
		l.content[text] = isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT}.Append(l.content[text])
	}
	p := &Program{Symbols: l.symbolTable()}
	var err error
	if p.Functions, err = l.functions(); err != nil {
		return nil, err
	}
	if err := l.debug(p); err != nil {
		return nil, fmt.Errorf("debug information: %w", err)
	}
	p.Data, p.Rodata, p.Text = l.content[data], l.content[rodata], l.content[text]
	meta := map[string]string{}
	for _, o := range objects {
		said, err := Meta(o.Bytes)
		if err != nil {
			return nil, in(o.Name, err)
		}
		if err := join(meta, said); err != nil {
			return nil, in(o.Name, err)
		}
	}
	if p.Contract, err = Promise(meta, p.Text); err != nil {
		return nil, err
	}
	return p, nil
}

// in says in which object something is wrong.
func in(object string, err error) error {
	if object == "" {
		return err
	}
	return fmt.Errorf("%s: %w", object, err)
}

// Image returns the program as an image.
func (p *Program) Image() ([]byte, error) {
	out := image.Append(nil, p.Parts)
	if out == nil {
		return nil, errors.New("functions or their names lie beyond 65535 bytes, which the function table cannot express")
	}
	if _, e := image.Parse(out); e != image.OK {
		return nil, fmt.Errorf("object does not make an image: %w", e)
	}
	return out, nil
}

func open(o Object) (*object, error) {
	file, err := elf.NewFile(bytes.NewReader(o.Bytes))
	if err != nil {
		return nil, fmt.Errorf("not an ELF object: %w", err)
	}
	if file.Machine != elf.EM_BPF || file.Type != elf.ET_REL || file.Data != elf.ELFDATA2LSB {
		return nil, fmt.Errorf("object is %v %v %v; want a little-endian relocatable BPF object (clang -target bpf -c)", file.Machine, file.Data, file.Type)
	}
	opened := &object{name: o.Name, file: file, segment: make([]segment, len(file.Sections)), base: make([]uint64, len(file.Sections))}
	if opened.symbols, err = file.Symbols(); err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return nil, fmt.Errorf("symbols: %w", err)
	}
	return opened, nil
}

// define collects the global symbols. A weak one gives way.
func (l *linker) define(o *object) error {
	for _, s := range o.symbols {
		binding := elf.ST_BIND(s.Info)
		if binding == elf.STB_LOCAL || s.Name == "" || s.Section == elf.SHN_UNDEF {
			continue
		}
		before, taken := l.globals[s.Name]
		switch {
		case taken && binding == elf.STB_WEAK:
			continue
		case taken && elf.ST_BIND(before.symbol.Info) != elf.STB_WEAK:
			return linkError(ErrTwice, s.Name, "%s is defined twice, in %s too", s.Name, cmp.Or(before.object.name, "this object"))
		}
		l.globals[s.Name] = definition{o, s}
	}
	return nil
}

// placeCode collects the sections with instructions: .text, then others.
func (l *linker) placeCode(o *object) error {
	for _, named := range []bool{true, false} {
		for i, s := range o.file.Sections {
			code := s.Flags&elf.SHF_EXECINSTR != 0
			if !occupies(s) || s.Type == elf.SHT_NOBITS || !code || (s.Name == ".text") != named {
				continue
			}
			if s.Size%slot != 0 {
				return fmt.Errorf("section %s ends in the middle of an instruction", s.Name)
			}
			if err := l.place(o, i, text); err != nil {
				return err
			}
		}
	}
	return nil
}

func occupies(s *elf.Section) bool {
	return s.Flags&elf.SHF_ALLOC != 0 && s.Size != 0 && !slices.Contains(leftOut, s.Name)
}

// leftOut are the sections for which a device has no use: what is for the builder,
// what unwinds a stack in case of an exception, and what sources written for Linux
// tell its loader.
var leftOut = []string{metaSection, ".eh_frame", "license", "version"}

// placeData collects the sections with data. Constants that hold addresses are
// constants, for the addresses are known here.
func (l *linker) placeData(o *object) error {
	for i, s := range o.file.Sections {
		if !occupies(s) || s.Type == elf.SHT_NOBITS || s.Flags&elf.SHF_EXECINSTR != 0 {
			continue
		}
		to := data
		switch {
		case s.Name == ".rodata" || strings.HasPrefix(s.Name, ".rodata.") || strings.HasPrefix(s.Name, ".data.rel.ro"):
			to = rodata
		case s.Name != ".data" && !strings.HasPrefix(s.Name, ".data."):
			return linkError(ErrSection, s.Name, "section %s has no place in an image", s.Name)
		}
		if err := l.place(o, i, to); err != nil {
			return err
		}
	}
	return nil
}

// placeZeros puts sections of zeros last, in .data, for an image has no other
// place for them.
func (l *linker) placeZeros(o *object) error {
	for i, s := range o.file.Sections {
		if occupies(s) && s.Type == elf.SHT_NOBITS {
			if err := l.place(o, i, data); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *linker) place(o *object, i int, to segment) error {
	s := o.file.Sections[i]
	if s.Size > maxSection || s.Addralign > maxAlign || len(l.content[to]) > maxSection {
		return fmt.Errorf("section %s is too large for an image: %d bytes, aligned to %d", s.Name, s.Size, s.Addralign)
	}
	content := make([]byte, s.Size)
	if s.Type != elf.SHT_NOBITS {
		var err error
		if content, err = s.Data(); err != nil {
			return fmt.Errorf("section %s: %w", s.Name, err)
		}
	}
	if to != text { // every instruction is as long as the alignment
		for s.Addralign > 1 && uint64(len(l.content[to]))%s.Addralign != 0 {
			l.content[to] = append(l.content[to], 0)
		}
	}
	o.segment[i], o.base[i] = to, uint64(len(l.content[to]))
	l.content[to] = append(l.content[to], content...)
	return nil
}

// placed reports where a symbol's section is in the image.
func (o *object) placed(s elf.Symbol) (segment, uint64, bool) {
	if int(s.Section) >= len(o.segment) || o.segment[s.Section] == none {
		return none, 0, false
	}
	return o.segment[s.Section], o.base[s.Section] + s.Value, true
}

// functions lists the global functions in the order of the symbol tables.
func (l *linker) functions() ([]image.Function, error) {
	var list []image.Function
	entry := false
	for _, o := range l.objects {
		for _, s := range o.symbols {
			to, offset, ok := o.placed(s)
			if !ok || to != text || elf.ST_TYPE(s.Info) != elf.STT_FUNC || elf.ST_BIND(s.Info) == elf.STB_LOCAL ||
				l.globals[s.Name].object != o {
				continue
			}
			entry = entry || offset == 0
			list = append(list, image.Function{Name: []byte(s.Name), Offset: int(offset)})
		}
	}
	if l.begin && len(list) == 1 && list[0].Offset < 1<<15*slot {
		jump := isa.Instruction{Opcode: isa.ClassJMP | isa.JA, Offset: int16(list[0].Offset/slot - 1)}
		copy(l.content[text], jump.Append(nil))
		return append([]image.Function{{Name: []byte("entry")}}, list...), nil
	}
	if len(list) > 0 && !entry {
		return nil, linkError(ErrEntry, string(list[0].Name), "execution begins with the first function of the source, which is static: make %s the first one", list[0].Name)
	}
	return list, nil
}

// symbolTable lists what has a name, static or not.
func (l *linker) symbolTable() []Symbol {
	var list []Symbol
	for _, o := range l.objects {
		for _, s := range o.symbols {
			to, offset, ok := o.placed(s)
			kind := elf.ST_TYPE(s.Info)
			if !ok || s.Name == "" || kind != elf.STT_FUNC && kind != elf.STT_OBJECT {
				continue
			}
			list = append(list, Symbol{
				Name: s.Name, Section: segmentNames[to], Offset: int(offset), Size: int(s.Size), Global: elf.ST_BIND(s.Info) != elf.STB_LOCAL,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b Symbol) int {
		return cmp.Or(-strings.Compare(a.Section, b.Section), cmp.Compare(a.Offset, b.Offset))
	})
	return list
}
