package coap

import "github.com/femto-containers/femto/link"

// An Observer is a peer that wants to hear when a resource changes (RFC 7641).
type Observer struct {
	peer     link.Addr
	open     bool
	pending  bool // changed since the last notification
	waiting  bool // a notification is not acknowledged yet
	attempts uint8
	topic    uint8
	tokenLen uint8
	token    [maxToken]byte
	id       uint16 // of the last notification
	sequence uint32
	timeout  int64
	deadline int64
	size     int // of options in use
	options  []byte
}

// ObserverOptions is room for the options of an observed request, bytes. One
// with more is answered, and not observed.
const ObserverOptions = 48

// Notify says that the resources whose responses gave this topic have changed.
// Poll tells their observers; until then, and until an observer acknowledges,
// further changes are one.
func (e *Endpoint) Notify(topic uint8) {
	for i := range e.c.Observers {
		if o := &e.c.Observers[i]; o.open && o.topic == topic {
			o.pending = true
		}
	}
}

// observation is the Observe option of a request (RFC 7641 §2).
type observation uint8

const (
	observeNot observation = iota
	observeRegister
	observeDeregister
)

// observe makes the peer at hand an observer of what its GET was answered with
// or, if it wants that or was not answered well, no observer any more.
func (e *Endpoint) observe() {
	r, m := &e.request, &e.message
	if r.observe == observeNot {
		return
	}
	var o, free *Observer
	for i := range e.c.Observers {
		x := &e.c.Observers[i]
		switch {
		case !x.open:
			free = x
		case same(&x.peer, &e.from) && sameBytes(x.token[:x.tokenLen], m.Token):
			o = x
		}
	}
	good := r.observe == observeRegister && e.response.Code == Content && e.response.Topic != 0 && len(m.options) <= ObserverOptions
	switch {
	case o != nil:
		o.open = good
	case good && free != nil:
		o = free
		o.open, o.sequence = true, 0
	}
	if !good || o == nil {
		return
	}
	if e.notifying == nil {
		o.peer, o.topic = e.from, e.response.Topic
		o.tokenLen = uint8(copy(o.token[:], m.Token))
		o.size = copy(o.options, m.options)
		o.pending, o.waiting, o.attempts = false, false, 0
	}
	o.sequence++
	e.answer.hasObserve, e.answer.observe = true, o.sequence
}

// notify sends what the resource of o is now. Each notification is confirmable,
// and a lost one is not repeated but replaced by a newer one (RFC 7641 §4.5.2):
// so a peer that is gone, or never asked, gets few.
//
//go:noinline
func (e *Endpoint) notify(now int64, o *Observer) {
	e.from, e.size = o.peer, 0
	m := &e.message
	m.Type, m.Code, m.ID, m.Payload = Confirmable, GET, e.messageID(), nil
	m.Token, m.options = o.token[:o.tokenLen], o.options[:o.size]
	o.pending, o.waiting, o.id = false, true, m.ID
	if o.timeout <<= 1; o.attempts == 0 {
		o.timeout = e.firstTimeout()
	}
	o.deadline = now + o.timeout
	e.notifying = o
	e.answerRequest(now)
	e.notifying = nil
}

// pollObserver returns when o needs to be polled next.
func (e *Endpoint) pollObserver(now int64, o *Observer) int64 {
	if o.waiting {
		if o.deadline > now {
			return o.deadline
		}
		if int(o.attempts) >= e.maxRetransmit() {
			o.open = false
			return Never
		}
		o.attempts++
		e.Counters.Retransmissions++
	} else if !o.pending {
		return Never
	}
	e.notify(now, o)
	return o.deadline
}

// settleObserver takes the acknowledgement or rejection of a notification, and
// reports whether the message at hand is one.
func (e *Endpoint) settleObserver() bool {
	for i := range e.c.Observers {
		o := &e.c.Observers[i]
		if o.open && o.waiting && o.id == e.message.ID && same(&o.peer, &e.from) {
			o.waiting, o.attempts = false, 0
			o.open = e.message.Type != Reset
			return true
		}
	}
	return false
}

// Renew registers an observation of ours again, with the token it has, as it
// should be when nothing was heard for a while: the server may have been
// restarted (RFC 7641 §3.3.1). The next state counts as newer.
func (e *Endpoint) Renew(now int64, c *Call) Error {
	c.watching = false
	return e.transmit(now, c)
}
