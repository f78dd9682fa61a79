package suit

import (
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/internal/sha2"
)

const tagEnvelope = 107

// Keys of the envelope and of the manifest; severable elements have the same
// key in both.
const (
	keyAuthentication = 2
	keyManifest       = 3

	keyVersion   = 1
	keySequence  = 2
	keyCommon    = 3
	keyReference = 4

	keyComponents = 2
	keyShared     = 4
)

// elementKeys are the elements that an envelope may have; from elementSeverable
// on, the manifest has a digest of them.
const (
	elementKeys = "\x02\x03\x0e\x10\x14\x17"

	elementAuthentication = iota - 1
	elementManifest
	elementSeverable
	elementCount = len(elementKeys)
)

// maxDepth is the deepest nesting inside one byte string of the format.
const maxDepth = 4

// open checks the envelope's structure and notes where its elements are,
// without a look into them.
func (p *Processor) open() bool {
	if len(p.envelope) > MaxEnvelope {
		return p.refuse(StageEnvelope, ReasonOperation)
	}
	switch cbor.Valid(p.envelope, maxDepth) {
	case 0:
	case cbor.ErrOrder:
		// The authentication wrapper must come before the manifest.
		return p.refuse(StageEnvelope, ReasonCBOR)
	default:
		return p.refuse(StageCBOR, ReasonCBOR)
	}
	p.seek(0, uint16(len(p.envelope)))
	d := &p.d
	tag := d.Tag()
	for n := d.Map(); n > 0; n-- {
		if d.Type() == cbor.Text { // integers sort before text
			if p.payloads == 0 {
				p.payloads = uint16(d.Offset())
			}
			d.Text()
			d.Bytes()
			continue
		}
		i := index(elementKeys, d.Int())
		from := d.Offset()
		d.Bytes()
		if i < 0 {
			return p.refuse(StageEnvelope, ReasonCBOR)
		}
		p.elements[i] = span{uint16(from), uint16(d.Offset())}
	}
	if d.End() != 0 || tag != tagEnvelope || p.elements[elementAuthentication] == (span{}) || p.elements[elementManifest] == (span{}) {
		return p.refuse(StageEnvelope, ReasonCBOR)
	}
	return true
}

// content returns what is in element i, without the head of its byte string.
//
//go:noinline
func (p *Processor) content(i int) span {
	p.seek(p.elements[i].from, p.elements[i].to)
	return p.bytes()
}

// payload returns the payload that the envelope holds under uri.
func (p *Processor) payload(uri []byte) []byte {
	p.seek(p.payloads, uint16(len(p.envelope)))
	for p.payloads != 0 && p.d.More() {
		key := p.d.Text()
		payload := p.d.Bytes()
		if equal(key, uri) {
			return payload
		}
	}
	return nil
}

// authenticate compares the manifest with its digest and finds a signer for
// that digest. It reads nothing else.
func (p *Processor) authenticate() bool {
	if !p.enter(p.content(elementAuthentication)) {
		return false
	}
	d := &p.d
	blocks := d.Array() - 1
	signed := d.Bytes()
	if d.Err() != 0 {
		return p.refuse(StageEnvelope, ReasonCBOR)
	}
	if cbor.Valid(signed, maxDepth) != 0 {
		return p.refuse(StageCBOR, ReasonCBOR)
	}
	if !p.vouched(signed, elementManifest) {
		return false
	}
	p.digest = p.sum
	reason := ReasonUnauthorised
	if blocks > MaxSignatures {
		blocks = 0
	}
	for ; blocks > 0; blocks-- {
		block := d.Bytes()
		if d.Err() != 0 {
			return p.refuse(StageEnvelope, ReasonCBOR)
		}
		switch cose.ParseDetached(block, signed, &p.claim, &p.prefix) {
		case 0:
		case cose.ErrAlgorithm:
			reason = ReasonAlgorithm
			continue
		default:
			reason = ReasonCOSE
			continue
		}
		signer, ok := p.platform.Authenticate(&p.claim)
		if ok {
			p.signer = signer
			return true
		}
	}
	return p.refuse(StageAuth, reason)
}

// vouched compares element i, its byte string head included, with a
// SUIT_Digest.
//
//go:noinline
func (p *Processor) vouched(digest []byte, i int) bool {
	want, reason := parseDigest(digest)
	if reason != ReasonOK {
		stage := StageDigest
		if reason == ReasonCBOR {
			stage = StageSetup // neither a section nor a digest of one
			if i < elementSeverable {
				stage = StageEnvelope
			}
		}
		return p.refuse(stage, reason)
	}
	if i >= elementSeverable && p.elements[i] == (span{}) {
		return true
	}
	sha2.Sum256(&p.sum, p.envelope[p.elements[i].from:p.elements[i].to])
	if !equal(want, p.sum[:]) {
		return p.refuse(StageDigest, ReasonUnauthorised)
	}
	return true
}

// seek moves the decoder to a part of the envelope. Its offsets are the
// envelope's.
//
//go:noinline
func (p *Processor) seek(from, to uint16) {
	p.d = cbor.At(p.envelope[:to], int(from))
}

// enter moves the decoder to s if that is one document of the strict subset.
//
//go:noinline
func (p *Processor) enter(s span) bool {
	p.seek(s.from, s.to)
	p.d.Skip(maxDepth)
	if p.d.End() != 0 {
		return p.refuse(StageCBOR, ReasonCBOR)
	}
	p.seek(s.from, s.to)
	return true
}

// bytes consumes a byte string and returns where its content is.
//
//go:noinline
func (p *Processor) bytes() span {
	n := len(p.d.Bytes())
	return span{uint16(p.d.Offset() - n), uint16(p.d.Offset())}
}

// digestHead begins a SUIT_Digest of SHA-256: [-16, a byte string of 32].
const digestHead = "\x82\x2f\x58\x20"

// parseDigest returns the 32 bytes of a SUIT_Digest, SHA-256 only. ReasonCBOR
// says that it is no array of two items.
//
//go:noinline
func parseDigest(b []byte) ([]byte, Reason) {
	for i := range len(digestHead) {
		if i == len(b) || b[i] != digestHead[i] {
			switch i {
			case 0:
				return nil, ReasonCBOR
			case 1:
				return nil, ReasonAlgorithm
			}
			return nil, ReasonParameter
		}
	}
	if len(b) != len(digestHead)+sha2.Size256 {
		return nil, ReasonParameter
	}
	return b[len(digestHead):], ReasonOK
}

// index returns where key is in keys, or -1.
//
//go:noinline
func index(keys string, key int32) int {
	for i := range len(keys) {
		if int32(keys[i]) == key {
			return i
		}
	}
	return -1
}

//go:noinline
func equal(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
