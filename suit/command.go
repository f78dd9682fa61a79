package suit

import (
	"math/bits"

	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/sha2"
)

// Commands of the profile.
const (
	CommandVendorID           int32 = 1
	CommandClassID            int32 = 2
	CommandImageMatch         int32 = 3
	CommandSetComponentIndex  int32 = 12
	CommandAbort              int32 = 14
	CommandTryEach            int32 = 15
	CommandWrite              int32 = 18
	CommandOverrideParameters int32 = 20
	CommandFetch              int32 = 21
	CommandInvoke             int32 = 23
	CommandDeviceID           int32 = 24
	CommandRunSequence        int32 = 32
)

// Parameters of the profile.
const (
	ParameterVendorID    int32 = 1
	ParameterClassID     int32 = 2
	ParameterImageDigest int32 = 3
	ParameterStrictOrder int32 = 12
	ParameterSoftFailure int32 = 13
	ParameterImageSize   int32 = 14
	ParameterContent     int32 = 18
	ParameterURI         int32 = 21
	ParameterDeviceID    int32 = 24
)

// maxPolicy is the largest reporting policy: four flags.
const maxPolicy = 15

// What a component keeps of its parameters, as encoded. A value is judged by
// the command that reads it.
const (
	slotVendorID = iota
	slotClassID
	slotImageDigest
	slotImageSize
	slotContent
	slotURI
	slotDeviceID
	parameterCount
)

func slot(key int32) int {
	switch key {
	case ParameterVendorID:
		return slotVendorID
	case ParameterClassID:
		return slotClassID
	case ParameterImageDigest:
		return slotImageDigest
	case ParameterImageSize:
		return slotImageSize
	case ParameterContent:
		return slotContent
	case ParameterURI:
		return slotURI
	case ParameterDeviceID:
		return slotDeviceID
	}
	return -1
}

// step runs the command at f.pos for one component, or starts the sequence that
// it runs.
func (p *Processor) step(f *frame) {
	d := cbor.At(p.envelope[:f.end], int(f.pos))
	code := d.Int()
	argument := d.Offset()
	d.Skip(maxDepth)
	if d.Err() != 0 {
		p.refuse(StageCBOR, ReasonCBOR)
		return
	}
	f.next = uint16(d.Offset())
	if f.todo == 0 {
		f.todo = f.selected
	}
	index := bits.TrailingZeros8(f.todo)
	c := &p.components[index]
	p.report.Command = code
	p.report.Offset = f.pos - p.start
	p.report.Component = uint8(index)

	// Nested sequences over all components multiply: a signer is bound to a
	// number of commands, not only to the length of a manifest.
	if p.commands == MaxCommands {
		p.refuse(StageExecute, ReasonCommand)
		return
	}
	p.commands++

	d = cbor.At(p.envelope[:f.end], argument)
	ok := true
	switch code {
	case CommandVendorID:
		ok = p.matches(c, code, slotVendorID)
	case CommandClassID:
		ok = p.matches(c, code, slotClassID)
		if ok && p.report.Section == SectionCommon {
			p.identified = true
		}
	case CommandDeviceID:
		ok = p.matches(c, code, slotDeviceID)
	case CommandAbort:
		ok = false
	case CommandImageMatch:
		digest, reason := p.imageDigest(c)
		if reason != ReasonOK {
			p.fail(reason)
			return
		}
		size, valid := p.imageSize(c)
		ok = valid && p.platform.ImageMatch(c.handle, digest, size)
		if ok {
			c.unverified = false
		}
	case CommandSetComponentIndex:
		p.selectComponents(f, &d)
		return
	case CommandTryEach:
		p.tryEach(&d)
		return
	case CommandRunSequence:
		p.nest(kindRun, bytesSpan(&d))
		return
	case CommandOverrideParameters:
		if !p.override(f, c, &d) {
			return
		}
	case CommandWrite:
		if !p.write(c) {
			return
		}
	case CommandFetch:
		if !p.fetch(c) {
			return
		}
	case CommandInvoke:
		if c.unverified {
			p.refuse(StageCondition, ReasonCondition)
			return
		}
		if reason := p.platform.Invoke(c.handle); reason != ReasonOK {
			p.refuse(StageInvoke, reason)
			return
		}
	default:
		p.refuse(StageExecute, ReasonCommand)
		return
	}
	if !ok {
		p.fail(ReasonCondition)
		return
	}
	f.advance()
}

// matches evaluates an identifier condition.
func (p *Processor) matches(c *component, code int32, slot int) bool {
	d := p.decoder(c.parameters[slot])
	id := d.Bytes()
	return len(id) == 16 && p.platform.Matches(c.handle, code, id)
}

// imageDigest returns the 32 bytes of the image digest parameter.
func (p *Processor) imageDigest(c *component) ([]byte, Reason) {
	d := p.decoder(c.parameters[slotImageDigest])
	b := d.Bytes()
	if d.Err() != 0 || cbor.Valid(b, 1) != 0 {
		return nil, ReasonParameter
	}
	digest, reason := parseDigest(b)
	if reason == ReasonCBOR {
		reason = ReasonParameter
	}
	return digest, reason
}

// imageSize returns the image size parameter, -1 if it is not set.
func (p *Processor) imageSize(c *component) (size int32, ok bool) {
	if c.parameters[slotImageSize] == (span{}) {
		return -1, true
	}
	d := p.decoder(c.parameters[slotImageSize])
	size = d.Int()
	return size, d.Err() == 0 && size > 0
}

// selectComponents sets the components of the commands that follow: one, some
// or all (true).
func (p *Processor) selectComponents(f *frame, d *cbor.Decoder) {
	all := uint8(1<<p.count - 1)
	selected := uint8(0)
	switch d.Type() {
	case cbor.Uint:
		selected = componentBit(d.Uint())
	case cbor.Array:
		for n := d.Array(); n > 0; n-- {
			bit := componentBit(d.Uint())
			if bit == 0 || selected&bit != 0 {
				d.Fail(cbor.ErrRange)
			}
			selected |= bit
		}
	case cbor.Simple:
		if d.Bool() {
			selected = all
		}
	}
	if d.Err() != 0 || selected == 0 || selected&^all != 0 {
		p.refuse(StageExecute, ReasonParameter)
		return
	}
	f.selected, f.todo, f.pos = selected, 0, f.next
}

func componentBit(index uint64) uint8 {
	if index >= MaxComponents {
		return 0
	}
	return 1 << index
}

// tryEach checks the list of alternatives, of which the last may be empty
// (null), and starts the first.
func (p *Processor) tryEach(d *cbor.Decoder) {
	n := d.Array()
	first := d.Offset()
	for i := 0; i < n; i++ {
		if i > 0 && i == n-1 && d.Null() {
			d.Nil()
		} else {
			d.Bytes()
		}
	}
	if d.Err() != 0 || n < 2 {
		p.refuse(StageExecute, ReasonParameter)
		return
	}
	p.try(first, uint16(n))
}

// override sets parameters of a component; soft failure belongs to the running
// sequence instead, and only to a nested one.
func (p *Processor) override(f *frame, c *component, d *cbor.Decoder) bool {
	n := d.Map()
	if n == 0 {
		return p.refuse(StageExecute, ReasonParameter)
	}
	for ; n > 0; n-- {
		key := d.Int()
		from := d.Offset()
		switch {
		case d.Err() != 0:
		case key == ParameterSoftFailure && f.kind != kindRoot:
			f.soft = d.Bool()
		case key == ParameterStrictOrder:
			d.Bool() // commands run in order either way
		case slot(key) >= 0:
			d.Skip(maxDepth)
			c.parameters[slot(key)] = span{uint16(from), uint16(d.Offset())}
		default:
			return p.refuse(StageExecute, ReasonParameter)
		}
	}
	if d.Err() != 0 {
		return p.refuse(StageExecute, ReasonParameter)
	}
	return true
}

// fetch gets a payload, from the envelope if it is there. Whatever the manifest
// says about the payload is judged before the first byte is asked for: storing
// it costs what the idle storage held.
func (p *Processor) fetch(c *component) bool {
	d := p.decoder(c.parameters[slotURI])
	uri := d.Text()
	if d.Err() != 0 || len(uri) == 0 || len(uri) > MaxURI {
		return p.refuse(StageFetch, ReasonParameter)
	}
	size, ok := p.imageSize(c)
	if !ok {
		return p.refuse(StageFetch, ReasonParameter)
	}
	digest, reason := p.imageDigest(c)
	if reason != ReasonOK {
		return p.refuse(StageCondition, reason)
	}
	if payload, ok := p.payload(uri); ok {
		if !p.genuine(payload, digest, size) {
			return p.refuse(StageCondition, ReasonCondition)
		}
		return p.store(c, payload)
	}
	if uri[0] == '#' {
		return p.refuse(StageFetch, ReasonOperation)
	}
	if size < 0 {
		return p.refuse(StageFetch, ReasonParameter) // how much to make room for
	}
	pending, reason := p.platform.Fetch(c.handle, uri, size, digest)
	if reason != ReasonOK {
		return p.refuse(StageFetch, reason)
	}
	c.unverified = true
	if pending {
		p.status = Pending
	}
	return !pending
}

// stored goes on after a fetch that was pending.
func (p *Processor) stored() { p.frames[p.depth-1].advance() }

// write stores the content parameter, which the manifest's own digest vouches
// for; an image digest and size, if set, are held against it all the same.
func (p *Processor) write(c *component) bool {
	d := p.decoder(c.parameters[slotContent])
	payload := d.Bytes()
	if d.Err() != 0 || len(payload) == 0 {
		return p.refuse(StageInstall, ReasonParameter)
	}
	var digest []byte
	if c.parameters[slotImageDigest] != (span{}) {
		var reason Reason
		if digest, reason = p.imageDigest(c); reason != ReasonOK {
			return p.refuse(StageCondition, reason)
		}
	}
	size, ok := p.imageSize(c)
	if !ok || !p.genuine(payload, digest, size) {
		return p.refuse(StageCondition, ReasonCondition)
	}
	if !p.store(c, payload) {
		return false
	}
	c.unverified = false
	return true
}

func (p *Processor) store(c *component, payload []byte) bool {
	if reason := p.platform.Store(c.handle, payload); reason != ReasonOK {
		return p.refuse(StageInstall, reason)
	}
	c.unverified = true
	return true
}

// genuine reports whether payload has the digest (nil: any) and size (-1: any).
func (p *Processor) genuine(payload, digest []byte, size int32) bool {
	if size >= 0 && len(payload) != int(size) {
		return false
	}
	if digest == nil {
		return true
	}
	var got [sha2.Size256]byte
	sha2.Sum256(&got, payload)
	return equal(got[:], digest)
}
