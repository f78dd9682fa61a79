package build

import (
	"cmp"
	"crypto/sha256"
	"debug/dwarf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// A Line says which place in the source an instruction comes from.
type Line struct {
	Slot   int    `json:"slot"` // the first of a run with the same place
	File   string `json:"file"` // as the compiler was told, without the folder it ran in
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// A Trap is an instruction by which a container stops itself.
type Trap struct {
	Slot   int    `json:"slot"`
	Reason string `json:"reason"` // such as "index out of range"
}

// DebugSchema names the format of a side file.
const DebugSchema = "femto.debug/1"

// A Debug is the content of a side file: what is known of an image and not in
// it. The same objects give the same bytes.
type Debug struct {
	Schema  string   `json:"schema"`
	Image   string   `json:"image"` // "sha256:" and the digest in hexadecimal
	Symbols []Symbol `json:"symbols"`
	Lines   []Line   `json:"lines"`
	Traps   []Trap   `json:"traps,omitempty"`

	Types     []Type     `json:"types,omitempty"`
	Variables []Variable `json:"variables,omitempty"`
	Inlined   []Inlined  `json:"inlined,omitempty"`
}

// DebugName is the name of the side file of an image: its digest.
func DebugName(raw []byte) string { return fmt.Sprintf("%x.debug.json", sha256.Sum256(raw)) }

// Debug returns the side file of the program whose image is raw.
func (p *Program) Debug(raw []byte) ([]byte, error) {
	d := Debug{Schema: DebugSchema, Image: fmt.Sprintf("sha256:%x", sha256.Sum256(raw)), Symbols: p.Symbols, Lines: p.Lines, Traps: p.Traps,
		Types: p.Types, Variables: p.Variables, Inlined: p.Inlined}
	out, err := json.MarshalIndent(d, "", " ")
	return append(out, '\n'), err
}

// ParseDebug reads a side file and wants it to be that of the image raw.
func ParseDebug(file, raw []byte) (*Debug, error) {
	var d Debug
	if err := json.Unmarshal(file, &d); err != nil {
		return nil, fmt.Errorf("debug file: %w", err)
	}
	if d.Schema != DebugSchema {
		return nil, fmt.Errorf("debug file: schema %q, want %s", d.Schema, DebugSchema)
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(raw)); d.Image != want {
		return nil, fmt.Errorf("debug file is of another image: %s, want %s", d.Image, want)
	}
	if !slices.IsSortedFunc(d.Lines, func(a, b Line) int { return cmp.Compare(a.Slot, b.Slot) }) {
		return nil, errors.New("debug file: lines are not in order")
	}
	return &d, nil
}

// Place returns where the instruction at a slot comes from.
func (d *Debug) Place(slot int) (Line, bool) {
	i, found := slices.BinarySearchFunc(d.Lines, slot, func(l Line, slot int) int { return cmp.Compare(l.Slot, slot) })
	if !found {
		i--
	}
	if i < 0 || d.Lines[i].Line == 0 {
		return Line{}, false
	}
	return d.Lines[i], true
}

// Trap returns why the instruction at a slot stops the container, "" if it is
// none that does.
func (d *Debug) Trap(slot int) string {
	for _, t := range d.Traps {
		if t.Slot == slot {
			return t.Reason
		}
	}
	return ""
}

// Function returns the symbol of the function that a slot belongs to.
func (d *Debug) Function(slot int) (Symbol, bool) {
	for _, s := range d.Symbols {
		if s.Section == segmentNames[text] && slot*8 >= s.Offset && slot*8 < s.Offset+s.Size {
			return s, true
		}
	}
	return Symbol{}, false
}

// debug reads the debug information of all objects into p.
func (l *linker) debug(p *Program) error {
	var list []Line
	types := newTypeTable()
	for _, o := range l.objects {
		more, err := l.debugOf(o, p, types)
		if err != nil {
			return in(o.name, err)
		}
		list = append(list, more...)
	}
	if sortVariables(p.Variables); len(p.Variables) > 0 {
		p.Types = types.list
	}
	slices.SortStableFunc(list, func(a, b Line) int { return cmp.Compare(a.Slot, b.Slot) })
	var short []Line
	for _, line := range list {
		if n := len(short); n > 0 && short[n-1].Slot == line.Slot {
			short[n-1] = line // the later one of a slot holds
			continue
		} else if n > 0 && short[n-1].File == line.File && short[n-1].Line == line.Line && short[n-1].Column == line.Column {
			continue
		}
		short = append(short, line)
	}
	p.Lines = short
	return nil
}

// debugOf returns the lines of an object; its variables go to p.
func (l *linker) debugOf(o *object, p *Program, types *typeTable) ([]Line, error) {
	sections := map[string][]byte{}
	var spaces map[uint64]uint64
	for i, s := range o.file.Sections {
		if !strings.HasPrefix(s.Name, ".debug_") || s.Size > maxSection {
			continue
		}
		b, err := s.Data()
		if err != nil {
			return nil, fmt.Errorf("section %s: %w", s.Name, err)
		}
		sections[s.Name] = b
		if s.Name == ".debug_addr" {
			if spaces, err = l.dataSpaces(o, uint32(i), b); err != nil {
				return nil, err
			}
		}
		if err := l.relocateDebug(o, uint32(i), b); err != nil {
			return nil, err
		}
	}
	if sections[".debug_line"] == nil || sections[".debug_info"] == nil {
		return nil, nil
	}
	d, err := dwarf.New(sections[".debug_abbrev"], nil, nil, sections[".debug_info"], sections[".debug_line"], nil,
		sections[".debug_ranges"], sections[".debug_str"])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{".debug_addr", ".debug_line_str", ".debug_str_offsets", ".debug_rnglists"} {
		if b := sections[name]; b != nil {
			if err := d.AddSection(name, b); err != nil {
				return nil, err
			}
		}
	}
	stacks, err := l.stackSizes(o)
	if err != nil {
		return nil, err
	}
	var list []Line
	for r := d.Reader(); ; r.SkipChildren() {
		entry, err := r.Next()
		if err != nil || entry == nil {
			return list, err
		}
		if entry.Tag != dwarf.TagCompileUnit {
			continue
		}
		table, err := d.LineReader(entry)
		if err != nil {
			return nil, err
		}
		if table == nil {
			continue
		}
		folder, _ := entry.Val(dwarf.AttrCompDir).(string)
		u := &unit{data: d, types: types, files: table.Files(), folder: folder, addr: sections[".debug_addr"],
			loclists: sections[".debug_loclists"], spaces: spaces, stacks: stacks}
		// Of variables that are described as nobody here expects, none are known.
		if err := u.read(entry); err == nil {
			p.Variables = append(p.Variables, u.variables...)
			p.Inlined = append(p.Inlined, u.inlined...)
		}
		for {
			var line dwarf.LineEntry
			if err := table.Next(&line); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if line.EndSequence || line.File == nil || line.Address%slot != 0 || line.Address >= uint64(len(l.content[text])) {
				continue
			}
			list = append(list, Line{int(line.Address / slot), withoutFolder(line.File.Name, folder), line.Line, line.Column})
		}
	}
}

// withoutFolder keeps the side file from naming where it was made.
func withoutFolder(name, folder string) string {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	folder = path.Clean(strings.ReplaceAll(folder, `\`, "/"))
	if rest, inside := strings.CutPrefix(name, folder+"/"); inside {
		return rest
	}
	if path.IsAbs(name) {
		return path.Base(name)
	}
	return name
}

// relocateDebug fills in the relocations of a section of debug information.
func (l *linker) relocateDebug(o *object, section uint32, b []byte) error {
	le := binary.LittleEndian
	for _, s := range o.file.Sections {
		if !isRelocations(s) || s.Info != section {
			continue
		}
		list, err := relocations(s)
		if err != nil {
			return err
		}
		for _, r := range list {
			if r.symbol == 0 || int(r.symbol) > len(o.symbols) || r.offset > uint64(len(b)) {
				continue
			}
			symbol := o.symbols[r.symbol-1]
			value := symbol.Value
			if _, at, ok := o.placed(symbol); ok {
				value = at
			}
			rest := b[r.offset:]
			switch {
			case r.kind == relocationAbs64 && len(rest) >= 8:
				le.PutUint64(rest, le.Uint64(rest)+value)
			case (r.kind == relocationAbs32 || r.kind == relocationNoDyld) && len(rest) >= 4:
				le.PutUint32(rest, le.Uint32(rest)+uint32(value))
			}
		}
	}
	return nil
}
