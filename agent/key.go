package agent

import (
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/internal/p256"
)

// A Key is a public key: 0 and the 32 bytes of an Ed25519 key, or a compressed
// point of P-256. The zero Key is nobody's.
type Key [1 + ed25519Size]byte

const ed25519Size = 32

// Ed25519 returns the key of the 32 bytes that RFC 8032 §5.1.5 makes.
func Ed25519(public [ed25519Size]byte) (k Key) {
	copy(k[1:], public[:])
	return k
}

// bytes are the key as a trust store has it, of which its identifier is made.
func (k *Key) bytes() []byte {
	if withP256 && k[0] != 0 {
		return k[:]
	}
	return k[1:]
}

// read consumes a key that the device can verify with.
//
//go:noinline
func (k *Key) read(d *cbor.Decoder) {
	b := d.Bytes()
	switch {
	case len(b) == ed25519Size:
		k[0] = 0
		copy(k[1:], b)
	case withP256 && len(b) == p256.PublicKeySize && b[0]&^1 == 2:
		copy(k[:], b)
	default:
		d.Fail(cbor.ErrRange)
	}
}

// verifies reports whether s is k's.
//
//go:noinline
func (k *Key) verifies(s *cose.Signature) bool {
	if withP256 && k[0] != 0 {
		return s.VerifyP256((*[p256.PublicKeySize]byte)(k))
	}
	return s.VerifyEd25519((*[ed25519Size]byte)(k[1:]))
}
