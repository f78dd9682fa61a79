package author

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"

	device "github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/suit"
)

const (
	tagEnvelope       = 107
	keyAuthentication = 2
	keyManifest       = 3
	keyCoSWID         = 14
	keyText           = 23
)

// Parts are an envelope taken apart, so that signatures and severable elements
// can be added and taken away.
type Parts struct {
	Manifest   []byte            // the manifest, without the head of its byte string
	Signatures [][]byte          // COSE messages, over the manifest's digest
	Elements   map[int][]byte    // severable elements that are in the envelope, by their key
	Payloads   map[string][]byte // integrated payloads by their URI
}

// Open takes an envelope apart. It must be deterministic CBOR and have a digest
// that is its manifest's; no signature is verified.
func Open(envelope []byte) (*Parts, error) {
	if e := device.Valid(envelope, device.MaxDepth); e != 0 {
		return nil, fmt.Errorf("open envelope: %w", e)
	}
	var tagged cbor.RawTag
	var elements map[any]cbor.RawMessage
	if cbor.Unmarshal(envelope, &tagged) != nil || tagged.Number != tagEnvelope || cbor.Unmarshal(tagged.Content, &elements) != nil {
		return nil, errors.New("open envelope: not a map with tag 107")
	}
	p := &Parts{Elements: map[int][]byte{}, Payloads: map[string][]byte{}}
	var wrapper []byte
	for key, value := range elements {
		var content []byte
		if err := cbor.Unmarshal(value, &content); err != nil {
			return nil, fmt.Errorf("open envelope: element %v is not a byte string", key)
		}
		switch key := key.(type) {
		case string:
			p.Payloads[key] = content
		case uint64:
			switch key {
			case keyAuthentication:
				wrapper = content
			case keyManifest:
				p.Manifest = content
			default:
				p.Elements[int(key)] = content
			}
		default:
			return nil, fmt.Errorf("open envelope: unknown element %v", key)
		}
	}
	if p.Manifest == nil || cbor.Unmarshal(wrapper, &p.Signatures) != nil || len(p.Signatures) == 0 {
		return nil, errors.New("open envelope: no manifest with an authentication wrapper")
	}
	if string(p.Signatures[0]) != string(p.digest()) {
		return nil, errors.New("open envelope: its digest is not its manifest's")
	}
	p.Signatures = p.Signatures[1:]
	return p, nil
}

// digest is the SUIT_Digest of the manifest, which is what is signed.
func (p *Parts) digest() []byte { return encode(digestOf(sha256.Sum256(encode(p.Manifest)))) }

// Envelope puts the parts together again.
func (p *Parts) Envelope() []byte {
	blocks := append([][]byte{p.digest()}, p.Signatures...)
	envelope := map[any]any{keyAuthentication: encode(blocks), keyManifest: p.Manifest}
	for key, content := range p.Elements {
		envelope[key] = content
	}
	for uri, payload := range p.Payloads {
		envelope[uri] = payload
	}
	return encode(cbor.Tag{Number: tagEnvelope, Content: envelope})
}

// Sign adds a signature (Ed25519, ESP256) or MAC (HMAC 256), with the first hint
// bytes of the key's identifier as kid. A device reads suit.MaxSignatures.
func (p *Parts) Sign(key PrivateKey, hint int) error {
	if len(p.Signatures) >= suit.MaxSignatures {
		return fmt.Errorf("sign: %d signatures are there, and devices read no more than %d", len(p.Signatures), suit.MaxSignatures)
	}
	block, err := sign1(key, hint, "", p.digest(), false)
	if err == nil {
		p.Signatures = append(p.Signatures, block)
	}
	return err
}

// severable are the names of what can be severed.
var severable = map[string]int{
	"coswid": keyCoSWID, "payload-fetch": suit.SectionFetch, "install": suit.SectionInstall, "text": keyText,
}

// Severable returns the names of the severable elements that are in the
// envelope.
func (p *Parts) Severable() (names []string) {
	for name, key := range severable {
		if p.Elements[key] != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Sever takes a severable element out of the envelope: "text", "install",
// "payload-fetch" or "coswid". The manifest's digest of it, and so every
// signature, stays.
func (p *Parts) Sever(name string) error {
	key, ok := severable[name]
	switch {
	case !ok:
		return fmt.Errorf("sever: %q is no severable element", name)
	case p.Elements[key] == nil:
		return fmt.Errorf("sever: %s is not beside the manifest, where it could be severed", name)
	}
	delete(p.Elements, key)
	return nil
}
