// Package ed25519 verifies Ed25519 signatures (RFC 8032 §5.1.7). It only ever
// handles public values, so nothing in it needs to take constant time, and it
// is small before it is fast: all of it is a tenth of a general library's code
// on a 32-bit processor, and it allocates nothing.
package ed25519

import "github.com/femto-containers/femto/internal/sha2"

const (
	PublicKeySize = 32
	SignatureSize = 64
)

// Verify reports whether signature is public's over the two parts of a message,
// one after the other. It accepts exactly what crypto/ed25519 accepts: S must
// be reduced, and R is compared as encoded. It keeps nothing and allocates
// nothing; it uses about 1.5 KB of stack.
func Verify(public *[PublicKeySize]byte, head, tail, signature []byte) bool {
	if len(signature) != SignatureSize {
		return false
	}
	var s, k fe
	s.load((*[32]byte)(signature[32:]))
	if !s.below(&order) {
		return false
	}
	var digest [sha2.Size512]byte
	var hash sha2.SHA512
	hash.Reset()
	hash.Write(signature[:32])
	hash.Write(public[:])
	hash.Write(head)
	hash.Write(tail)
	hash.Sum(&digest)
	k.reduceScalar(&digest)

	var a, r point
	if !a.decode(public) {
		return false
	}
	a.negate()
	r.multiply(&k, &a, &s)
	var got [32]byte
	r.encode(&got)
	return got == [32]byte(signature)
}
