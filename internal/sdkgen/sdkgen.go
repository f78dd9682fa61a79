// Package sdkgen holds the one description of the standard helpers and hooks
// and writes what follows from it: the C headers of the SDK, the Go constants
// and context types, and the reference pages.
package sdkgen

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// A Kind is how a helper takes an argument; it decides what the gate checks.
type Kind uint8

// The kinds of arguments.
const (
	Value     Kind = iota
	String         // address of a NUL-terminated string
	Read           // address of bytes to read; the next Value is their number
	Write          // address of bytes to write; the next Value is their number
	ReadSize       // address of exactly Size bytes to read
	WriteSize      // address of exactly Size bytes to write
	Output         // address of as many bytes as the helper comes to write
	Variadic       // up to four further values
)

// FirstOwn is the first of the numbers that are the firmware's own.
const FirstOwn = 0xc0

// An Arg is one argument of a helper.
type Arg struct {
	C    string // declaration in C, or only the type of a Variadic
	Kind Kind
	Size int
}

// A Helper is a row of the table of helpers.
type Helper struct {
	Number  uint8
	Name    string
	Group   string // which table of package helpers has it
	Result  string // in C
	Args    []Arg
	Cost    int    // instructions
	Meaning string // one sentence, for authors
	Returns string // what r0 holds, errors included
	Blocks  bool   // the container is suspended in it

	// Go are the declarations that package femto of the Go SDK has of it: names
	// with a capital for containers, the others for what that package makes of
	// them. Their parameters are registers in order (see registers).
	Go []string

	// Compat is the original's declaration, its result and its arguments; empty
	// if the original has no such helper.
	Compat [2]string
}

// Original returns the helper's name in sources for the original, or "".
func (h *Helper) Original() string {
	if h.Compat[0] == "" {
		return ""
	}
	return "bpf_" + h.Name
}

// A Group is a table of helpers that a firmware links as one.
type Group struct{ Name, Meaning string }

// A Field is a part of a hook's context.
type Field struct {
	Name     string
	Type     string // u8 to u64, s8 to s64
	Count    int    // elements of an array; 0: no array
	Go       string // type in containers written in Go, if it says more than Type
	Writable bool   // the firmware reads it back
	Meaning  string
}

var widths = map[string]int{"u8": 1, "s8": 1, "u16": 2, "s16": 2, "u32": 4, "s32": 4, "u64": 8, "s64": 8}

// Size returns how many bytes the field takes.
func (f *Field) Size() int { return widths[f.Type] * max(f.Count, 1) }

// A Hook is a row of the table of hooks.
type Hook struct {
	Name     string
	Fires    string // when
	Fields   []Field
	Tail     string // what follows the fields, if anything; its bytes are counted by r2
	Max      int    // bytes, if there is a tail
	Policy   string // of package engine
	Default  int64
	Result   string // what the result means
	Events   bool   // the engine fires it with what containers send
	Writable bool   // containers may write to the context
}

// UUID returns the hook's identifier: UUIDv5 in the vendor's name space, of
// "hook:" and the name.
func (h *Hook) UUID() uuid.UUID {
	vendor := uuid.NewSHA1(uuid.NameSpaceDNS, []byte("femto-containers.org"))
	return uuid.NewSHA1(vendor, []byte("hook:"+h.Name))
}

// Offsets returns where each field begins and where the last one ends. Fields
// are aligned to their width, as every C compiler does it.
func (h *Hook) Offsets() (offsets []int, size int) {
	for i := range h.Fields {
		f := &h.Fields[i]
		width := widths[f.Type]
		size = (size + width - 1) / width * width
		offsets = append(offsets, size)
		size += f.Size()
	}
	return offsets, size
}

// check finds mistakes in the tables that no generated file would show.
func check() error {
	numbers, names := map[uint8]bool{}, map[string]bool{}
	groups := map[string]bool{}
	for _, g := range Groups {
		groups[g.Name] = true
	}
	for i := range Helpers {
		h := &Helpers[i]
		switch {
		case h.Number == 0 || h.Number >= FirstOwn || numbers[h.Number] || names[h.Name]:
			return fmt.Errorf("helper %s: number %#02x or name is zero, the firmware's, or used twice", h.Name, h.Number)
		case !groups[h.Group]:
			return fmt.Errorf("helper %s: there is no group %q", h.Name, h.Group)
		case i > 0 && Helpers[i-1].Number > h.Number:
			return fmt.Errorf("helper %s: not in ascending order", h.Name)
		case len(h.Args) > 5 || h.Meaning == "" || h.Returns == "" || h.Cost <= 0 || h.Cost > 1<<15:
			return fmt.Errorf("helper %s: arguments, meaning, result or cost", h.Name)
		}
		numbers[h.Number], names[h.Name] = true, true
		if err := checkGo(h); err != nil {
			return err
		}
		for j, a := range h.Args {
			if (a.Kind == Read || a.Kind == Write) && !followed(h.Args[j+1:]) {
				return fmt.Errorf("helper %s: no length follows %s", h.Name, a.C)
			}
		}
	}
	for i := range Hooks {
		h := &Hooks[i]
		widest := 1
		for _, f := range h.Fields {
			if widths[f.Type] == 0 || f.Meaning == "" || f.Writable && !h.Writable {
				return fmt.Errorf("hook %s, field %s: type, meaning or writable", h.Name, f.Name)
			}
			widest = max(widest, widths[f.Type])
		}
		if _, size := h.Offsets(); size%widest != 0 {
			return fmt.Errorf("hook %s: a compiler would pad %d bytes", h.Name, size)
		}
	}
	return nil
}

func followed(args []Arg) bool {
	for _, a := range args {
		if a.Kind == Value {
			return true
		}
	}
	return false
}

// A File is something generated; its path is from the top of the repository.
type File struct {
	Path    string
	Content []byte
}

// Files generates everything.
func Files() ([]File, error) {
	if err := check(); err != nil {
		return nil, err
	}
	var files []File
	for _, g := range []struct {
		path     string
		generate func() ([]byte, error)
	}{
		{"sdk/c/femto.h", header},
		{"sdk/c/compat/bpf/shared.h", compatShared},
		{"sdk/c/compat/bpf/bpfapi/helpers.h", compatHelpers},
		{"engine/helpers/table.go", goHelpers},
		{"engine/hooks/hooks.go", goHooks},
		{"sdk/go/femto/helpers.go", sdkHelpers},
		{"sdk/go/femto/hooks.go", sdkHooks},
		{"sdk/rust/femto.rs", rust},
		{"docs/spec/helpers.md", helpersPage},
		{"docs/spec/hooks.md", hooksPage},
	} {
		content, err := g.generate()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.path, err)
		}
		files = append(files, File{g.path, content})
	}
	return files, nil
}

// exported turns a name with underscores into a Go name.
func exported(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

func unexported(name string) string {
	e := exported(name)
	return strings.ToLower(e[:1]) + e[1:]
}
