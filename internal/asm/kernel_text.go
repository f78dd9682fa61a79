package asm

import (
	"fmt"

	"github.com/femto-containers/femto/isa"
)

// kernelText writes an instruction as LLVM does, which the kernel's own
// listings resemble.
func (d *disassembler) kernelText(in, high isa.Instruction, at int) string {
	switch in.Class() {
	case isa.ClassALU, isa.ClassALU64:
		if in.Opcode != isa.LDDWD && in.Opcode != isa.LDDWR {
			return assignmentText(in)
		}
	case isa.ClassJMP, isa.ClassJMP32:
		return d.gotoText(in, at)
	case isa.ClassLDX, isa.ClassST, isa.ClassSTX:
		return pointerText(in)
	}
	if in.Wide() {
		operand, named := place(in, high)
		if named || in.Opcode == isa.LDDW {
			return fmt.Sprintf("r%d = %s ll", in.Dst, operand)
		}
		return ""
	}
	size := typeOf(in.Opcode&isa.SizeMask, false)
	switch in.Opcode & isa.ModeMask {
	case isa.ABS:
		return fmt.Sprintf("r0 = *(%s *)skb[%d]", size, in.Imm)
	case isa.IND:
		return fmt.Sprintf("r0 = *(%s *)skb[r%d]", size, in.Src)
	}
	return ""
}

func typeOf(size uint8, signed bool) string { return nameOf(accesses, access{size, signed}) }

// half is the letter of registers in instructions of 32 bits.
func half(narrow bool) string {
	if narrow {
		return "w"
	}
	return "r"
}

func operandText(in isa.Instruction, letter string) string {
	if in.Opcode&isa.SourceX != 0 {
		return fmt.Sprintf("%s%d", letter, in.Src)
	}
	return fmt.Sprintf("%d", in.Imm)
}

func assignmentText(in isa.Instruction) string {
	letter := half(in.Class() == isa.ClassALU)
	code := in.Opcode & 0xf0
	operand := operandText(in, letter)
	sign := ""
	switch {
	case code == isa.END:
		return fmt.Sprintf("r%d = %s", in.Dst, endName(in, fmt.Sprintf("r%d", in.Dst)))
	case code == isa.NEG:
		return fmt.Sprintf("%s%d = -%s%d", letter, in.Dst, letter, in.Dst)
	case code == isa.MOV && in.Offset != 0:
		return fmt.Sprintf("%s%d = (s%d)%s%d", letter, in.Dst, in.Offset, letter, in.Src)
	case code == isa.ARSH:
		code, sign = isa.RSH, "s"
	case (code == isa.DIV || code == isa.MOD) && in.Offset == 1:
		sign = "s"
	}
	name := nameOf(assignments, code)
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%s%d %s%s %s", letter, in.Dst, sign, name, operand)
}

func (d *disassembler) gotoText(in isa.Instruction, at int) string {
	code := in.Opcode & 0xf0
	if in.Class() == isa.ClassJMP {
		switch {
		case in.Opcode == isa.CALLX:
			return fmt.Sprintf("callx r%d", in.Dst)
		case code == isa.CALL && in.Src == isa.CallLocal && d.target(in, at)[0] != '+' && d.target(in, at)[0] != '-':
			return "call " + d.target(in, at)
		case code == isa.CALL || code == isa.EXIT:
			return d.jumpText(in, at)
		}
	}
	switch in.Opcode {
	case isa.ClassJMP | isa.JA:
		return "goto " + d.target(in, at)
	case isa.ClassJMP32 | isa.JA:
		return "gotol " + d.target(in, at)
	}
	name := nameOf(comparisons, code)
	if name == "" {
		return ""
	}
	letter := half(in.Class() == isa.ClassJMP32)
	return fmt.Sprintf("if %s%d %s %s goto %s", letter, in.Dst, name, operandText(in, letter), d.target(in, at))
}

// baseText is "r1 + 4".
func baseText(register uint8, offset int16) string {
	if offset < 0 {
		return fmt.Sprintf("r%d - %d", register, -int(offset))
	}
	return fmt.Sprintf("r%d + %d", register, offset)
}

func pointerText(in isa.Instruction) string {
	mode := in.Opcode & isa.ModeMask
	size := in.Opcode & isa.SizeMask
	pointer := fmt.Sprintf("*(%s *)(%s)", typeOf(size, mode == isa.MEMSX), baseText(in.Dst, in.Offset))
	switch {
	case mode == isa.ATOMIC && in.Class() == isa.ClassSTX && (size == isa.W || size == isa.DW):
		return atomicText(in, size)
	case in.Class() == isa.ClassLDX && (mode == isa.MEM || mode == isa.MEMSX && size != isa.DW):
		return fmt.Sprintf("r%d = *(%s *)(%s)", in.Dst, typeOf(size, mode == isa.MEMSX), baseText(in.Src, in.Offset))
	case in.Class() == isa.ClassST && mode == isa.MEM:
		return fmt.Sprintf("%s = %d", pointer, in.Imm)
	case in.Class() == isa.ClassSTX && mode == isa.MEM:
		return fmt.Sprintf("%s = r%d", pointer, in.Src)
	}
	return ""
}

func atomicText(in isa.Instruction, size uint8) string {
	letter, suffix := "r", "_64"
	if size == isa.W {
		letter, suffix = "w", "32_32"
	}
	at := baseText(in.Dst, in.Offset)
	cast := fmt.Sprintf("(%s *)(%s)", typeOf(size, false), at)
	name, fetch := atomicName(in.Imm)
	switch {
	case fetch:
		return fmt.Sprintf("%s%d = atomic_fetch_%s(%s, %s%d)", letter, in.Src, name, cast, letter, in.Src)
	case name == "xchg":
		return fmt.Sprintf("%s%d = xchg%s(%s, %s%d)", letter, in.Src, suffix, at, letter, in.Src)
	case name == "cmpxchg":
		return fmt.Sprintf("%s0 = cmpxchg%s(%s, %s0, %s%d)", letter, suffix, at, letter, letter, in.Src)
	}
	operator := map[string]string{"add": "+=", "or": "|=", "and": "&=", "xor": "^="}[name]
	if operator == "" {
		return ""
	}
	return fmt.Sprintf("lock *%s %s %s%d", cast, operator, letter, in.Src)
}
