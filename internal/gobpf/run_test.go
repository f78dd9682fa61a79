package gobpf

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/vm"
)

// TestPrograms runs small programs. What they give is known without them.
func TestPrograms(t *testing.T) {
	ctx := []byte{3, 1, 4, 1, 5, 9, 2, 6}
	for _, tt := range []struct {
		name, source string
		want         uint64
		trap         string
	}{
		{"bits", "import \"math/bits\"\n//femto:hook event\nfunc Run(ctx []byte) int { x := uint64(ctx[5]); return bits.OnesCount64(x)*1000 + bits.Len64(x)*100 + bits.TrailingZeros32(uint32(ctx[2]))*10 + int(bits.RotateLeft8(ctx[0], 1)) }", 2*1000 + 4*100 + 2*10 + 6, ""},
		{"mul64", "import \"math/bits\"\n//femto:hook event\nfunc Run(ctx []byte) uint64 { hi, lo := bits.Mul64(1<<63+uint64(ctx[0]), 6); return hi<<8 | lo }", 3<<8 | 18, ""},
		{"generic", "type number interface{ ~int | ~uint8 }\nfunc most[T number](s []T) (m T) { for _, v := range s { m = max(m, v) }; return m }\n//femto:hook event\nfunc Run(ctx []byte) int { return int(most(ctx)) }", 9, ""},
		{"closure", "func each(s []byte, f func(byte)) { for _, b := range s { f(b) } }\n//femto:hook event\nfunc Run(ctx []byte) int { sum := 0; each(ctx, func(b byte) { sum += int(b) }); return sum }", 31, ""},
		{"table", "var squares = [...]uint16{0, 1, 4, 9, 16, 25}\n//femto:hook event\nfunc Run(ctx []byte) uint16 { return squares[ctx[4]] + squares[ctx[0]] }", 34, ""},
		{"out of the table", "var squares = [...]uint16{0, 1, 4, 9, 16, 25}\n//femto:hook event\nfunc Run(ctx []byte) uint16 { return squares[ctx[5]] }", 0, "index out of range"},
		{"slices of structures", "type item struct{ name string; n int32 }\nvar items = []item{{\"ab\", 1}, {n: -7}, {\"cde\", 3}}\n//femto:hook event\nfunc Run(ctx []byte) int { s := 0; for _, i := range items { s += int(i.n) * len(i.name) }; return s }", 11, ""},
		{"variables", "var n = 40\nvar p = &n\n//femto:hook event\nfunc Run(ctx []byte) int { *p += len(ctx); return n }", 48, ""},
		{"string", "//femto:hook event\nfunc Run(ctx []byte) byte { return \"hello\"[ctx[2]] }", 'o', ""},
		{"make and new", "//femto:hook event\nfunc Run(ctx []byte) int { s := make([]int, 4); p := new(int); *p = 5; s[ctx[0]] = *p; return s[3] + s[0] }", 5, ""},
		{"copy", "//femto:hook event\nfunc Run(ctx []byte) int { var a [8]byte; n := copy(a[:], ctx); copy(a[1:], a[:]); return n*1000 + int(a[1])*100 + int(a[7]) }", 8*1000 + 300 + 2, ""},
		{"recursion", "func sum(s []byte) int { if len(s) == 0 { return 0 }; return int(s[0]) + sum(s[1:]) }\n//femto:hook event\nfunc Run(ctx []byte) int { return sum(ctx[:5]) }", 14, ""},
		{"array to array", "//femto:hook event\nfunc Run(ctx []byte) int { a := [4]byte(ctx); b := a; b[0] = 9; if a == b { return 1 }; return int(a[0]) + int(b[0]) }", 12, ""},
		{"labels", "//femto:hook event\nfunc Run(ctx []byte) int { n := 0\nouter:\nfor i := range ctx { for j := range i { if ctx[j] == 4 { break outer }; if ctx[j] == 1 { continue outer }; n++ } }; return n }", 7, ""},
		{"division", "//femto:hook event\nfunc Run(ctx []byte) int { return 100 / (int(ctx[0]) - 3) }", 0, "division by zero"},
		{"shift", "//femto:hook event\nfunc Run(ctx []byte) int { return 1 << (int(ctx[0]) - 4) }", 0, "negative shift amount"},
		{"shift by a negative amount that is known", "//femto:hook event\nfunc Run(ctx []byte) int { n := -3; return len(ctx) << n }", 0, "negative shift amount"},
		{"two words", "import \"math/bits\"\n//femto:hook event\nfunc Run(ctx []byte) uint64 { q, r := bits.Div64(uint64(ctx[0]), 5, uint64(ctx[2])<<32); return q ^ r }", 3<<30 ^ 5, ""},
		{"two words too large", "import \"math/bits\"\n//femto:hook event\nfunc Run(ctx []byte) uint64 { q, r := bits.Div64(uint64(ctx[0]), 5, uint64(ctx[2])>>1); return q ^ r }", 0, "panic"},
		{"a closure in a closure", "//femto:hook event\nfunc Run(ctx []byte) int { n := 0; add := func(k int) { n += k }; twice := func(k int) { add(k); add(k) }; twice(len(ctx)); return n }", 16, ""},
		{"a closure that is returned", "func adder(k int) func(int) int { return func(x int) int { k += x; return k } }\n//femto:hook event\nfunc Run(ctx []byte) int { f := adder(len(ctx)); f(1); return f(2) }", 11, ""},
		{"goto", "//femto:hook event\nfunc Run(ctx []byte) int { n := 0\nagain:\nif n < len(ctx) { n += 3; goto again }\nif n > 8 { goto end }\nn = 0\nend:\nreturn n }", 9, ""},
		{"copy of a text", "//femto:hook event\nfunc Run(ctx []byte) int { var a [12]byte; n := copy(a[:3+ctx[0]], \"greeting\") + copy(a[9:], \"more\") + copy(ctx[:7], \"1234567\"); return n*1000000 + int(a[0])*10000 + int(a[9])*100 + int(ctx[6]) }", (6+3+7)*1000000 + 'g'*10000 + 'm'*100 + '7', ""},
		{"a difference that is needed in two widths", "func later(a, b int16) int16 { if a > b { return a - b }; return b &^ a }\n//femto:hook event\nfunc Run(ctx []byte) int { x := int16(len(ctx)&1) - max(later(1, 32766), 2); return int(x) + int(uint8(x))<<20 }", 2<<20 - 32766, ""},
		{"bounds", "//femto:hook event\nfunc Run(ctx []byte) int { return len(ctx[ctx[5]:]) }", 0, "slice bounds out of range"},
		{"convert", "//femto:hook event\nfunc Run(ctx []byte) int { return int([9]byte(ctx)[0]) }", 0, "slice is shorter than the array"},
		{"panic", "//femto:hook event\nfunc Run(ctx []byte) int { if len(ctx) > 1 { panic(\"long\") }; return 1 }", 0, "panic"},
		{"loop variables", "//femto:hook event\nfunc Run(ctx []byte) int { n := 0; for i := 0; i < 3; i++ { f := func() { n += i*i; i++ }; f() }; return n }", 4, ""},
		{"many registers", "//femto:hook event\nfunc Run(ctx []byte) int { a, b, c, d, e, f, g, h := int(ctx[0]), int(ctx[1]), int(ctx[2]), int(ctx[3]), int(ctx[4]), int(ctx[5]), int(ctx[6]), int(ctx[7])\nm, n, o, p := min(a, b), max(c, d), min(e, f), max(g, h)\nx, y := a < b, c > d\nfor i := range ctx { if int(ctx[i]) == a { m += b }; n += c*d; o ^= e+f; p -= g-h }\nif x { m += 1000 }; if y { n += 2000 }\nreturn a+b*2+c*3+d*4+e*5+f*6+g*7+h*8 + m*9 + n*10 + o*11 + p*12 }", manyRegisters(ctx), ""},
		{"large values", "type big struct { a [40]uint16; n int }\nvar all [2]big\nfunc pick(b big, n int) big { if n > 4 { b.a[n]++; return b }; return all[1] }\n//femto:hook event\nfunc Run(ctx []byte) int { for i := range all[0].a { all[0].a[i] = uint16(i) }; all[1].a[3] = 77; x := pick(all[0], int(ctx[4])); all[0].a[5] = 0; y := pick(x, int(ctx[0])); return int(x.a[5])*10000 + int(x.a[39])*100 + int(y.a[3]) }", 6*10000 + 3900 + 77, ""},
		{"large choice", "//femto:hook event\nfunc Run(ctx []byte) int { var a, b [20]byte; for i := range a { a[i], b[i] = byte(i), byte(2*i) }; c := a; for i := range ctx { if ctx[i] > 4 { c = b } else if ctx[i] == 2 { c = a }; b[19]++ }; return int(c[19]) }", 45, ""},
		{"swap", "//femto:hook event\nfunc Run(ctx []byte) int { a, b, c := 1, 2, 3; for range ctx[:4] { a, b, c = c, a, b }; return a*100 + b*10 + c }", 312, ""},
		{"clear of much", "var buffer [100]byte\n//femto:hook event\nfunc Run(ctx []byte) int { for i := range buffer { buffer[i] = 1 }; clear(buffer[1:99]); var z [100]byte; copy(buffer[:50], z[:]); sum := 0; for _, b := range buffer { sum += int(b) }; return sum }", 1, ""},
		{"narrow numbers", "//femto:hook event\nfunc Run(ctx []byte) int64 { a := int8(ctx[5]) * 29; b := uint8(ctx[5]) * 29; c := int16(a) << 7; d := uint16(b) - 300; e := int32(-1<<31) / int32(int8(ctx[1])-2); f := uint32(a) >> 1; return int64(a) + int64(b)<<8 + int64(c)<<20 + int64(d) + int64(e) + int64(f) }", narrowNumbers(ctx), ""},
		{"shifts", "//femto:hook event\nfunc Run(ctx []byte) uint64 { n := uint(ctx[5]) * 8; x := int64(-5); y := uint32(7); var r uint64; for i := range uint(ctx[0]) { r = r*31 + uint64(x>>(n*i)) + uint64(y<<(n*i/2)) + uint64(int8(y)<<(i+5)) }; return r }", shifts(ctx), ""},
		{"one load extended both ways", "var n = [2]uint8{200, 7}\n//femto:hook event\nfunc Run(ctx []byte) int { x := n[ctx[1]-1]; y := uint8(uint16(x)); if ctx[0] == 3 { return int(int8(x))*1000 + int(y) }; return 0 }", 1<<64 - 55800, ""},
		{"difference that wraps", "//femto:hook event\nfunc Run(ctx []byte) int { x := -int(ctx[5]); if x > x-9223372036854775806 { return 1 }; return 2 }", 2, ""},
		{"product that wraps", "//femto:hook event\nfunc Run(ctx []byte) int { x := 0x55555553 + uint32(ctx[0]); if x*3 > 5 { return 1 }; return 2 }", 2, ""},
		{"stack of 512", "//femto:hook event\nfunc Run(ctx []byte) int { var a [500]byte; copy(a[492:], ctx); return int(a[497]) }", 9, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Compile(context.Background(), module(t, []byte("package p\n\n"+tt.source+"\n")))
			var list diagnose.List
			if errors.As(err, &list) {
				t.Fatal(list[0].Format())
			} else if err != nil {
				t.Fatal(err)
			}
			m := run(t, p.Text, p.Data, p.Rodata, slices.Clone(ctx))
			trap := ""
			if m.Fault() == vm.FaultMemory {
				for _, stop := range p.Traps {
					if stop.Slot == m.PC() {
						trap = stop.Reason
					}
				}
			}
			if trap != tt.trap || (m.Fault() != vm.OK) != (tt.trap != "") || tt.trap == "" && m.Result() != tt.want {
				t.Errorf("fault %v at %d, trap %q, result %d; want %d, trap %q", m.Fault(), m.PC(), trap, m.Result(), tt.want, tt.trap)
			}
		})
	}
}

// TestTypesOfOneName: each function has its own, and the debugger its own layout
// of each.
func TestTypesOfOneName(t *testing.T) {
	p, err := Compile(t.Context(), module(t, []byte(`package p

//femto:hook event
func Run(ctx []byte) uint32 { return one(ctx) + two(ctx) }

//go:noinline
func one(ctx []byte) uint32 {
	type pair struct{ a, b uint8 }
	var list [4]pair
	list[ctx[0]&3].b = 1
	return uint32(list[ctx[1]&3].b)
}

//go:noinline
func two(ctx []byte) uint32 {
	type pair struct{ a, b, c uint32 }
	var list [4]pair
	list[ctx[0]&3].c = 1
	return list[ctx[1]&3].c
}
`)))
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, v := range p.Variables {
		if v.Name == "list" {
			sizes = append(sizes, p.Types[v.Type].Size)
		}
	}
	if !slices.Equal(sizes, []int{8, 48}) {
		t.Errorf("the variables have %d bytes, want 8 and 48", sizes)
	}
}

// TestLinesOfCallers: what is put in place of a call of package femto is at the
// line of that call, so that nobody stops in files that are not the author's.
func TestLinesOfCallers(t *testing.T) {
	p, err := Compile(t.Context(), module(t, []byte(`package p

import "github.com/femto-containers/femto/sdk/go/femto"

//femto:hook event
func Run() uint32 {
	each(func(n uint32) {
		femto.Local.Set(n, n+1)
	})
	return femto.Tenant.Get(3)
}

func each(f func(n uint32)) {
	for n := range uint32(40) {
		f(n)
	}
}
`)))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[int]bool{}
	for i, l := range p.Lines {
		lines[l.Line] = true
		if l.File != "container.go" {
			t.Errorf("slot %d is at %s:%d", l.Slot, l.File, l.Line)
		}
		if i == 0 && l.Slot != 0 {
			t.Errorf("the first line is that of slot %d", l.Slot)
		}
	}
	for _, n := range []int{8, 10, 15} {
		if !lines[n] {
			t.Errorf("nothing is at line %d: %v", n, p.Lines)
		}
	}
}

func manyRegisters(ctx []byte) uint64 {
	a, b, c, d, e, f, g, h := int(ctx[0]), int(ctx[1]), int(ctx[2]), int(ctx[3]), int(ctx[4]), int(ctx[5]), int(ctx[6]), int(ctx[7])
	m, n, o, p := min(a, b), max(c, d), min(e, f), max(g, h)
	x, y := a < b, c > d
	for i := range ctx {
		if int(ctx[i]) == a {
			m += b
		}
		n += c * d
		o ^= e + f
		p -= g - h
	}
	if x {
		m += 1000
	}
	if y {
		n += 2000
	}
	return uint64(a + b*2 + c*3 + d*4 + e*5 + f*6 + g*7 + h*8 + m*9 + n*10 + o*11 + p*12)
}

func narrowNumbers(ctx []byte) uint64 {
	a := int8(ctx[5]) * 29
	b := ctx[5] * 29
	c := int16(a) << 7
	d := uint16(b) - 300
	e := int32(-1<<31) / int32(int8(ctx[1])-2)
	f := uint32(a) >> 1
	return uint64(int64(a) + int64(b)<<8 + int64(c)<<20 + int64(d) + int64(e) + int64(f))
}

func shifts(ctx []byte) uint64 {
	n := uint(ctx[5]) * 8
	x := int64(-5)
	y := uint32(7)
	var r uint64
	for i := range uint(ctx[0]) {
		r = r*31 + uint64(x>>(n*i)) + uint64(y<<(n*i/2)) + uint64(int8(y)<<(i+5))
	}
	return r
}
