package p256

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	mathrand "math/rand/v2"
	"testing"
)

func private(t testing.TB, r *mathrand.ChaCha8) *ecdsa.PrivateKey {
	t.Helper()
	for {
		var raw [32]byte
		r.Read(raw[:])
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw[:]); err == nil {
			return key
		}
	}
}

func compressed(key *ecdsa.PublicKey) (public [PublicKeySize]byte) {
	copy(public[:], elliptic.MarshalCompressed(elliptic.P256(), key.X, key.Y))
	return public
}

func sign(t testing.TB, key *ecdsa.PrivateKey, message []byte) (signature [SignatureSize]byte) {
	t.Helper()
	digest := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature
}

// reference is what the standard library says.
func reference(public [PublicKeySize]byte, message []byte, signature []byte) bool {
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), public[:])
	if x == nil || len(signature) != SignatureSize {
		return false
	}
	digest := sha256.Sum256(message)
	return ecdsa.Verify(&ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}, digest[:],
		new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

// TestAgainstStandardLibrary also breaks one bit at a time of key, message and
// signature.
func TestAgainstStandardLibrary(t *testing.T) {
	r := mathrand.NewChaCha8([32]byte{1})
	n := mathrand.New(r)
	good := 0
	for range 80 {
		key := private(t, r)
		public := compressed(&key.PublicKey)
		message := make([]byte, 1+n.IntN(200))
		r.Read(message)
		signature := sign(t, key, message)
		switch n.IntN(5) {
		case 1:
			public[n.IntN(len(public))] ^= 1 << n.IntN(8)
		case 2:
			message[n.IntN(len(message))] ^= 1 << n.IntN(8)
		case 3:
			signature[n.IntN(len(signature))] ^= 1 << n.IntN(8)
		}
		cut := n.IntN(len(message) + 1)
		want := reference(public, message, signature[:])
		if got := Verify(&public, message[:cut], message[cut:], signature[:]); got != want {
			t.Errorf("%v, want %v: key %x, message %x, signature %x", got, want, public, message, signature)
		}
		if want {
			good++
		}
	}
	if good < 10 || good > 70 {
		t.Errorf("%d of 80 signatures are good", good)
	}
}

// The example of RFC 6979 §A.2.5: P-256 with SHA-256, message "sample".
func TestRFC6979(t *testing.T) {
	public := unhex[[PublicKeySize]byte](t, "03"+"60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6")
	signature := unhex[[SignatureSize]byte](t, "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"+
		"f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")
	if !Verify(&public, []byte("sam"), []byte("ple"), signature[:]) {
		t.Error("refused")
	}
	public[0] = 2 // the other y
	if Verify(&public, []byte("sam"), []byte("ple"), signature[:]) {
		t.Error("accepted with the other y")
	}
}

func unhex[T [PublicKeySize]byte | [SignatureSize]byte](t *testing.T, s string) T {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return T(b)
}

// What is at an edge: parts of a signature around 0, the order and the prime,
// keys that are no points.
func TestEdges(t *testing.T) {
	curve := elliptic.P256().Params()
	key := private(t, mathrand.NewChaCha8([32]byte{2}))
	public := compressed(&key.PublicKey)
	message := []byte("message")
	good := sign(t, key, message)
	around := []*big.Int{big.NewInt(0), big.NewInt(1), new(big.Int).Sub(curve.N, big.NewInt(1)), curve.N,
		new(big.Int).Add(curve.N, big.NewInt(1)), curve.P, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))}
	check := func(name string, public [PublicKeySize]byte, signature []byte) {
		t.Helper()
		want := reference(public, message, signature)
		if got := Verify(&public, message, nil, signature); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	check("good", public, good[:])
	for _, v := range around {
		for _, half := range []int{0, 32} {
			signature := good
			v.FillBytes(signature[half : half+32])
			check("part "+v.Text(16), public, signature[:])
		}
		for tag := range byte(6) {
			var other [PublicKeySize]byte
			other[0] = tag
			v.FillBytes(other[1:])
			check("key "+hex.EncodeToString(other[:]), other, good[:])
		}
	}
	// Of a signature (r, s) the one with the negative s is as good.
	negative := good
	new(big.Int).Sub(curve.N, new(big.Int).SetBytes(good[32:])).FillBytes(negative[32:])
	check("negative s", public, negative[:])
	if !Verify(&public, message, nil, negative[:]) {
		t.Error("negative s: refused")
	}
	for _, n := range []int{0, 63} {
		check("cut", public, good[:n])
	}
	check("longer", public, append(good[:], 0))
}

// A sum whose x is not below the order, where r is x minus the order: one that
// no signer would come upon. Any r and s belong to some key: R is the point
// with that x, and the key is (s·R - hash·G)/r.
func TestLargeX(t *testing.T) {
	curve := elliptic.P256()
	p := curve.Params()
	message := []byte("message")
	digest := sha256.Sum256(message)
	hash := new(big.Int).SetBytes(digest[:])
	found := 0
	for x := new(big.Int).Add(p.N, big.NewInt(1)); found < 3; x.Add(x, big.NewInt(1)) {
		var raw [PublicKeySize]byte
		raw[0] = 2
		x.FillBytes(raw[1:])
		rx, ry := elliptic.UnmarshalCompressed(curve, raw[:])
		if rx == nil {
			continue
		}
		found++
		r, s := new(big.Int).Sub(x, p.N), big.NewInt(7)
		ax, ay := curve.ScalarMult(rx, ry, s.Bytes())
		bx, by := curve.ScalarBaseMult(new(big.Int).Mod(new(big.Int).Neg(hash), p.N).Bytes())
		sx, sy := curve.Add(ax, ay, bx, by)
		qx, qy := curve.ScalarMult(sx, sy, new(big.Int).ModInverse(r, p.N).Bytes())
		public := compressed(&ecdsa.PublicKey{Curve: curve, X: qx, Y: qy})
		var signature [SignatureSize]byte
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		if !reference(public, message, signature[:]) {
			t.Fatal("the standard library refuses what was to be good")
		}
		if !Verify(&public, message, nil, signature[:]) {
			t.Errorf("x = order + %v: refused", r)
		}
	}
}

// Sums that are no point, and those of a point with itself or its negative.
func TestAddition(t *testing.T) {
	order := elliptic.P256().Params().N
	for name, secret := range map[string]*big.Int{"the key is the base point": big.NewInt(1), "its negative": new(big.Int).Sub(order, big.NewInt(1)),
		"twice it": big.NewInt(2)} {
		var raw [32]byte
		secret.FillBytes(raw[:])
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw[:])
		if err != nil {
			t.Fatal(err)
		}
		public := compressed(&key.PublicKey)
		for i := range byte(8) {
			message := []byte{i}
			signature := sign(t, key, message)
			if !Verify(&public, message, nil, signature[:]) {
				t.Errorf("%s: refused", name)
			}
		}
		// hash + r·secret = 0 modulo the order: the sum is no point.
		digest := sha256.Sum256([]byte("message"))
		r := new(big.Int).Mul(new(big.Int).SetBytes(digest[:]), new(big.Int).ModInverse(secret, order))
		r.Neg(r).Mod(r, order)
		var signature [SignatureSize]byte
		r.FillBytes(signature[:32])
		signature[63] = 1
		if Verify(&public, []byte("message"), nil, signature[:]) {
			t.Errorf("%s: accepted where the sum is no point", name)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	key := private(t, mathrand.NewChaCha8([32]byte{3}))
	public := compressed(&key.PublicKey)
	signature := sign(t, key, []byte("message"))
	if n := testing.AllocsPerRun(5, func() { Verify(&public, []byte("message"), nil, signature[:]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzVerify(f *testing.F) {
	key := private(f, mathrand.NewChaCha8([32]byte{4}))
	public := compressed(&key.PublicKey)
	signature := sign(f, key, []byte("message"))
	f.Add(public[:], []byte("message"), signature[:])
	f.Fuzz(func(t *testing.T, public, message, signature []byte) {
		var key [PublicKeySize]byte
		copy(key[:], public)
		if got, want := Verify(&key, message, nil, signature), reference(key, message, signature); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	key := private(b, mathrand.NewChaCha8([32]byte{5}))
	public := compressed(&key.PublicKey)
	signature := sign(b, key, []byte("message"))
	for b.Loop() {
		Verify(&public, []byte("message"), nil, signature[:])
	}
}
