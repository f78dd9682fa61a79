package symbols

import (
	"fmt"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/sdkgen"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

var helperNumbers = func() map[string]int32 {
	numbers := map[string]int32{}
	for i := range sdkgen.Helpers {
		numbers[sdkgen.Helpers[i].Name] = int32(sdkgen.Helpers[i].Number)
	}
	return numbers
}()

// HelperName is the name of a standard helper, or the number of another.
func HelperName(number int) string {
	for i := range sdkgen.Helpers {
		if int(sdkgen.Helpers[i].Number) == number {
			return sdkgen.Helpers[i].Name
		}
	}
	return fmt.Sprintf("%#02x", number)
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
