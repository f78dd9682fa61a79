//go:build record || !tinygo

package agent

import (
	"encoding/binary"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/suit"
)

// recording is what the agent knows of what the engine's recorder has.
type recording struct {
	hook   string
	name   [nameLen]byte
	length int
	digest [32]byte
	faults uint32 // of all containers, that readers of the logs know of
}

// recordMore is how many pairs a container's map has beside the others'.
const recordMore = 1

// pairCalls tells what local calls were open at the last fault.
func (a *Agent) pairCalls(e *cbor.Encoder, i int) {
	calls := a.engine.FaultCalls(i)
	pairArray(e, ListFaultCalls, len(calls))
	for _, slot := range calls {
		e.Uint(uint64(slot))
	}
}

// aboutRecord says what VerbRecord is about, if the device has a recorder.
func (a *Agent) aboutRecord(verb uint8) uint8 {
	if verb == VerbRecord && a.engine.Recorder() != nil {
		return aboutHook | aboutContainer | withArgument
	}
	return 0
}

// tellFaults has observers of the logs hear that a container faulted: whoever
// reads what it prints wants to know.
func (a *Agent) tellFaults() {
	sum := uint32(0)
	for i := range a.c.Containers {
		sum += a.engine.Container(i).Stats().Faults
	}
	if sum != a.recording.faults {
		a.recording.faults = sum
		a.endpoint.Notify(topicLogs)
	}
}

// recordArgument reads the argument of VerbRecord.
func recordArgument(o *order) (mode engine.RecordMode, count uint16, ok bool) {
	d := o.arg
	n := d.Array()
	m, c := d.Uint(), d.Uint()
	ok = d.End() == 0 && n == 2
	switch mode = engine.RecordMode(min(m, 0xff)); mode {
	case 0:
	case engine.RecordInputs, engine.RecordInputs | engine.RecordUntilFault, engine.RecordTrace:
		ok = ok && c > 0 && c <= 0xffff
	default:
		ok = false
	}
	return mode, uint16(c), ok
}

// mayRecord decides whether a command that is VerbRecord may be carried out.
func (a *Agent) mayRecord(o *order) verdict {
	if o.verb != VerbRecord {
		return done
	}
	if _, _, ok := recordArgument(o); !ok {
		return no(suit.StageCBOR, suit.ReasonCBOR, OK)
	}
	r := a.engine.Recorder()
	if r.State() == engine.RecordGoing && o.signer != owner && int(a.container(r.Container()).tenant) != o.signer {
		return no(suit.StageExecute, suit.ReasonOperation, ErrBusy)
	}
	return done
}

// record carries it out.
func (a *Agent) record(o *order) {
	if o.verb != VerbRecord {
		return
	}
	mode, count, _ := recordArgument(o)
	if mode == 0 {
		a.engine.StopRecording()
		return
	}
	c := a.engine.Container(o.index)
	r := &a.recording
	r.hook = a.engine.Hook(c.Hook()).Name
	r.length = copy(r.name[:], c.Name())
	copy(r.digest[:], a.header(o.index).digest())
	a.engine.StartRecording(o.index, mode, count)
}

// serveRecord answers GET rec[?i=ID&n=POSITION] with what was recorded. It
// reports false for other paths.
func (a *Agent) serveRecord(now int64, req *coap.Request, resp *coap.Response) bool {
	r := a.engine.Recorder()
	if r == nil || req.NumPath() != 1 || !equal(req.Path(0), PathRecord) {
		return false
	}
	if req.Code != coap.GET {
		resp.Fail(coap.MethodNotAllowed, "")
		return true
	}
	if !a.readable(now, &req.From) {
		resp.Fail(coap.Unauthorized, "reading needs a session")
		return true
	}
	// A recording has another identity than any of before the last start.
	id := a.c.Nonce<<16 | uint64(r.Number())
	position, same := uint32(0), false
	for i := 0; i < req.NumQuery(); i++ {
		q := req.Query(i)
		var value [8]byte
		switch {
		case len(q) < 2 || q[1] != '=':
		case q[0] == 'i':
			same = unhex(value[:], q[2:]) && binary.BigEndian.Uint64(value[:]) == id
		case q[0] == 'n' && unhex(value[:4], q[2:]):
			position = binary.BigEndian.Uint32(value[:])
		}
	}
	if !same {
		position = 0
	}
	items, from, oldest, end, number := r.Items(position)
	told := &a.recording
	finished, wanted := r.Activations()
	e := body(resp)
	e.Map(13)
	pair(&e, RecordFormat, 1)
	pair(&e, RecordID, id)
	pair(&e, RecordState, uint64(r.State()))
	pair(&e, RecordMode, uint64(r.Mode()))
	pairText(&e, RecordHook, told.hook)
	e.Uint(RecordName)
	text(&e, told.name[:told.length])
	pairBytes(&e, RecordDigest, told.digest[:])
	pairArray(&e, RecordActivations, 2)
	e.Uint(uint64(finished))
	e.Uint(uint64(wanted))
	pair(&e, RecordEnd, uint64(end))
	pair(&e, RecordOldest, uint64(oldest))
	pair(&e, RecordNumber, uint64(number))
	pair(&e, RecordFrom, uint64(from))
	room := cap(resp.Body) - e.Len() - 4 // key and head
	pairBytes(&e, RecordItems, items[:max(0, min(room, len(items)))])
	finish(resp, coap.Content, &e)
	return true
}
