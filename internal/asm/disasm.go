package asm

import (
	"fmt"

	"github.com/femto-containers/femto/isa"
)

// A Line is one disassembled instruction.
type Line struct {
	Slot int    // index of its first slot
	Text string // in the dialect that Assemble reads, targets as distances
	Wide bool   // it takes two slots
}

// Disassemble lists the instructions of text, which need not be valid: a slot
// that is no instruction, and a remainder shorter than a slot, are shown as
// hexadecimal bytes after ".bytes".
func Disassemble(text []byte) []Line {
	var lines []Line
	for at := 0; at < len(text); {
		line := Line{Slot: at / isa.Size}
		size := min(isa.Size, len(text)-at)
		line.Text = fmt.Sprintf(".bytes % x", text[at:at+size])
		if size == isa.Size {
			in := isa.Decode(text[at:])
			if in.Wide() && at+2*isa.Size <= len(text) {
				line.Wide = true
				line.Text = wideText(in, isa.Decode(text[at+isa.Size:]))
				size = 2 * isa.Size
			} else if s := instructionText(in); s != "" {
				line.Text = s
			}
		}
		lines = append(lines, line)
		at += size
	}
	return lines
}

func wideText(in, high isa.Instruction) string {
	name := map[uint8]string{isa.LDDW: "lddw", isa.LDDWD: "lddwd", isa.LDDWR: "lddwr"}[in.Opcode]
	value := uint64(uint32(high.Imm))<<32 | uint64(uint32(in.Imm))
	return fmt.Sprintf("%s %%r%d, %#x", name, in.Dst, value)
}

// instructionText returns "" for an opcode that has no text.
func instructionText(in isa.Instruction) string {
	switch in.Class() {
	case isa.ClassALU, isa.ClassALU64:
		return aluText(in)
	case isa.ClassJMP, isa.ClassJMP32:
		return jumpText(in)
	case isa.ClassLDX, isa.ClassST, isa.ClassSTX:
		return memoryText(in)
	}
	return ""
}

func aluText(in isa.Instruction) string {
	if in.Opcode&0xf0 == isa.END {
		return endText(in)
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

func endText(in isa.Instruction) string {
	name := "le"
	switch {
	case in.Class() == isa.ClassALU64:
		name = "bswap"
	case in.Opcode&isa.SourceX != 0:
		name = "be"
	}
	return fmt.Sprintf("%s%d %%r%d", name, in.Imm, in.Dst)
}

func jumpText(in isa.Instruction) string {
	code := in.Opcode & 0xf0
	if in.Class() == isa.ClassJMP {
		switch {
		case in.Opcode == isa.CALLX:
			return fmt.Sprintf("call %%r%d", in.Dst)
		case code == isa.CALL && in.Src == isa.CallLocal:
			return fmt.Sprintf("call local %+d", in.Imm)
		case code == isa.CALL && in.Src == isa.CallBTF:
			return fmt.Sprintf("call runtime %d", in.Imm)
		case code == isa.CALL:
			return fmt.Sprintf("call %d", in.Imm)
		case code == isa.EXIT:
			return "exit"
		}
	}
	name := nameOf(jumpNames, code)
	suffix, distance := "", int32(in.Offset)
	if in.Class() == isa.ClassJMP32 {
		suffix = "32"
	}
	switch {
	case name == "":
		return ""
	case name == "ja" && suffix != "":
		return fmt.Sprintf("ja32 %+d", in.Imm)
	case name == "ja":
		return fmt.Sprintf("ja %+d", distance)
	}
	return fmt.Sprintf("%s%s %%r%d, %s, %+d", name, suffix, in.Dst, secondText(in), distance)
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

func lockText(in isa.Instruction, size string) string {
	suffix := ""
	if size == "w" {
		suffix = "32"
	}
	fetch, name := "", nameOf(atomics, in.Imm)
	if name == "" && in.Imm&isa.Fetch != 0 {
		fetch, name = "fetch ", nameOf(atomics, in.Imm&^isa.Fetch)
	}
	if name == "" {
		return ""
	}
	return fmt.Sprintf("lock %s%s%s [%%r%d%+d], %%r%d", fetch, name, suffix, in.Dst, in.Offset, in.Src)
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
