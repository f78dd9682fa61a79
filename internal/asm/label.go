package asm

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/femto-containers/femto/isa"
)

// isName reports whether s can be a label.
func isName(s string) bool {
	_, _, isRegister := registerOf(token{kind: word, text: s})
	return s != "" && letter(s[0]) && nameLength(s) == len(s) && !isRegister
}

// findLabels names the slots that functions begin at, that are called and that
// are jumped to, and the helpers.
func (d *disassembler) findLabels() {
	taken := map[string]bool{".text": true, ".rodata": true, ".data": true, ".bss": true}
	add := func(slot int, name string) {
		if d.labels[slot] != "" {
			return
		}
		for taken[name] {
			name += "_"
		}
		taken[name] = true
		d.labels[slot] = name
	}
	starts := map[int]bool{}
	plain := disassembler{code: d.code, Options: Options{Notation: d.Notation}}
	lines := plain.lines()
	for _, line := range lines {
		starts[line.Slot] = true
	}
	for _, f := range d.Functions {
		if slot := f.Offset / isa.Size; starts[slot] && isName(string(f.Name)) && !taken[string(f.Name)] {
			add(slot, string(f.Name))
		}
	}
	for _, f := range d.Functions { // whose names are no labels
		if slot := f.Offset / isa.Size; starts[slot] {
			add(slot, fmt.Sprintf("f%d", slot))
		}
	}
	for _, slot := range slices.Sorted(maps.Keys(d.Names)) {
		if name := d.Names[slot]; starts[slot] && isName(name) {
			add(slot, name)
		}
	}
	for _, call := range []bool{true, false} {
		for _, line := range lines {
			in := isa.Decode(append(d.code[line.Slot*isa.Size:len(d.code):len(d.code)], make([]byte, isa.Size)...))
			if isCall := in.Opcode == isa.ClassJMP|isa.CALL; isCall != call || line.Target < 0 || !starts[line.Target] {
				continue
			}
			if call {
				add(line.Target, fmt.Sprintf("f%d", line.Target))
			} else {
				add(line.Target, fmt.Sprintf("L%d", line.Target))
			}
		}
	}
	for name, number := range d.Options.Helpers {
		if old := d.helpers[number]; !taken[name] && isName(name) && (old == "" || name < old) {
			d.helpers[number] = name
		}
	}
}

// comment says what the statement does not show.
func (d *disassembler) comment(in, high isa.Instruction) string {
	switch {
	case in.Opcode == isa.LDDW:
		v := uint64(uint32(high.Imm))<<32 | uint64(uint32(in.Imm))
		if v >= 10 {
			return strconv.FormatInt(int64(v), 10)
		}
	case in.Opcode == isa.LDDWR && high.Imm == 0:
		return d.symbol(".rodata", in.Imm, quote(d.Rodata, in.Imm))
	case in.Opcode == isa.LDDWD && high.Imm == 0:
		return d.symbol(".data", in.Imm, quote(d.Data, in.Imm))
	}
	return ""
}

// symbol adds to a comment what the source calls a place.
func (d *disassembler) symbol(section string, at int32, comment string) string {
	if d.Symbol == nil {
		return comment
	}
	name := d.Symbol(section, int(at))
	switch {
	case name == "":
		return comment
	case comment == "":
		return "<" + name + ">"
	}
	return "<" + name + "> " + comment
}

// quote returns the string at an offset, if it looks like one.
func quote(section []byte, at int32) string {
	if at < 0 || int(at) >= len(section) {
		return ""
	}
	s, _, ended := bytes.Cut(section[at:], []byte{0})
	if !ended || len(s) < 2 || len(s) > 60 {
		return ""
	}
	for _, c := range s {
		if (c < ' ' || c > '~') && c != '\n' && c != '\t' && c != '\r' {
			return ""
		}
	}
	return strconv.Quote(string(s))
}
