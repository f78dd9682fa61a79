package deepcheck

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// interesting numbers are those at which something changes.
func interesting(r *rand.Rand) uint64 {
	switch r.IntN(7) {
	case 0:
		return uint64(r.IntN(20))
	case 1:
		return -uint64(r.IntN(20))
	case 2:
		return 1<<r.IntN(64) + uint64(r.IntN(5)) - 2
	case 3:
		return uint64(math.MaxUint64) << r.IntN(64)
	case 4:
		return uint64(r.Uint32())
	case 5:
		return uint64(int64(int32(r.Uint32())))
	}
	return r.Uint64()
}

// some returns a set and members of it.
func some(r *rand.Rand) (num, []uint64) {
	v := interesting(r)
	n, members := exactly(v), []uint64{v}
	for range r.IntN(4) {
		w := interesting(r)
		if r.IntN(2) == 0 {
			w = v + uint64(r.IntN(40))*(1<<r.IntN(4))
		}
		n, members = n.join(exactly(w)), append(members, w)
	}
	return n.settled(), members
}

var operations = []struct {
	name  string
	set   func(a, b num) num
	value func(a, b uint64) uint64
}{
	{"add", num.add, func(a, b uint64) uint64 { return a + b }},
	{"sub", num.sub, func(a, b uint64) uint64 { return a - b }},
	{"mul", num.mul, func(a, b uint64) uint64 { return a * b }},
	{"and", num.and, func(a, b uint64) uint64 { return a & b }},
	{"or", num.or, func(a, b uint64) uint64 { return a | b }},
	{"xor", num.xor, func(a, b uint64) uint64 { return a ^ b }},
	{"shl", func(a, b num) num { return a.shl(b, 64) }, func(a, b uint64) uint64 { return a << (b & 63) }},
	{"shr", func(a, b num) num { return a.shr(b, 64) }, func(a, b uint64) uint64 { return a >> (b & 63) }},
	{"sar", func(a, b num) num { return a.sar(b, 64) }, func(a, b uint64) uint64 { return uint64(int64(a) >> (b & 63)) }},
	{"sar 32", func(a, b num) num { return a.extend(32).sar(b, 32) }, func(a, b uint64) uint64 { return uint64(int64(int32(a)) >> (b & 31)) }},
	{"div", num.div, func(a, b uint64) uint64 {
		if b == 0 {
			return 0
		}
		return a / b
	}},
	{"mod", num.mod, func(a, b uint64) uint64 {
		if b == 0 {
			return a
		}
		return a % b
	}},
	{"sdiv", num.sdiv, func(a, b uint64) uint64 {
		if b == 0 {
			return 0
		}
		return uint64(int64(a) / int64(b))
	}},
	{"smod", num.smod, func(a, b uint64) uint64 {
		if b == 0 {
			return a
		}
		return uint64(int64(a) % int64(b))
	}},
	{"neg", func(a, _ num) num { return a.neg() }, func(a, _ uint64) uint64 { return -a }},
	{"cut 32", func(a, _ num) num { return a.cut(32) }, func(a, _ uint64) uint64 { return uint64(uint32(a)) }},
	{"cut 8", func(a, _ num) num { return a.cut(8) }, func(a, _ uint64) uint64 { return uint64(uint8(a)) }},
	{"extend 32", func(a, _ num) num { return a.extend(32) }, func(a, _ uint64) uint64 { return uint64(int64(int32(a))) }},
	{"extend 16", func(a, _ num) num { return a.extend(16) }, func(a, _ uint64) uint64 { return uint64(int64(int16(a))) }},
	{"extend 8", func(a, _ num) num { return a.extend(8) }, func(a, _ uint64) uint64 { return uint64(int64(int8(a))) }},
	{"reversed 64", func(a, _ num) num { return a.reversed(64) }, func(a, _ uint64) uint64 { return bits.ReverseBytes64(a) }},
	{"reversed 16", func(a, _ num) num { return a.reversed(16) }, func(a, _ uint64) uint64 { return uint64(bits.ReverseBytes16(uint16(a))) }},
	{"widen", func(a, b num) num { return a.widen(b, []uint64{10, 255, 1 << 32}, []int64{-1, 0, 10, 1 << 20}) }, func(_, b uint64) uint64 { return b }},
}

// TestOperations: what comes of members is a member of what comes of the sets.
func TestOperations(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 9))
	for range 60_000 {
		a, as := some(r)
		b, bs := some(r)
		if r.IntN(3) == 0 {
			v := uint64(r.IntN(66))
			b, bs = exactly(v), []uint64{v}
		}
		for _, op := range operations {
			n := op.set(a, b)
			for _, x := range as {
				for _, y := range bs {
					if got := op.value(x, y); !n.contains(got) {
						t.Fatalf("%s of %#x and %#x is %#x, not in %+v; from %+v and %+v", op.name, x, y, got, n, a, b)
					}
				}
			}
		}
	}
}

func TestMeet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		a, as := some(r)
		b, bs := some(r)
		met, ok := a.meet(b)
		for _, v := range append(as, bs...) {
			if !a.contains(v) || !b.contains(v) {
				continue
			}
			if !ok || !met.contains(v) {
				t.Fatalf("%#x is in %+v and %+v, not in both", v, a, b)
			}
		}
		rest, ok := a.without(bs[0])
		for _, v := range as {
			if v != bs[0] && (!ok || !rest.contains(v)) {
				t.Fatalf("%#x is not in %+v without %#x", v, a, bs[0])
			}
		}
	}
}

// TestTight is what the loops of compilers need of the domain.
func TestTight(t *testing.T) {
	even, _ := between(0, 100).and(exactly(^uint64(1))).without(0)
	for _, test := range []struct {
		name      string
		got, want num
	}{
		{"an even number that is not 0 is 2 at least", even, between(2, 100)},
		{"a pointer that goes down", between(0x100, 0x1ff).add(exactly(math.MaxUint64)), between(0xff, 0x1fe)},
		{"a difference", between(10, 20).sub(between(0, 5)), between(5, 20)},
		{"signs by shifts", between(0, math.MaxUint32).shl(exactly(32), 64).sar(exactly(32), 64), signed(math.MinInt32, math.MaxInt32)},
		{"masked", anything.and(exactly(15)), between(0, 15)},
		{"divided", between(0, 1000).div(exactly(10)), between(0, 100)},
	} {
		if test.got.umin != test.want.umin || test.got.umax != test.want.umax || test.got.smin != test.want.smin || test.got.smax != test.want.smax {
			t.Errorf("%s: %+v, want %+v", test.name, test.got, test.want)
		}
	}
}
