// Package isa encodes and decodes eBPF instructions (RFC 9669).
package isa

import "encoding/binary"

// Size is the length of one instruction slot in bytes. The wide instructions
// (LDDW, LDDWD, LDDWR) take two slots.
const Size = 8

// Registers r0 to r10 exist; r10 is the read-only frame pointer.
const (
	Registers    = 11
	FramePointer = 10
)

// Instruction classes, opcode bits 2..0 (RFC 9669 §3.1).
const (
	ClassLD    = 0
	ClassLDX   = 1
	ClassST    = 2
	ClassSTX   = 3
	ClassALU   = 4
	ClassJMP   = 5
	ClassJMP32 = 6
	ClassALU64 = 7
	ClassMask  = 7
)

// Source of the second operand, opcode bit 3 of the ALU and JMP classes
// (RFC 9669 §4.1).
const (
	SourceK = 0x00 // the immediate
	SourceX = 0x08 // the source register
)

// ALU operations, opcode bits 7..4 (RFC 9669 §4.1).
const (
	ADD  = 0x00
	SUB  = 0x10
	MUL  = 0x20
	DIV  = 0x30 // offset 1: signed
	OR   = 0x40
	AND  = 0x50
	LSH  = 0x60
	RSH  = 0x70
	NEG  = 0x80
	MOD  = 0x90 // offset 1: signed
	XOR  = 0xa0
	MOV  = 0xb0 // offset 8, 16, 32: sign-extending
	ARSH = 0xc0
	END  = 0xd0 // byte order; the width is the immediate
)

// Jump operations, opcode bits 7..4 (RFC 9669 §4.3).
const (
	JA   = 0x00
	JEQ  = 0x10
	JGT  = 0x20
	JGE  = 0x30
	JSET = 0x40
	JNE  = 0x50
	JSGT = 0x60
	JSGE = 0x70
	CALL = 0x80
	EXIT = 0x90
	JLT  = 0xa0
	JLE  = 0xb0
	JSLT = 0xc0
	JSLE = 0xd0
)

// Kinds of CALL, in the source register field (RFC 9669 §4.3.1).
const (
	CallHelper = 0
	CallLocal  = 1
	CallBTF    = 2
)

// Access widths, opcode bits 4..3 of the load and store classes
// (RFC 9669 §5).
const (
	W        = 0x00
	H        = 0x08
	B        = 0x10
	DW       = 0x18
	SizeMask = 0x18
)

// Access modes, opcode bits 7..5 of the load and store classes (RFC 9669 §5).
const (
	IMM      = 0x00
	ABS      = 0x20
	IND      = 0x40
	MEM      = 0x60
	MEMSX    = 0x80
	ATOMIC   = 0xc0
	ModeMask = 0xe0
)

// Atomic operations, in the immediate (RFC 9669 §5.3). Fetch may be added to
// the first four and is part of the others.
const (
	Fetch         = 0x01
	AtomicAdd     = 0x00
	AtomicOr      = 0x40
	AtomicAnd     = 0x50
	AtomicXor     = 0xa0
	AtomicXchg    = 0xe0 | Fetch
	AtomicCmpxchg = 0xf0 | Fetch
)

// Whole opcodes that stand alone.
const (
	LDDW  = ClassLD | DW | IMM // 0x18: 64-bit immediate (RFC 9669 §5.4)
	LDDWD = 0xb8               // address of .data plus the immediate; Femto-Containers' own
	LDDWR = 0xd8               // address of .rodata plus the immediate; Femto-Containers' own
	CALLX = ClassJMP | CALL | SourceX
)

// An Instruction is one slot, taken apart.
type Instruction struct {
	Opcode   uint8
	Dst, Src uint8 // 0..15; only 0..10 are registers
	Offset   int16
	Imm      int32
}

// Decode takes apart the slot at the start of b, which holds at least Size
// bytes in little-endian order (RFC 9669 §3).
func Decode(b []byte) Instruction {
	return Instruction{
		Opcode: b[0],
		Dst:    b[1] & 15,
		Src:    b[1] >> 4,
		Offset: int16(binary.LittleEndian.Uint16(b[2:])),
		Imm:    int32(binary.LittleEndian.Uint32(b[4:])),
	}
}

// Append appends the slot to dst and returns it.
func (in Instruction) Append(dst []byte) []byte {
	dst = append(dst, in.Opcode, in.Dst&15|in.Src<<4)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(in.Offset))
	return binary.LittleEndian.AppendUint32(dst, uint32(in.Imm))
}

// Class returns the instruction class, one of the Class constants.
func (in Instruction) Class() uint8 { return in.Opcode & ClassMask }

// Wide reports whether the instruction takes two slots.
func (in Instruction) Wide() bool {
	return in.Opcode == LDDW || in.Opcode == LDDWD || in.Opcode == LDDWR
}
