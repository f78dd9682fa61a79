package build

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/isa"
)

// compress is what the original's packer does to an image, for tests. It
// reports whether the text has instructions that the packer knows.
func compress(raw []byte) ([]byte, bool) {
	img, refused := image.Parse(raw)
	if refused != image.OK {
		return nil, false
	}
	le := binary.LittleEndian
	code := img.Text()
	at := map[int]int{} // offset in compressed text by slot
	size := 0
	for i := 0; i < len(code); i += 8 {
		f := forms[code[i]]
		if f == absent || f == wide && i+8 >= len(code) {
			return nil, false
		}
		at[i/8] = size
		size += formSizes[f]
		if f == wide {
			i += 8
		}
	}
	var packed []byte
	for i := 0; i < len(code); i += 8 {
		in := isa.Decode(code[i:])
		packed = append(packed, code[i], code[i+1])
		switch f := forms[in.Opcode]; f {
		case immediate:
			packed = le.AppendUint32(packed, uint32(in.Imm))
		case offset, both:
			packed = le.AppendUint16(packed, uint16(in.Offset))
			if f == both {
				packed = le.AppendUint32(packed, uint32(in.Imm))
			}
		case jump, jumpImm:
			target, ok := at[i/8+1+int(in.Offset)]
			distance := target - at[i/8] - formSizes[f]
			if !ok || distance != int(int16(distance)) {
				return nil, false
			}
			packed = le.AppendUint16(packed, uint16(distance))
			if f == jumpImm {
				packed = le.AppendUint32(packed, uint32(in.Imm))
			}
		case wide:
			i += 8
			packed = le.AppendUint32(packed, uint32(in.Imm))
			packed = append(packed, code[i+4:i+8]...)
		}
	}
	behind := img.Functions()*image.FunctionSize + len(img.Contract())
	out := bytes.Clone(raw[:len(raw)-len(code)-behind])
	le.PutUint32(out[8:], flagCompressed)
	le.PutUint32(out[20:], uint32(len(packed)))
	out = append(out, packed...)
	return append(out, raw[len(raw)-behind:]...), true
}

func assembled(tb testing.TB, source string) []byte {
	tb.Helper()
	o, err := asm.Source{Text: source}.Assemble()
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := o.Image()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// TestExpandLayout has the bytes of every form, written out by hand.
func TestExpandLayout(t *testing.T) {
	packed := "1f21" + // sub %r1, %r2
		"8703" + // neg %r3
		"0701" + "feffffff" + // add %r1, -2
		"7912" + "fcff" + // ldxdw %r2, [%r1-4]
		"731a" + "f8ff" + // stxb [%r10-8], %r1
		"7a0a" + "f0ff" + "05000000" + // stdw [%r10-16], 5
		"1801" + "8877665544332211" + // lddw
		"d802" + "0800000000000000" + // lddwr
		"1d21" + "0600" + // jeq %r1, %r2, over the call
		"8500" + "01000000" + // call 1
		"5501" + "e4ff" + "07000000" + // jne %r1, 7, back to lddwr: 28 bytes
		"9500"
	text, err := hex.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	raw := []byte("rBPF\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00")
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(text)))
	raw = append(raw, 1, 0, 0, 0)
	raw = append(raw, "constantmain\x00\x00\x00\x00"...)
	raw = append(raw, text...)
	raw = append(raw, 8, 0, 0, 0, 0, 0)
	got, err := Expand(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := assembled(t, `
	.rodata
	.ascii "constant"
	.text
	.globl main
main:
	sub %r1, %r2
	neg %r3
	add %r1, -2
	ldxdw %r2, [%r1-4]
	stxb [%r10-8], %r1
	stdw [%r10-16], 5
	lddw %r1, 0x1122334455667788
l:
	lddwr %r2, 8
	jeq %r1, %r2, m
	call 1
m:
	jne %r1, 7, l
	exit`)
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestExpandExamples(t *testing.T) {
	raw, err := os.ReadFile("../../examples/fletcher32/fletcher32.bin")
	if err != nil {
		t.Fatal(err)
	}
	packed, ok := compress(raw)
	if !ok {
		t.Fatal("the example has instructions that the packer does not know")
	}
	if _, refused := image.Parse(packed); refused != image.ErrCompressed {
		t.Errorf("devices say %v, want %v", refused, image.ErrCompressed)
	}
	if got, err := Expand(packed); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("%v: %x", err, got)
	}
	t.Logf("%d bytes, compressed %d", len(raw), len(packed))
}

func TestExpandRefusals(t *testing.T) {
	valid, ok := compress(assembled(t, "l: mov %r0, 1\njne %r0, 1, l\nlddw %r1, 1\nexit"))
	if !ok {
		t.Fatal("not compressed")
	}
	tests := []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"not compressed", func(b []byte) []byte { b[8] = 0; return b }, "not an image"},
		{"nothing", func(b []byte) []byte { return nil }, "not an image"},
		{"text longer than the image", func(b []byte) []byte { b[20] = 0xff; return b }, "add up"},
		{".data of 4 GiB", func(b []byte) []byte { copy(b[12:], "\xf8\xff\xff\xff"); return b }, "add up"},
		{"unknown opcode", func(b []byte) []byte { b[28] = 0xb4; return b }, "byte 0: opcode 0xb4 has no"},
		{"half an instruction", func(b []byte) []byte { b[20]--; return b[:len(b)-1] }, "takes 2 bytes, 1 are left"},
		{"jump between instructions", func(b []byte) []byte { b[36]++; return b }, "leads to no instruction"},
		{"no text", func(b []byte) []byte { b[20] = 0; return b[:28] }, "no instruction"},
		{"byte behind", func(b []byte) []byte { return append(b, 0) }, "add up"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Expand(test.change(bytes.Clone(valid)))
			if err == nil {
				t.Fatalf("expanded to %x", got)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not mention %q", err, test.want)
			}
		})
	}
}

// FuzzExpand: no panic, what is expanded is an image, and compressing it gives
// the same again.
func FuzzExpand(f *testing.F) {
	for _, source := range []string{
		"l: mov %r0, 1\njne %r0, 1, l\nlddw %r1, 1\nexit",
		".rodata\n.string \"x\"\n.text\n.globl f\nf: r1 = .rodata ll\n if r1 > r2 goto f\n *(u8 *)(r1 + 1) = 3\n goto f\n exit",
	} {
		packed, ok := compress(assembled(f, source))
		if !ok {
			f.Fatal("not compressed")
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		out, err := Expand(raw)
		if err != nil {
			return
		}
		if _, refused := image.Parse(out); refused != image.OK {
			t.Fatal(refused)
		}
		again, ok := compress(out)
		if !ok {
			t.Fatal("what was expanded cannot be compressed")
		}
		if !bytes.Equal(again, raw) {
			t.Fatalf("%x became %x", raw, again)
		}
	})
}
