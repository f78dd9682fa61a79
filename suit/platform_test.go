package suit

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"math/big"

	"github.com/femto-containers/femto/internal/cose"
)

// A bench is a Platform for tests: a device with two hooks and one signer,
// which writes down what it is asked.
type bench struct {
	ed25519   [32]byte
	p256      *ecdsa.PublicKey
	anySigner bool
	vendor    []byte
	class     []byte
	ids       [][]byte // the only components, by their last segment; nil: any
	minimum   uint64
	slot      byte   // the idle one
	payload   []byte // what a fetch gets; nil: fetches succeed and match anything
	pend      bool
	limit     int32
	stored    map[int][]byte
	calls     []string
}

func (b *bench) log(call string) { b.calls = append(b.calls, call) }

func (b *bench) Authenticate(s *Signature) (int, bool) {
	if b.anySigner {
		return 1, true
	}
	if s.VerifyEd25519(&b.ed25519) {
		return 1, true
	}
	if b.p256 != nil && (s.Algorithm == cose.AlgESP256 || s.Algorithm == cose.AlgES256) && len(s.Bytes) == 64 {
		digest := sha256.Sum256(append(append([]byte{}, s.Prefix...), s.Payload...))
		r, v := new(big.Int).SetBytes(s.Bytes[:32]), new(big.Int).SetBytes(s.Bytes[32:])
		return 2, ecdsa.Verify(b.p256, digest[:], r, v)
	}
	return 0, false
}

func (b *bench) Component(signer int, id ComponentID) (int, Reason) {
	if b.ids == nil {
		return int(sum(id)), ReasonOK
	}
	for i, known := range b.ids {
		if bytes.Equal(id.Segment(id.Len()-1), known) {
			return i, ReasonOK
		}
	}
	return 0, ReasonComponent
}

func sum(b []byte) (n uint32) {
	for _, c := range b {
		n = n*31 + uint32(c)
	}
	return n & 0xffffff
}

func (b *bench) Sequence(signer, component int, number uint64) Reason {
	if number < b.minimum {
		return ReasonCondition
	}
	return ReasonOK
}

func (b *bench) Matches(component int, condition int32, id []byte) bool {
	switch condition {
	case CommandVendorID:
		return b.vendor == nil || bytes.Equal(id, b.vendor)
	case CommandClassID:
		return b.class == nil || bytes.Equal(id, b.class)
	case CommandComponentSlot:
		return len(id) == 1 && id[0] == b.slot
	}
	return true
}

func (b *bench) Fetch(component int, uri []byte, size int32, digest []byte) (bool, Reason) {
	b.log("fetch " + string(uri))
	if !bytes.HasPrefix(uri, []byte("coap://")) || b.limit > 0 && size > b.limit {
		return false, ReasonOperation
	}
	if b.payload != nil {
		b.store(component, b.payload)
	}
	return b.pend, ReasonOK
}

func (b *bench) Store(component int, payload []byte) Reason {
	b.log("store")
	b.store(component, payload)
	return ReasonOK
}

func (b *bench) Copy(component, source int) Reason {
	b.log("copy")
	if _, ok := b.stored[source]; !ok {
		return ReasonOperation
	}
	b.store(component, b.stored[source])
	return ReasonOK
}

func (b *bench) store(component int, payload []byte) {
	if b.stored == nil {
		b.stored = map[int][]byte{}
	}
	b.stored[component] = payload
}

func (b *bench) ImageMatch(component int, digest []byte, size int32) bool {
	b.log("match")
	image, ok := b.stored[component]
	if !ok {
		return true
	}
	got := sha256.Sum256(image)
	return bytes.Equal(got[:], digest) && (size < 0 || int(size) == len(image))
}

func (b *bench) Invoke(component int) Reason {
	b.log("invoke")
	return ReasonOK
}

func parseP256(pemFile []byte) *ecdsa.PublicKey {
	block, _ := pem.Decode(pemFile)
	if block == nil {
		return nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil
	}
	public, _ := key.(*ecdsa.PublicKey)
	if public == nil || public.Curve != elliptic.P256() {
		return nil
	}
	return public
}
