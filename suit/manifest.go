package suit

import "github.com/femto-containers/femto/internal/cbor"

// Sections of a manifest by their key, and the key that holds the shared
// sequence.
const (
	SectionCommon   = 3
	SectionValidate = 7
	SectionLoad     = 8
	SectionInvoke   = 9
	SectionFetch    = 16
	SectionInstall  = 20
)

// order is the order in which sections run: the update procedure, then the
// invocation procedure.
const (
	order        = "\x10\x14\x07\x08\x09"
	sectionCount = len(order)
)

// setup reads the authenticated manifest and checks everything that can be
// checked before a command runs.
func (p *Processor) setup() bool {
	if !p.enter(p.content(elementManifest)) {
		return false
	}
	d := &p.d
	// The required fields have the lowest keys, so they come first.
	n := d.Map() - 3
	keys := d.Int()
	version := d.Uint()
	keys = keys<<4 | d.Int()
	p.sequence = d.Uint()
	keys = keys<<4 | d.Int()
	common := p.bytes()
	if d.Err() != 0 || keys != keyVersion<<8|keySequence<<4|keyCommon {
		return p.refuse(StageSetup, ReasonCBOR)
	}
	if version != Version || p.sequence > MaxSequence {
		return p.refuse(StageSetup, ReasonParameter)
	}
	for ; n > 0 && d.Err() == 0; n-- {
		if !p.field(d.Int()) {
			return false
		}
	}
	if d.End() != 0 {
		return p.refuse(StageSetup, ReasonCBOR)
	}
	for _, s := range p.elements[elementSeverable:] {
		if s != (span{}) { // nothing vouches for it
			return p.refuse(StageEnvelope, ReasonSevering)
		}
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

// field reads a field of the manifest that not every one has. A severable
// element of the envelope is checked against the digest that the manifest has
// in its place, and taken as if it were in the manifest.
func (p *Processor) field(key int32) bool {
	d := &p.d
	if key == keyReference {
		d.Text()
		return true
	}
	section, severable := index(order, key), index(elementKeys, key)
	if section < 0 && severable < elementSeverable {
		return p.refuse(StageSetup, ReasonCommand)
	}
	var s span
	if severable >= elementSeverable && d.Type() == cbor.Array {
		if !p.vouched(d.Raw(1), severable) {
			return false
		}
		next, end := d.Offset(), p.elements[elementManifest].to
		if e := &p.elements[severable]; *e != (span{}) {
			s = p.content(severable)
			*e = span{}
		} else if section >= 0 {
			p.severed = true
		}
		p.seek(uint16(next), end)
	} else {
		s = p.bytes()
	}
	if section >= 0 {
		p.sections[section] = s
	}
	return true
}

// common reads the component list and notes the shared sequence.
func (p *Processor) common(s span) bool {
	if !p.enter(s) {
		return false
	}
	d := &p.d
	for n := d.Map(); n > 0 && d.Err() == 0; n-- {
		switch d.Int() {
		case keyComponents:
			if !p.componentList() {
				return false
			}
		case keyShared:
			p.shared = p.bytes()
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

func (p *Processor) componentList() bool {
	d := &p.d
	n := d.Array()
	if n > MaxComponents {
		return p.refuse(StageCheck, ReasonComponent)
	}
	for ; n > 0; n-- {
		from := d.Offset()
		segments := d.Array()
		for k := segments; k > 0; k-- {
			d.Bytes()
		}
		handle, reason := 0, ReasonComponent
		if d.Err() == 0 && segments != 0 {
			handle, reason = p.platform.Component(p.signer, ComponentID(p.envelope[from:d.Offset()]))
		}
		for i := range p.components[:p.count] {
			if reason == ReasonOK && p.components[i].handle == handle {
				reason = ReasonComponent
			}
		}
		if reason != ReasonOK {
			return p.refuse(StageCheck, reason)
		}
		p.components[p.count].handle = handle
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
	for i := -1; i < sectionCount; i++ {
		s := p.shared
		p.report.Section = SectionCommon
		if i >= 0 {
			s = p.sections[i]
			p.report.Section = order[i]
		}
		p.start = s.from
		if s != (span{}) && !p.inspect(s, MaxNesting) {
			return false
		}
	}
	return true
}

// inspect checks the shape of a sequence and of those inside it, at most nesting
// deep: pairs of a known command and an argument of the right type, and in a
// shared sequence no command with effects.
func (p *Processor) inspect(s span, nesting int) bool {
	if nesting < 0 {
		return p.refuse(StageExecute, ReasonCommand)
	}
	if !p.enter(s) {
		return false
	}
	d := &p.d
	n := d.Array()
	if n == 0 || n&1 != 0 {
		return p.refuse(StageExecute, ReasonCommand)
	}
	for ; n > 0; n -= 2 {
		p.report.Offset = uint16(d.Offset()) - p.start
		code := d.Int()
		p.report.Command = code
		shape := shapeNone
		if uint32(code) < uint32(len(shapes)) {
			shape = shapes[code]
		}
		stage := StageExecute
		if p.report.Section == SectionCommon {
			stage = StageCheck
			if shape&effect != 0 {
				shape = shapeNone
			}
		}
		inner := 0
		switch shape &^ effect {
		case shapeNone:
			return p.refuse(stage, ReasonCommand)
		case shapePolicy:
			if d.Uint() > maxPolicy {
				d.Fail(cbor.ErrRange)
			}
		case shapeIndex:
			p.selection()
		case shapeParameters:
			if d.Type() != cbor.Map {
				d.Fail(cbor.ErrType)
			}
			d.Skip(maxDepth)
		case shapeSequence:
			inner = 1
		case shapeAlternatives:
			if inner = d.Array(); inner < 2 {
				d.Fail(cbor.ErrRange)
			}
		}
		for ; inner > 0 && d.Err() == 0; inner-- {
			if inner == 1 && shape == shapeAlternatives && d.Null() {
				break
			}
			t := p.bytes()
			if d.Err() == 0 {
				if !p.inspect(t, nesting-1) {
					return false
				}
				p.seek(t.to, s.to)
			}
		}
		if d.Err() != 0 {
			return p.refuse(StageExecute, ReasonParameter)
		}
	}
	return true
}
