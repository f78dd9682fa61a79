package asm

import (
	"fmt"
	"strings"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/isa"
)

// A Notation is a way to write instructions. Assemble understands them all.
type Notation uint8

const (
	Conformance Notation = iota // mov %r0, 1
	Kernel                      // r0 = 1
)

// Options say how List writes a program.
type Options struct {
	Notation     Notation
	Functions    []image.Function // whose names become labels
	Helpers      map[string]int32 // whose names calls bear
	Data, Rodata []byte           // for comments; may be nil
	Labels       map[int]string   // by slot; nil: made up from Functions and slots

	// What a side file knows. Names are those of functions that are not in the
	// table, by slot. Symbol, if not nil, says what lies at an offset of .data
	// or .rodata; "" if it does not know.
	Names  map[int]string
	Symbol func(section string, offset int) string

	// Place, if not nil, says what a slot comes from. ImageSource puts it
	// before the first of the lines with the same.
	Place func(slot int) string
}

// A Line is one disassembled instruction.
type Line struct {
	Slot    int    // index of its first slot
	Label   string // that stands before it; "" if none
	Text    string // as Assemble reads it
	Comment string
	Wide    bool // it takes two slots
	Target  int  // slot that it jumps to or calls; -1 if none or not in the text
}

// Slots returns how many slots the line stands for.
func (l *Line) Slots() int {
	if l.Wide {
		return 2
	}
	return 1
}

// Disassemble lists the instructions of code, which need not be valid, in the
// conformance suite's notation with targets as distances. What no statement
// stands for (an opcode or an unused field that does not exist, a remainder
// shorter than a slot) is listed as ".byte" and hexadecimal numbers:
// assembling the lines gives the same bytes.
func Disassemble(code []byte) []Line {
	d := disassembler{code: code}
	return d.lines()
}

// List lists the instructions of code like Disassemble, with labels for
// functions and targets, names of helpers and places of sections.
func List(code []byte, o Options) []Line {
	d := disassembler{code: code, Options: o, labels: map[int]string{}, helpers: map[int32]string{}}
	d.findLabels()
	if o.Labels != nil {
		d.labels = o.Labels
	}
	lines := d.lines()
	for i := range lines {
		lines[i].Label = d.labels[lines[i].Slot]
	}
	return lines
}

type disassembler struct {
	Options
	code    []byte
	labels  map[int]string // by slot; nil: targets are distances
	helpers map[int32]string
}

func (d *disassembler) lines() []Line {
	var lines []Line
	for at := 0; at < len(d.code); {
		line := d.line(at)
		lines = append(lines, line)
		at += line.Slots() * isa.Size
	}
	return lines
}

// line lists the instruction at offset at.
func (d *disassembler) line(at int) Line {
	line := Line{Slot: at / isa.Size, Target: -1}
	rest := d.code[at:]
	line.Text = byteText(rest[:min(isa.Size, len(rest))])
	if len(rest) < isa.Size {
		return line
	}
	in := isa.Decode(rest)
	var high isa.Instruction
	wide := in.Wide() && len(rest) >= 2*isa.Size
	size := isa.Size
	if wide {
		size *= 2
		high = isa.Decode(rest[isa.Size:])
	} else if in.Wide() {
		line.Comment = "half an instruction"
		return line
	}
	distances := disassembler{Options: d.Options}
	for _, notation := range []Notation{d.Notation, Conformance} {
		plain := distances.text(notation, in, high, at)
		if again, err := Assemble(plain); plain == "" || err != nil || string(again) != string(rest[:size]) {
			if plain != "" {
				line.Comment = "not quite " + plain
			}
			continue
		}
		line.Wide, line.Comment = wide, ""
		line.Text = d.text(notation, in, high, at)
		line.Comment = d.comment(in, high)
		if distance, ok := distanceOf(in); ok {
			line.Target = at/isa.Size + 1 + distance
			if line.Target < 0 || line.Target >= len(d.code)/isa.Size {
				line.Target = -1
			}
		}
		return line
	}
	return line
}

func byteText(b []byte) string {
	numbers := make([]string, len(b))
	for i := range b {
		numbers[i] = fmt.Sprintf("%#02x", b[i])
	}
	return ".byte " + strings.Join(numbers, ", ")
}

// text returns the statement for in, or "" if the notation has none.
func (d *disassembler) text(notation Notation, in, high isa.Instruction, at int) string {
	if notation == Kernel {
		return d.kernelText(in, high, at)
	}
	return d.conformanceText(in, high, at)
}

// distanceOf returns how many slots behind the next one a jump or a local call
// leads.
func distanceOf(in isa.Instruction) (int, bool) {
	code := in.Opcode & 0xf0
	switch {
	case in.Class() == isa.ClassJMP && code == isa.CALL:
		return int(in.Imm), in.Opcode&isa.SourceX == 0 && in.Src == isa.CallLocal
	case in.Class() == isa.ClassJMP && code == isa.EXIT:
		return 0, false
	case in.Opcode == isa.ClassJMP32|isa.JA:
		return int(in.Imm), true
	}
	return int(in.Offset), (in.Class() == isa.ClassJMP || in.Class() == isa.ClassJMP32) && jumpNameOf(code) != ""
}

func jumpNameOf(code uint8) string { return nameOf(jumpNames, code) }

// target writes where in leads: a label if there is one.
func (d *disassembler) target(in isa.Instruction, at int) string {
	distance, _ := distanceOf(in)
	if label := d.labels[at/isa.Size+1+distance]; label != "" {
		return label
	}
	return fmt.Sprintf("%+d", distance)
}

// helper writes the number of a helper, by name if it has one that no label
// bears.
func (d *disassembler) helper(number int32) string {
	if name := d.helpers[number]; name != "" {
		return name
	}
	return fmt.Sprintf("%d", number)
}

// place writes the operand of lddwd or lddwr, and reports whether it is the
// name of a place in the section.
func place(in, high isa.Instruction) (string, bool) {
	name := map[uint8]string{isa.LDDWD: ".data", isa.LDDWR: ".rodata"}[in.Opcode]
	if name == "" || high.Imm != 0 {
		return fmt.Sprintf("%#x", uint64(uint32(high.Imm))<<32|uint64(uint32(in.Imm))), false
	}
	return fmt.Sprintf("%s%+d", name, in.Imm), true
}

func (d *disassembler) conformanceText(in, high isa.Instruction, at int) string {
	switch in.Class() {
	case isa.ClassALU, isa.ClassALU64:
		if in.Opcode != isa.LDDWD && in.Opcode != isa.LDDWR {
			return aluText(in)
		}
	case isa.ClassJMP, isa.ClassJMP32:
		return d.jumpText(in, at)
	case isa.ClassLDX, isa.ClassST, isa.ClassSTX:
		return memoryText(in)
	}
	if !in.Wide() {
		return ""
	}
	name := map[uint8]string{isa.LDDW: "lddw", isa.LDDWD: "lddwd", isa.LDDWR: "lddwr"}[in.Opcode]
	operand, _ := place(in, high)
	return fmt.Sprintf("%s %%r%d, %s", name, in.Dst, operand)
}

func aluText(in isa.Instruction) string {
	if in.Opcode&0xf0 == isa.END {
		return endName(in, fmt.Sprintf("%%r%d", in.Dst))
	}
	name := nameOf(aluNames, in.Opcode&0xf0)
	narrow := in.Class() == isa.ClassALU
	suffix := ""
	if narrow {
		suffix = "32"
	}
	switch {
	case name == "":
		return ""
	case name == "neg":
		return fmt.Sprintf("neg%s %%r%d", suffix, in.Dst)
	case name == "mov" && in.Offset != 0:
		to := 64
		if narrow {
			to = 32
		}
		return fmt.Sprintf("movsx%d%d %%r%d, %%r%d", in.Offset, to, in.Dst, in.Src)
	case (name == "div" || name == "mod") && in.Offset == 1:
		name = "s" + name
	}
	return fmt.Sprintf("%s%s %%r%d, %s", name, suffix, in.Dst, secondText(in))
}

// endName is "be16" and the like before a register.
func endName(in isa.Instruction, register string) string {
	name := "le"
	switch {
	case in.Class() == isa.ClassALU64:
		name = "bswap"
	case in.Opcode&isa.SourceX != 0:
		name = "be"
	}
	return fmt.Sprintf("%s%d %s", name, in.Imm, register)
}

func (d *disassembler) jumpText(in isa.Instruction, at int) string {
	code := in.Opcode & 0xf0
	if in.Class() == isa.ClassJMP {
		switch {
		case in.Opcode == isa.CALLX:
			return fmt.Sprintf("call %%r%d", in.Dst)
		case code == isa.CALL && in.Src == isa.CallLocal:
			return "call local " + d.target(in, at)
		case code == isa.CALL && in.Src == isa.CallBTF:
			return fmt.Sprintf("call runtime %d", in.Imm)
		case code == isa.CALL:
			return "call " + d.helper(in.Imm)
		case code == isa.EXIT:
			return "exit"
		}
	}
	name := jumpNameOf(code)
	suffix := ""
	if in.Class() == isa.ClassJMP32 {
		suffix = "32"
	}
	switch name {
	case "":
		return ""
	case "ja":
		return "ja" + suffix + " " + d.target(in, at)
	}
	return fmt.Sprintf("%s%s %%r%d, %s, %s", name, suffix, in.Dst, secondText(in), d.target(in, at))
}

func memoryText(in isa.Instruction) string {
	size := nameOf(sizeNames, in.Opcode&isa.SizeMask)
	mode := in.Opcode & isa.ModeMask
	switch {
	case in.Class() == isa.ClassLDX && mode == isa.MEM:
		return fmt.Sprintf("ldx%s %%r%d, [%%r%d%+d]", size, in.Dst, in.Src, in.Offset)
	case in.Class() == isa.ClassLDX && mode == isa.MEMSX && size != "dw":
		return fmt.Sprintf("ldxs%s %%r%d, [%%r%d%+d]", size, in.Dst, in.Src, in.Offset)
	case in.Class() == isa.ClassST && mode == isa.MEM:
		return fmt.Sprintf("st%s [%%r%d%+d], %d", size, in.Dst, in.Offset, in.Imm)
	case in.Class() == isa.ClassSTX && mode == isa.MEM:
		return fmt.Sprintf("stx%s [%%r%d%+d], %%r%d", size, in.Dst, in.Offset, in.Src)
	case in.Class() == isa.ClassSTX && mode == isa.ATOMIC && (size == "w" || size == "dw"):
		return lockText(in, size)
	}
	return ""
}

// atomicName is the name of an atomic operation, and whether it is one of the
// four with a separate form that fetches.
func atomicName(imm int32) (name string, fetch bool) {
	if name = nameOf(atomics, imm); name == "" && imm&isa.Fetch != 0 {
		name = nameOf(atomics, imm&^isa.Fetch)
		fetch = name != ""
	}
	return name, fetch
}

func lockText(in isa.Instruction, size string) string {
	suffix := ""
	if size == "w" {
		suffix = "32"
	}
	name, fetch := atomicName(in.Imm)
	if name == "" {
		return ""
	}
	if fetch {
		name = "fetch " + name
	}
	return fmt.Sprintf("lock %s%s [%%r%d%+d], %%r%d", name, suffix, in.Dst, in.Offset, in.Src)
}

func secondText(in isa.Instruction) string {
	if in.Opcode&isa.SourceX != 0 {
		return fmt.Sprintf("%%r%d", in.Src)
	}
	return fmt.Sprintf("%d", in.Imm)
}

func nameOf[V comparable](names map[string]V, code V) string {
	for name, c := range names {
		if c == code {
			return name
		}
	}
	return ""
}
