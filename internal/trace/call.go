package trace

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/femto-containers/femto/internal/sdkgen"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/vm"
)

// A Call is a call of a helper.
type Call struct {
	Helper string     `json:"helper"` // its name, or its number if it has none
	Number int        `json:"number"`
	Args   []Argument `json:"args"`
	Result uint64     `json:"result"` // r0, once it has returned
	Cost   int        `json:"cost"`   // instructions that it charged
	Failed bool       `json:"failed"` // it stopped the container

	result string // its type in C, "" if unknown
}

// An Argument is what a helper is handed in a register.
type Argument struct {
	Name    string `json:"name"`              // as the reference of helpers calls it
	Value   uint64 `json:"value"`             // the register
	Address string `json:"address,omitempty"` // by region, if it is one
	Symbol  string `json:"symbol,omitempty"`  // what the source calls it
	Text    string `json:"text,omitempty"`    // of a string
	Bytes   Hex    `json:"bytes,omitempty"`   // that the helper reads, or has written

	kind vm.Arg
	size int
	c    string // its type in C
}

// Hex are bytes, which JSON has as hexadecimal digits.
type Hex []byte

// MarshalText is for JSON.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// maxShown bounds the bytes of an argument that are kept.
const maxShown = 64

// decodeCall returns the call that m, whose next instruction is a call of helper
// number, is about to make.
func decodeCall(p *symbols.Program, m *vm.Machine, number int) *Call {
	c := &Call{Helper: fmt.Sprintf("%#02x", number), Number: number, Args: []Argument{}}
	var kinds [5]vm.Arg
	if i := slices.IndexFunc(m.Helpers, func(h vm.Helper) bool { return int(h.Number) == number }); i >= 0 {
		c.Helper, kinds = m.Helpers[i].Name, m.Helpers[i].Args
	}
	declared := declaredArgs(c, number)
	for i, kind := range kinds {
		if kind == vm.ArgNone {
			break
		}
		a := Argument{Name: fmt.Sprintf("r%d", i+1), Value: m.Register(i + 1), kind: kind}
		if i < len(declared) {
			a.c, a.Name = declaration(declared[i].C)
		}
		a.size = sizeOf(m, kinds, i)
		a.decode(p, m)
		c.Args = append(c.Args, a)
	}
	if len(c.Args) > 0 && c.Args[0].Name == "format" {
		c.decodeFormat(p, m)
	}
	return c
}

// decodeFormat leaves those arguments that the format of printf has a use for,
// and reads its strings.
func (c *Call) decodeFormat(p *symbols.Program, m *vm.Machine) {
	used := 1
	format := c.Args[0].Text
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		wide := false
		for i++; i < len(format) && strings.IndexByte("0123456789l", format[i]) >= 0; i++ {
			wide = wide || format[i] == 'l'
		}
		if i == len(format) || format[i] == '%' || used == len(c.Args) {
			continue
		}
		a := &c.Args[used]
		used++
		switch {
		case format[i] == 's':
			a.kind = vm.ArgString
			a.decode(p, m)
		case wide:
		case format[i] == 'd' || format[i] == 'i':
			a.c = "s32"
		case format[i] == 'u':
			a.c = "u32"
		}
	}
	c.Args = c.Args[:used]
}

// declaredArgs finds what the reference says of a helper's arguments; a
// variadic one stands for four.
func declaredArgs(c *Call, number int) []sdkgen.Arg {
	for i := range sdkgen.Helpers {
		h := &sdkgen.Helpers[i]
		if int(h.Number) != number || h.Name != c.Helper {
			continue
		}
		c.result = h.Result
		var list []sdkgen.Arg
		for _, a := range h.Args {
			if a.Kind != sdkgen.Variadic {
				list = append(list, a)
				continue
			}
			for n := len(list); n < 5; n++ {
				list = append(list, sdkgen.Arg{C: fmt.Sprintf("u64 arg%d", n)})
			}
		}
		return list
	}
	return nil
}

// declaration divides "const char *format" into its type and its name.
func declaration(c string) (kind, name string) {
	at := strings.LastIndexAny(c, " *")
	return strings.TrimSpace(c[:at+1]), c[at+1:]
}

// sizeOf is how many bytes argument i points at, 0 if it is none that does. It
// follows Arg of package vm.
func sizeOf(m *vm.Machine, kinds [5]vm.Arg, i int) int {
	const pointer, fixed, shift = vm.ArgRead, vm.Arg(2), 3
	switch kind := kinds[i]; {
	case kind&pointer == 0:
		return 0
	case kind&fixed != 0:
		return int(kind >> shift)
	}
	for at := i + 1; at < len(kinds); at++ {
		if kinds[at] == vm.ArgValue {
			return int(min(m.Register(at+1), vm.MaxRegion))
		}
	}
	return 0
}

func (a *Argument) decode(p *symbols.Program, m *vm.Machine) {
	switch {
	case a.kind == vm.ArgString:
		a.name(p, m)
		if b := rest(m, a.Value); bytes.IndexByte(b, 0) >= 0 {
			a.Text = string(b[:bytes.IndexByte(b, 0)])
		}
	case a.kind&vm.ArgRead != 0:
		a.name(p, m)
		if a.kind&vm.ArgWrite != vm.ArgWrite {
			a.Bytes = bytes.Clone(mapped(m, a.Value, min(a.size, maxShown)))
		}
	case a.Pointer(m):
		a.name(p, m)
	}
}

func (a *Argument) name(p *symbols.Program, m *vm.Machine) {
	a.Address, a.Symbol = symbols.AddressName(m, a.Value), p.Symbol(a.Value)
}

// Pointer reports whether the argument is an address in a region, whatever the
// helper makes of it.
func (a *Argument) Pointer(m *vm.Machine) bool { return isPointer(m, a.Value) }

func isPointer(m *vm.Machine, v uint64) bool {
	return v>>28 > vm.RegionNull && v>>28 < vm.Regions && len(m.Region[v>>28].Bytes) > 0 && int(v&(1<<28-1)) <= len(m.Region[v>>28].Bytes)
}

// rest is what lies in a region from address on.
func rest(m *vm.Machine, address uint64) []byte {
	if address>>28 >= vm.Regions {
		return nil
	}
	b := m.Region[address>>28].Bytes
	return b[min(int(address&(1<<28-1)), len(b)):]
}

// returned takes in what the helper has done.
func (c *Call) returned(m *vm.Machine, cost int) {
	c.Result, c.Cost = m.Register(0), cost
	for i := range c.Args {
		a := &c.Args[i]
		if a.kind&vm.ArgWrite == vm.ArgWrite {
			a.Bytes = bytes.Clone(mapped(m, a.Value, min(a.size, maxShown)))
		}
	}
}

// String is the call as C would have it, with what came of it:
// `printf(format "tick %d", arg1 42) = 7`.
func (c *Call) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s(", c.Helper)
	for i := range c.Args {
		a := &c.Args[i]
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", a.Name, a)
	}
	b.WriteString(")")
	if !c.Failed {
		fmt.Fprintf(&b, " = %s", typedText(c.result, c.Result))
	}
	for i := range c.Args {
		if a := &c.Args[i]; a.kind&vm.ArgWrite == vm.ArgWrite && !c.Failed {
			fmt.Fprintf(&b, ", %s: %s", a.Name, a.written())
		}
	}
	return b.String()
}

// String is the argument's value as people read it.
func (a *Argument) String() string {
	switch {
	case a.kind == vm.ArgString && a.Text != "":
		return strconv.Quote(a.Text)
	case a.Address != "" && a.kind&vm.ArgWrite == vm.ArgRead && a.Bytes != nil:
		return fmt.Sprintf("%s [%s]", a.Address, bytesText(a.Bytes, a.size))
	case a.Address != "" && a.Symbol != "":
		return fmt.Sprintf("%s <%s>", a.Address, a.Symbol)
	case a.Address != "":
		return a.Address
	}
	return typedText(a.c, a.Value)
}

// written is what the helper has written: a number if it is said to be one.
func (a *Argument) written() string {
	kind := strings.TrimSuffix(a.c, " *")
	if size := map[string]int{"u32": 4, "s32": 4, "u64": 8, "s64": 8}[kind]; size > 0 && size == len(a.Bytes) {
		return typedText(kind, number(a.Bytes))
	}
	return bytesText(a.Bytes, a.size)
}

// bytesText are the first of n bytes.
func bytesText(b []byte, n int) string {
	text := fmt.Sprintf("% x", b)
	if len(b) > 16 {
		text = fmt.Sprintf("% x …", b[:16])
	} else if n > len(b) {
		text += " …"
	}
	if n > 16 {
		text += fmt.Sprintf(" %d B", n)
	}
	return text
}

// typedText is a value of a type of the helpers' reference.
func typedText(kind string, v uint64) string {
	switch kind {
	case "s8":
		return fmt.Sprint(int8(v))
	case "s16":
		return fmt.Sprint(int16(v))
	case "s32":
		return fmt.Sprint(int32(v))
	case "u8", "u16", "u32":
		v = uint64(uint32(v))
	}
	return NumberText(v)
}

// NumberText is a register's value: as a number with a sign if it is small,
// otherwise in hexadecimal.
func NumberText(v uint64) string {
	if n := int64(v); n > -1<<20 && n < 1<<20 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%#x", v)
}

// ValueText is a register's value: what it points at if it looks like an
// address in a region of m, otherwise the number.
func ValueText(m *vm.Machine, v uint64) string {
	if isPointer(m, v) {
		return symbols.AddressName(m, v)
	}
	return NumberText(v)
}

// mapped returns the n bytes at address in the regions of m, nil if they are
// not all there. It aliases the region.
func mapped(m *vm.Machine, address uint64, n int) []byte {
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
