package coap

import "github.com/femto-containers/femto/link"

// A Transfer holds a body that comes or goes in blocks: a request body while it
// arrives, then a response body while it is fetched. It belongs to one peer,
// method and resource, and for request bodies to one Content-Format and
// Request-Tag (RFC 9175 §3.3); tokens say nothing about it.
type Transfer struct {
	peer      link.Addr
	operation uint64
	resource  uint64
	state     transferState
	finished  bool // nobody needs it, but a late repetition may ask
	first     uint16
	length    int
	holder    link.Addr // whose turn it is: the last who had it for another method than GET
	since     int64     // when that began
	expires   int64
	body      []byte

	// A kept response.
	code   Code
	format Format
	etag   uint32
}

type transferState uint8

const (
	transferFree transferState = iota
	transferReceiving
	transferReceived
	transferKept
)

// receiveBlock takes a request with a Block1 option (RFC 7959 §2.5).
func (e *Endpoint) receiveBlock(now int64) {
	r, m, a := &e.request, &e.message, &e.answer
	b, n, offset := r.block1, len(m.Payload), r.block1.Offset()
	if n > b.Size() || b.More && n != b.Size() {
		e.refuse(BadRequest)
		return
	}
	a.hasBlock1, a.block1 = true, b
	a.block1.More = false
	t := e.operation(now)
	if offset == 0 && !b.More {
		if t != nil {
			t.state = transferFree
		}
		e.run(now, m.Payload, nil)
		return
	}
	if offset == 0 {
		if t != nil && t.first == m.ID {
			e.proceed()
			return
		}
		if r.hasSize1 && r.size1 > uint32(e.c.Body) {
			e.tooLarge()
			return
		}
		if t == nil {
			t = e.takeTransfer(now)
		}
		if t == nil {
			a.maxAge = e.wait(now)
			e.refuse(ServiceUnavailable)
			return
		}
		t.peer = e.from
		t.operation, t.resource, t.first = r.operation, r.resource, m.ID
		t.state, t.finished, t.length = transferReceiving, false, 0
	} else if t == nil || t.state != transferReceiving || offset > t.length {
		e.refuse(RequestEntityIncomplete)
		return
	} else if offset < t.length {
		if b.More && offset+n <= t.length {
			e.proceed()
		} else {
			e.refuse(RequestEntityIncomplete)
		}
		return
	}
	if n > e.c.Body-offset {
		t.state = transferFree
		e.tooLarge()
		return
	}
	t.length += copy(t.body[offset:], m.Payload)
	t.expires = now + e.transferTimeout()
	if b.More {
		e.proceed()
		return
	}
	t.state, t.finished = transferReceived, true
	e.run(now, t.body[:t.length], t)
}

// proceed asks for the next block, and from the second block on for as small
// ones as we send ourselves.
//
//go:noinline
func (e *Endpoint) proceed() {
	b := &e.answer.block1
	b.More = true
	if b.Num == 0 {
		b.SZX = min(b.SZX, e.maxSZX)
	}
	e.refuse(Continue)
}

// tooLarge answers 4.13 with the size that would do (RFC 7959 §4).
//
//go:noinline
func (e *Endpoint) tooLarge() {
	e.answer.size1 = uint32(e.c.Body)
	e.refuse(RequestEntityTooLarge)
}

// operation returns the transfer that the request continues, nil if none.
//
//go:noinline
func (e *Endpoint) operation(now int64) *Transfer {
	for i := range e.c.Transfers {
		t := &e.c.Transfers[i]
		if t.state != transferFree && t.expires > now &&
			t.operation == e.request.operation && same(&t.peer, &e.from) {
			return t
		}
	}
	return nil
}

//go:noinline
func (e *Endpoint) transferTimeout() int64 { return orDefault(e.c.TransferTimeout, maxTransmitWait) }

// turn is how long one host may keep a Transfer while another wants it.
const turn = 10 * second

// takeTransfer returns a Transfer to use: a free, expired or finished one, one
// that the peer's host has left lying, as a command does that was stopped and
// started again, or one that another host has had for long; not for a GET, which
// can do without. nil: none.
func (e *Endpoint) takeTransfer(now int64) *Transfer {
	var stale *Transfer
	for i := range e.c.Transfers {
		t := &e.c.Transfers[i]
		if t.state == transferFree || t.expires <= now {
			stale = t
			break
		}
		left := e.request.Code != GET && now-t.since >= turn
		if sameHost(&t.peer, &e.from) {
			left = t.expires-now < e.transferTimeout()-2*ackTimeout
		}
		if (left || t.finished) && (stale == nil || t.expires < stale.expires) {
			stale = t
		}
	}
	// A host that goes from one transfer to the next has one turn, whatever GETs
	// come between.
	if t := stale; t != nil && e.request.Code != GET && (t.expires <= now || !sameHost(&t.holder, &e.from)) {
		t.holder, t.since = e.from, now
	}
	return stale
}

// wait returns in how many seconds, roughly, a Transfer will be free.
func (e *Endpoint) wait(now int64) uint32 {
	first := e.transferTimeout()
	for i := range e.c.Transfers {
		first = min(first, e.c.Transfers[i].expires-now)
	}
	return uint32(first>>20) + 1
}

// keep saves the body of e.response for the requests that will fetch its other
// blocks, in t or, if that is nil, in another transfer. Without a free one those
// requests will fail, but this one has run and says so. It reports false for a
// body that can never be kept.
//
// A GET can do without: its Handler can run again. Its response is kept if there
// is room, so that one that changes all the time can be fetched too, but not if
// it lies in memory of the Handler, where it is larger and changes less.
func (e *Endpoint) keep(now int64, t *Transfer) bool {
	r, resp := &e.request, &e.response
	own := len(e.body) > 0 && &resp.Body[0] == &e.body[0]
	get := r.Code == GET
	if get && !own {
		return true
	}
	if !own && len(resp.Body) > e.c.Body {
		return false
	}
	if t == nil {
		if t = e.operation(now); t == nil || t.state != transferKept {
			t = e.takeTransfer(now)
		}
		if t == nil {
			return true
		}
		t.first = r.message.ID
	}
	t.length = len(resp.Body)
	if own {
		t.body, e.body = e.body, t.body
	} else {
		copy(t.body, resp.Body)
	}
	t.peer = e.from
	t.operation, t.resource = r.operation, r.resource
	t.state, t.finished, t.expires = transferKept, get, now+e.transferTimeout()
	t.code, t.format, t.etag = resp.Code, resp.ContentFormat, hash(resp.Body)
	return true
}

// continueResponse answers a request for a later block of a response that was
// kept (RFC 7959 §3.3). It reports false for a GET of one that was not.
func (e *Endpoint) continueResponse(now int64) bool {
	r, a := &e.request, &e.answer
	var t *Transfer
	for i := range e.c.Transfers {
		u := &e.c.Transfers[i]
		if u.state != transferKept || u.expires <= now || u.resource != r.resource || !same(&u.peer, &e.from) {
			continue
		}
		if t == nil || u.operation == r.operation || t.operation != r.operation && u.expires > t.expires {
			t = u
		}
	}
	if t == nil {
		if r.Code == GET {
			return false
		}
		e.refuse(RequestEntityIncomplete)
		return true
	}
	offset := r.block2.Offset()
	if offset >= t.length {
		e.refuse(BadRequest)
		return true
	}
	t.expires = now + e.transferTimeout()
	a.code, a.format = t.code, t.format
	e.slice(t.body[:t.length], offset, e.proven(min(e.maxSZX, r.block2.SZX)), t.etag)
	if !a.block2.More {
		t.finished = true
	}
	e.reply(nil)
	return true
}
