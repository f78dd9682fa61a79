package asm_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/vectors"
)

func TestAssemble(t *testing.T) {
	tests := []struct{ source, hex string }{
		{"mov %r0, 1", "b700000001000000"},
		{"mov r0, r1 ; comment", "bf10000000000000"},
		{"mov32 %r1, 0xffffffff # comment", "b4010000ffffffff"},
		{"add %r3, -1", "07030000ffffffff"},
		{"sdiv32 %r1, %r2", "3c21010000000000"},
		{"smod %r1, 3", "9701010003000000"},
		{"neg %r4", "8704000000000000"},
		{"movsx1664 %r6, %r5", "bf56100000000000"},
		{"le16 %r1", "d401000010000000"},
		{"be64 %r1", "dc01000040000000"},
		{"swap32 %r1", "d701000020000000"},
		{"ldxb %r0, [%r1+0x2]", "7110020000000000"},
		{"ldxsw %r0, [%r1 - 4]", "8110fcff00000000"},
		{"stw [%r10-8], 7", "620af8ff07000000"},
		{"stxdw [%r1], %r2", "7b21000000000000"},
		{"lddw %r0, 0x8000000080000000", "1800000000000080" + "0000000000000080"},
		{"lddw %r0, -1", "18000000ffffffff" + "00000000ffffffff"},
		{"lddwr %r1, 8", "d801000008000000" + "0000000000000000"},
		{"l: ja l", "0500ffff00000000"},
		{"ja32 +2", "0600000002000000"},
		{"jsle32 %r1, %r2, -3", "de21fdff00000000"},
		{"jeq %r1, 5, exit\nexit", "1501000005000000" + "9500000000000000"},
		{"call 5", "8500000005000000"},
		{"call helper 0x61", "8500000061000000"},
		{"call runtime 9", "8500000009000000"[:2] + "20" + "000009000000"},
		{"call local f\nf:\nexit", "8510000000000000" + "9500000000000000"},
		{"call %r2", "8d02000000000000"},
		{"lock add [%r1+4], %r2", "db21040000000000"},
		{"lock fetch or32 [%r1], %r2", "c321000041000000"},
		{"lock xchg [%r1], %r2", "db210000e1000000"},
		{"lock cmpxchg32 [%r1], %r2", "c3210000f1000000"},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			got, err := asm.Assemble(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			if hex.EncodeToString(got) != tt.hex {
				t.Errorf("got %x, want %s", got, tt.hex)
			}
		})
	}
}

func TestAssembleErrors(t *testing.T) {
	for _, source := range []string{
		"frobnicate %r1", "mov %r11, 1", "mov %r1", "mov 1, %r1", "mov %r1, 0x100000000",
		"mov %r1, -2147483649", "ja nowhere", "ja +32768", "a:\na:\nexit", "1a: exit",
		"ldxb %r0, %r1", "ldxsdw %r0, [%r1]", "ldxb %r0, [%r1+40000]", "lddw %r0, 0x1ffffffffffffffff",
		"call", "call foreign 1", "lock nand [%r1], %r2", "lock add %r1, %r2", "exit 1", "movsx832 %r1, 5",
	} {
		_, err := asm.Assemble("mov %r0, 0\n" + source)
		var e *asm.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got error %v, want an *asm.Error", source, err)
		} else if e.Line < 2 {
			t.Errorf("%q: error names line %d", source, e.Line)
		}
	}
}

// Every program of the suite survives disassembly and assembly.
func TestDisassembleConformance(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors.Dir(t, "bpf_conformance"), "*.data"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := asm.ParseCase(string(b))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		var source []string
		for _, line := range asm.Disassemble(c.Program) {
			source = append(source, line.Text)
		}
		again, err := asm.Assemble(strings.Join(source, "\n"))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		} else if !bytes.Equal(again, c.Program) {
			t.Errorf("%s: %x became %x", filepath.Base(file), c.Program, again)
		}
	}
}

func TestDisassembleDamaged(t *testing.T) {
	text, err := hex.DecodeString("ff00000000000000" + "1800000001000000" + "95")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{".bytes ff 00 00 00 00 00 00 00", ".bytes 18 00 00 00 01 00 00 00", ".bytes 95"}
	lines := asm.Disassemble(text[:16])
	lines = append(lines, asm.Disassemble(text[16:])...)
	if len(lines) != len(want) {
		t.Fatalf("got %d lines, want %d", len(lines), len(want))
	}
	for i, line := range lines {
		if line.Text != want[i] {
			t.Errorf("line %d: got %q, want %q", i, line.Text, want[i])
		}
	}
}

func FuzzDisassemble(f *testing.F) {
	f.Add([]byte{0xd4, 1, 0, 0, 7, 0, 0, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		slots := 0
		for _, line := range asm.Disassemble(text) {
			if line.Slot != slots {
				t.Fatalf("line at slot %d, want %d", line.Slot, slots)
			}
			slots++
			if line.Wide {
				slots++
			}
		}
		if want := (len(text) + 7) / 8; slots != want {
			t.Fatalf("%d slots listed, want %d", slots, want)
		}
	})
}

func FuzzAssemble(f *testing.F) {
	f.Add("mov %r0, 1\nl: jne %r0, 0, l\nexit")
	f.Add("lock fetch add32 [%r10-8], %r1")
	f.Fuzz(func(t *testing.T, source string) {
		text, err := asm.Assemble(source)
		if err == nil && len(text)%8 != 0 {
			t.Fatalf("%d bytes", len(text))
		}
	})
}
