// Package ed25519 verifies Ed25519 signatures (RFC 8032 §5.1.7) with the curve
// of filippo.io/edwards25519 and our own SHA-512.
package ed25519

import (
	"filippo.io/edwards25519"

	"github.com/femto-containers/femto/internal/sha2"
)

const (
	PublicKeySize = 32
	SignatureSize = 64
)

// Verify reports whether signature is public's over the two parts of a message,
// one after the other. It accepts exactly what crypto/ed25519 accepts: S must
// be reduced, and R is compared as encoded. It keeps nothing.
//
// It is the one function of the device rooms that allocates, because the curve
// does: 3 KB under Go, 74 KB under TinyGo, whose escape analysis is simpler
// (measured on a Cortex-M3). Verify one signature at a time.
func Verify(public *[PublicKeySize]byte, head, tail, signature []byte) bool {
	if len(signature) != SignatureSize {
		return false
	}
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(signature[32:])
	if err != nil {
		return false
	}
	a, err := new(edwards25519.Point).SetBytes(public[:])
	if err != nil {
		return false
	}
	var digest [sha2.Size512]byte
	sha2.Sum512(&digest, signature[:32], public[:], head, tail)
	k, err := new(edwards25519.Scalar).SetUniformBytes(digest[:])
	if err != nil {
		return false
	}
	a.Negate(a)
	// The call with the generator's table would be a little faster from the
	// second time on, but costs 8 KB of RAM and four times the work at first.
	r := new(edwards25519.Point).VarTimeMultiScalarMult(
		[]*edwards25519.Scalar{k, s},
		[]*edwards25519.Point{a, edwards25519.NewGeneratorPoint()})
	got := r.Bytes()
	for i := range got {
		if got[i] != signature[i] {
			return false
		}
	}
	return true
}
