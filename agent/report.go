package agent

import (
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/suit"
)

// A report is the answer to the last authentic envelope or command.
type report struct {
	progress Progress
	suit     suit.Report
	detail   Detail
	signed   bool // by a tenant
	code     int16
	pc       uint32
	received int // bytes of a payload that have come
	total    int // bytes of a payload that will come
	sequence uint64
	manifest [8]byte
	unmet    engine.Unmet
}

// fail notes what a refusal is about, for the answer.
//
//go:noinline
func (a *Agent) fail(detail Detail, code int) {
	a.reports[0].detail, a.reports[0].code = detail, int16(code)
}

// refused notes what the agent has against something.
//
//go:noinline
func (a *Agent) refused(err Error) suit.Reason {
	a.fail(DetailAgent, int(err))
	return suit.ReasonOperation
}

// writeReport puts the report into the response's body. What is zero is left out,
// which is how a reader takes what is absent.
//
//go:noinline
func (a *Agent) writeReport(resp *coap.Response) {
	r := &a.reports[0]
	e := body(resp)
	e.Map(0)
	head := &e.Bytes()[0] // counts the pairs: they are fewer than 24
	some(&e, head, ReportProgress, int32(r.progress))
	some(&e, head, ReportStage, int32(r.suit.Stage))
	some(&e, head, ReportReason, int32(r.suit.Reason))
	some(&e, head, ReportDetail, int32(r.detail))
	some(&e, head, ReportCode, int32(r.code))
	some(&e, head, ReportPC, int32(r.pc))
	if r.sequence != 0 {
		pair(&e, ReportSequence, r.sequence)
		*head++
	}
	some(&e, head, ReportReceived, int32(r.received))
	some(&e, head, ReportTotal, int32(r.total))
	some(&e, head, ReportSection, int32(r.suit.Section))
	some(&e, head, ReportCommand, int32(r.suit.Command))
	if r.manifest != [8]byte{} {
		pairBytes(&e, ReportManifest, r.manifest[:])
		*head++
	}
	if r.unmet != 0 {
		*head += 2
		pair(&e, ReportUnmet, uint64(r.unmet))
		pairArray(&e, ReportLacking, len(a.lacking))
		for _, bits := range a.lacking {
			e.Uint(uint64(bits))
		}
	}
	finish(resp, resp.Code, &e)
}

// some appends a pair unless its value is 0, and counts it.
//
//go:noinline
func some(e *cbor.Encoder, count *byte, key uint8, value int32) {
	if value != 0 {
		pairInt(e, key, int64(value))
		*count++
	}
}

// serveReport answers GET suit?r or suit?r=NONCE with the report on the last
// manifest as a SUIT_Report (draft-ietf-suit-report).
//
//go:noinline
func (a *Agent) serveReport(query []byte, resp *coap.Response) {
	r := &a.reports[0]
	if blank(r.manifest[:]) || r.progress == ProgressFetching {
		a.decline(resp, coap.NotFound, suit.ReasonOperation, ErrReport)
		return
	}
	nonce := query[1:]
	if len(nonce) > 0 {
		nonce = nonce[1:] // behind the =
	} else {
		nonce = nil
	}
	e := body(resp)
	r.suit.Encode(&e, nil, nonce, &a.manifest)
	finish(resp, coap.Content, &e)
}

// decline refuses a request for manifests or commands that nobody looks into, and
// says why in the same words. The report on those that were looked into stays.
//
//go:noinline
func (a *Agent) decline(resp *coap.Response, code coap.Code, reason suit.Reason, err Error) {
	a.begin()
	a.refuse(suit.StageEnvelope, reason)
	a.fail(DetailAgent, int(err))
	a.tellReport(code, resp)
}

// ServeRefusal gives a reason to what the endpoint refuses, such as a body that is
// too long, where manifests and commands are taken (coap.Refuser).
func (a *Agent) ServeRefusal(req *coap.Request, resp *coap.Response) {
	if path := req.Path(0); req.NumPath() != 1 || !equal(path, PathManifest) && !equal(path, PathCommand) {
		return
	}
	err := ErrRequest
	switch resp.Code {
	case coap.RequestEntityTooLarge:
		err = ErrLength
	case coap.ServiceUnavailable:
		err = ErrProcessing
	}
	a.decline(resp, resp.Code, suit.ReasonOperation, err)
}

// responseCode is the report in one byte, for clients that read no more.
func (a *Agent) responseCode() coap.Code {
	r := &a.reports[0]
	if r.progress != ProgressRefused {
		return coap.Changed
	}
	switch r.suit.Stage {
	case suit.StageCBOR, suit.StageEnvelope:
		return coap.BadRequest
	case suit.StageDigest, suit.StageAuth:
		return coap.Unauthorized
	}
	if r.suit.Reason == suit.ReasonComponentUnauthorised || r.suit.Reason == suit.ReasonUnauthorised {
		return coap.Forbidden
	}
	if r.detail == DetailFlash {
		return coap.InternalServerError
	}
	return coap.Code(coapConflict)
}

// coapConflict is 4.09 (RFC 8132 §3.2): well-formed and authentic, but not for
// this device as it is.
const coapConflict = 4<<5 | 9

// serveQuery answers GET counter?k=KEYID[&h=UUID[&n=NAME]], identifiers in
// hexadecimal, with the highest sequence number spent, and GET kv with the
// entries of a store: that of a container with h=UUID[&n=NAME], of a tenant with
// k=KEYID, else the global one.
//
//go:noinline
func (a *Agent) serveQuery(at int, req *coap.Request, resp *coap.Response) {
	var keyID [keyIDLen]byte
	var uuid [16]byte
	var name []byte
	key, hook := false, false
	for i := 0; i < req.NumQuery(); i++ {
		q := req.Query(i)
		if len(q) < 2 || q[1] != '=' {
			continue
		}
		value := q[2:]
		switch q[0] {
		case 'k':
			key = unhex(keyID[:], value)
		case 'h':
			hook = unhex(uuid[:], value)
		case 'n':
			name = value
		}
	}
	if at == atCounter && !key {
		resp.Fail(coap.BadRequest, "want k=KEYID")
		return
	}
	signer, ok := owner, !key || !a.owner.free() && same(a.owner.keyID[0][:], keyID[:])
	for i := range a.tenants {
		if t := &a.tenants[i]; key && !t.free() && (same(t.keyID[0][:], keyID[:]) || same(t.keyID[1][:], keyID[:])) {
			signer, ok = i, true
		}
	}
	c := &a.named
	*c = component{}
	copy(c.counter[:], a.tenant(signer).id[:])
	ok = ok && (!hook || a.name(c, signer, uuid[:], name) == suit.ReasonOK)
	e := body(resp)
	if at == atCounter {
		e.Uint(max(a.sequence(c.counter[:]), a.tenant(signer).Spent))
	} else {
		store := engine.Global
		switch {
		case hook:
			store = a.find(c)
			ok = ok && store >= 0
		case key:
			store = engine.TenantStore(signer)
		}
		var pairs []engine.Entry
		if ok {
			pairs = a.engine.Pairs(store)
		}
		e.Array(2 * len(pairs))
		for i := range pairs {
			e.Uint(uint64(pairs[i].Key))
			e.Uint(uint64(pairs[i].Value))
		}
	}
	if !ok {
		resp.Fail(coap.NotFound, "no such tenant, hook or container")
		return
	}
	finish(resp, coap.Content, &e)
}

// unhex fills dst from its hexadecimal form. It reports false if src is not that.
func unhex(dst, src []byte) bool {
	if len(src) != 2*len(dst) {
		return false
	}
	for i := range dst {
		high, low := digit(src[2*i]), digit(src[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		dst[i] = high<<4 | low
	}
	return true
}

// digit returns the value of a hexadecimal digit, above 15 if c is none.
func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}
