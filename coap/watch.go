//go:build !tinygo

package coap

// watches says that this endpoint can observe resources of others: the tools
// do, devices do not.
const watches = true

// observable says that resources of this endpoint can be observed. Firmware for
// microcontrollers has no room for it: peers ask again instead (RFC 7641 §1.3).
const observable = true

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
