package cbor

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Examples of RFC 8949 appendix A, and what the subset leaves out.
func TestValid(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     Error
	}{
		{"0", "00", 0},
		{"23", "17", 0},
		{"24", "1818", 0},
		{"2^64-1", "1bffffffffffffffff", 0},
		{"-1", "20", 0},
		{"-2^64", "3bffffffffffffffff", 0},
		{"false", "f4", 0},
		{"true", "f5", 0},
		{"null", "f6", 0},
		{"undefined", "f7", ErrSyntax},
		{"simple 16", "f0", ErrSyntax},
		{"simple 255", "f8ff", ErrSyntax},
		{"half float", "f90000", ErrSyntax},
		{"double", "fb3ff199999999999a", ErrSyntax},
		{"break alone", "ff", ErrIndefinite},
		{"reserved 28", "1c", ErrSyntax},
		{"empty bytes", "40", 0},
		{"four bytes", "4401020304", 0},
		{"text", "6449455446", 0},
		{"text of two-byte character", "62c3bc", 0},
		{"array", "83010203", 0},
		{"map", "a201020304", 0},
		{"tag", "c11a514b67b0", 0},
		{"nested", "826161a161626163", 0},

		{"empty", "", ErrTruncated},
		{"head cut", "19ff", ErrTruncated},
		{"bytes cut", "43ffff", ErrTruncated},
		{"array cut", "820a", ErrTruncated},
		{"map without value", "a101", ErrTruncated},
		{"tag of nothing", "c1", ErrTruncated},
		{"length of 2^64-1", "5bffffffffffffffff", ErrTruncated},
		{"length of 2^63", "5b8000000000000000", ErrTruncated},
		{"array of 2^64-1", "9bffffffffffffffff00", ErrTruncated},
		{"map of 2^63", "bb80000000000000000000", ErrTruncated},
		{"1 in two bytes", "1801", ErrShortest},
		{"23 in two bytes", "1817", ErrShortest},
		{"255 in three bytes", "1900ff", ErrShortest},
		{"65535 in five bytes", "1a0000ffff", ErrShortest},
		{"2^32-1 in nine bytes", "1b00000000ffffffff", ErrShortest},
		{"long length", "580161", ErrShortest},
		{"indefinite bytes", "5f4101ff", ErrIndefinite},
		{"indefinite array", "9f01ff", ErrIndefinite},
		{"indefinite map", "bf0102ff", ErrIndefinite},
		{"trailing", "0000", ErrTrailing},
		{"duplicate key", "a201020103", ErrDuplicate},
		{"duplicate text key", "a2616101616102", ErrDuplicate},
		{"key out of order", "a203040102", ErrOrder},
		{"negative before positive", "a220010102", ErrOrder},
		{"array as key", "a1800102", ErrKey},
		{"tag as key", "a1c10102", ErrKey},
		{"true as key", "a1f501", ErrKey},
		{"bytes as key", "a1410101", 0},
		{"text not utf-8", "61ff", ErrText},
		{"text with overlong form", "62c080", ErrText},
		{"text with surrogate", "63eda080", ErrText},
		{"text above the last character", "64f4908080", ErrText},
		{"text with cut character", "62e282", ErrText},
		{"eight deep", "818181818181818100", 0},
		{"nine deep", "81818181818181818100", ErrDepth},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Valid(unhex(t, tc.in), MaxDepth); got != tc.want {
				t.Errorf("Valid(%s) = %v, want %v", tc.in, got, tc.want)
			}
		})
	}
}

func TestDepthLimit(t *testing.T) {
	in := unhex(t, "81820001")
	if got := Valid(in, 2); got != 0 {
		t.Errorf("two deep with a limit of 2: %v", got)
	}
	if got := Valid(in, 1); got != ErrDepth {
		t.Errorf("two deep with a limit of 1: %v", got)
	}
}

func TestPull(t *testing.T) {
	in := unhex(t, "d86b8a"+"01"+"3818"+"426869"+"626f6b"+"f5"+"f6"+"a10102"+"820304"+"1a80000000"+"1b8000000000000000")
	d := New(in)
	if tag := d.Tag(); tag != 107 {
		t.Errorf("tag %d", tag)
	}
	if n := d.Array(); n != 10 {
		t.Errorf("array of %d", n)
	}
	if v := d.Uint(); v != 1 {
		t.Errorf("uint %d", v)
	}
	if v := d.Int(); v != -25 {
		t.Errorf("int %d", v)
	}
	if v := d.Bytes(); string(v) != "hi" {
		t.Errorf("bytes %q", v)
	}
	if v := d.Text(); string(v) != "ok" {
		t.Errorf("text %q", v)
	}
	if !d.Bool() {
		t.Error("bool is false")
	}
	if !d.Null() {
		t.Error("null is not seen")
	}
	if d.Null() {
		t.Error("null twice")
	}
	if n := d.Map(); n != 1 || d.Int() != 1 || d.Int() != 2 {
		t.Error("map")
	}
	if raw := d.Raw(1); !bytes.Equal(raw, []byte{0x82, 3, 4}) {
		t.Errorf("raw %x", raw)
	}
	if v := d.Int(); v != 0 || d.Err() != ErrRange {
		t.Errorf("int %d, %v: want out of range", v, d.Err())
	}
	if v := d.Uint(); v != 0 {
		t.Errorf("a value after an error: %d", v)
	}
	if d.End() != ErrRange {
		t.Errorf("the first error does not stick: %v", d.End())
	}
}

func TestWrongType(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   string
		read func(*Decoder)
	}{
		{"uint", "20", func(d *Decoder) { d.Uint() }},
		{"int", "40", func(d *Decoder) { d.Int() }},
		{"bytes", "60", func(d *Decoder) { d.Bytes() }},
		{"text", "40", func(d *Decoder) { d.Text() }},
		{"array", "a0", func(d *Decoder) { d.Array() }},
		{"map", "80", func(d *Decoder) { d.Map() }},
		{"tag", "00", func(d *Decoder) { d.Tag() }},
		{"bool", "f6", func(d *Decoder) { d.Bool() }},
		{"not null", "f4", func(d *Decoder) {
			if !d.Null() {
				d.Bytes()
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := New(unhex(t, tc.in))
			tc.read(&d)
			if d.Err() != ErrType {
				t.Errorf("error %v, want %v", d.Err(), ErrType)
			}
		})
	}
}

func TestEncoder(t *testing.T) {
	var buffer [64]byte
	e := NewEncoder(buffer[:])
	e.Tag(107)
	e.Array(9)
	e.Uint(23)
	e.Uint(24)
	e.Uint(1 << 16)
	e.Uint(1 << 32)
	e.Int(-500)
	e.ByteString([]byte{1})
	e.Text("ü")
	e.Map(1)
	e.Int(1)
	e.Nil()
	e.Bool(true)
	want := unhex(t, "d86b89"+"17"+"1818"+"1a00010000"+"1b0000000100000000"+"3901f3"+"4101"+"62c3bc"+"a101f6"+"f5")
	if e.Overflow() || !bytes.Equal(e.Bytes(), want) {
		t.Errorf("got %x, want %x", e.Bytes(), want)
	}
	if err := Valid(e.Bytes(), MaxDepth); err != 0 {
		t.Errorf("not valid: %v", err)
	}
}

// TestEncoderOverflow gives the encoder every size up to one that fits.
func TestEncoderOverflow(t *testing.T) {
	write := func(e *Encoder) {
		e.Array(3)
		e.Uint(1000)
		e.ByteString(make([]byte, 30))
		e.Text("text")
	}
	for size := 0; size <= 41; size++ {
		buffer := make([]byte, size, 64)
		e := NewEncoder(buffer)
		write(&e)
		if fits := size == 41; e.Overflow() == fits {
			t.Errorf("%d bytes: overflow %v", size, e.Overflow())
		}
		if rest := buffer[size:cap(buffer)]; !bytes.Equal(rest, make([]byte, len(rest))) {
			t.Errorf("%d bytes: wrote beyond the buffer", size)
		}
	}
}

func TestAllocations(t *testing.T) {
	in := unhex(t, "a2018201a16161420102026568656c6c6f")
	var buffer [32]byte
	if n := testing.AllocsPerRun(100, func() {
		if Valid(in, MaxDepth) != 0 {
			t.Fatal("not valid")
		}
		e := NewEncoder(buffer[:])
		e.Map(1)
		e.Uint(1)
		e.Text("hello")
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
