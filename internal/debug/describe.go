package debug

import (
	"fmt"
	"slices"
	"strings"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// FaultText says what stopped the container and, of memory, what it was doing.
// The session is where it ended.
func (s *Session) FaultText(end *End) string {
	i := slices.IndexFunc(s.Debug.Traps, func(t build.Trap) bool { return t.Slot == end.PC })
	if end.Fault == vm.FaultMemory && i >= 0 {
		return s.Debug.Traps[i].Reason
	}
	text := end.Fault.Error()
	if end.Fault == vm.FaultMemory {
		in := s.Instruction(end.PC)
		verb := "reads"
		if class := in.Class(); class == isa.ClassST || class == isa.ClassSTX {
			verb = "writes"
		}
		if helper, ok := s.Helper(end.PC); ok {
			return fmt.Sprintf("%s: %s is handed %s", text, helper, s.unmapped(end.Address))
		}
		text += fmt.Sprintf(": it %s %s at %s", verb, Count(widths[in.Opcode>>3&3], "byte"), s.unmapped(end.Address))
	}
	return text
}

// unmapped says where an address lies that is not the container's.
func (s *Session) unmapped(address uint64) string {
	region := address >> 28
	if address>>32 != 0 || region >= vm.Regions {
		return fmt.Sprintf("%#x, which is no address", address)
	}
	mem := s.state.Region[region]
	switch {
	case region == vm.RegionNull:
		return fmt.Sprintf("%#x, where nothing ever is (a null pointer?)", address)
	case mem.Bytes == nil:
		return fmt.Sprintf("%#x, where nothing is", address)
	case region == vm.RegionStack:
		return fmt.Sprintf("%#x, which is r10%+d; the stack has %s", address, int64(address)-int64(s.state.Registers[isa.FramePointer]), Count(len(mem.Bytes), "byte"))
	}
	what := fmt.Sprintf("%#x, %+d in %s", address, int32(address<<4)>>4, symbols.RegionName(int(region)))
	if !mem.Writable && int(address&0xfffffff) < len(mem.Bytes) {
		return what + ", which can only be read"
	}
	return fmt.Sprintf("%s, which has %s", what, Count(len(mem.Bytes), "byte"))
}

// Count is a number of things: 1 byte, 2 bytes.
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// EndText says how an activation ended.
func (s *Session) EndText(end *End) string {
	spent := Count(end.Instructions, "instruction")
	switch {
	case end.Err != nil:
		return end.Err.Error()
	case end.Fault != vm.OK:
		return fmt.Sprintf("stopped after %s: %s", spent, s.FaultText(end))
	case end.Waiting:
		return fmt.Sprintf("waits after %s", spent)
	}
	return fmt.Sprintf("returns %d after %s", end.Value, spent)
}

// CallText is a call of a helper as C would write it.
func (s *Session) CallText(c *Call) string {
	kinds := helperArgs(c.Helper)
	if c.Helper == "printf" && len(kinds) > 1 { // it takes as many as its format says
		format := strings.ReplaceAll(string(s.stringAt(c.Args[0])), "%%", "")
		kinds = kinds[:min(1+strings.Count(format, "%"), len(kinds))]
	}
	args := make([]string, len(kinds))
	for i, kind := range kinds {
		args[i] = s.RegisterText(c.Args[i])
		if kind == vm.ArgString {
			if b := s.stringAt(c.Args[i]); b != nil {
				args[i] = fmt.Sprintf("%q", b)
			}
		}
	}
	return fmt.Sprintf("%s(%s) = %s", c.Helper, strings.Join(args, ", "), numberText(c.Result))
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
