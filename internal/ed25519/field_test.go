package ed25519

import (
	"encoding/binary"
	"math/big"
	"math/rand"
	"testing"
)

var prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))

func (r *fe) big() *big.Int {
	n := new(big.Int)
	for i := 7; i >= 0; i-- {
		n.Or(n.Lsh(n, 32), big.NewInt(int64(r[i])))
	}
	return n
}

func (r *fe) class() *big.Int { return new(big.Int).Mod(r.big(), prime) }

// edges are the numbers at which carries, borrows and reductions begin.
var edges = []fe{
	{}, one, {19}, {37}, {38}, {39},
	{0xffffffda, ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)}, // 2^256-38
	{0xffffffdb, ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)},
	{^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)},
	{0xffffffec, ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), 0x7fffffff}, // prime-1
	{0xffffffed, ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), 0x7fffffff}, // prime
	{0xffffffee, ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), 0x7fffffff},
	{^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), 0x7fffffff}, // 2^255-1
	two255, {18, 7: 1 << 31}, {19, 7: 1 << 31}, {7: ^uint32(0)}, {^uint32(0)},
}

// TestFieldAgainstBig compares the field with arithmetic on big numbers, at its
// edges and at random.
func TestFieldAgainstBig(t *testing.T) {
	numbers := edges
	r := rand.New(rand.NewSource(1))
	for range 60 {
		var n fe
		for i := range n {
			n[i] = r.Uint32() | -(r.Uint32() & 1) // every other word is all ones
		}
		numbers = append(numbers, n)
	}
	check := func(name string, got *fe, want *big.Int, operands ...fe) {
		t.Helper()
		if got.class().Cmp(new(big.Int).Mod(want, prime)) != 0 {
			t.Fatalf("%s of %x gave %x", name, operands, *got)
		}
	}
	for _, a := range numbers {
		n := a
		n.normal()
		if n.big().Cmp(a.class()) != 0 {
			t.Fatalf("normal of %x gave %x", a, n)
		}
		var got fe
		got.invert(&a)
		check("invert", &got, new(big.Int).Exp(a.big(), new(big.Int).Sub(prime, big.NewInt(2)), prime), a)
		for _, b := range numbers {
			got.add(&a, &b)
			check("add", &got, new(big.Int).Add(a.big(), b.big()), a, b)
			got.subtract(&a, &b)
			check("subtract", &got, new(big.Int).Sub(a.big(), b.big()), a, b)
			got.multiply(&a, &b)
			check("multiply", &got, new(big.Int).Mul(a.big(), b.big()), a, b)
			got = a
			got.multiply(&got, &got)
			check("multiply onto itself", &got, new(big.Int).Mul(a.big(), a.big()), a)
			if a.equal(&b) != (a.class().Cmp(b.class()) == 0) {
				t.Fatalf("equal of %x and %x", a, b)
			}
			if a.below(&b) != (a.big().Cmp(b.big()) < 0) {
				t.Fatalf("below of %x and %x", a, b)
			}
		}
	}
}

func TestReduceScalar(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for round := range 200 {
		var b [64]byte
		if round > 0 {
			r.Read(b[:])
		}
		for i := range b {
			if r.Intn(4) == 0 {
				b[i] = 0xff
			}
		}
		reversed := make([]byte, 64)
		for i := range b {
			reversed[63-i] = b[i]
		}
		want := new(big.Int).Mod(new(big.Int).SetBytes(reversed), order.big())
		var got fe
		got.reduceScalar(&b)
		if got.big().Cmp(want) != 0 {
			t.Fatalf("%x gave %x, want %x", b, got.big(), want)
		}
	}
}

// TestConstants derives what is written down.
func TestConstants(t *testing.T) {
	inverse := func(n int64) *big.Int { return new(big.Int).ModInverse(big.NewInt(n), prime) }
	wantD := new(big.Int).Mul(big.NewInt(-121665), inverse(121666))
	if d.big().Cmp(wantD.Mod(wantD, prime)) != 0 {
		t.Error("d")
	}
	if d2.big().Cmp(new(big.Int).Mod(new(big.Int).Lsh(wantD, 1), prime)) != 0 {
		t.Error("2d")
	}
	root := new(big.Int).Mul(rootM1.big(), rootM1.big())
	if root.Add(root, big.NewInt(1)).Mod(root, prime).Sign() != 0 {
		t.Error("root of -1")
	}
	var encoded [32]byte // RFC 8032 §5.1: y = 4/5, x positive
	wantY := new(big.Int).Mul(big.NewInt(4), inverse(5))
	wantY.Mod(wantY, prime)
	if generator.y.big().Cmp(wantY) != 0 {
		t.Error("y of the generator")
	}
	for i, word := range generator.y {
		binary.LittleEndian.PutUint32(encoded[4*i:], word)
	}
	var p point
	if !p.decode(&encoded) || !p.x.equal(&generator.x) {
		t.Error("x of the generator")
	}
	p.t.normal()
	if p.t != generator.t {
		t.Error("t of the generator")
	}
	var zero fe
	spent := generator
	p.multiply(&zero, &spent, &order)
	p.x.normal()
	if p.x != zero || !p.y.equal(&p.z) {
		t.Error("order of the generator")
	}
}
