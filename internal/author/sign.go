package author

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"github.com/fxamacker/cbor/v2"

	"github.com/femto-containers/femto/internal/cose"
)

// encoding is deterministic CBOR (RFC 8949 §4.2.1), as manifests must be.
var encoding = func() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

// encode is for values that always encode.
func encode(v any) []byte {
	b, err := encoding.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("author: encode %T: %v", v, err))
	}
	return b
}

// sign1 returns a COSE_Sign1 of payload, or a COSE_Mac0 if the key is a shared
// one, with the first hint bytes of the key's identifier as kid, attached or
// detached.
func sign1(key PrivateKey, hint int, external string, payload []byte, attached bool) ([]byte, error) {
	if key.signer == nil {
		return nil, errors.New("sign: no key")
	}
	tag, context := uint64(cose.TagSign1), "Signature1"
	if _, ok := key.signer.(sharedKey); ok {
		tag, context, hint = cose.TagMac0, "MAC0", 0
	}
	protected := encode(map[int]any{1: key.algorithm()})
	unprotected := map[int]any{}
	if hint > 0 {
		id := key.Public().ID()
		unprotected[4] = id[:min(hint, len(id))]
	}
	signature, err := key.sign(encode([]any{context, protected, []byte(external), payload}))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	var body any
	if attached {
		body = payload
	}
	return encode(cbor.Tag{Number: tag, Content: []any{protected, unprotected, body, signature}}), nil
}

func (k PrivateKey) sign(message []byte) ([]byte, error) {
	switch key := k.signer.(type) {
	case ed25519.PrivateKey, sharedKey:
		return k.signer.Sign(rand.Reader, message, crypto.Hash(0))
	case *ecdsa.PrivateKey:
		digest := sha256.Sum256(message)
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			return nil, err
		}
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return signature, nil
	}
	return nil, errors.New("no key")
}

// SignCommand returns a signed command: a COSE_Sign1 of payload, a CBOR
// document, in the domain of commands (see cose.CommandContext). It carries
// the whole key identifier as kid.
func SignCommand(key PrivateKey, payload []byte) ([]byte, error) {
	return sign1(key, len(KeyID{}), cose.CommandContext, payload, true)
}

// verifies reports whether the claim s is k's.
func (k PublicKey) verifies(s *cose.Signature) bool {
	switch {
	case k.ed25519 != nil:
		return s.VerifyEd25519((*[ed25519.PublicKeySize]byte)(k.ed25519))
	case k.p256 != nil:
		if s.Algorithm != cose.AlgESP256 && s.Algorithm != cose.AlgES256 || len(s.Bytes) != 64 {
			return false
		}
		h := sha256.New()
		h.Write(s.Prefix)
		h.Write(s.Payload)
		r, v := new(big.Int).SetBytes(s.Bytes[:32]), new(big.Int).SetBytes(s.Bytes[32:])
		return ecdsa.Verify(k.p256, h.Sum(nil), r, v)
	case k.hmac != nil:
		if s.Algorithm != cose.AlgHMAC256 {
			return false
		}
		h := hmac.New(sha256.New, k.hmac)
		h.Write(s.Prefix)
		h.Write(s.Payload)
		return hmac.Equal(h.Sum(nil), s.Bytes)
	}
	return false
}
