package build

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/isa"
)

// flagCompressed is the header's flag of an image with compressed text.
const flagCompressed = 1

// A form is how an instruction of compressed text is laid out: opcode and
// registers, then the fields it has, little endian, without padding.
type form uint8

const (
	absent    form = iota
	bare           // 2 bytes
	immediate      // 6: immediate
	offset         // 4: offset
	both           // 8: offset, immediate
	wide           // 10: 64-bit immediate
	jump           // 4: distance
	jumpImm        // 8: distance, immediate
)

var formSizes = [...]int{bare: 2, immediate: 6, offset: 4, both: 8, wide: 10, jump: 4, jumpImm: 8}

// forms are the instructions that the original's packer knows, and two that it
// means to: division by a register has another opcode in its table, and it
// fails to write jumps without a condition.
var forms = compressedForms()

func compressedForms() (f [256]form) {
	const alu = isa.ClassALU64
	for _, op := range []uint8{isa.ADD, isa.SUB, isa.MUL, isa.DIV, isa.OR, isa.AND, isa.LSH, isa.RSH, isa.MOD, isa.XOR, isa.MOV, isa.ARSH} {
		f[alu|op], f[alu|op|isa.SourceX] = immediate, bare
	}
	f[alu|isa.NEG] = bare
	for _, size := range []uint8{isa.B, isa.H, isa.W, isa.DW} {
		f[isa.ClassLDX|isa.MEM|size], f[isa.ClassSTX|isa.MEM|size] = offset, offset
		f[isa.ClassST|isa.MEM|size] = both
	}
	for _, op := range []uint8{isa.JEQ, isa.JGT, isa.JGE, isa.JSET, isa.JNE, isa.JSGT, isa.JSGE, isa.JLT, isa.JLE, isa.JSLT, isa.JSLE} {
		f[isa.ClassJMP|op], f[isa.ClassJMP|op|isa.SourceX] = jumpImm, jump
	}
	f[isa.ClassJMP|isa.JA] = jump
	f[isa.ClassJMP|isa.CALL], f[isa.ClassJMP|isa.EXIT] = immediate, bare
	f[isa.LDDW], f[isa.LDDWD], f[isa.LDDWR] = wide, wide, wide
	return f
}

// Compressed reports whether raw says that it is an image with compressed
// text, which no device reads and Expand does.
func Compressed(raw []byte) bool {
	_, refused := image.Parse(raw)
	return refused == image.ErrCompressed
}

// Expand turns an image with compressed text (docs/spec/image.md) into one
// that devices read. The digest is that of another image.
func Expand(raw []byte) ([]byte, error) {
	if !Compressed(raw) {
		return nil, errors.New("not an image with compressed text")
	}
	le := binary.LittleEndian
	rest := raw[image.HeaderSize:]
	var parts [3][]byte // .data, .rodata, .text
	for i := range parts {
		n := le.Uint32(raw[12+4*i:])
		if n > uint32(len(rest)) {
			return nil, image.ErrLength
		}
		parts[i], rest = rest[:n], rest[n:]
	}
	code, err := expandText(parts[2])
	if err != nil {
		return nil, err
	}
	out := append([]byte{}, raw[:image.HeaderSize]...)
	le.PutUint32(out[8:], 0)
	le.PutUint32(out[20:], uint32(len(code)))
	// The table counts in bytes of the expanded text.
	for _, part := range [][]byte{parts[0], parts[1], code, rest} {
		out = append(out, part...)
	}
	if _, refused := image.Parse(out); refused != image.OK {
		return nil, refused
	}
	return out, nil
}

func expandText(packed []byte) ([]byte, error) {
	le := binary.LittleEndian
	slots := make(map[int]int, len(packed)/4) // slot by offset in packed
	ends := map[int]int{}                     // offset behind a jump, by its slot
	var code []isa.Instruction
	for at := 0; at < len(packed); {
		op := packed[at]
		f := forms[op]
		size := formSizes[f]
		switch {
		case f == absent:
			return nil, fmt.Errorf("compressed text, byte %d: opcode %#02x has no compressed form", at, op)
		case at+size > len(packed):
			return nil, fmt.Errorf("compressed text, byte %d: opcode %#02x takes %d bytes, %d are left", at, op, size, len(packed)-at)
		}
		slots[at] = len(code)
		fields := packed[at+2 : at+size]
		in := isa.Instruction{Opcode: op, Dst: packed[at+1] & 15, Src: packed[at+1] >> 4}
		at += size
		switch f {
		case immediate:
			in.Imm = int32(le.Uint32(fields))
		case offset:
			in.Offset = int16(le.Uint16(fields))
		case both:
			in.Offset, in.Imm = int16(le.Uint16(fields)), int32(le.Uint32(fields[2:]))
		case jump, jumpImm:
			in.Offset = int16(le.Uint16(fields))
			if f == jumpImm {
				in.Imm = int32(le.Uint32(fields[2:]))
			}
			ends[len(code)] = at
		case wide:
			in.Imm = int32(le.Uint32(fields))
		}
		code = append(code, in)
		if f == wide {
			code = append(code, isa.Instruction{Imm: int32(le.Uint32(fields[4:]))})
		}
	}
	var out []byte
	for slot, in := range code {
		if behind, jumps := ends[slot]; jumps {
			// The distance is in bytes of compressed text.
			target, ok := slots[behind+int(in.Offset)]
			distance := target - slot - 1
			if !ok || distance != int(int16(distance)) {
				return nil, fmt.Errorf("compressed text, byte %d: a jump by %d bytes leads to no instruction", behind, in.Offset)
			}
			in.Offset = int16(distance)
		}
		out = in.Append(out)
	}
	return out, nil
}
