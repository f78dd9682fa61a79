package agent

import (
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/suit"
)

// An order is a command as it was signed. Its slices are views of the message.
type order struct {
	from     *link.Addr
	signer   int
	sequence uint64
	verb     uint8
	segments int // of the component; 0: the device
	uuid     []byte
	name     []byte
	device   []byte
	arg      cbor.Decoder // before the argument, or at the end
	index    int          // of the container, -1: none
}

// parse reads what a command's signature is over.
func (o *order) parse(payload []byte) bool {
	if cbor.Valid(payload, cbor.MaxDepth) != 0 {
		return false
	}
	d := &o.arg
	*d = cbor.New(payload)
	n := d.Array()
	o.sequence = d.Uint()
	o.verb = uint8(min(d.Uint(), 255))
	o.segments = d.Array()
	o.uuid, o.name = nil, nil
	if o.segments > 0 {
		o.uuid = d.Bytes()
	}
	if o.segments > 1 {
		o.name = d.Bytes()
	}
	o.device = d.Bytes()
	return d.Err() == 0 && o.segments <= 2 && (n == 4 || n == 5) && d.More() == (n == 5)
}

// What a verb is about.
const (
	aboutHook      = 1 << iota // a component
	aboutContainer             // one that is there, and the signer's or the owner's business
	aboutDevice                // no component
	byOwner                    // nobody else may
	withArgument
)

var verbs = [...]uint8{
	VerbRemove:   aboutHook | aboutContainer,
	VerbStart:    aboutHook | aboutContainer,
	VerbStop:     aboutHook | aboutContainer,
	VerbConfirm:  aboutHook | aboutContainer,
	VerbRollback: aboutHook | aboutContainer,
	VerbFire:     aboutHook | withArgument,
	VerbSet:      aboutHook | aboutDevice | withArgument,
	VerbUnset:    aboutHook | aboutDevice | withArgument,
	VerbReboot:   aboutDevice | byOwner,
	VerbTrust:    aboutDevice | byOwner | withArgument,
	VerbRead:     aboutDevice,
}

// serveCommand takes a signed command: whatever changes state and is no
// manifest.
//
//go:noinline
func (a *Agent) serveCommand(now int64, req *coap.Request, resp *coap.Response) {
	if a.busy(now, resp) {
		return
	}
	a.begin()
	a.alone()
	o := &a.order
	o.from, o.index = &req.From, -1
	v := a.command(now, o, req.Payload)
	a.reports[0].progress = ProgressDone
	if v != done {
		a.reports[0].progress = ProgressRefused
		a.reports[0].suit.Stage, a.reports[0].suit.Reason = suit.Stage(v>>16), suit.Reason(v>>8&0xff)
		if err := int(v & 0xff); err != 0 {
			a.fail(DetailAgent, err)
		}
	} else if o.verb == VerbFire {
		a.fire(now, int(a.named.hook), o.arg.Bytes(), resp)
		return
	}
	a.answer(resp)
}

// A verdict is what became of a command, in one word as there are many: 0 if it
// was carried out.
type verdict uint32

// no is a refusal with what the agent has to say on it.
func no(stage suit.Stage, reason suit.Reason, err Error) verdict {
	return verdict(stage)<<16 | verdict(reason)<<8 | verdict(err)
}

const done verdict = 0

// command authenticates, checks and carries out a command. The same stages and
// reasons as a manifest's say what was wrong.
//
//go:noinline
func (a *Agent) command(now int64, o *order, message []byte) verdict {
	// No envelope is being processed: its buffer is free.
	scratch := (*[cose.PrefixSize]byte)(a.c.Envelope)
	var claim cose.Signature
	switch cose.ParseCommand(message, &claim, scratch) {
	case 0:
	case cose.ErrCBOR:
		return no(suit.StageCBOR, suit.ReasonCBOR, OK)
	default:
		return no(suit.StageAuth, suit.ReasonCOSE, OK)
	}
	if !a.signedBy(o, &claim) {
		return no(suit.StageAuth, suit.ReasonUnauthorised, OK)
	}
	if !o.parse(claim.Payload) {
		return no(suit.StageCBOR, suit.ReasonCBOR, OK)
	}
	if !same(o.device, a.c.Device[:]) {
		return no(suit.StageCheck, suit.ReasonCondition, ErrDevice)
	}
	about := a.aboutRecord(o.verb)
	if int(o.verb) < len(verbs) {
		about = verbs[o.verb]
	}
	c := &a.named
	switch {
	case about == 0:
		return no(suit.StageExecute, suit.ReasonCommand, OK)
	case o.arg.More() != (about&withArgument != 0):
		return no(suit.StageCBOR, suit.ReasonCBOR, OK)
	case o.segments > 0 && about&aboutHook == 0, o.segments == 0 && about&aboutDevice == 0:
		return no(suit.StageCheck, suit.ReasonComponent, OK)
	case o.segments == 0:
		*c = component{}
		copy(c.counter[:], a.tenant(o.signer).id[:])
	default:
		if reason := a.name(c, o.signer, o.uuid, o.name); reason != suit.ReasonOK {
			return no(suit.StageCheck, reason, OK)
		}
	}
	if about&byOwner != 0 && o.signer != owner {
		return no(suit.StageCheck, suit.ReasonUnauthorised, ErrOwner)
	}
	t := a.tenant(o.signer)
	if o.verb == VerbRead {
		if err := a.admits(t, 0); err != OK { // its number is the device's own
			return no(suit.StageSetup, suit.ReasonUnauthorised, err)
		}
		return a.session(now, o)
	}
	a.reports[0].sequence = max(a.sequence(c.counter[:]), t.Spent)
	if o.sequence > suit.MaxSequence {
		return no(suit.StageSetup, suit.ReasonParameter, OK)
	}
	if err := a.admits(t, o.sequence); err != OK {
		return no(suit.StageSetup, suit.ReasonUnauthorised, err)
	}
	if o.sequence <= a.reports[0].sequence {
		a.fail(DetailCounter, 0)
		return no(suit.StageSetup, suit.ReasonUnauthorised, OK)
	}
	if o.segments > 0 {
		o.index = a.find(c)
	}
	if o.index >= 0 && o.signer != owner && int(a.container(o.index).tenant) != o.signer && o.verb != VerbFire {
		return no(suit.StageCheck, suit.ReasonComponentUnauthorised, ErrForeign)
	}
	if o.index < 0 && about&aboutContainer != 0 {
		return no(suit.StageExecute, suit.ReasonComponent, ErrAbsent)
	}
	if err := a.countable(c, t); err != OK {
		return no(suit.StageCheck, suit.ReasonOperation, err)
	}
	return a.execute(now, o, c, message)
}

// signedBy finds out whose a command is.
//
//go:noinline
func (a *Agent) signedBy(o *order, claim *cose.Signature) bool {
	if !a.owner.free() {
		o.signer = owner
		if a.owner.signed(claim) {
			a.reports[0].signed = true
			return true
		}
	} else if a.enrolls() && o.parse(claim.Payload) && o.verb == VerbTrust {
		// Whoever comes first becomes the owner: the document has to be signed by
		// the owner that it names.
		a.doc.open(&o.arg)
		o.signer = owner
		if a.doc.owner.verifies(claim) {
			a.reports[0].signed = true
			return true
		}
	}
	signer, ok := a.Authenticate(claim)
	o.signer = signer
	return ok
}

// enrolls reports whether the device waits for its owner.
func (a *Agent) enrolls() bool { return a.c.Enroll && !a.trusted && a.owner.free() }

// execute carries out a command that may be carried out. A record of the log
// spends its number, and then it takes effect.
//
//go:noinline
func (a *Agent) execute(now int64, o *order, c *component, message []byte) verdict {
	failed := no(suit.StageExecute, suit.ReasonOperation, OK)
	malformed := no(suit.StageCBOR, suit.ReasonCBOR, OK)
	var scope, key, value uint64
	kind, state := uint8(kindCounter), uint8(0)
	switch o.verb {
	case VerbTrust:
		if v := a.judge(&o.arg); v != done {
			return v
		}
		return a.trusting(o, message)
	case VerbFire:
		context := o.arg // stays before the context for serveCommand
		b := context.Bytes()
		if context.End() != 0 {
			return malformed
		}
		if o.segments > 1 { // a counter for each name would be one of many
			return no(suit.StageCheck, suit.ReasonComponent, OK)
		}
		if !a.remote(int(c.hook)) {
			return no(suit.StageCheck, suit.ReasonUnauthorised, ErrHook)
		}
		if len(b) > len(a.c.Context) || !a.engine.Hook(int(c.hook)).Fits(len(b)) {
			return no(suit.StageCheck, suit.ReasonParameter, ErrContext)
		}
	case VerbSet, VerbUnset:
		n := o.arg.Array()
		scope, key = o.arg.Uint(), o.arg.Uint()
		if o.verb == VerbSet {
			value = o.arg.Uint()
			n--
		}
		if o.arg.End() != 0 || n != 2 || (key|value)>>32 != 0 {
			return malformed
		}
		if err := a.store(o, scope); err != OK {
			return no(suit.StageCheck, suit.ReasonUnauthorised, err)
		}
	case VerbRemove:
		kind = kindRemove
	case VerbStart, VerbStop, VerbConfirm, VerbRollback:
		var err Error
		if state, err = a.become(o.index, o.verb); err != OK {
			return no(suit.StageExecute, suit.ReasonOperation, err)
		}
		kind = kindInstall
	default:
		if v := a.mayRecord(o); v != done {
			return v
		}
	}
	if !a.flashed(a.append(kind, c.counter[:], o.sequence, uint8(o.index), state)) {
		return failed
	}
	a.spend(c.counter[:], o.sequence)
	a.reports[0].sequence = o.sequence
	switch o.verb {
	case VerbRemove:
		a.engine.Remove(o.index)
		a.vacate(o.index)
	case VerbStart, VerbStop, VerbConfirm, VerbRollback:
		a.enter(o.index, state)
	case VerbSet:
		if err := a.engine.Put(o.index, uint32(key), uint32(value)); err != engine.OK {
			a.fail(DetailEngine, int(err))
			return failed
		}
	case VerbUnset:
		a.engine.Delete(o.index, uint32(key))
	case VerbReboot:
		a.reboot = now + rebootDelay
	default:
		a.record(o)
	}
	return done
}

// Scopes of stores, as VerbSet and VerbUnset and GET kv name them.
const (
	ScopeLocal  = 0
	ScopeTenant = 1
	ScopeGlobal = 2
)

// store finds the store that a command is about, for the engine, and whether
// the signer may write to it. Everybody may to the global one who may read it.
//
//go:noinline
func (a *Agent) store(o *order, scope uint64) Error {
	switch {
	case scope == ScopeLocal && o.index >= 0:
		return OK
	case scope == ScopeTenant && o.segments == 0:
		o.index = engine.TenantStore(o.signer)
		return OK
	case scope == ScopeGlobal && o.segments == 0:
		o.index = engine.Global
		if o.signer != owner {
			return ErrOwner
		}
		return OK
	}
	return ErrAbsent
}

// rebootDelay leaves time for the answer, in microseconds.
const rebootDelay = 1_000_000

// session opens reading for the peer that asks with the device's nonce, which
// is good once: nothing has to be written to flash against replay.
//
//go:noinline
func (a *Agent) session(now int64, o *order) verdict {
	if o.sequence != a.nonce {
		return no(suit.StageSetup, suit.ReasonUnauthorised, ErrNonce)
	}
	a.nonce++
	setAddr(&a.reader, o.from)
	a.readUntil = now + sessionTime
	return done
}

// sessionTime is how long a session lasts after its last use, in microseconds.
const sessionTime = 300_000_000

// readable reports whether a peer may read what not everybody may.
//
//go:noinline
func (a *Agent) readable(now int64, from *link.Addr) bool {
	if a.flags&TrustClosed == 0 {
		return true
	}
	if !same(a.reader.IP[:], from.IP[:]) || a.reader.Port != from.Port || a.reader.Zone != from.Zone || now >= a.readUntil {
		return false
	}
	a.readUntil = now + sessionTime
	return true
}
