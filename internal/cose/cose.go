// Package cose reads COSE_Sign1 and COSE_Mac0 (RFC 9052) as a device needs them:
// one protected algorithm, a hint which key, a signature, and the bytes that
// the signature is over.
package cose

import (
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/ed25519"
	"github.com/femto-containers/femto/internal/p256"
)

// Algorithm identifiers (IANA COSE Algorithms).
const (
	AlgHMAC256 int32 = 5   // HMAC 256/256, only in COSE_Mac0
	AlgES256   int32 = -7  // polymorphic ECDSA; with a P-256 key the same check as ESP256
	AlgEdDSA   int32 = -8  // polymorphic EdDSA; with an Ed25519 key the same check as Ed25519
	AlgESP256  int32 = -9  // RFC 9864
	AlgSHA256  int32 = -16 // a digest, in SUIT_Digest
	AlgEd25519 int32 = -19 // RFC 9864
)

// CBOR tags of the two messages.
const (
	TagMac0  = 17
	TagSign1 = 18
)

const (
	labelAlgorithm = 1
	labelKeyID     = 4
)

// PrefixSize is room for everything of a Sig_structure before its payload, with
// a protected header and external data of at most maxPart bytes each.
const (
	PrefixSize = 96
	maxPart    = 32
)

// Error says why bytes are no message of the profile; 0 is none.
type Error uint8

const (
	ErrCBOR        Error = iota + 1 // not the CBOR subset
	ErrStructure                    // not a COSE_Sign1 or COSE_Mac0 of the profile
	ErrAlgorithm                    // no algorithm, or one that does not go with the tag
	ErrUnprotected                  // the algorithm outside the protected header
)

func (e Error) Error() string {
	switch e {
	case 0:
		return "no error"
	case ErrCBOR:
		return "cose: malformed cbor"
	case ErrStructure:
		return "cose: not a tagged sign1 or mac0 message"
	case ErrAlgorithm:
		return "cose: unsupported algorithm"
	case ErrUnprotected:
		return "cose: algorithm is not protected"
	}
	return "cose: unknown error"
}

// A Message is a parsed COSE_Sign1 or COSE_Mac0: views of the bytes given to
// Parse, valid as long as those are.
type Message struct {
	Algorithm int32
	Tag       uint8  // TagSign1 or TagMac0
	Attached  bool   // the payload is in the message
	KeyID     []byte // kid, a hint which key; nil if absent
	Payload   []byte // nil if detached
	Signature []byte // or the MAC
	protected []byte
}

// Parse reads one tagged message and nothing after it into m. It is strict: the
// protected header holds the algorithm and at most a kid, the unprotected
// header at most a kid, so nothing in a message goes unread. It verifies
// nothing.
//
//go:noinline
func Parse(b []byte, m *Message) Error {
	*m = Message{}
	if cbor.Valid(b, cbor.MaxDepth) != 0 {
		return ErrCBOR
	}
	d := cbor.New(b)
	tag := d.Tag()
	if tag-TagMac0 > TagSign1-TagMac0 || d.Array() != 4 {
		return ErrStructure
	}
	m.Tag = uint8(tag)
	m.protected = d.Bytes()
	if e := m.header(&d, false); e != 0 {
		return e
	}
	m.Attached = !d.Null()
	if m.Attached {
		m.Payload = d.Bytes()
	}
	m.Signature = d.Bytes()
	if d.End() != 0 || len(m.protected) > maxPart {
		return ErrStructure
	}
	if len(m.protected) != 0 {
		if cbor.Valid(m.protected, 2) != 0 {
			return ErrCBOR
		}
		d = cbor.New(m.protected)
		if e := m.header(&d, true); e != 0 {
			return e
		}
	}
	if m.Algorithm == 0 || (m.Algorithm == AlgHMAC256) != (m.Tag == TagMac0) {
		return ErrAlgorithm
	}
	return 0
}

// header reads one of the two headers, of which only the protected one may name
// the algorithm.
//
//go:noinline
func (m *Message) header(d *cbor.Decoder, protected bool) Error {
	for n := d.Map(); n > 0; n-- {
		switch d.Int() {
		case labelAlgorithm:
			if !protected {
				return ErrUnprotected
			}
			m.Algorithm = d.Int()
		case labelKeyID:
			if m.KeyID != nil {
				return ErrStructure
			}
			m.KeyID = d.Bytes()
		default:
			return ErrStructure
		}
	}
	if d.Err() != 0 {
		return ErrStructure
	}
	return 0
}

// A Signature is a claim for somebody with keys to judge: that Bytes is the
// signature or MAC of Prefix followed by Payload.
type Signature struct {
	Algorithm int32
	KeyID     []byte // a hint, nil if absent
	Prefix    []byte // Sig_structure or MAC_structure up to the payload's bytes
	Payload   []byte // the payload's bytes
	Bytes     []byte
}

// Claim prepares the claim that m signs payload under external, the external
// additional authenticated data (at most 32 bytes; RFC 9052 §4.4). It
// writes Prefix into scratch and fails only if external is too long. The
// result views m's bytes, scratch and payload.
//
//go:noinline
func (m *Message) Claim(s *Signature, scratch *[PrefixSize]byte, external string, payload []byte) bool {
	context := "\x84\x6aSignature1"
	if m.Tag == TagMac0 {
		context = "\x84\x64MAC0"
	}
	e := cbor.NewEncoder(scratch[:])
	e.RawString(context)
	e.ByteString(m.protected)
	e.Head(cbor.Bytes, uint64(len(external)))
	e.RawString(external)
	e.Head(cbor.Bytes, uint64(len(payload)))
	s.Algorithm, s.KeyID, s.Bytes = m.Algorithm, m.KeyID, m.Signature
	s.Prefix, s.Payload = e.Bytes(), payload
	return !e.Overflow()
}

// ParseDetached reads a message whose payload, which must not be in it, is
// payload, and prepares its claim in s and scratch (see Message.Claim).
func ParseDetached(b, payload []byte, s *Signature, scratch *[PrefixSize]byte) Error {
	var m Message
	e := Parse(b, &m)
	if e == 0 && (m.Attached || !m.Claim(s, scratch, "", payload)) {
		e = ErrStructure
	}
	return e
}

// VerifyEd25519 reports whether the claim is public's under -19, or under the
// older -8, which with an Ed25519 key means the same. A key of zeros is nobody's:
// it is what an empty place for a key holds, and a point of small order, under
// which anybody finds valid signatures.
func (s *Signature) VerifyEd25519(public *[ed25519.PublicKeySize]byte) bool {
	somebody := byte(0)
	for _, b := range public {
		somebody |= b
	}
	return somebody != 0 && (s.Algorithm == AlgEd25519 || s.Algorithm == AlgEdDSA) &&
		ed25519.Verify(public, s.Prefix, s.Payload, s.Bytes)
}

// VerifyP256 reports whether the claim is public's, a compressed point's, under
// -9, or under the older -7, which with a key of P-256 means the same.
func (s *Signature) VerifyP256(public *[p256.PublicKeySize]byte) bool {
	return (s.Algorithm == AlgESP256 || s.Algorithm == AlgES256) && p256.Verify(public, s.Prefix, s.Payload, s.Bytes)
}
