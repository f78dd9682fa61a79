package agent

import (
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/sha2"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/suit"
)

// An update is what is known of the manifest that is being processed.
type update struct {
	now       int64
	from      link.Addr // who sent the envelope
	component component
	index     int  // container to be installed or replaced
	named     bool // component and index are set
	slot      uint8
	writer    flash.Writer
	written   bool // the idle slot holds an image
	size      int  // of it, bytes
	received  int  // bytes of a payload that have come
	total     int  // bytes of a payload that will come
	call      *coap.Call
}

// A report is the answer to the last envelope or command.
type report struct {
	progress Progress
	suit     suit.Report
	detail   Detail
	code     int16
	pc       int32
	sequence uint64
}

// fail notes what a refusal is about, for the answer.
func (r *report) fail(detail Detail, code int) {
	r.detail, r.code = detail, int16(code)
}

// serveManifest takes an envelope and processes it as far as it goes without
// the network.
func (a *Agent) serveManifest(now int64, req *coap.Request, resp *coap.Response) {
	if a.processor.Status() == suit.Pending {
		if string(a.c.Envelope[:a.envelope]) == string(req.Payload) {
			resp.Code = coap.Changed // the same again: say how far it is
			a.writeReport(resp)
			return
		}
		if req.From != a.update.from {
			resp.Fail(coap.ServiceUnavailable, "another envelope is being processed")
			return
		}
		a.endpoint.Cancel(a.update.call)
	}
	a.report = report{}
	a.update = update{now: now, from: req.From}
	if len(req.Payload) > len(a.c.Envelope) {
		resp.Fail(coap.RequestEntityTooLarge, "envelope too long")
		return
	}
	a.envelope = copy(a.c.Envelope, req.Payload)
	a.settle(a.processor.Process(a.c.Envelope[:a.envelope]))
	resp.Code = a.responseCode()
	a.writeReport(resp)
}

// settle makes an accepted manifest's container current, or keeps why not.
func (a *Agent) settle(status suit.Status) {
	a.report.suit = a.processor.Report()
	switch status {
	case suit.Pending:
		a.report.progress = ProgressFetching
		return
	case suit.Refused:
		a.report.progress = ProgressRefused
	case suit.Done:
		a.report.progress = ProgressDone
		if a.report.suit.Stage == suit.StageInstall {
			// Authentic, but what would have been installed is severed.
			a.refuse(suit.StageInstall, suit.ReasonSevering)
			return
		}
		a.commit()
	}
	if a.update.named {
		a.report.sequence = a.sequence(a.update.component.counter[:])
	}
}

// refuse ends an update that the processor let pass.
func (a *Agent) refuse(stage suit.Stage, reason suit.Reason) {
	a.report.progress = ProgressRefused
	a.report.suit = suit.Report{Stage: stage, Reason: reason}
}

// commit installs what the idle slot holds. Everything that can refuse comes
// first; then one record of the log makes the slot current and the number
// spent; then the engine swaps. A power cut before the record leaves the old
// container, after it the new one.
func (a *Agent) commit() {
	u := &a.update
	id, sequence := u.component.counter[:], a.processor.Sequence()
	if !u.named {
		return
	}
	if !u.written && sequence == a.sequence(id) {
		return // the same manifest again
	}
	ok := false
	if u.written {
		ok = a.check(a.idle()) &&
			a.flashed(a.log.Append(kindInstall, a.record(id, sequence, uint8(u.index), u.slot)))
	} else {
		ok = a.flashed(a.log.Append(kindCounter, a.record(id, sequence)))
	}
	if !ok {
		a.refuse(suit.StageInstall, suit.ReasonOperation)
		return
	}
	a.spend(id, sequence)
	if u.written {
		a.c.Containers[u.index] = Container{used: true, slot: u.slot, tenant: uint8(a.processor.Signer())}
		a.start(u.index, &u.component)
	}
}

// check reports whether the engine would take an image, and notes why not.
func (a *Agent) check(raw []byte) bool {
	u := &a.update
	a.spec(&u.component, a.processor.Signer(), raw)
	refused := a.engine.Check(u.index, &a.newSpec)
	switch refused.Reason {
	case engine.OK:
		return true
	case engine.ErrImage:
		a.report.fail(DetailImage, int(refused.Image))
	case engine.ErrProgram, engine.ErrNotGranted:
		a.report.fail(DetailCheck, int(refused.Program.Fault))
		a.report.pc = int32(refused.Program.PC)
	default:
		a.report.fail(DetailEngine, int(refused.Reason))
	}
	return false
}

// Authenticate finds the tenant whose signature s is (suit.Platform).
func (a *Agent) Authenticate(s *suit.Signature) (signer int, ok bool) {
	for i := range a.c.Tenants {
		t := &a.c.Tenants[i]
		// A kid only saves work: without one, every key is tried.
		if len(s.KeyID) > len(t.keyID) || string(s.KeyID) != string(t.keyID[:len(s.KeyID)]) {
			continue
		}
		if s.VerifyEd25519(&t.Key) {
			return i, true
		}
	}
	return 0, false
}

// Component finds the container that a manifest is about (suit.Platform). One
// manifest is about one.
func (a *Agent) Component(signer int, id suit.ComponentID) (handle int, reason suit.Reason) {
	u := &a.update
	if u.named {
		return 0, suit.ReasonComponent
	}
	var name []byte
	if id.Len() == 2 {
		name = id.Segment(1)
	}
	if id.Len() > 2 {
		return 0, suit.ReasonComponent
	}
	reason = a.name(&u.component, signer, id.Segment(0), name)
	if reason != suit.ReasonOK {
		return 0, reason
	}
	index, err := a.place(&u.component, signer)
	if err != OK {
		a.report.fail(DetailAgent, int(err))
		if err == ErrForeign {
			return 0, suit.ReasonComponentUnauthorised
		}
		return 0, suit.ReasonOperation
	}
	u.index, u.named = index, true
	u.slot = 1 - a.c.Containers[index].slot
	return index, suit.ReasonOK
}

// Sequence refuses numbers that were spent (suit.Platform). The same number is
// good again for the same image, so that a lost answer can be asked for twice.
func (a *Agent) Sequence(signer, handle int, number uint64) suit.Reason {
	spent := a.sequence(a.update.component.counter[:])
	if number < spent || number > MaxSequence {
		a.report.fail(DetailCounter, 0)
		return suit.ReasonUnauthorised
	}
	return suit.ReasonOK
}

// Matches compares the device's identifiers (suit.Platform).
func (a *Agent) Matches(handle int, condition int32, id []byte) bool {
	switch condition {
	case suit.CommandVendorID:
		return string(id) == string(a.c.Vendor[:])
	case suit.CommandClassID:
		return string(id) == string(a.c.Class[:])
	case suit.CommandDeviceID:
		return string(id) == string(a.c.Device[:])
	}
	return false
}

// ImageMatch compares digests with what the idle slot holds, or, before
// anything was written there, with what runs (suit.Platform).
func (a *Agent) ImageMatch(handle int, digest []byte, size int32) bool {
	u := &a.update
	var raw []byte
	switch {
	case u.written:
		raw = a.idle()
	case a.c.Containers[u.index].used:
		raw = a.image(u.index)
	default:
		return false
	}
	if size >= 0 && len(raw) != int(size) {
		return false
	}
	var sum [sha2.Size256]byte
	sha2.Sum256(&sum, raw)
	return string(digest) == string(sum[:])
}

// Store writes a payload that came inside the envelope to the idle slot
// (suit.Platform).
func (a *Agent) Store(handle int, payload []byte) suit.Reason {
	var digest [sha2.Size256]byte
	sha2.Sum256(&digest, payload)
	if a.current(digest[:]) {
		return suit.ReasonOK
	}
	if a.respent() {
		return suit.ReasonUnauthorised
	}
	if !a.prepare(len(payload), &digest) || !a.write(payload) || !a.seal() {
		return suit.ReasonOperation
	}
	return suit.ReasonOK
}

// current reports whether the image with digest is the one that runs already.
// Then nothing is written: whoever repeats a manifest wears no flash.
func (a *Agent) current(digest []byte) bool {
	u := &a.update
	u.written = false
	return a.c.Containers[u.index].used && string(a.header(u.index).digest()) == string(digest)
}

// respent reports, and notes, that the manifest's number was spent before: it
// is good again only for what it was spent on.
func (a *Agent) respent() bool {
	if a.processor.Sequence() > a.sequence(a.update.component.counter[:]) {
		return false
	}
	a.report.fail(DetailCounter, 0)
	return true
}

// Fetch asks for a payload by URI (suit.Platform). A relative reference is
// resolved against the peer that sent the envelope.
func (a *Agent) Fetch(handle int, uri []byte, size int32, digest []byte) (pending bool, reason suit.Reason) {
	u := &a.update
	var sum [sha2.Size256]byte
	if size < 0 || copy(sum[:], digest) != len(sum) {
		return false, suit.ReasonParameter
	}
	if a.current(digest) {
		return false, suit.ReasonOK
	}
	if a.respent() {
		return false, suit.ReasonUnauthorised
	}
	target, err := coap.ParseURI(uri)
	if err != 0 {
		a.report.fail(DetailCoAP, int(err))
		return false, suit.ReasonParameter
	}
	if !target.Absolute {
		target.Peer = u.from
	}
	if !a.prepare(int(size), &sum) {
		return false, suit.ReasonOperation
	}
	u.received, u.total = 0, int(size)
	call, err := a.endpoint.Do(u.now, target.Peer, &coap.Outgoing{
		Code: coap.GET, Path: target.Path, Query: target.Query, ContentFormat: coap.FormatNone,
	}, (*payloadSink)(a))
	if err != 0 {
		a.report.fail(DetailCoAP, int(err))
		return false, suit.ReasonOperation
	}
	u.call = call
	return true, suit.ReasonOK
}

// Invoke has nothing to do yet: a container is attached when its record is in
// the log (suit.Platform).
func (a *Agent) Invoke(handle int) suit.Reason { return suit.ReasonOK }

// payloadSink is the agent as the receiver of a payload.
type payloadSink Agent

// Block writes the next part of a payload to the idle slot.
func (s *payloadSink) Block(now int64, in *coap.Incoming) bool {
	a := (*Agent)(s)
	u := &a.update
	if in.Code != coap.Content {
		return true // Done tells
	}
	if in.Offset != u.received || len(in.Payload) > u.total-u.received {
		a.report.fail(DetailAgent, int(ErrTooLarge))
		return false
	}
	if !a.write(in.Payload) {
		return false
	}
	u.received += len(in.Payload)
	return true
}

// Done goes on with the manifest.
func (s *payloadSink) Done(now int64, code coap.Code, err coap.Error) {
	a := (*Agent)(s)
	u := &a.update
	reason := suit.ReasonOK
	switch {
	case err != 0:
		if a.report.detail == DetailNone {
			a.report.fail(DetailCoAP, int(err))
		}
		reason = suit.ReasonOperation
	case code != coap.Content || u.received != u.total:
		a.report.fail(DetailAgent, int(ErrPayload))
		reason = suit.ReasonOperation
	case !a.seal():
		reason = suit.ReasonOperation
	}
	u.call = nil
	a.settle(a.processor.Resume(reason))
}
