//go:build !tinygo

package coap

// watches says that this endpoint can observe resources of others: the tools
// do, devices do not.
const watches = true

// Leave forgets a call like Cancel and, if it observes, tells the server once (RFC
// 7641 §3.6). If that gets lost, the next notification is rejected.
func (e *Endpoint) Leave(c *Call) {
	if c.open && c.watching {
		var b Builder
		b.Start(c.datagram, NonConfirmable, c.request.Code, e.messageID(), c.token[:c.tokenLen])
		b.Uint(Observe, 1)
		b.split(UriPath, c.request.Path)
		b.split(UriQuery, c.request.Query)
		if datagram, ok := b.Bytes(); ok {
			e.send(&c.peer, datagram)
		}
	}
	e.Cancel(c)
}

// notified passes a notification on, unless a newer one was there before it
// (RFC 7641 §3.4).
func (e *Endpoint) notified(now int64, c *Call, r *reading) {
	in := &e.incoming
	const half = 1 << 23
	if newer := (r.sequence - c.sequence) & (2*half - 1); c.watching && (newer == 0 || newer >= half) {
		return
	}
	c.watching, c.sequence, c.code, c.deadline = true, r.sequence, in.Code, Never
	in.Observed, in.More = true, r.hasBlock2 && r.block2.More
	if !c.sink.Block(now, in) {
		e.finish(now, c, ErrAbandoned)
	}
}
