package coap

import "github.com/femto-containers/femto/link"

// An Exchange remembers the answer to one message (RFC 7252 §4.5).
type Exchange struct {
	peer    link.Addr
	id      uint16
	open    bool
	size    uint16
	expires int64
	reply   []byte // size bytes of it are the datagram to repeat; 0: none
}

// repeated answers the message at hand, if it was seen before, as it was
// answered then, and reports whether it was.
func (e *Endpoint) repeated(now int64) bool {
	m := &e.message
	for i := range e.c.Exchanges {
		x := &e.c.Exchanges[i]
		if !x.open || x.id != m.ID || x.expires <= now || !same(&x.peer, &e.from) {
			continue
		}
		e.Counters.Duplicates++
		if m.Type == Confirmable && x.size > 0 {
			e.send(&e.from, x.reply[:x.size])
		}
		return true
	}
	return false
}

// remember returns the Exchange for the message at hand, in place of the oldest
// if there is no free one; nil if the Endpoint has none at all.
func (e *Endpoint) remember(now int64) *Exchange {
	var x *Exchange
	for i := range e.c.Exchanges {
		y := &e.c.Exchanges[i]
		if !y.open || y.expires <= now {
			x = y
			break
		}
		if x == nil || y.expires < x.expires {
			x = y
		}
	}
	if x != nil {
		x.peer = e.from
		x.id, x.open, x.size = e.message.ID, true, 0
		x.expires = now + exchangeLifetime
	}
	return x
}
