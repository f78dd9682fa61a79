package isa_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/femto-containers/femto/isa"
)

func TestDecodeAppend(t *testing.T) {
	tests := []struct {
		name string
		hex  string
		want isa.Instruction
	}{
		{"mov r6, r1", "bf16000000000000", isa.Instruction{Opcode: isa.ClassALU64 | isa.MOV | isa.SourceX, Dst: 6, Src: 1}},
		{"stxdw [r10-8], r1", "7b1af8ff00000000", isa.Instruction{Opcode: isa.ClassSTX | isa.MEM | isa.DW, Dst: 10, Src: 1, Offset: -8}},
		{"mov32 r1, -2", "b4010000feffffff", isa.Instruction{Opcode: isa.ClassALU | isa.MOV, Dst: 1, Imm: -2}},
		{"exit", "9500000000000000", isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT}},
		{"all bits", "ffffffffffffffff", isa.Instruction{Opcode: 255, Dst: 15, Src: 15, Offset: -1, Imm: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := hex.DecodeString(tt.hex)
			if err != nil {
				t.Fatal(err)
			}
			if got := isa.Decode(b); got != tt.want {
				t.Errorf("Decode: got %+v, want %+v", got, tt.want)
			}
			if got := tt.want.Append(nil); !bytes.Equal(got, b) {
				t.Errorf("Append: got %x, want %x", got, b)
			}
		})
	}
}

// The numbers are those of RFC 9669 and of the papers; everything else in the
// repository is built from the constants.
func TestOpcodes(t *testing.T) {
	for _, tt := range []struct {
		name      string
		got, want int
	}{
		{"lddw", isa.LDDW, 0x18},
		{"add32 imm", isa.ClassALU | isa.ADD, 0x04},
		{"add64 reg", isa.ClassALU64 | isa.ADD | isa.SourceX, 0x0f},
		{"neg64", isa.ClassALU64 | isa.NEG, 0x87},
		{"be", isa.ClassALU | isa.END | isa.SourceX, 0xdc},
		{"bswap", isa.ClassALU64 | isa.END, 0xd7},
		{"ja32", isa.ClassJMP32 | isa.JA, 0x06},
		{"call", isa.ClassJMP | isa.CALL, 0x85},
		{"callx", isa.CALLX, 0x8d},
		{"exit", isa.ClassJMP | isa.EXIT, 0x95},
		{"jsle32 reg", isa.ClassJMP32 | isa.JSLE | isa.SourceX, 0xde},
		{"ldxb", isa.ClassLDX | isa.MEM | isa.B, 0x71},
		{"ldxsw", isa.ClassLDX | isa.MEMSX | isa.W, 0x81},
		{"stdw", isa.ClassST | isa.MEM | isa.DW, 0x7a},
		{"lock 64", isa.ClassSTX | isa.ATOMIC | isa.DW, 0xdb},
		{"lock 32", isa.ClassSTX | isa.ATOMIC | isa.W, 0xc3},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %#x, want %#x", tt.name, tt.got, tt.want)
		}
	}
}
