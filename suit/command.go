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
	CommandComponentSlot      int32 = 5
	CommandCheckContent       int32 = 6
	CommandSetComponentIndex  int32 = 12
	CommandAbort              int32 = 14
	CommandTryEach            int32 = 15
	CommandWrite              int32 = 18
	CommandOverrideParameters int32 = 20
	CommandFetch              int32 = 21
	CommandCopy               int32 = 22
	CommandInvoke             int32 = 23
	CommandDeviceID           int32 = 24
	CommandImageNotMatch      int32 = 25
	CommandRunSequence        int32 = 32
)

// Parameters of the profile.
const (
	ParameterVendorID        int32 = 1
	ParameterClassID         int32 = 2
	ParameterImageDigest     int32 = 3
	ParameterComponentSlot   int32 = 5
	ParameterStrictOrder     int32 = 12
	ParameterSoftFailure     int32 = 13
	ParameterImageSize       int32 = 14
	ParameterContent         int32 = 18
	ParameterURI             int32 = 21
	ParameterSourceComponent int32 = 22
	ParameterDeviceID        int32 = 24
)

// What the argument of a command is.
const (
	shapeNone uint8 = iota // no command of the profile
	shapePolicy
	shapeIndex
	shapeParameters
	shapeSequence
	shapeAlternatives

	effect uint8 = 0x80 // not in the shared sequence
)

// shapes are the commands by their code.
var shapes = [...]uint8{
	CommandVendorID:           shapePolicy,
	CommandClassID:            shapePolicy,
	CommandImageMatch:         shapePolicy,
	CommandComponentSlot:      shapePolicy,
	CommandCheckContent:       shapePolicy,
	CommandSetComponentIndex:  shapeIndex,
	CommandAbort:              shapePolicy,
	CommandTryEach:            shapeAlternatives,
	CommandWrite:              shapePolicy | effect,
	CommandOverrideParameters: shapeParameters,
	CommandFetch:              shapePolicy | effect,
	CommandCopy:               shapePolicy | effect,
	CommandInvoke:             shapePolicy | effect,
	CommandDeviceID:           shapePolicy,
	CommandImageNotMatch:      shapePolicy,
	CommandRunSequence:        shapeSequence,
}

// maxPolicy is the largest reporting policy: four flags.
const maxPolicy = 15

// What a component keeps of its parameters, as encoded: slot i has the key
// slots[i]. A value is judged by the command that reads it.
const (
	slots = "\x01\x02\x03\x05\x0e\x12\x15\x16\x18"

	slotVendorID = iota - 1
	slotClassID
	slotImageDigest
	slotComponentSlot
	slotImageSize
	slotContent
	slotURI
	slotSourceComponent
	slotDeviceID
	parameterCount = len(slots)
)

// step runs the command at f.pos for one component, or starts the sequence that
// it runs.
func (p *Processor) step(f *frame) {
	p.seek(f.pos, f.end)
	d := &p.d
	code := d.Int()
	argument := uint16(d.Offset())
	d.Skip(maxDepth)
	f.next = uint16(d.Offset())
	if f.todo == 0 {
		f.todo = f.selected
	}
	component := bits.TrailingZeros8(f.todo)
	c := &p.components[component]
	p.report.Command = code
	p.report.Offset = f.pos - p.start
	p.report.Component = uint8(component)

	// Nested sequences over all components multiply: a signer is bound to a
	// number of commands, not only to the length of a manifest.
	if p.commands == MaxCommands {
		p.refuse(StageExecute, ReasonCommand)
		return
	}
	p.commands++

	p.seek(argument, f.end)
	ok := true
	slot := slotVendorID
	reason := ReasonCondition
	switch code {
	case CommandSetComponentIndex:
		f.selected, f.todo, f.pos = p.selection(), 0, f.next
		return
	case CommandTryEach:
		alternatives := uint16(d.Array())
		p.try(uint16(d.Offset()), alternatives)
		return
	case CommandRunSequence:
		p.nest(kindRun, p.bytes())
		return
	case CommandOverrideParameters:
		ok = p.override(f, c)
	case CommandWrite:
		ok = p.write(c)
	case CommandFetch:
		ok = p.fetch(c)
	case CommandCopy:
		ok = p.copy(c)
	case CommandInvoke:
		if c.unverified {
			ok = p.refuse(StageCondition, ReasonCondition)
		} else if reason := p.platform.Invoke(c.handle); reason != ReasonOK {
			ok = p.refuse(StageInvoke, reason)
		}
	case CommandAbort:
		ok = false
	case CommandImageMatch, CommandImageNotMatch:
		var digest []byte
		digest, reason = p.imageDigest(c)
		ok = reason == ReasonOK
		if ok {
			reason = ReasonCondition
			size := p.imageSize(c)
			ok = size >= noSize && p.platform.ImageMatch(c.handle, digest, size) == (code == CommandImageMatch)
			if ok && code == CommandImageMatch {
				c.unverified = false
			}
		}
	case CommandCheckContent:
		content := p.parameter(c, slotContent).Bytes()
		sha2.Sum256(&p.sum, content)
		ok = len(content) != 0 && p.platform.ImageMatch(c.handle, p.sum[:], int32(len(content)))
		if ok {
			c.unverified = false
		}
	case CommandDeviceID:
		slot = slotDeviceID
		ok = p.matches(c, slot)
	case CommandComponentSlot:
		slot = slotComponentSlot
		ok = p.matches(c, slot)
	case CommandClassID:
		slot = slotClassID
		ok = p.matches(c, slot)
		if ok && p.report.Section == SectionCommon {
			p.identified = true
		}
	default:
		ok = p.matches(c, slot)
	}
	switch {
	case p.status != Idle:
	case ok:
		f.advance()
	default:
		p.fail(reason)
	}
}

// parameter moves the decoder to a parameter; if it is not set, to nothing.
//
//go:noinline
func (p *Processor) parameter(c *component, slot int) *cbor.Decoder {
	p.seek(c.parameters[slot].from, c.parameters[slot].to)
	return &p.d
}

// matches evaluates a condition on a property of the device.
//
//go:noinline
func (p *Processor) matches(c *component, slot int) bool {
	value := p.envelope[c.parameters[slot].from:c.parameters[slot].to]
	d := p.parameter(c, slot)
	if slot == slotComponentSlot {
		d.Uint()
	} else if value = d.Bytes(); len(value) != 16 {
		return false
	}
	return d.Err() == 0 && p.platform.Matches(c.handle, int32(slots[slot]), value)
}

// imageDigest returns the 32 bytes of the image digest parameter.
//
//go:noinline
func (p *Processor) imageDigest(c *component) ([]byte, Reason) {
	digest, reason := parseDigest(p.parameter(c, slotImageDigest).Bytes())
	if reason == ReasonCBOR {
		reason = ReasonParameter
	}
	return digest, reason
}

// What imageSize returns in place of a size.
const (
	noSize  = -1 // not set
	badSize = -2 // not a size
)

// imageSize returns the image size parameter.
//
//go:noinline
func (p *Processor) imageSize(c *component) int32 {
	if c.parameters[slotImageSize] == (span{}) {
		return noSize
	}
	if size := p.parameter(c, slotImageSize).Int(); size > 0 {
		return size
	}
	return badSize
}

// selection reads the set of components of the commands that follow: one, some
// or all (true). The decoder fails if there is an empty or impossible one.
//
//go:noinline
func (p *Processor) selection() (selected uint8) {
	d := &p.d
	all := uint8(1<<p.count - 1)
	n := 1
	switch d.Type() {
	case cbor.Simple:
		if d.Bool() {
			return all
		}
		n = 0
	case cbor.Array:
		n = d.Array()
	}
	for ; n > 0; n-- {
		i := d.Uint()
		bit := uint8(0)
		if i < MaxComponents {
			bit = 1 << i & all &^ selected
		}
		if bit == 0 {
			selected = 0
			break
		}
		selected |= bit
	}
	if selected == 0 {
		d.Fail(cbor.ErrRange)
	}
	return selected
}

// override sets parameters of a component; soft failure belongs to the running
// sequence instead, and only to a nested one.
func (p *Processor) override(f *frame, c *component) bool {
	d := &p.d
	n := d.Map()
	ok := n != 0
	for ; n > 0; n-- {
		key := d.Int()
		from := d.Offset()
		slot := index(slots, key)
		switch {
		case key == ParameterStrictOrder:
			d.Bool() // commands run in order either way
		case key == ParameterSoftFailure && f.kind != kindRoot:
			f.soft = d.Bool()
		case slot >= 0:
			d.Skip(maxDepth)
			c.parameters[slot] = span{uint16(from), uint16(d.Offset())}
		default:
			ok = false
		}
	}
	if d.Err() != 0 || !ok {
		return p.refuse(StageExecute, ReasonParameter)
	}
	return true
}

// fetch gets a payload, from the envelope if it is there. Whatever the manifest
// says about the payload is judged before the first byte is asked for: storing
// it costs what the idle storage held.
func (p *Processor) fetch(c *component) bool {
	uri := p.parameter(c, slotURI).Text()
	size := p.imageSize(c)
	if len(uri) == 0 || len(uri) > MaxURI || size < noSize {
		return p.refuse(StageFetch, ReasonParameter)
	}
	digest, reason := p.imageDigest(c)
	if reason != ReasonOK {
		return p.refuse(StageCondition, reason)
	}
	if payload := p.payload(uri); payload != nil {
		return p.store(c, payload, digest, size)
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
	return true
}

// stored goes on after a fetch that was pending.
func (p *Processor) stored() { p.frames[p.depth-1].advance() }

// write stores the content parameter, which the manifest's own digest vouches
// for; an image digest and size, if set, are held against it all the same.
func (p *Processor) write(c *component) bool {
	payload := p.parameter(c, slotContent).Bytes()
	if len(payload) == 0 {
		return p.refuse(StageInstall, ReasonParameter)
	}
	var digest []byte
	if c.parameters[slotImageDigest] != (span{}) {
		var reason Reason
		if digest, reason = p.imageDigest(c); reason != ReasonOK {
			return p.refuse(StageCondition, reason)
		}
	}
	ok := p.store(c, payload, digest, p.imageSize(c))
	c.unverified = !ok
	return ok
}

// store hands over a payload that has the digest (nil: any) and size (noSize:
// any).
//
//go:noinline
func (p *Processor) store(c *component, payload, digest []byte, size int32) bool {
	if size != noSize && len(payload) != int(size) {
		return p.refuse(StageCondition, ReasonCondition)
	}
	if digest != nil {
		sha2.Sum256(&p.sum, payload)
		if !equal(p.sum[:], digest) {
			return p.refuse(StageCondition, ReasonCondition)
		}
	}
	if reason := p.platform.Store(c.handle, payload); reason != ReasonOK {
		return p.refuse(StageInstall, reason)
	}
	c.unverified = true
	return true
}

// copy gets what another component holds.
func (p *Processor) copy(c *component) bool {
	d := p.parameter(c, slotSourceComponent)
	i := d.Uint()
	if d.Err() != 0 || i >= uint64(p.count) || &p.components[i] == c {
		return p.refuse(StageInstall, ReasonParameter)
	}
	if reason := p.platform.Copy(c.handle, p.components[i].handle); reason != ReasonOK {
		return p.refuse(StageInstall, reason)
	}
	c.unverified = true
	return true
}
