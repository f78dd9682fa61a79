package debug

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A Program is what is known of an image.
type Program struct {
	Image     []byte
	Debug     *build.Debug // empty if there is no side file
	Listing   []asm.Line   // its instructions, with helpers by name
	Functions []Function   // by slot
	text      []byte
	line      []int // of Listing, by slot
	names     map[int32]string
}

// A Function is a span of instructions.
type Function struct {
	Name      string
	Slot, End int
}

// A Place is where in the source an instruction comes from.
type Place struct {
	File string // as the side file has it
	Line int    // from 1
}

// NewProgram reads an image. debug is its side file; nil: there is none.
func NewProgram(raw []byte, debug *build.Debug) (*Program, error) {
	m, bad := image.Parse(raw)
	if bad != image.OK {
		return nil, fmt.Errorf("image: %w", bad)
	}
	if debug == nil {
		debug = &build.Debug{}
	}
	p := &Program{Image: raw, Debug: debug, text: m.Text(), names: map[int32]string{}}
	o := asm.Options{Notation: asm.Kernel, Helpers: map[string]int32{}, Data: m.Data(), Rodata: m.Rodata()}
	for i := range helpers.Standard {
		h := &helpers.Standard[i]
		p.names[int32(h.Number)] = h.Name
		o.Helpers[h.Name] = int32(h.Number)
	}
	for i := range m.Functions() {
		f, _ := m.Function(i)
		o.Functions = append(o.Functions, f)
	}
	for _, symbol := range debug.Symbols {
		if symbol.Section == ".text" {
			o.Functions = append(o.Functions, image.Function{Name: []byte(symbol.Name), Offset: symbol.Offset})
		}
	}
	for _, extent := range asm.Extents(p.text, o) {
		p.Functions = append(p.Functions, Function{extent.Name, extent.Slot, extent.Slot + extent.Slots()})
	}
	p.Listing = asm.List(p.text, o)
	p.line = make([]int, p.Slots())
	for i := range p.Listing {
		for n := range p.Listing[i].Slots() {
			p.line[p.Listing[i].Slot+n] = i
		}
	}
	return p, nil
}

// Slots is how many slots the text has.
func (p *Program) Slots() int { return len(p.text) / isa.Size }

// Instruction decodes the instruction at a slot; what is not there is zero.
func (p *Program) Instruction(slot int) isa.Instruction {
	if slot < 0 || slot >= p.Slots() {
		return isa.Instruction{}
	}
	return isa.Decode(p.text[slot*isa.Size:])
}

// Disassembly returns the place in Listing of the instruction at a slot.
func (p *Program) Disassembly(slot int) int { return p.line[min(max(slot, 0), len(p.line)-1)] }

func isHelper(in isa.Instruction) bool {
	return in.Opcode == isa.ClassJMP|isa.CALL && in.Src != isa.CallLocal
}

// HelperAt returns the name of the helper that the instruction at a slot calls.
func (p *Program) HelperAt(slot int) (string, bool) {
	in := p.Instruction(slot)
	if !isHelper(in) {
		return "", false
	}
	if name := p.names[in.Imm]; name != "" {
		return name, true
	}
	return fmt.Sprintf("helper %d", in.Imm), true
}

// FunctionAt returns the function to which a slot belongs.
func (p *Program) FunctionAt(slot int) Function {
	i, found := slices.BinarySearchFunc(p.Functions, slot, func(f Function, slot int) int { return cmp.Compare(f.Slot, slot) })
	if !found {
		i--
	}
	if i < 0 {
		return Function{"?", 0, p.Slots()}
	}
	return p.Functions[i]
}

// PlaceAt returns where in the source the instruction at a slot comes from.
func (p *Program) PlaceAt(slot int) (Place, bool) {
	line, ok := p.Debug.Place(slot)
	return Place{line.File, line.Line}, ok
}

// HasSource reports whether it is known where instructions come from.
func (p *Program) HasSource() bool { return len(p.Debug.Lines) > 0 }

// Files lists the sources.
func (p *Program) Files() (list []string) {
	for _, line := range p.Debug.Lines {
		if line.Line > 0 && !slices.Contains(list, line.File) {
			list = append(list, line.File)
		}
	}
	return list
}

// File finds a source by what people or editors call it: a path that ends in
// its name or, if there is only one such, its base name.
func (p *Program) File(name string) (string, bool) {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	files := p.Files()
	for _, file := range files {
		if name == file || strings.HasSuffix(name, "/"+file) || strings.HasSuffix(file, "/"+name) {
			return file, true
		}
	}
	var same []string
	for _, file := range files {
		if path.Base(file) == path.Base(name) {
			same = append(same, file)
		}
	}
	if len(same) != 1 {
		return "", false
	}
	return same[0], true
}

// SlotsOf returns where a line of a source begins, and the line, which is the
// next one that has instructions. The compiler mixes lines and repeats them: of
// the pieces of a line, those count that come from the same column as the first
// one in their function.
func (p *Program) SlotsOf(file string, line int) (slots []int, actual int) {
	for _, l := range p.Debug.Lines {
		if l.File == file && l.Line >= line && (actual == 0 || l.Line < actual) {
			actual = l.Line
		}
	}
	if actual == 0 {
		return nil, 0
	}
	columns := map[int]int{} // of functions, by their slot
	for _, l := range p.Debug.Lines {
		if l.File != file || l.Line != actual {
			continue
		}
		f := p.FunctionAt(l.Slot)
		column, ok := columns[f.Slot]
		if !ok {
			columns[f.Slot], column = l.Column, l.Column
		}
		if l.Column == column {
			slots = append(slots, l.Slot)
		}
	}
	return slots, actual
}

// Regions are what people call the regions.
var regionNames = [vm.Regions]string{
	vm.RegionNull: "null", vm.RegionStack: "stack", vm.RegionContext: "context", vm.RegionData: "data", vm.RegionRodata: "rodata",
}

// RegionName is what people call a region.
func RegionName(region int) string {
	if region >= vm.RegionGrant && region < vm.Regions {
		return fmt.Sprintf("granted %d", region-vm.RegionGrant+1)
	}
	return regionNames[region]
}

// helperArgs lists the arguments that a helper takes.
func helperArgs(name string) []vm.Arg {
	for i := range helpers.Standard {
		if h := &helpers.Standard[i]; h.Name == name {
			n := len(h.Args)
			for n > 0 && h.Args[n-1] == vm.ArgNone {
				n--
			}
			return h.Args[:n]
		}
	}
	return nil
}

// Bytes returns up to n bytes of the text, from an offset on.
func (p *Program) Bytes(offset, n int) []byte {
	from := min(max(offset, 0), len(p.text))
	return p.text[from:min(from+max(n, 0), len(p.text))]
}

// HasVariables reports whether the side file knows variables.
func (p *Program) HasVariables() bool { return len(p.Debug.Variables) > 0 }
