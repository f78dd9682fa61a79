package asm

import (
	"strings"

	"github.com/femto-containers/femto/isa"
)

var aluNames = map[string]uint8{
	"add": isa.ADD, "sub": isa.SUB, "mul": isa.MUL, "div": isa.DIV,
	"or": isa.OR, "and": isa.AND, "lsh": isa.LSH, "rsh": isa.RSH,
	"neg": isa.NEG, "mod": isa.MOD, "xor": isa.XOR, "mov": isa.MOV,
	"arsh": isa.ARSH,
}

var jumpNames = map[string]uint8{
	"ja": isa.JA, "jeq": isa.JEQ, "jgt": isa.JGT, "jge": isa.JGE,
	"jset": isa.JSET, "jne": isa.JNE, "jsgt": isa.JSGT, "jsge": isa.JSGE,
	"jlt": isa.JLT, "jle": isa.JLE, "jslt": isa.JSLT, "jsle": isa.JSLE,
}

var sizeNames = map[string]uint8{"b": isa.B, "h": isa.H, "w": isa.W, "dw": isa.DW}

var atomics = map[string]int32{
	"add": isa.AtomicAdd, "or": isa.AtomicOr, "and": isa.AtomicAnd,
	"xor": isa.AtomicXor, "xchg": isa.AtomicXchg, "cmpxchg": isa.AtomicCmpxchg,
}

type aluOp struct {
	opcode uint8
	offset int16
}

var movsx = map[string]aluOp{
	"movsx832":  {isa.ClassALU | isa.MOV, 8},
	"movsx1632": {isa.ClassALU | isa.MOV, 16},
	"movsx864":  {isa.ClassALU64 | isa.MOV, 8},
	"movsx1664": {isa.ClassALU64 | isa.MOV, 16},
	"movsx3264": {isa.ClassALU64 | isa.MOV, 32},
}

func aluOpcode(mnemonic string) (aluOp, bool) {
	if op, ok := movsx[mnemonic]; ok {
		return op, true
	}
	op := aluOp{opcode: isa.ClassALU64}
	name, narrow := strings.CutSuffix(mnemonic, "32")
	if narrow {
		op.opcode = isa.ClassALU
	}
	if name == "sdiv" || name == "smod" {
		name, op.offset = name[1:], 1
	}
	code, ok := aluNames[name]
	op.opcode |= code
	return op, ok
}

func jumpOpcode(mnemonic string) (uint8, bool) {
	class := uint8(isa.ClassJMP)
	name, narrow := strings.CutSuffix(mnemonic, "32")
	if narrow {
		class = isa.ClassJMP32
	}
	code, ok := jumpNames[name]
	return class | code, ok
}

func memoryOpcode(mnemonic string) (uint8, bool) {
	for _, form := range []struct {
		prefix string
		opcode uint8
	}{
		{"ldxs", isa.ClassLDX | isa.MEMSX},
		{"ldx", isa.ClassLDX | isa.MEM},
		{"stx", isa.ClassSTX | isa.MEM},
		{"st", isa.ClassST | isa.MEM},
	} {
		name, found := strings.CutPrefix(mnemonic, form.prefix)
		if !found {
			continue
		}
		size, ok := sizeNames[name]
		if form.prefix == "ldxs" && size == isa.DW {
			ok = false
		}
		if ok {
			return form.opcode | size, true
		}
	}
	return 0, false
}

func byteOrder(mnemonic string) (opcode uint8, width int32, ok bool) {
	for _, form := range []struct {
		prefix string
		opcode uint8
	}{
		{"le", isa.ClassALU | isa.END},
		{"be", isa.ClassALU | isa.END | isa.SourceX},
		{"bswap", isa.ClassALU64 | isa.END},
		{"swap", isa.ClassALU64 | isa.END},
	} {
		switch strings.TrimPrefix(mnemonic, form.prefix) {
		case "16":
			return form.opcode, 16, true
		case "32":
			return form.opcode, 32, true
		case "64":
			return form.opcode, 64, true
		}
	}
	return 0, 0, false
}
