package agent

import (
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/suit"
)

// An update is what is known of the manifest that is being processed.
type update struct {
	alive     int64     // when it last got on
	from      link.Addr // who sent the envelope
	component component
	index     int  // container to be installed or replaced
	named     bool // component and index are set
	heard     bool // a block of the payload came
	written   bool // the idle slot holds an image
	slot      uint8
	writer    flash.Writer
	partial   int // 1 + the slot that writer stands still in, where its image came to an end; 0: none
	size      int // of the image in the idle slot, bytes, if written
	call      *coap.Call
}

// patience is how long a fetch may stand still, in microseconds, before it
// gives way to another envelope or command: time for two datagrams in a row to
// get lost (RFC 7252 §4.2). Whoever fetches keeps the agent to himself only
// while blocks keep coming, of which there are not many in an image.
const patience = 10_000_000

// left returns for how long the fetch may still stand still. Whoever sends a
// manifest again and again and never its payload gets less each time, as long as
// nobody's comes.
func (a *Agent) left(now int64) int64 {
	wait := int64(patience)
	if !a.update.heard {
		wait >>= a.silent
	}
	return a.update.alive + wait - now
}

// mostSilent is how often patience is halved.
const mostSilent = 3

// fetched notes whether a fetch that has ended brought anything.
func (a *Agent) fetched() {
	if !a.update.heard && a.silent < mostSilent {
		a.silent++
	}
}

// serveManifest takes an envelope and processes it as far as it goes without
// the network.
//
//go:noinline
func (a *Agent) serveManifest(now int64, req *coap.Request, resp *coap.Response) {
	if len(req.Payload) > len(a.c.Envelope) {
		a.decline(resp, coap.RequestEntityTooLarge, suit.ReasonOperation, ErrLength)
		return
	}
	u := &a.update
	if a.processor.Status() == suit.Pending && same(a.c.Envelope[:a.envelope], req.Payload) {
		if a.silent == 0 && u.from.Port != req.From.Port && same(u.from.IP[:], req.From.IP[:]) {
			u.alive = now - patience // the sender was started again
		}
		if a.left(now) > 0 {
			resp.Code = coap.Changed // the same again: say how far it is
			a.writeReport(resp)
			return
		}
	}
	if a.busy(now, resp) {
		return
	}
	if left := u.alive + 2*patience - now; left > 0 && a.silent > 1 && same(a.c.Envelope[:a.envelope], req.Payload) {
		a.later(left, resp) // it is others' turn
		return
	}
	a.begin()
	a.alone()
	u.alive, u.named, u.written, u.heard = now, false, false, false
	setAddr(&u.from, &req.From)
	a.envelope = copy(a.c.Envelope, req.Payload)
	a.settle(a.processor.Process(a.c.Envelope[:a.envelope]))
	a.answer(resp)
}

// busy answers, if an envelope is being processed, to come back later. One
// whose fetch stands still is given up instead.
func (a *Agent) busy(now int64, resp *coap.Response) bool {
	if a.processor.Status() != suit.Pending {
		return false
	}
	if left := a.left(now); left > 0 {
		a.later(left, resp)
		return true
	}
	a.endpoint.Cancel(a.update.call)
	a.fetched()
	a.fail(DetailAgent, int(ErrPayload))
	a.settle(a.processor.Resume(suit.ReasonOperation))
	return false
}

// later answers to come back in so many microseconds.
//
//go:noinline
func (a *Agent) later(left int64, resp *coap.Response) {
	a.decline(resp, coap.ServiceUnavailable, suit.ReasonOperation, ErrProcessing)
	resp.MaxAge = uint32(left/1_000_000) + 1
}

// begin makes room for a report, and keeps the one before.
func (a *Agent) begin() {
	copy(a.reports[1:], a.reports[:1])
	clear(a.reports[:1])
}

// answer tells the report. What nobody vouches for leaves no trace: then the
// one before is what the next reader gets.
func (a *Agent) answer(resp *coap.Response) {
	a.tellReport(a.responseCode(), resp)
}

//go:noinline
func (a *Agent) tellReport(code coap.Code, resp *coap.Response) {
	resp.Code = code
	a.writeReport(resp)
	if !a.reports[0].signed {
		copy(a.reports[:1], a.reports[1:])
	}
}

// setAddr copies an address; an assignment would do so byte by byte.
//
//go:noinline
func setAddr(to, from *link.Addr) {
	copy(to.IP[:], from.IP[:])
	to.Port, to.Zone = from.Port, from.Zone
}

// settle makes an accepted manifest's container current, or keeps why not.
//
//go:noinline
func (a *Agent) settle(status suit.Status) {
	r := &a.reports[0]
	r.suit = a.processor.Report()
	copy(r.manifest[:], a.processor.Digest()[:])
	if r.signed {
		copy(a.manifest[:], a.processor.Digest()[:])
	}
	switch status {
	case suit.Pending:
		r.progress = ProgressFetching
	case suit.Refused:
		r.progress = ProgressRefused
	case suit.Done:
		r.progress = ProgressDone
		if r.suit.Stage == suit.StageInstall {
			// Authentic, but what would have been installed is severed.
			a.refuse(suit.StageInstall, suit.ReasonSevering)
		} else if !a.commitAll() {
			a.commit()
		}
	}
	if a.update.named {
		r.sequence = a.spent(a.processor.Signer())
	}
}

// refuse ends an update that the processor let pass.
func (a *Agent) refuse(stage suit.Stage, reason suit.Reason) {
	a.reports[0].progress = ProgressRefused
	a.reports[0].suit = suit.Report{Stage: stage, Reason: reason}
}

// commit installs what the idle slot holds. Everything that can refuse comes
// first; then one record of the log makes the slot current and the number
// spent; then the engine swaps. A power cut before the record leaves the old
// container, after it the new one.
//
//go:noinline
func (a *Agent) commit() {
	u := &a.update
	id, sequence := u.component.counter[:], a.processor.Sequence()
	ok := false
	// A version that replaces another may have to prove itself.
	state := u.slot
	if a.container(u.index).used() && a.engine.Tenant(a.processor.Signer()).Grant.Trial > 0 {
		state |= stateTrial
	}
	switch {
	case u.written:
		ok = a.verify() && a.check(a.idle()) &&
			a.flashed(a.append(kindInstall, id, sequence, uint8(u.index), state))
	case !a.container(u.index).used():
		a.fail(DetailAgent, int(ErrAbsent))
	case sequence == a.sequence(id):
		return // the same manifest again
	default:
		ok = a.flashed(a.append(kindCounter, id, sequence, 0, 0))
	}
	if !ok {
		a.refuse(suit.StageInstall, suit.ReasonOperation)
		return
	}
	a.spend(id, sequence)
	if u.written {
		a.tries = 0
		a.occupy(u.index, state)
		a.container(u.index).tenant = uint8(a.processor.Signer())
		a.start(u.index, &u.component)
	}
}

// verify reads the idle slot back. Its header has the digest that the device
// will want to see at every start, also if a manifest set another one for its
// image match.
func (a *Agent) verify() bool {
	_, ok := intact(&a.slots, slotIndex(a.update.index, a.update.slot))
	if !ok {
		a.fail(DetailAgent, int(ErrDigest))
	}
	return ok
}

// check reports whether the engine would take an image, and notes why not.
//
//go:noinline
func (a *Agent) check(raw []byte) bool {
	u := &a.update
	a.spec(&u.component, a.processor.Signer(), raw)
	return a.judged(a.engine.Check(u.index, &a.newSpec))
}

// judged notes what the engine has against an image.
//
//go:noinline
func (a *Agent) judged(refused engine.CheckError) bool {
	a.reports[0].unmet, a.lacking = refused.Unmet, refused.Helpers
	switch refused.Reason {
	case engine.OK:
		return true
	case engine.ErrImage:
		a.fail(DetailImage, int(refused.Image))
	case engine.ErrProgram, engine.ErrNotGranted:
		a.fail(DetailCheck, int(refused.Program.Fault))
		a.reports[0].pc = uint32(refused.Program.PC)
	default:
		a.fail(DetailEngine, int(refused.Reason))
	}
	return false
}

// Authenticate finds the tenant whose signature s is (suit.Platform).
func (a *Agent) Authenticate(s *suit.Signature) (signer int, ok bool) {
	for i := range a.tenants {
		if t := &a.tenants[i]; !t.free() && t.signed(s) {
			a.reports[0].signed = true
			return i, true
		}
	}
	return 0, false
}

// signed reports whether a signature is of one of the tenant's keys.
func (t *Tenant) signed(s *suit.Signature) bool {
	// A kid only saves work: without one, every key is tried.
	for i := range t.keyID {
		key := &t.Key
		if i > 0 {
			key = &t.Next
		}
		if !blank(key[:]) && len(s.KeyID) <= keyIDLen && same(s.KeyID, t.keyID[i][:len(s.KeyID)]) && key.verifies(s) {
			return true
		}
	}
	return false
}

// Component finds a container that a manifest is about (suit.Platform).
//
//go:noinline
func (a *Agent) Component(signer int, id suit.ComponentID) (handle int, reason suit.Reason) {
	u := &a.update
	if u.named && !a.another() {
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
		a.fail(DetailAgent, int(err))
		if err == ErrForeign {
			return 0, suit.ReasonComponentUnauthorised
		}
		return 0, suit.ReasonOperation
	}
	u.index, u.named = index, true
	u.slot = 1 - a.container(index).slot()
	return index, suit.ReasonOK
}

// Sequence refuses numbers that were spent (suit.Platform). The same number is
// good again for the same image, so that a lost answer can be asked for twice.
func (a *Agent) Sequence(signer, handle int, number uint64) suit.Reason {
	a.turn(handle)
	if err := a.admits(a.tenant(signer), number); err != OK {
		a.fail(DetailAgent, int(err))
		return suit.ReasonUnauthorised
	}
	if number < a.spent(signer) {
		a.fail(DetailCounter, 0)
		return suit.ReasonUnauthorised
	}
	return suit.ReasonOK
}

// spent returns the highest number that the signer has spent on the component,
// or that the owner has for him.
func (a *Agent) spent(signer int) uint64 {
	return max(a.sequence(a.update.component.counter[:]), a.tenant(signer).Spent)
}

// Matches compares the device's identifiers (suit.Platform).
func (a *Agent) Matches(handle int, condition int32, id []byte) bool {
	switch condition {
	case suit.CommandVendorID:
		return same(id, a.c.Vendor[:])
	case suit.CommandClassID:
		return same(id, a.c.Class[:])
	case suit.CommandDeviceID:
		return same(id, a.c.Device[:])
	}
	return false
}

// ImageMatch compares digests with what the idle slot holds, or, before
// anything was written there, with what runs (suit.Platform).
func (a *Agent) ImageMatch(handle int, digest []byte, size int32) bool {
	a.turn(handle)
	u := &a.update
	var raw []byte
	switch {
	case u.written:
		raw = a.idle()
	case a.container(u.index).used():
		raw = a.image(u.index)
	default:
		return false
	}
	if size >= 0 && len(raw) != int(size) {
		return false
	}
	return hashes(digest, raw)
}

// Store writes a payload that came inside the envelope to the idle slot
// (suit.Platform). An image that the engine would not take costs no flash.
func (a *Agent) Store(handle int, payload []byte) suit.Reason {
	a.turn(handle)
	digest(a.digest[:], payload)
	a.update.partial = 0
	have, reason := a.expect(len(payload))
	if have || reason != suit.ReasonOK {
		return reason
	}
	if !a.check(payload) || !a.write(payload) || !a.seal() {
		return suit.ReasonOperation
	}
	return suit.ReasonOK
}

// expect prepares for an image of size bytes with the digest in a.digest, short
// of touching the flash. What came of the same image for the same component
// before its sender fell silent stays. have says that it is the one that runs
// already: then nothing is to be written, so that whoever repeats a manifest
// wears no flash. Otherwise a number that was spent before is refused: it is
// good again only for what it was spent on.
//
//go:noinline
func (a *Agent) expect(size int) (have bool, reason suit.Reason) {
	u := &a.update
	u.written = false
	if a.container(u.index).used() && same(a.header(u.index).digest(), a.digest[:]) {
		return true, suit.ReasonOK
	}
	if a.processor.Sequence() <= a.spent(a.processor.Signer()) {
		a.fail(DetailCounter, 0)
		return false, suit.ReasonUnauthorised
	}
	if a.container(u.index).state&stateTrial != 0 {
		// The idle slot has the version that comes back if this one fails.
		return false, a.refused(ErrTrial)
	}
	if size > a.maxImage() {
		return false, a.refused(ErrTooLarge)
	}
	var header [slotHeaderLen]byte
	putHeader(&header, size, &a.digest, &u.component)
	slot := slotIndex(u.index, u.slot)
	if u.partial == 1+slot && same(a.newHeader[:], header[:]) && !a.log.Torn() {
		return false, suit.ReasonOK
	}
	u.partial = 0
	copy(a.newHeader[:], header[:])
	if !a.flashed(u.writer.Begin(&a.slots, slot)) {
		return false, suit.ReasonOperation
	}
	return false, suit.ReasonOK
}

// Fetch asks for a payload by URI (suit.Platform). A relative reference is
// resolved against the peer that sent the envelope.
//
//go:noinline
func (a *Agent) Fetch(handle int, uri []byte, size int32, digest []byte) (pending bool, reason suit.Reason) {
	a.turn(handle)
	u := &a.update
	if size < 0 || copy(a.digest[:], digest) != len(a.digest) {
		return false, suit.ReasonParameter
	}
	have, reason := a.expect(int(size))
	if have || reason != suit.ReasonOK {
		return false, reason
	}
	var target coap.URI
	err := target.Parse(uri)
	if err != 0 {
		a.fail(DetailCoAP, int(err))
		return false, suit.ReasonParameter
	}
	if !target.Absolute {
		setAddr(&target.Peer, &u.from)
	}
	if !a.affords(u.alive) {
		return false, a.refused(ErrTries)
	}
	a.reports[0].received, a.reports[0].total = 0, int(size)
	if u.partial > 0 {
		a.reports[0].received = u.writer.Written() - slotHeaderLen
	}
	u.call, err = a.endpoint.Do(u.alive, &target.Peer, &coap.Outgoing{
		Code: coap.GET, Path: target.Path, Query: target.Query, ContentFormat: coap.FormatNone,
		Offset: a.reports[0].received,
	}, (*payloadSink)(a))
	if err != 0 {
		a.fail(DetailCoAP, int(err))
		return false, suit.ReasonOperation
	}
	return true, suit.ReasonOK
}

// A manifest that was signed once can be sent again by anybody, and its payload
// never come: each time costs an erase. So there is a number of fetches that may
// fail, and one more with every pause.
const (
	maxTries = 16
	tryPause = 600_000_000 // microseconds
)

// affords reports whether a fetch may be tried at now.
func (a *Agent) affords(now int64) bool {
	for a.tries > 0 && now-a.tried >= tryPause {
		a.tries--
		a.tried += tryPause
	}
	if a.tries == 0 {
		a.tried = now
	}
	return a.tries < maxTries
}

// Invoke has nothing to do yet: a container is attached when its record is in
// the log (suit.Platform).
func (a *Agent) Invoke(handle int) suit.Reason { return suit.ReasonOK }

// payloadSink is the agent as the receiver of a payload.
type payloadSink Agent

// Block writes the next part of a payload to the idle slot.
func (s *payloadSink) Block(now int64, in *coap.Incoming) bool {
	a := (*Agent)(s)
	r := &a.reports[0]
	if in.Code != coap.Content {
		return true // Done tells
	}
	a.update.alive, a.update.heard, a.silent = now, true, 0
	if in.Size >= 0 && in.Size != r.total || len(in.Payload) > r.total-r.received {
		a.fail(DetailAgent, int(ErrSize))
		return false
	}
	if r.received == 0 {
		a.tries++
	}
	if !a.write(in.Payload) {
		return false
	}
	a.update.partial = 1 + slotIndex(a.update.index, a.update.slot)
	r.received += len(in.Payload)
	return true
}

// Done goes on with the manifest.
func (s *payloadSink) Done(now int64, code coap.Code, err coap.Error) {
	a := (*Agent)(s)
	r := &a.reports[0]
	a.update.call = nil
	a.fetched()
	if err != coap.ErrTimeout {
		a.update.partial = 0
	}
	ok := false
	switch {
	case err != 0 && r.detail != DetailNone: // Block has noted why
	case err != 0:
		a.fail(DetailCoAP, int(err))
	case code != coap.Content:
		a.fail(DetailAgent, int(ErrPayload))
	case r.received != r.total:
		a.fail(DetailAgent, int(ErrSize))
	default:
		ok = a.seal()
	}
	reason := suit.ReasonOK
	if !ok {
		reason = suit.ReasonOperation
	}
	a.settle(a.processor.Resume(reason))
}
