package client

import (
	"context"
	"errors"
	"time"

	"github.com/femto-containers/femto/coap"
)

// ErrNotObserved says that the device answered, but tells of no changes.
var ErrNotObserved = errors.New("the device does not tell of changes")

// refresh is after how much silence an observation is registered anew: a device
// forgets its observers when it restarts (RFC 7641 §3.3.1).
const refresh = 15 * time.Second

// Observe gives changed the answer to req, a GET, and every later state that the
// device sends, until changed returns false; after a silence the same state
// again. changed may Do. Errors are ErrNotObserved after a first state, the cause
// of ctx, and those of Do.
func (c *Client) Observe(ctx context.Context, req Request, changed func(Response) bool) (err error) {
	c.sendErr = nil
	s := &states{}
	s.client, s.size = c, -1
	start := time.Now()
	call, e := c.endpoint.Do(c.clock(), &c.peer, &coap.Outgoing{
		Code: req.Method, Path: []byte(req.Path), Query: []byte(req.Query), Observe: true,
	}, s)
	if e != 0 {
		return e
	}
	defer func() {
		if !s.done {
			c.endpoint.Leave(call)
		}
	}()
	for {
		quiet, cancel := context.WithTimeout(ctx, refresh)
		for !s.done && !s.fresh && err == nil {
			err = c.step(quiet, &s.done)
		}
		expired := quiet.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case s.done:
			return c.ended(s, changed, start)
		case expired:
			err = nil
			if s.heard {
				s.heard, start = false, time.Now()
				if e := c.endpoint.Renew(c.clock(), call); e != 0 {
					return e
				}
			}
			continue
		case err != nil:
			return err
		}
		s.fresh = false
		state := s.response
		if s.more {
			if state, err = c.Do(ctx, req); err != nil {
				return err
			}
		}
		if !changed(state) {
			return nil
		}
	}
}

// ended tells why the device sends no more.
func (c *Client) ended(s *states, changed func(Response) bool, start time.Time) error {
	response, err := c.result(&s.sink, start)
	if err != nil {
		return err
	}
	changed(response)
	return ErrNotObserved
}

// states is a sink that hears every state of a resource.
type states struct {
	sink
	fresh bool // a state is there that nobody took
	more  bool // of which only the first block is here
	heard bool
}

func (s *states) Block(now int64, in *coap.Incoming) bool {
	if !in.Observed {
		if in.Offset == 0 {
			s.response.Body = nil
		}
		return s.sink.Block(now, in)
	}
	s.fresh, s.more, s.heard = true, in.More, true
	s.response = Response{in.Code, in.ContentFormat, append([]byte(nil), in.Payload...)}
	return true
}
