package image

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// exit is the shortest program: r0 = 0; exit.
var exit = []byte{0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0}

// tempSens has the lengths of the published temp_sens.bin: 186 bytes.
func tempSens() []byte {
	text := bytes.Repeat(exit[:8], 16)
	text = append(text, exit[8:]...)
	return Append(nil, Parts{Text: text, Functions: []Function{{Name: []byte("temp_sens")}}})
}

func TestPublishedLayout(t *testing.T) {
	b := tempSens()
	if want := 28 + 0 + 16 + 136 + 6; len(b) != want {
		t.Fatalf("image is %d bytes, want %d", len(b), want)
	}
	header := []byte{'r', 'B', 'P', 'F', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 136, 0, 0, 0, 1, 0, 0, 0}
	if !bytes.Equal(b[:28], header) {
		t.Errorf("header % x, want % x", b[:28], header)
	}
	m, err := Parse(b)
	if err != OK {
		t.Fatal(err)
	}
	if n := len(m.Data()); n != 0 {
		t.Errorf(".data is %d bytes, want none", n)
	}
	if got, want := m.Rodata(), []byte("temp_sens\x00\x00\x00\x00\x00\x00\x00"); !bytes.Equal(got, want) {
		t.Errorf(".rodata %q, want %q", got, want)
	}
	if n := len(m.Text()); n != 136 {
		t.Errorf(".text is %d bytes, want 136", n)
	}
	if m.Functions() != 1 {
		t.Fatalf("%d functions, want 1", m.Functions())
	}
	if f, ok := m.Function(0); !ok || string(f.Name) != "temp_sens" || f.Offset != 0 {
		t.Errorf("function 0 is %q at %d, %v", f.Name, f.Offset, ok)
	}
	if _, ok := m.Function(1); ok {
		t.Error("there is a function 1")
	}
	if _, ok := m.Function(-1); ok {
		t.Error("there is a function -1")
	}
	if !bytes.Equal(m.Bytes(), b) {
		t.Error("Bytes differs from the input")
	}
}

func TestSections(t *testing.T) {
	parts := Parts{
		Data:   []byte{1, 2, 3},
		Rodata: []byte("const"),
		Text:   exit,
		Functions: []Function{
			{Name: []byte("main"), Offset: 0},
			{Name: []byte("other"), Offset: 8},
		},
	}
	prefix := []byte("before")
	m, err := Parse(Append(prefix, parts)[len(prefix):])
	if err != OK {
		t.Fatal(err)
	}
	if want := []byte{1, 2, 3, 0, 0, 0, 0, 0}; !bytes.Equal(m.Data(), want) {
		t.Errorf(".data % x, want % x", m.Data(), want)
	}
	if want := []byte("constmain\x00other\x00"); !bytes.Equal(m.Rodata(), want) {
		t.Errorf(".rodata %q, want %q", m.Rodata(), want)
	}
	if !bytes.Equal(m.Text(), exit) {
		t.Errorf(".text % x", m.Text())
	}
	for i, want := range parts.Functions {
		if f, ok := m.Function(i); !ok || !bytes.Equal(f.Name, want.Name) || f.Offset != want.Offset {
			t.Errorf("function %d is %q at %d, want %q at %d", i, f.Name, f.Offset, want.Name, want.Offset)
		}
	}
	data := m.Data()
	_ = append(data, 0xff)
	if m.Rodata()[0] != 'c' {
		t.Error("an append to .data reached .rodata")
	}
}

func TestZeroImageIsEmpty(t *testing.T) {
	var m Image
	if m.Data() != nil || m.Rodata() != nil || m.Text() != nil || m.Bytes() != nil || m.Functions() != 0 {
		t.Error("the zero image is not empty")
	}
}

func TestAppendRefusesOffsetsBeyondTheTable(t *testing.T) {
	tests := map[string]Parts{
		"name after 64 KiB of .rodata": {Rodata: make([]byte, 0x10000), Text: exit, Functions: []Function{{Name: []byte("f")}}},
		"function after 64 KiB":        {Text: exit, Functions: []Function{{Name: []byte("f"), Offset: 0x10000}}},
		"negative offset":              {Text: exit, Functions: []Function{{Name: []byte("f"), Offset: -8}}},
	}
	for name, parts := range tests {
		t.Run(name, func(t *testing.T) {
			if b := Append(nil, parts); b != nil {
				t.Errorf("got %d bytes, want none", len(b))
			}
		})
	}
}

// TestRefusals changes a valid image: 28 header, 8 .data, 16 .rodata, 16
// .text, 6 for one function. The lengths that lie are papers.md §2.8, 1.
func TestRefusals(t *testing.T) {
	valid := func() []byte {
		return Append(nil, Parts{Data: []byte{1}, Rodata: []byte("xy"), Text: exit, Functions: []Function{{Name: []byte("function"), Offset: 8}}})
	}
	if m, err := Parse(valid()); err != OK || len(m.Rodata()) != 16 {
		t.Fatal("the image the cases change is not valid:", err)
	}
	put32 := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b }
	}
	put16 := func(at int, v uint16) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint16(b[at:], v); return b }
	}
	const table = 28 + 8 + 16 + 16
	tests := []struct {
		name   string
		change func([]byte) []byte
		want   Error
	}{
		{"empty", func(b []byte) []byte { return nil }, ErrShort},
		{"header cut", func(b []byte) []byte { return b[:27] }, ErrShort},
		{"header only, lengths promise more", func(b []byte) []byte { return b[:28] }, ErrLength},
		{"header only, all lengths zero", func(b []byte) []byte { clear(b[12:28]); return b[:28] }, ErrEmpty},
		{"magic of the C constant, byte-swapped", put32(0, 0x72425046), ErrMagic},
		{"ELF", func(b []byte) []byte { copy(b, "\x7fELF"); return b }, ErrMagic},
		{"version 1 without a contract", put32(4, 1), ErrContract},
		{"version 2", put32(4, 2), ErrVersion},
		{"compressed", put32(8, 1), ErrCompressed},
		{"unknown flag", put32(8, 2), ErrFlags},
		{"compressed and unknown flag", put32(8, 3), ErrFlags},
		{".data larger than the image", put32(12, 0x10000), ErrLength},
		{".data of 4 GiB less 8", put32(12, 0xfffffff8), ErrLength},
		{".rodata wraps the text pointer back", put32(16, 0xfffffff0), ErrLength},
		{".data and .rodata sum to 4 GiB", func(b []byte) []byte { put32(12, 0x80000000)(b); return put32(16, 0x80000000)(b) }, ErrLength},
		{".text larger than the image", put32(20, 0x80), ErrLength},
		{".text empty", func(b []byte) []byte { put32(20, 0)(b); return append(b[:28+8+16], b[table:]...) }, ErrEmpty},
		{".data not padded", put32(12, 7), ErrAlign},
		{".rodata not padded", put32(16, 15), ErrAlign},
		{".text in the middle of an instruction", put32(20, 12), ErrAlign},
		{"one function too many", put32(24, 2), ErrLength},
		{"functions missing", put32(24, 0), ErrLength},
		{"functions times 6 wrap to 6", put32(24, 0x2aaaaaac), ErrLength},
		{"byte after the image", func(b []byte) []byte { return append(b, 0) }, ErrLength},
		{"last byte missing", func(b []byte) []byte { return b[:len(b)-1] }, ErrLength},
		{"names not ended", func(b []byte) []byte { b[28+8+15] = 'x'; return b }, ErrTermination},
		{"names without .rodata", func(b []byte) []byte { put32(16, 0)(b); return append(b[:28+8], b[28+8+16:]...) }, ErrTermination},
		{"name just outside .rodata", put16(table, 16), ErrName},
		{"name far outside .rodata", put16(table, 0xffff), ErrName},
		{"function flag", put16(table+2, 1), ErrFlags},
		{"function just outside .text", put16(table+4, 16), ErrLocation},
		{"function far outside .text", put16(table+4, 0xfff8), ErrLocation},
		{"function between instructions", put16(table+4, 4), ErrLocation},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := Parse(test.change(valid()))
			if err != test.want {
				t.Errorf("got %q, want %q", err, test.want)
			}
			if m.Bytes() != nil {
				t.Error("a refused image has bytes")
			}
		})
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	b := tempSens()
	for n := range b {
		if _, err := Parse(b[:n]); err == OK {
			t.Errorf("accepted the first %d of %d bytes", n, len(b))
		}
	}
}

func TestEveryErrorHasWords(t *testing.T) {
	seen := map[string]Error{}
	for e := OK; e <= ErrABI; e++ {
		text := e.Error()
		if other, double := seen[text]; double || text == Error(255).Error() {
			t.Errorf("error %d says %q, as does %d", e, text, other)
		}
		seen[text] = e
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	b := tempSens()
	buffer := make([]byte, 0, len(b))
	parts := Parts{Text: exit, Functions: []Function{{Name: []byte("f")}}}
	var sum int
	if n := testing.AllocsPerRun(100, func() {
		m, _ := Parse(b)
		f, _ := m.Function(0)
		sum += len(m.Text()) + len(m.Data()) + len(m.Rodata()) + len(f.Name)
		sum += len(Append(buffer, parts))
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if sum == 0 {
		t.Error("nothing was parsed")
	}
}

// FuzzParse holds every accepted image to the promises of the accessors and to
// being what Append writes.
func FuzzParse(f *testing.F) {
	f.Add(tempSens())
	f.Add(Append(nil, Parts{Data: []byte{1}, Rodata: []byte("xy"), Text: exit}))
	f.Add(Append(nil, Parts{Rodata: []byte("xy"), Text: exit, Functions: []Function{{Name: []byte("f")}}, Contract: full()}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != OK {
			if m.Bytes() != nil {
				t.Fatal("a refused image has bytes")
			}
			return
		}
		if n := HeaderSize + len(m.Data()) + len(m.Rodata()) + len(m.Text()) + m.Functions()*FunctionSize + len(m.Contract()); n != len(b) {
			t.Fatalf("parts sum to %d of %d bytes", n, len(b))
		}
		if len(m.Text()) == 0 || len(m.Text())%Align != 0 {
			t.Fatalf(".text of %d bytes", len(m.Text()))
		}
		for i := range m.Functions() {
			fn, ok := m.Function(i)
			if !ok || fn.Offset >= len(m.Text()) || bytes.IndexByte(fn.Name, 0) >= 0 {
				t.Fatalf("function %d: %q at %d, %v", i, fn.Name, fn.Offset, ok)
			}
		}
		if m.Functions() == 0 {
			parts := Parts{Data: m.Data(), Rodata: m.Rodata(), Text: m.Text()}
			if m.Contract() != nil {
				parts.Contract = new(Contract)
				if ParseContract(m.Contract(), parts.Contract) != OK {
					return
				}
			}
			again := Append(nil, parts)
			if !bytes.Equal(again, b) {
				t.Fatal("Append does not write what Parse accepted")
			}
		}
	})
}
