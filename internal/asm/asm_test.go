package asm_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
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
		"r0 = w1", "w0 = 1 ll", "r0 = -r1", "r0 = be16 r1", "r0 s+= 1", "*(u64 *)(r1 + 0) = w2", "*(s8 *)(r1 + 0) = r2",
		"if r1 ~ 2 goto +1", "if r1 > w2 goto +1", "lock *(u8 *)(r1 + 0) += r2", "r1 = cmpxchg_64(r2 + 0, r1, r3)",
		"r2 = xchg_64(r1 + 0, r3)", "w1 = (s32)w2", "r1 = *(u7 *)(r2 + 0)", "call nobody", "r1 = nothing ll",
		".section .maps", ".byte 256", ".string 5", ".string \"open", ".align 3", ".globl nothing", ".frobnicate",
		"r0: exit", "lddw %r0, .text", ".data\nexit", "lddwr %r1, .data+8", ".zero 99999999999",
	} {
		_, err := asm.Assemble("mov %r0, 0\n" + source)
		var e *asm.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got error %v, want an *asm.Error", source, err)
		} else if e.Line < 2 || e.Column < 1 {
			t.Errorf("%q: error names line %d, column %d", source, e.Line, e.Column)
		}
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	for _, tt := range []struct{ source, want string }{
		{"  mov %r11, 1", `a.s:1:7: "%r11" is no register: there are r0 to r10: mov %r11, 1`},
		{"exit\n\tif r1 == 5 gogo +1", `a.s:2:13: want goto, got "gogo": if r1 == 5 gogo +1`},
		{"mov %r1 2", `a.s:1:9: want a comma, got "2": mov %r1 2`},
		{"mov32 w1, 3", `a.s:1:7: "w1" is half a register; a whole one is needed here: r1: mov32 w1, 3`},
		{"stb [%r1], %r2", `a.s:1:12: a number is needed here, not register %r2: stb [%r1], %r2`},
		{"r11 = 1", `a.s:1:1: "r11" is no register: there are r0 to r10: r11 = 1`},
		{"w1 = be16 r1", `a.s:1:6: the order of bytes is that of a whole register: w1 = be16 r1`},
		{"ja away", `a.s:1:4: there is no label away: ja away`},
		{"here: ja her", `a.s:1:10: there is no label her; is here meant?: here: ja her`},
		{"call bpf_memcpi", `a.s:1:6: there is no label and no helper bpf_memcpi; is memcpy meant?: call bpf_memcpi`},
		{"mov %r1, 2 3", `a.s:1:12: "3" is too much: mov %r1, 2 3`},
		{"call blink", `a.s:1:6: there is no label and no helper blink: call blink`},
		{"mov %r1,", `a.s:1:9: a number is missing: mov %r1,`},
		{"frob %r1\nexit\nw1 = (s32)w2", "a.s:1:1: there is no instruction \"frob\": frob %r1\n" +
			`a.s:3:7: nothing is extended from "s32" here: w1 = (s32)w2`},
	} {
		_, err := asm.Source{Name: "a.s", Text: tt.source, Helpers: map[string]int32{"memcpy": 2}}.Assemble()
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q: got error\n%v, want\n%s", tt.source, err, tt.want)
		}
	}
}

func TestAssembleContainer(t *testing.T) {
	o, err := asm.Source{Helpers: map[string]int32{"printf": 1, "add": 2}, Text: `
	.set answer, 42
	.globl main, 
`}.Assemble()
	if err == nil {
		t.Errorf("assembled %v", o)
	}
	o, err = asm.Source{Helpers: map[string]int32{"printf": 1, "add": 2}, Text: `
	.set	answer, 42
	.section .rodata.str1.1,"aMS",@progbits,1
hello:	.string "a\"b#;\101\n"
	.data
	.byte 1, -1, 0xff
	.balign 8
count:	.quad answer
	.text
	.globl	main
	.function "odd name", add
main:
	r1 = hello ll
	lddw %r2, count+4
	call printf           # a helper
	call add              // the label, which hides the helper
	w3 = answer
	exit
add:	exit
	.globl hello
`}.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(o.Rodata), "a\"b#;A\n\x00"; got != want {
		t.Errorf(".rodata %q, want %q", got, want)
	}
	if got, want := string(o.Data), "\x01\xff\xff\x00\x00\x00\x00\x00*\x00\x00\x00\x00\x00\x00\x00"; got != want {
		t.Errorf(".data %q, want %q", got, want)
	}
	want := "d8010000000000000000000000000000" + "b80200000c0000000000000000000000" + "8500000001000000" +
		"8510000002000000" + "b40300002a000000" + "9500000000000000" + "9500000000000000"
	if got := hex.EncodeToString(o.Text); got != want {
		t.Errorf(".text %s, want %s", got, want)
	}
	if len(o.Functions) != 2 || string(o.Functions[0].Name) != "main" || string(o.Functions[1].Name) != "odd name" || o.Functions[1].Offset != 64 {
		t.Errorf("functions %v", o.Functions)
	}
	if _, err := o.Image(); err != nil {
		t.Error(err)
	}
	if _, err := asm.Assemble(".data\n.byte 1\n.text\nexit"); err == nil {
		t.Error("assembled data into instructions")
	}
}

func TestDisassembleDamaged(t *testing.T) {
	text, err := hex.DecodeString("ff00000000000000" + "1800000001000000" + "95")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		".byte 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00",
		".byte 0x18, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00", ".byte 0x95",
	}
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

// FuzzAssemble: no panic, an error names its place, and what becomes
// instructions is listed and assembled again.
func FuzzAssemble(f *testing.F) {
	f.Add("mov %r0, 1\nl: jne %r0, 0, l\nexit")
	f.Add("lock fetch add32 [%r10-8], %r1")
	f.Add("r1 = .rodata+8 ll\nw1 s>>= w2\nif r1 s< -3 goto +1\nr0 = cmpxchg_64(r1 + 0, r0, r2)\n*(u8 *)(r1 - 1) = 7")
	f.Add(".data\na: .byte 1, -1\n.balign 8\n.string \"x\\n\\101\"\n.text\n.globl f\nf: lddw %r1, a+1\ncall f # x\n.set n, 5\nmov %r1, n")
	f.Fuzz(func(t *testing.T, source string) {
		o, err := asm.Source{Text: source}.Assemble()
		var e *asm.Error
		switch {
		case err != nil && !errors.As(err, &e):
			t.Fatalf("%v names no place", err)
		case err != nil && (e.Line < 1 || e.Column < 1):
			t.Fatalf("line %d, column %d", e.Line, e.Column)
		case err == nil && len(o.Text) < 1<<14: // a line may ask for megabytes
			survives(t, o.Text, o.Functions)
		}
	})
}

func FuzzParseCase(f *testing.F) {
	f.Add("# reason\n-- asm\nexit\n-- mem\n01 02\n-- result\n0x1\n-- budget\n5\n-- after\n01")
	f.Add("-- raw\n0x95\n-- error\nrefused at 0: illegal instruction\n-- stack\n64\n-- granted writable\nff")
	f.Fuzz(func(t *testing.T, file string) {
		c, err := asm.ParseCase(file)
		if err != nil || len(c.Program) > 1<<14 {
			return
		}
		program := "-- asm\n"
		for _, line := range asm.Disassemble(c.Program) {
			program += line.Text + "\n"
		}
		if again, err := asm.ParseCase(program); err != nil || string(again.Program) != string(c.Program) {
			t.Fatalf("%v: %x became %x", err, c.Program, again.Program)
		}
	})
}
