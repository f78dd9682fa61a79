// Package p256 verifies ECDSA signatures on the curve P-256 with SHA-256
// (FIPS 186-5 §6.4.2, SEC 1 §4.1.4; ESP256 of RFC 9864). It only ever handles
// public values, so nothing in it needs to take constant time, and it is small
// before it is fast; it allocates nothing.
package p256

import "github.com/femto-containers/femto/internal/sha2"

const (
	// PublicKeySize is that of a compressed point (SEC 1 §2.3.3): 2 or 3 for
	// an even or odd y, and x, big-endian.
	PublicKeySize = 33
	SignatureSize = 64 // r and s, big-endian (RFC 9053 §2.1)
)

// Verify reports whether signature is public's over the two parts of a message,
// one after the other. It accepts exactly what crypto/ecdsa accepts. It keeps
// nothing and allocates nothing; it uses about 1.5 KB of stack.
func Verify(public *[PublicKeySize]byte, head, tail, signature []byte) bool {
	if len(signature) != SignatureSize {
		return false
	}
	var r, s, hash number
	r.load((*[32]byte)(signature))
	s.load((*[32]byte)(signature[32:]))
	if r.zero() || s.zero() || !r.below(&order) || !s.below(&order) {
		return false
	}
	var digest [sha2.Size256]byte
	var sum sha2.SHA256
	sum.Reset()
	sum.Write(head)
	sum.Write(tail)
	sum.Sum(&digest)
	hash.load(&digest)

	var low, high bank
	var key, total point
	if !decode(&low, &high, &key, public) {
		return false
	}

	// u is hash/s, v is r/s modulo the order. Of the two factors of each
	// product one is in Montgomery form, so the product is not.
	var inverse, u, v number
	order.enter(&inverse, &s)
	order.power(&inverse, &inverse, &orderMinus2)
	order.multiply(&u, &inverse, &hash)
	order.multiply(&v, &inverse, &r)
	combine(&low, &high, &total, &key, &u, &v)

	// The signature is good if the sum's x is r modulo the order: r itself, or
	// r + order where that is below the prime. x is X/Z.
	x, z := &total[0], &total[2]
	if z.zero() {
		return false
	}
	for {
		var want number
		prime.enter(&want, &r)
		prime.multiply(&want, &want, z)
		if want == *x {
			return true
		}
		if r.add(&order.m) != 0 || !r.below(&prime) {
			return false
		}
	}
}
