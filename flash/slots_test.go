package flash_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/powercut"
)

func TestMemoryIsNOR(t *testing.T) {
	m := newMemory(t, 2, 16, 4)
	word := []byte{1, 2, 3, 4}
	if err := m.Program(4, word); err != flash.OK {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		do   func() flash.Error
		want flash.Error
	}{
		{"program again", func() flash.Error { return m.Program(4, word) }, flash.ErrProgrammed},
		{"program fewer bits again", func() flash.Error { return m.Program(4, make([]byte, 4)) }, flash.ErrProgrammed},
		{"program over the end of a programmed granule", func() flash.Error { return m.Program(0, make([]byte, 8)) }, flash.ErrProgrammed},
		{"program half a granule", func() flash.Error { return m.Program(8, word[:2]) }, flash.ErrRange},
		{"program between granules", func() flash.Error { return m.Program(10, word) }, flash.ErrRange},
		{"program behind the end", func() flash.Error { return m.Program(32, word) }, flash.ErrRange},
		{"program before the beginning", func() flash.Error { return m.Program(-4, word) }, flash.ErrRange},
		{"erase inside a block", func() flash.Error { return m.Erase(4) }, flash.ErrRange},
		{"erase behind the end", func() flash.Error { return m.Erase(32) }, flash.ErrRange},
		{"read over the end", func() flash.Error { return m.Read(30, make([]byte, 4)) }, flash.ErrRange},
		{"program with ones", func() flash.Error { return m.Program(8, []byte{0xff, 0xff, 0xff, 0xff}) }, flash.OK},
		{"program after ones", func() flash.Error { return m.Program(8, word) }, flash.ErrProgrammed},
		{"erase", func() flash.Error { return m.Erase(0) }, flash.OK},
		{"program after erase", func() flash.Error { return m.Program(4, word) }, flash.OK},
		{"program the other block", func() flash.Error { return m.Program(28, word) }, flash.OK},
	}
	for _, test := range tests {
		if err := test.do(); err != test.want {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	want := append(bytes.Repeat([]byte{0xff}, 4), word...)
	if got := make([]byte, 8); m.Read(0, got) != flash.OK || !bytes.Equal(got, want) {
		t.Errorf("read % x, want % x", got, want)
	}
	if m.Mapped(30, 4) != nil || len(m.Mapped(28, 4)) != 4 {
		t.Error("Mapped does not keep to the device")
	}
	var other flash.Memory
	for _, shape := range [][2]int{{16, 0}, {16, 3}, {4, 16}, {24, 4}} {
		if err := other.Init(make([]byte, 32), shape[0], shape[1], nil); err != flash.ErrRange {
			t.Errorf("blocks of %d, granules of %d: %v", shape[0], shape[1], err)
		}
	}
}

func TestSlotsTakePiecesOfAnyLength(t *testing.T) {
	content := make([]byte, 300)
	for i := range content {
		content[i] = byte(i * 7)
	}
	for _, write := range []int{1, 4, 8, 32} {
		for _, piece := range []int{1, 3, 16, 64, 100, 300} {
			t.Run(fmt.Sprintf("granule %d piece %d", write, piece), func(t *testing.T) {
				m := newMemory(t, 8, 128, write)
				var s flash.Slots
				if err := s.Init(m, 128, 384, 2); err != flash.OK {
					t.Fatal(err)
				}
				var w flash.Writer
				for round := range 3 {
					if err := w.Begin(&s, 1); err != flash.OK {
						t.Fatal(err)
					}
					for rest := content[round:]; len(rest) > 0; {
						n := min(piece, len(rest))
						if err := w.Write(rest[:n]); err != flash.OK {
							t.Fatal(err)
						}
						rest = rest[n:]
					}
					if w.Written() != len(content)-round {
						t.Errorf("written %d", w.Written())
					}
					if err := w.Finish(); err != flash.OK {
						t.Fatal(err)
					}
					if !bytes.Equal(s.Bytes(1, len(content)-round), content[round:]) {
						t.Error("the slot holds something else")
					}
				}
				for at, b := range m.Data() {
					if b != 0xff && (at < 512 || at >= 896) {
						t.Fatalf("wrote outside the slot, at %d", at)
					}
				}
				if err := w.Write(content[:1]); err != flash.ErrRange {
					t.Errorf("write after finish: %v", err)
				}
				if err := s.Erase(1); err != flash.OK || !bytes.Equal(s.Bytes(1, 384), bytes.Repeat([]byte{0xff}, 384)) {
					t.Error("the slot is not erased", err)
				}
			})
		}
	}
}

func TestSlotLimits(t *testing.T) {
	m := newMemory(t, 8, 128, 4)
	var s flash.Slots
	for _, l := range []struct {
		name             string
		off, size, count int
		want             flash.Error
	}{
		{"whole device", 0, 256, 4, flash.OK},
		{"no slot", 0, 256, 0, flash.OK},
		{"one too many", 0, 256, 5, flash.ErrRange},
		{"behind the end", 128, 256, 4, flash.ErrRange},
		{"between blocks", 64, 256, 1, flash.ErrRange},
		{"half a block", 0, 64, 1, flash.ErrRange},
		{"negative count", 0, 128, -1, flash.ErrRange},
		{"product wraps", 0, 128, math.MaxInt/128 + 2, flash.ErrRange},
	} {
		if err := s.Init(m, l.off, l.size, l.count); err != l.want {
			t.Errorf("%s: %v, want %v", l.name, err, l.want)
		}
	}
	if err := s.Init(m, 256, 256, 2); err != flash.OK {
		t.Fatal(err)
	}
	for _, i := range []int{-1, 2} {
		if s.Bytes(i, 1) != nil || s.Erase(i) != flash.ErrRange || new(flash.Writer).Begin(&s, i) != flash.ErrRange {
			t.Errorf("slot %d exists", i)
		}
	}
	if s.Bytes(0, 257) != nil || s.Bytes(0, -1) != nil {
		t.Error("more bytes than the slot has")
	}
	var w flash.Writer
	if err := w.Write(nil); err != flash.ErrRange {
		t.Errorf("write before begin: %v", err)
	}
	w.Begin(&s, 0)
	if err := w.Write(make([]byte, 250)); err != flash.OK {
		t.Fatal(err)
	}
	if err := w.Write(make([]byte, 7)); err != flash.ErrRange {
		t.Errorf("write over the end: %v", err)
	}
	if err := w.Write(make([]byte, 6)); err != flash.OK {
		t.Errorf("write to the end: %v", err)
	}
}

// TestTornSlotIsWrittenAnew cuts the power in every operation of filling a
// slot; the next time must not meet what the first one left.
func TestTornSlotIsWrittenAnew(t *testing.T) {
	content := bytes.Repeat([]byte("image"), 60)
	for _, tear := range powercut.Tears {
		for n := 0; ; n++ {
			m := newMemory(t, 8, 128, 4)
			var s flash.Slots
			s.Init(m, 0, 384, 2)
			var w flash.Writer
			happened := powercut.At(m, n, tear)
			w.Begin(&s, 0)
			for i := 0; i < len(content) && w.Write(content[i:i+50]) == flash.OK; i += 50 {
			}
			w.Finish()
			powercut.On(m)
			w.Begin(&s, 0)
			if err := w.Write(content); err != flash.OK {
				t.Fatalf("%v, operation %d: %v", tear, n, err)
			}
			if err := w.Finish(); err != flash.OK || !bytes.Equal(s.Bytes(0, len(content)), content) {
				t.Fatalf("%v, operation %d: slot differs (%v)", tear, n, err)
			}
			if !happened() {
				break
			}
		}
	}
}

func TestSlotsDoNotAllocate(t *testing.T) {
	m := newMemory(t, 8, 128, 4)
	var s flash.Slots
	var w flash.Writer
	p := make([]byte, 99)
	if n := testing.AllocsPerRun(50, func() {
		s.Init(m, 0, 384, 2)
		w.Begin(&s, 0)
		w.Write(p)
		w.Write(p)
		w.Finish()
		if s.Bytes(0, 198) == nil {
			t.Fatal("no bytes")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
