package main

import "strings"

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
		instruction{name: name + "X", opcode: opcode | 0x08, kind: k, does: does, destination: true, source: true})
}

// arithmetic adds the 64-bit and the 32-bit form of an operation.
func arithmetic(name string, operation uint8, wide, narrow string) {
	add(name, operation|0x07, alu, wide)
	add(name+"32", operation|0x04, alu, "uint64("+narrow+")")
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
	add(name, operation|0x05, jump, as("64"))
	add(name+"32", operation|0x06, jump, as("32"))
}

func memory(name string, width int, size uint8) {
	instructions = append(instructions,
		instruction{name: "Load" + name, opcode: size | 0x61, kind: load, width: width, destination: true, source: true, constant: true},
		instruction{name: "Store" + name, opcode: size | 0x63, kind: store, width: width, destination: true, source: true, constant: true})
}

func init() {
	arithmetic("Add", 0x00, "A + B", "uint32(A) + uint32(B)")
	arithmetic("Sub", 0x10, "A - B", "uint32(A) - uint32(B)")
	arithmetic("Mul", 0x20, "A * B", "uint32(A) * uint32(B)")
	arithmetic("Or", 0x40, "A | B", "uint32(A) | uint32(B)")
	arithmetic("And", 0x50, "A & B", "uint32(A) & uint32(B)")
	arithmetic("Lsh", 0x60, "A << (B & 63)", "uint32(A) << (B & 31)")
	arithmetic("Rsh", 0x70, "A >> (B & 63)", "uint32(A) >> (B & 31)")
	arithmetic("Xor", 0xa0, "A ^ B", "uint32(A) ^ uint32(B)")
	arithmetic("Mov", 0xb0, "B", "uint32(B)")
	arithmetic("Arsh", 0xc0, "uint64(int64(A) >> (B & 63))", "uint32(int32(A) >> (B & 31))")
	instructions = append(instructions,
		instruction{name: "Neg", opcode: 0x87, kind: alu, does: "-A", destination: true},
		instruction{name: "Neg32", opcode: 0x84, kind: alu, does: "uint64(-uint32(A))", destination: true})
	memory("W", 4, 0x00)
	memory("H", 2, 0x08)
	memory("B", 1, 0x10)
	memory("DW", 8, 0x18)
	condition("Jeq", 0x10, "uint", "A == B")
	condition("Jgt", 0x20, "uint", "A > B")
	condition("Jge", 0x30, "uint", "A >= B")
	condition("Jset", 0x40, "uint", "A&B != 0")
	condition("Jne", 0x50, "uint", "A != B")
	condition("Jsgt", 0x60, "int", "A > B")
	condition("Jsge", 0x70, "int", "A >= B")
	condition("Jlt", 0xa0, "uint", "A < B")
	condition("Jle", 0xb0, "uint", "A <= B")
	condition("Jslt", 0xc0, "int", "A < B")
	condition("Jsle", 0xd0, "int", "A <= B")
	instructions = append(instructions,
		instruction{name: "Ja", opcode: 0x05, kind: jump},
		instruction{name: "Call", opcode: 0x85, kind: call},
		instruction{name: "Exit", opcode: 0x95, kind: call},
		instruction{name: "Wide", opcode: 0x18, kind: call, destination: true})
}

func named(name string) instruction {
	for _, in := range instructions {
		if in.name == name {
			return in
		}
	}
	panic("no instruction " + name)
}
