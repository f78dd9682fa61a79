// Package symbols is an image and what is known of where it comes from: its
// functions, its instructions as text, the lines of its source, and what people
// call the regions, helpers and variables in it.
package symbols

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/isa"
)

// A Program is an image and what is known of where it comes from.
type Program struct {
	Image     image.Image
	Debug     *build.Debug // empty if nothing is known of the source
	Functions []Function   // by slot; those that have no name are called f1, f2 and so on
	Listing   []asm.Line   // a line for each instruction

	index  []int   // of the line in Listing, by slot
	fields []field // of the context
}

// A Function is a part of the text, from its first slot to the next function's.
type Function struct {
	Name string
	Slot int
	End  int // the first slot behind it
}

// Open reads the image raw, of which debug, which may be nil, is the side file.
// hook is a standard one, whose context has fields with names; or "".
func Open(raw []byte, debug *build.Debug, hook string) (*Program, error) {
	img, refused := image.Parse(raw)
	if refused != image.OK {
		return nil, fmt.Errorf("image: %w", refused)
	}
	return Of(&img, debug, hook), nil
}

// Of is Open of an image that has been read.
func Of(img *image.Image, debug *build.Debug, hook string) *Program {
	if debug == nil {
		debug = &build.Debug{}
	}
	p := &Program{Image: *img, Debug: debug, Functions: functionsOf(img, debug), fields: fieldsOf(hook)}
	o := asm.Options{Notation: asm.Kernel, Helpers: helperNumbers, Data: img.Data(), Rodata: img.Rodata(), Labels: map[int]string{}}
	for _, f := range p.Functions {
		o.Labels[f.Slot] = f.Name
	}
	for _, line := range asm.List(img.Text(), o) {
		if line.Target >= 0 && o.Labels[line.Target] == "" {
			o.Labels[line.Target] = fmt.Sprintf("L%d", line.Target)
		}
	}
	p.Listing = asm.List(img.Text(), o)
	p.index = make([]int, len(img.Text())/isa.Size)
	for i := range p.Listing {
		for n := range p.Listing[i].Slots() {
			p.index[p.Listing[i].Slot+n] = i
		}
	}
	return p
}

// functionsOf divides the text: by the side file's symbols where there is one,
// by the function table, and by what local calls enter.
func functionsOf(img *image.Image, debug *build.Debug) []Function {
	var list []Function
	for _, e := range asm.Extents(img.Text(), asm.Options{Functions: asm.FunctionsOf(img), Names: FunctionNames(debug)}) {
		list = append(list, Function{Name: e.Name, Slot: e.Slot, End: e.Slot + e.Slots()})
	}
	return list
}

// Function returns the function that a slot belongs to.
func (p *Program) Function(slot int) Function {
	i, found := slices.BinarySearchFunc(p.Functions, slot, func(f Function, slot int) int { return cmp.Compare(f.Slot, slot) })
	if !found {
		i--
	}
	if i < 0 {
		return Function{Name: "(start)", End: p.Slots()}
	}
	return p.Functions[i]
}

// Where is a slot as a distance in slots from the beginning of its function:
// "hello_run+3".
func (p *Program) Where(slot int) string {
	f := p.Function(slot)
	if slot == f.Slot {
		return f.Name
	}
	return fmt.Sprintf("%s+%d", f.Name, slot-f.Slot)
}

// Place returns the line of the source that the instruction at a slot comes
// from, if it is known.
func (p *Program) Place(slot int) (build.Line, bool) {
	return p.Debug.Place(slot)
}

// HasSource reports whether it is known where instructions come from.
func (p *Program) HasSource() bool { return len(p.Debug.Lines) > 0 }

// Beginning returns the first line of the source in a function that is not the
// SDK's, of which something may be inlined there.
func (p *Program) Beginning(f Function) (build.Line, bool) {
	for slot := f.Slot; slot < f.End; slot++ {
		if place, ok := p.Place(slot); ok && !InSDK(place.File) {
			return place, true
		}
	}
	return build.Line{}, false
}

// Index returns the line in Listing of the instruction at a slot.
func (p *Program) Index(slot int) int { return p.index[min(max(slot, 0), len(p.index)-1)] }

// Line returns the disassembled instruction at a slot; of the second half of a
// wide one it is empty.
func (p *Program) Line(slot int) asm.Line {
	if slot >= 0 && slot < len(p.index) {
		if line := p.Listing[p.index[slot]]; line.Slot == slot {
			return line
		}
	}
	return asm.Line{Slot: slot, Target: -1}
}

// Slots returns the length of the text in slots.
func (p *Program) Slots() int { return len(p.index) }

// Bytes returns up to n bytes of the text, from an offset on.
func (p *Program) Bytes(offset, n int) []byte {
	text := p.Image.Text()
	from := min(max(offset, 0), len(text))
	return text[from:min(from+max(n, 0), len(text))]
}

// Instruction decodes the instruction at a slot.
func (p *Program) Instruction(slot int) isa.Instruction {
	text := p.Image.Text()
	if slot < 0 || (slot+1)*isa.Size > len(text) {
		return isa.Instruction{}
	}
	return isa.Decode(text[slot*isa.Size:])
}

// Helper returns the name of the helper that the instruction at a slot calls.
func (p *Program) Helper(slot int) (string, bool) {
	in := p.Instruction(slot)
	if in.Opcode != isa.ClassJMP|isa.CALL || in.Src == isa.CallLocal {
		return "", false
	}
	return HelperName(int(in.Imm)), true
}
