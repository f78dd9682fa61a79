package main

import (
	"strings"

	"github.com/femto-containers/femto/isa"
)

// An instruction is one that the loop of hosts executes. Whatever is not
// listed here is left to step.
type instruction struct {
	name   string
	opcode uint8
	kind   kind
	does   string // an expression: A is the destination, B the source or the immediate
	width  int    // of an access to memory, in bytes

	destination, source, constant bool
}

type kind int

const (
	alu kind = iota
	load
	store
	jump
	call // of a function of the program, and the return from it
)

var instructions []instruction

func add(name string, opcode uint8, k kind, does string) {
	instructions = append(instructions,
		instruction{name: name + "K", opcode: opcode, kind: k, does: does, destination: true, constant: true},
		instruction{name: name + "X", opcode: opcode | isa.SourceX, kind: k, does: does, destination: true, source: true})
}

// arithmetic adds the 64-bit and the 32-bit form of an operation.
func arithmetic(name string, operation uint8, wide, narrow string) {
	add(name, operation|isa.ClassALU64, alu, wide)
	add(name+"32", operation|isa.ClassALU, alu, "uint64("+narrow+")")
}

// condition adds the 64-bit and the 32-bit form of a jump that compares
// numbers of the type that is named without its width.
func condition(name string, operation uint8, kind, does string) {
	as := func(width string) string {
		if kind+width == "uint64" {
			return does
		}
		return strings.NewReplacer("A", kind+width+"(A)", "B", kind+width+"(B)").Replace(does)
	}
	add(name, operation|isa.ClassJMP, jump, as("64"))
	add(name+"32", operation|isa.ClassJMP32, jump, as("32"))
}

func memory(name string, width int, size uint8) {
	instructions = append(instructions,
		instruction{name: "Load" + name, opcode: isa.ClassLDX | isa.MEM | size, kind: load, width: width, destination: true, source: true, constant: true},
		instruction{name: "Store" + name, opcode: isa.ClassSTX | isa.MEM | size, kind: store, width: width, destination: true, source: true, constant: true})
}

func init() {
	arithmetic("Add", isa.ADD, "A + B", "uint32(A) + uint32(B)")
	arithmetic("Sub", isa.SUB, "A - B", "uint32(A) - uint32(B)")
	arithmetic("Mul", isa.MUL, "A * B", "uint32(A) * uint32(B)")
	arithmetic("Or", isa.OR, "A | B", "uint32(A) | uint32(B)")
	arithmetic("And", isa.AND, "A & B", "uint32(A) & uint32(B)")
	arithmetic("Lsh", isa.LSH, "A << (B & 63)", "uint32(A) << (B & 31)")
	arithmetic("Rsh", isa.RSH, "A >> (B & 63)", "uint32(A) >> (B & 31)")
	arithmetic("Xor", isa.XOR, "A ^ B", "uint32(A) ^ uint32(B)")
	arithmetic("Mov", isa.MOV, "B", "uint32(B)")
	arithmetic("Arsh", isa.ARSH, "uint64(int64(A) >> (B & 63))", "uint32(int32(A) >> (B & 31))")
	instructions = append(instructions,
		instruction{name: "Neg", opcode: isa.ClassALU64 | isa.NEG, kind: alu, does: "-A", destination: true},
		instruction{name: "Neg32", opcode: isa.ClassALU | isa.NEG, kind: alu, does: "uint64(-uint32(A))", destination: true})
	memory("W", 4, isa.W)
	memory("H", 2, isa.H)
	memory("B", 1, isa.B)
	memory("DW", 8, isa.DW)
	condition("Jeq", isa.JEQ, "uint", "A == B")
	condition("Jgt", isa.JGT, "uint", "A > B")
	condition("Jge", isa.JGE, "uint", "A >= B")
	condition("Jset", isa.JSET, "uint", "A&B != 0")
	condition("Jne", isa.JNE, "uint", "A != B")
	condition("Jsgt", isa.JSGT, "int", "A > B")
	condition("Jsge", isa.JSGE, "int", "A >= B")
	condition("Jlt", isa.JLT, "uint", "A < B")
	condition("Jle", isa.JLE, "uint", "A <= B")
	condition("Jslt", isa.JSLT, "int", "A < B")
	condition("Jsle", isa.JSLE, "int", "A <= B")
	instructions = append(instructions,
		instruction{name: "Ja", opcode: isa.ClassJMP | isa.JA, kind: jump},
		instruction{name: "Call", opcode: isa.ClassJMP | isa.CALL, kind: call},
		instruction{name: "Exit", opcode: isa.ClassJMP | isa.EXIT, kind: call},
		instruction{name: "Wide", opcode: isa.LDDW, kind: call, destination: true})
}

func named(name string) instruction {
	for _, in := range instructions {
		if in.name == name {
			return in
		}
	}
	panic("no instruction " + name)
}
