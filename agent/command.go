package agent

import (
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/suit"
)

// serveCommand takes a signed command: whatever changes state and is no
// manifest.
func (a *Agent) serveCommand(now int64, req *coap.Request, resp *coap.Response) {
	if a.busy(now, resp) {
		return
	}
	last := a.report
	a.report = report{}
	a.report.suit = a.command(req.Payload)
	a.report.progress = ProgressDone
	if a.report.suit.Stage != suit.StageNone {
		a.report.progress = ProgressRefused
	}
	a.answer(resp, &last)
}

// command authenticates, checks and carries out a command. The same stages and
// reasons as a manifest's say what was wrong.
func (a *Agent) command(message []byte) suit.Report {
	// No envelope is being processed: its buffer is free.
	scratch := (*[cose.PrefixSize]byte)(a.c.Envelope)
	var claim cose.Signature
	switch cose.ParseCommand(message, &claim, scratch) {
	case 0:
	case cose.ErrCBOR:
		return suit.Report{Stage: suit.StageCBOR, Reason: suit.ReasonCBOR}
	default:
		return suit.Report{Stage: suit.StageAuth, Reason: suit.ReasonCOSE}
	}
	signer, ok := a.Authenticate(&claim)
	if !ok {
		return suit.Report{Stage: suit.StageAuth, Reason: suit.ReasonUnauthorised}
	}

	d := cbor.New(claim.Payload)
	var name []byte
	n := d.Array()
	sequence := d.Uint()
	verb := d.Uint()
	segments := d.Array()
	uuid := d.Bytes()
	if segments == 2 {
		name = d.Bytes()
	}
	device := d.Bytes()
	if d.End() != 0 || n != 4 || segments < 1 || segments > 2 {
		return suit.Report{Stage: suit.StageCBOR, Reason: suit.ReasonCBOR}
	}
	if !same(device, a.c.Device[:]) {
		a.report.fail(DetailAgent, int(ErrDevice))
		return suit.Report{Stage: suit.StageCheck, Reason: suit.ReasonCondition}
	}
	c := &a.named
	if reason := a.name(c, signer, uuid, name); reason != suit.ReasonOK {
		return suit.Report{Stage: suit.StageCheck, Reason: reason}
	}
	a.report.sequence = a.sequence(c.counter[:])
	if sequence > suit.MaxSequence {
		return suit.Report{Stage: suit.StageSetup, Reason: suit.ReasonParameter}
	}
	if sequence <= a.report.sequence {
		a.report.fail(DetailCounter, 0)
		return suit.Report{Stage: suit.StageSetup, Reason: suit.ReasonUnauthorised}
	}
	if verb != VerbRemove {
		return suit.Report{Stage: suit.StageExecute, Reason: suit.ReasonCommand}
	}
	return a.remove(c, signer, sequence)
}

// remove takes a container off the device. Its counter stays.
func (a *Agent) remove(c *component, signer int, sequence uint64) suit.Report {
	i := a.find(c)
	if i < 0 {
		a.report.fail(DetailAgent, int(ErrAbsent))
		return suit.Report{Stage: suit.StageExecute, Reason: suit.ReasonComponent}
	}
	if int(a.c.Containers[i].tenant) != signer {
		a.report.fail(DetailAgent, int(ErrForeign))
		return suit.Report{Stage: suit.StageCheck, Reason: suit.ReasonComponentUnauthorised}
	}
	if !a.flashed(a.log.Append(kindRemove, a.appended.of(c.counter[:], sequence, uint8(i)))) {
		return suit.Report{Stage: suit.StageExecute, Reason: suit.ReasonOperation}
	}
	a.spend(c.counter[:], sequence)
	a.engine.Remove(i)
	a.vacate(i)
	a.report.sequence = sequence
	return suit.Report{}
}
