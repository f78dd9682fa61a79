package coap

import "github.com/femto-containers/femto/link"

// A Handler answers requests. It is called from Endpoint.Deliver and must not
// call Deliver or Poll; it may call Do. Block-wise transfer is done around it:
// it sees whole bodies. For a GET whose response takes several blocks it may be
// called once per block.
type Handler interface {
	// ServeCoAP reads req and fills resp. Neither is valid after the return.
	ServeCoAP(now int64, req *Request, resp *Response)
}

// A Refuser has something to say on requests that an Endpoint refuses without its
// Handler, such as one with too long a body.
type Refuser interface {
	// ServeRefusal fills in a body of at most 16 bytes and its format. Of req only
	// the path and the method count.
	ServeRefusal(req *Request, resp *Response)
}

// A Request is what a Handler is asked.
type Request struct {
	From          link.Addr
	Code          Code
	ContentFormat Format // FormatNone: not said
	Accept        Format // FormatNone: not said
	Payload       []byte // the whole body; valid until ServeCoAP returns

	message   *Message
	block1    Block
	block2    Block
	hasBlock1 bool
	hasBlock2 bool
	hasSize1  bool
	size1     uint32
	observe   observation
	resource  uint64 // hash of method and resource
	operation uint64 // resource, Content-Format and Request-Tag: one transfer
}

// NumPath returns the number of segments of the path.
func (r *Request) NumPath() int { return r.count(UriPath) }

// Path returns segment i of the path, decoded, nil if there is none. It points
// into the datagram.
func (r *Request) Path(i int) []byte { return r.nth(UriPath, i) }

// NumQuery returns the number of parameters of the query.
func (r *Request) NumQuery() int { return r.count(UriQuery) }

// Query returns parameter i of the query, such as "rt=sensor", decoded, nil if
// there is none. It points into the datagram.
func (r *Request) Query(i int) []byte { return r.nth(UriQuery, i) }

// PathIs reports whether the path consists of exactly these segments. The empty
// path and "/" are both no segments.
func (r *Request) PathIs(segments ...string) bool {
	i := 0
	o := r.message.Options()
	for o.Next() {
		if o.Number != UriPath {
			continue
		}
		if i >= len(segments) || !equal(o.Value, segments[i]) {
			return i == 0 && len(segments) == 0 && len(o.Value) == 0
		}
		i++
	}
	return i == len(segments)
}

func (r *Request) count(number uint16) int {
	n := 0
	o := r.message.Options()
	for o.Next() {
		if o.Number == number {
			n++
		}
	}
	return n
}

//go:noinline
func (r *Request) nth(number uint16, i int) []byte {
	o := r.message.Options()
	for o.Next() {
		if o.Number != number {
			continue
		}
		if i == 0 {
			return o.Value
		}
		i--
	}
	return nil
}

// A Response is what a Handler answers. It starts as an empty 5.00 (Internal
// Server Error) in no format.
type Response struct {
	Code          Code
	ContentFormat Format // FormatNone: say none
	MaxAge        uint32 // seconds; 0: say none

	// Topic, if not 0, lets peers observe what a GET was answered with:
	// see Endpoint.Notify.
	Topic uint8

	// Body is empty and has the capacity for the largest body, Config.Body.
	// Append to it, or set it to bytes of the handler's own, which must then
	// stay as they are until Deliver returns. Bytes of its own may be longer
	// than Config.Body in the response to a GET.
	Body []byte
}

// Write appends p to Body if it fits, and reports whether it did.
//
//go:noinline
func (r *Response) Write(p []byte) bool {
	n := len(r.Body)
	if len(p) > cap(r.Body)-n {
		return false
	}
	r.Body = r.Body[:n+len(p)] // append would bring in the allocator
	copy(r.Body[n:], p)
	return true
}

// WriteString appends s to Body if it fits, and reports whether it did.
//
//go:noinline
func (r *Response) WriteString(s string) bool {
	n := len(r.Body)
	if len(s) > cap(r.Body)-n {
		return false
	}
	r.Body = r.Body[:n+len(s)]
	copy(r.Body[n:], s)
	return true
}

// Fail makes r an error response with a diagnostic text for people (RFC 7252
// §5.5.2), and drops what Body held.
//
//go:noinline
func (r *Response) Fail(code Code, diagnostic string) {
	r.Code = code
	r.ContentFormat = FormatNone
	r.Body = r.Body[:0]
	r.WriteString(diagnostic)
}
