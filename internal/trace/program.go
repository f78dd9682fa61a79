// Package trace makes of what a machine does, instruction by instruction, what
// people and tools read: steps with changed registers, accesses to memory by
// region, and calls of helpers with their arguments.
package trace

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/sdkgen"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A Program is an image and what is known of where it comes from.
type Program struct {
	Image image.Image
	Debug *build.Debug // nil: nothing is known of the source
	Hook  string       // a standard hook, whose context has fields with names; or ""

	functions []Function
	lines     []asm.Line // by slot; the second slot of a wide instruction has none
	fields    []field
}

// A Function is a part of the text, from its first slot to the next function's.
type Function struct {
	Name string
	Slot int
	End  int // the first slot behind it
}

// Open reads the image raw, of which debug, which may be nil, is the side file.
func Open(raw []byte, debug *build.Debug, hook string) (*Program, error) {
	img, refused := image.Parse(raw)
	if refused != image.OK {
		return nil, fmt.Errorf("image: %w", refused)
	}
	return Of(&img, debug, hook), nil
}

// Of is Open of an image that has been read.
func Of(img *image.Image, debug *build.Debug, hook string) *Program {
	p := &Program{Image: *img, Debug: debug, Hook: hook}
	p.functions = functionsOf(img, debug)
	labels := map[int]string{}
	for _, f := range p.functions {
		labels[f.Slot] = f.Name
	}
	list := asm.List(img.Text(), asm.Options{
		Notation: asm.Kernel, Helpers: helperNumbers, Functions: asm.FunctionsOf(img), Data: img.Data(), Rodata: img.Rodata(),
	})
	for i := range list {
		if target := list[i].Target; target >= 0 && labels[target] == "" {
			labels[target] = fmt.Sprintf("L%d", target)
		}
	}
	list = asm.List(img.Text(), asm.Options{
		Notation: asm.Kernel, Helpers: helperNumbers, Labels: labels, Data: img.Data(), Rodata: img.Rodata(),
	})
	p.lines = make([]asm.Line, len(img.Text())/isa.Size)
	for _, line := range list {
		if line.Slot < len(p.lines) {
			p.lines[line.Slot] = line
		}
	}
	p.fields = fieldsOf(hook)
	return p
}

var helperNumbers = func() map[string]int32 {
	numbers := map[string]int32{}
	for i := range sdkgen.Helpers {
		numbers[sdkgen.Helpers[i].Name] = int32(sdkgen.Helpers[i].Number)
	}
	return numbers
}()

// functionsOf divides the text: by the side file's symbols where there is one,
// by the function table, and by what local calls enter.
func functionsOf(img *image.Image, debug *build.Debug) []Function {
	var list []Function
	for _, e := range asm.Extents(img.Text(), asm.Options{Functions: asm.FunctionsOf(img), Names: FunctionNames(debug)}) {
		list = append(list, Function{Name: e.Name, Slot: e.Slot, End: e.Slot + e.Slots()})
	}
	return list
}

// FunctionNames are those of a side file, by slot. debug may be nil.
func FunctionNames(debug *build.Debug) map[int]string {
	names := map[int]string{}
	if debug != nil {
		for _, s := range debug.Symbols {
			if s.Section == ".text" && s.Offset >= 0 {
				names[s.Offset/isa.Size] = s.Name
			}
		}
	}
	return names
}

// Functions lists the functions by their place in the text. Those that have no
// name are called f1, f2 and so on.
func (p *Program) Functions() []Function { return p.functions }

// Function returns the function that a slot belongs to.
func (p *Program) Function(slot int) Function {
	i, found := slices.BinarySearchFunc(p.functions, slot, func(f Function, slot int) int { return cmp.Compare(f.Slot, slot) })
	if !found {
		i--
	}
	if i < 0 {
		return Function{Name: "(start)", End: len(p.lines)}
	}
	return p.functions[i]
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
	if p.Debug == nil {
		return build.Line{}, false
	}
	return p.Debug.Place(slot)
}

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

// Line returns the disassembled instruction at a slot; of the second half of a
// wide one it is empty.
func (p *Program) Line(slot int) asm.Line {
	if slot < 0 || slot >= len(p.lines) {
		return asm.Line{Slot: slot, Target: -1}
	}
	return p.lines[slot]
}

// Slots returns the length of the text in slots.
func (p *Program) Slots() int { return len(p.lines) }

// Instruction decodes the instruction at a slot.
func (p *Program) Instruction(slot int) isa.Instruction {
	text := p.Image.Text()
	if slot < 0 || (slot+1)*isa.Size > len(text) {
		return isa.Instruction{}
	}
	return isa.Decode(text[slot*isa.Size:])
}

// A field is a part of a hook's context.
type field struct {
	name     string
	at, size int
}

func fieldsOf(hook string) []field {
	var list []field
	for i := range sdkgen.Hooks {
		h := &sdkgen.Hooks[i]
		if h.Name != hook {
			continue
		}
		offsets, _ := h.Offsets()
		for j := range h.Fields {
			list = append(list, field{h.Fields[j].Name, offsets[j], h.Fields[j].Size()})
		}
	}
	return list
}

// regionNames are those of the regions that every container has.
var regionNames = [...]string{vm.RegionNull: "null", vm.RegionStack: "stack", vm.RegionContext: "context", vm.RegionData: ".data", vm.RegionRodata: ".rodata"}

// RegionName is a region as addresses bear it; a hook's own are region5 and so
// on.
func RegionName(region int) string {
	if region >= 0 && region < len(regionNames) {
		return regionNames[region]
	}
	return fmt.Sprintf("region%d", region)
}

// AddressName is an address by its region: "stack-8", from the end of the stack
// of m, "context+4", ".rodata+0x10". An address in no region is a number.
func AddressName(m *vm.Machine, address uint64) string {
	const offsetBits = 28
	region := int(address >> offsetBits)
	if region <= vm.RegionNull || region >= vm.Regions {
		return fmt.Sprintf("%#x", address)
	}
	offset := int(address & (1<<offsetBits - 1))
	switch region {
	case vm.RegionStack:
		// The stack may also be reached around its other end.
		return fmt.Sprintf("stack%+d", offset-len(m.Region[region].Bytes))
	case vm.RegionContext:
		return fmt.Sprintf("context+%d", offset)
	}
	return fmt.Sprintf("%s+%#x", RegionName(region), offset)
}

// Symbol is what lies at an address, as the source calls it: a variable, a
// constant, a field of the context; "" if nothing is known.
func (p *Program) Symbol(address uint64) string {
	offset := int(address & (1<<28 - 1))
	switch address >> 28 {
	case vm.RegionContext:
		for _, f := range p.fields {
			if offset >= f.at && offset < f.at+f.size {
				return f.name
			}
		}
		return ""
	case vm.RegionData:
		return SymbolAt(p.Debug, ".data", offset)
	case vm.RegionRodata:
		return SymbolAt(p.Debug, ".rodata", offset)
	}
	return ""
}

// SymbolAt is what lies at an offset of .data or .rodata: "name", or "name+4"
// within it. debug may be nil.
func SymbolAt(debug *build.Debug, section string, offset int) string {
	if debug == nil {
		return ""
	}
	for _, s := range debug.Symbols {
		switch {
		case s.Section != section || offset < s.Offset || offset >= s.Offset+s.Size:
		case offset == s.Offset:
			return s.Name
		default:
			return fmt.Sprintf("%s+%d", s.Name, offset-s.Offset)
		}
	}
	return ""
}

// Mapped returns the n bytes at address in the regions of m, nil if they are
// not all there. It aliases the region.
func Mapped(m *vm.Machine, address uint64, n int) []byte {
	region := address >> 28
	if region >= vm.Regions {
		return nil
	}
	offset := int(address & (1<<28 - 1))
	if b := m.Region[region].Bytes; n >= 0 && offset+n <= len(b) {
		return b[offset : offset+n]
	}
	return nil
}
