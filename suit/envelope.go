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

	keyCoSWID = 14
	keyText   = 23

	keyComponents = 2
	keyShared     = 4
)

// maxDepth is the deepest nesting inside one byte string of the format.
const maxDepth = 4

// open checks the envelope's structure, without a look into its elements.
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
	d := cbor.New(p.envelope)
	if d.Tag() != tagEnvelope {
		return p.refuse(StageEnvelope, ReasonCBOR)
	}
	n := d.Map()
	found := 0
	for ; n > 0 && d.Err() == 0; n-- {
		if d.Type() == cbor.Text {
			d.Text()
			d.Bytes()
			continue
		}
		switch d.Int() {
		case keyAuthentication, keyManifest:
			found++
		case keyCoSWID, SectionFetch, SectionInstall, keyText:
		default:
			return p.refuse(StageEnvelope, ReasonCBOR)
		}
		d.Bytes()
	}
	if d.End() != 0 || found != 2 {
		return p.refuse(StageEnvelope, ReasonCBOR)
	}
	return true
}

// element returns where the value of an element of the envelope is, its byte
// string head included, and where the content of that byte string is.
func (p *Processor) element(key int32) (raw, content span) {
	d := cbor.New(p.envelope)
	d.Tag()
	for n := d.Map(); n > 0 && d.Type() != cbor.Text; n-- { // integers sort before text
		found := d.Int() == key
		from := d.Offset()
		content = bytesSpan(&d)
		if found {
			return span{uint16(from), content.to}, content
		}
	}
	return span{}, span{}
}

// payload returns the payload that the envelope holds under uri.
func (p *Processor) payload(uri []byte) ([]byte, bool) {
	d := cbor.New(p.envelope)
	d.Tag()
	for n := d.Map(); n > 0 && d.Err() == 0; n-- {
		if d.Type() != cbor.Text {
			d.Int()
			d.Bytes()
			continue
		}
		key := d.Text()
		payload := d.Bytes()
		if d.Err() == 0 && equal(key, uri) {
			return payload, true
		}
	}
	return nil, false
}

// authenticate compares the manifest with its digest and finds a signer for
// that digest. It reads nothing else.
func (p *Processor) authenticate() bool {
	_, s := p.element(keyAuthentication)
	wrapper := p.view(s)
	if cbor.Valid(wrapper, maxDepth) != 0 {
		return p.refuse(StageCBOR, ReasonCBOR)
	}
	d := cbor.New(wrapper)
	blocks := d.Array() - 1
	signed := d.Bytes()
	if d.Err() != 0 || blocks < 0 {
		return p.refuse(StageEnvelope, ReasonCBOR)
	}
	if cbor.Valid(signed, maxDepth) != 0 {
		return p.refuse(StageCBOR, ReasonCBOR)
	}
	digest, reason := parseDigest(signed)
	if reason != ReasonOK {
		stage := StageDigest
		if reason == ReasonCBOR {
			stage = StageEnvelope
		}
		return p.refuse(stage, reason)
	}
	raw, _ := p.element(keyManifest)
	sha2.Sum256(&p.digest, p.view(raw))
	if !equal(digest, p.digest[:]) {
		return p.refuse(StageDigest, ReasonUnauthorised)
	}
	if blocks == 0 || blocks > MaxSignatures {
		return p.refuse(StageAuth, ReasonUnauthorised)
	}
	reason = ReasonUnauthorised
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

// bytesSpan consumes a byte string and returns where its content is.
func bytesSpan(d *cbor.Decoder) span {
	n := len(d.Bytes())
	return span{uint16(d.Offset() - n), uint16(d.Offset())}
}

// view returns the bytes of a span.
func (p *Processor) view(s span) []byte { return p.envelope[s.from:s.to] }

// decoder returns a decoder of a span whose offsets are into the envelope.
func (p *Processor) decoder(s span) cbor.Decoder {
	return cbor.At(p.envelope[:s.to], int(s.from))
}

// parseDigest reads a SUIT_Digest: [algorithm, bytes], SHA-256 only.
// ReasonCBOR says that it is no such array.
func parseDigest(b []byte) ([]byte, Reason) {
	d := cbor.New(b)
	if d.Array() != 2 {
		return nil, ReasonCBOR
	}
	algorithm := d.Int()
	digest := d.Bytes()
	if d.End() != 0 {
		return nil, ReasonCBOR
	}
	if algorithm != cose.AlgSHA256 {
		return nil, ReasonAlgorithm
	}
	if len(digest) != sha2.Size256 {
		return nil, ReasonParameter
	}
	return digest, ReasonOK
}

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
