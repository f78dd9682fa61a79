//go:build tinygo

package coap

const watches = false

func (e *Endpoint) notified(now int64, c *Call, r *reading) {}
