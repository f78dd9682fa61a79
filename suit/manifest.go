package suit

import (
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/sha2"
)

// Sections of a manifest by their key, and the key that holds the shared
// sequence.
const (
	SectionCommon   = 3
	SectionValidate = 7
	SectionLoad     = 8
	SectionInvoke   = 9
	SectionFetch    = 16
	SectionInstall  = 20

	sectionCount = 5
)

// order is the order in which sections run: the update procedure, then the
// invocation procedure.
var order = [sectionCount]uint8{SectionFetch, SectionInstall, SectionValidate, SectionLoad, SectionInvoke}

// setup reads the authenticated manifest and checks everything that can be
// checked before a command runs.
func (p *Processor) setup() bool {
	_, manifest := p.element(keyManifest)
	if cbor.Valid(p.view(manifest), maxDepth) != 0 {
		return p.refuse(StageCBOR, ReasonCBOR)
	}
	d := p.decoder(manifest)
	n := d.Map()
	var common span
	named := uint32(0) // severable elements that the manifest has a digest of
	version, sequence := false, false
	for ; n > 0 && d.Err() == 0; n-- {
		key := d.Int()
		switch key {
		case keyVersion:
			version = d.Uint() == Version
			if !version {
				return p.refuse(StageSetup, ReasonParameter)
			}
		case keySequence:
			p.sequence = d.Uint()
			sequence = true
		case keyCommon:
			common = bytesSpan(&d)
		case keyReference:
			d.Text()
		case SectionValidate, SectionLoad, SectionInvoke:
			p.section(key, bytesSpan(&d))
		case SectionFetch, SectionInstall, keyCoSWID, keyText:
			if d.Type() != cbor.Array {
				p.section(key, bytesSpan(&d))
				break
			}
			named |= 1 << uint(key)
			if !p.sever(key, d.Raw(1)) {
				return false
			}
		default:
			return p.refuse(StageSetup, ReasonCommand)
		}
	}
	if d.End() != 0 || !version || !sequence || common == (span{}) {
		return p.refuse(StageSetup, ReasonCBOR)
	}
	if p.sequence > MaxSequence {
		return p.refuse(StageSetup, ReasonParameter)
	}
	if !p.unnamed(named) {
		return p.refuse(StageEnvelope, ReasonSevering)
	}
	if !p.common(common) {
		return false
	}
	for i := range p.components[:p.count] {
		if reason := p.platform.Sequence(p.signer, p.components[i].handle, p.sequence); reason != ReasonOK {
			return p.refuse(StageSetup, reason)
		}
	}
	return p.inspectAll()
}

// section remembers where a section is that this processor runs.
func (p *Processor) section(key int32, sequence span) {
	for i, section := range order {
		if int32(section) == key {
			p.sections[i] = sequence
		}
	}
}

// sever checks a severable element of the envelope against the digest that the
// manifest has in its place, and takes it as if it were in the manifest.
func (p *Processor) sever(key int32, digest []byte) bool {
	want, reason := parseDigest(digest)
	if reason == ReasonCBOR {
		return p.refuse(StageSetup, reason) // neither a section nor a digest of one
	}
	if reason != ReasonOK {
		return p.refuse(StageDigest, reason)
	}
	raw, content := p.element(key)
	if raw == (span{}) {
		if key == SectionFetch || key == SectionInstall {
			p.severed = true
		}
		return true
	}
	var got [sha2.Size256]byte
	sha2.Sum256(&got, p.view(raw))
	if !equal(want, got[:]) {
		return p.refuse(StageDigest, ReasonUnauthorised)
	}
	p.section(key, content)
	return true
}

// unnamed reports whether every severable element in the envelope is one of
// which the manifest has a digest: nothing else vouches for it.
func (p *Processor) unnamed(named uint32) bool {
	d := cbor.New(p.envelope)
	d.Tag()
	for n := d.Map(); n > 0 && d.Type() != cbor.Text; n-- {
		key := d.Int()
		d.Bytes()
		if key > keyManifest && named>>uint(key)&1 == 0 {
			return false
		}
	}
	return true
}

// common reads the component list and notes the shared sequence.
func (p *Processor) common(s span) bool {
	if cbor.Valid(p.view(s), maxDepth) != 0 {
		return p.refuse(StageCBOR, ReasonCBOR)
	}
	d := p.decoder(s)
	n := d.Map()
	for ; n > 0 && d.Err() == 0; n-- {
		switch d.Int() {
		case keyComponents:
			if !p.componentList(&d) {
				return false
			}
		case keyShared:
			p.shared = bytesSpan(&d)
		default:
			return p.refuse(StageSetup, ReasonCommand)
		}
	}
	if d.End() != 0 {
		return p.refuse(StageSetup, ReasonCBOR)
	}
	if p.count == 0 {
		return p.refuse(StageCheck, ReasonComponent)
	}
	return true
}

func (p *Processor) componentList(d *cbor.Decoder) bool {
	n := d.Array()
	if n > MaxComponents {
		return p.refuse(StageCheck, ReasonComponent)
	}
	for i := 0; i < n; i++ {
		id := ComponentID(d.Raw(1))
		s := cbor.New(id)
		segments := s.Array()
		for k := 0; k < segments; k++ {
			s.Bytes()
		}
		if s.End() != 0 || segments == 0 {
			return p.refuse(StageCheck, ReasonComponent)
		}
		handle, reason := p.platform.Component(p.signer, id)
		if reason != ReasonOK {
			return p.refuse(StageCheck, reason)
		}
		for k := range p.components[:i] {
			if p.components[k].handle == handle {
				return p.refuse(StageCheck, ReasonComponent)
			}
		}
		p.components[i].handle = handle
		p.count++
	}
	return true
}

// inspectAll looks through every section before the first one runs, so that a
// manifest with a malformed one changes nothing.
func (p *Processor) inspectAll() bool {
	if p.shared == (span{}) {
		return p.refuse(StageCheck, ReasonCommand)
	}
	p.report.Section = SectionCommon
	p.start = p.shared.from
	if !p.inspect(p.shared) {
		return false
	}
	for i, s := range p.sections {
		p.report.Section = order[i]
		p.start = s.from
		if s != (span{}) && !p.inspect(s) {
			return false
		}
	}
	return true
}
