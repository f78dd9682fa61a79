package coap

// An answer is a response message before it is encoded.
type answer struct {
	code      Code
	format    Format
	maxAge    uint32
	etag      uint32
	block1    Block
	block2    Block
	hasBlock1 bool
	hasBlock2 bool
	size1     uint32 // 0: say none
	size2     uint32 // 0: say none
	payload   []byte

	hasObserve bool
	observe    uint32
}

func (e *Endpoint) serve(now int64) {
	if e.repeated(now) {
		return
	}
	if e.c.Handler == nil && e.c.Resources == nil {
		e.reject()
		return
	}
	e.Counters.Requests++
	e.answerRequest(now)
}

// answerRequest answers the request at hand.
func (e *Endpoint) answerRequest(now int64) {
	r, m := &e.request, &e.message
	*r = Request{}
	r.message, r.Code, r.From = m, m.Code, e.from
	r.ContentFormat, r.Accept = FormatNone, FormatNone
	refusal := r.read()
	e.answer = answer{}
	e.answer.format = FormatNone
	switch {
	case refusal == BadOption && m.Type == NonConfirmable:
		return // RFC 7252 §5.4.1
	case refusal != 0:
		e.refuse(refusal)
	case r.hasBlock2 && r.block2.Num > 0 && e.continueResponse(now):
	case r.hasBlock1:
		e.receiveBlock(now)
	default:
		e.run(now, m.Payload, nil)
	}
}

// refuse answers with a code alone, or with what the Refuser adds.
//
//go:noinline
func (e *Endpoint) refuse(code Code) {
	a, resp := &e.answer, &e.response
	a.code = code
	if e.c.Refuser != nil && code != Continue {
		*resp = Response{}
		resp.Code, resp.ContentFormat, resp.Body = code, FormatNone, e.body[:0]
		e.c.Refuser.ServeRefusal(&e.request, resp)
		a.format, a.payload = resp.ContentFormat, resp.Body
	}
	e.reply(nil)
}

// reply sends e.answer to the request at hand, and has x remember it.
func (e *Endpoint) reply(x *Exchange) {
	a, m := &e.answer, &e.message
	t, id := Acknowledgement, m.ID
	if m.Type == NonConfirmable {
		t, id = NonConfirmable, e.messageID()
	} else if e.notifying != nil {
		t = Confirmable
	}
	buf := e.scratch
	if x != nil {
		buf = x.reply
	}
	var b Builder
	b.Start(buf, t, a.code, id, m.Token)
	if a.hasBlock2 {
		var tag [4]byte
		tag[0], tag[1], tag[2], tag[3] = byte(a.etag>>24), byte(a.etag>>16), byte(a.etag>>8), byte(a.etag)
		b.Option(ETag, tag[:])
	}
	if a.hasObserve {
		b.Uint(Observe, a.observe&0xffffff)
	}
	if a.format != FormatNone && len(a.payload) > 0 {
		b.Uint(ContentFormat, uint32(a.format))
	}
	if a.maxAge != 0 {
		b.Uint(MaxAge, a.maxAge)
	}
	if a.hasBlock2 {
		b.Uint(Block2, a.block2.Value())
	}
	if a.hasBlock1 {
		b.Uint(Block1, a.block1.Value())
	}
	if a.size2 != 0 {
		b.Uint(Size2, a.size2)
	}
	if a.size1 != 0 {
		b.Uint(Size1, a.size1)
	}
	b.Payload(a.payload)
	datagram, ok := b.Bytes()
	if !ok {
		return // cannot be: Init has checked the room for it
	}
	if x != nil && t == Acknowledgement {
		x.size = uint16(len(datagram))
	}
	e.send(&e.from, datagram)
}

// run has the Handler answer the request whose whole body is payload. t is the
// transfer the body came in, nil if it came in one datagram.
func (e *Endpoint) run(now int64, payload []byte, t *Transfer) {
	r, resp := &e.request, &e.response
	r.Payload = payload
	*resp = Response{}
	resp.Code, resp.ContentFormat, resp.Body = InternalServerError, FormatNone, e.body[:0]
	switch {
	case e.c.Resources != nil && r.PathIs(".well-known", "core"):
		serveCore(e.c.Resources, r, resp)
	case e.c.Handler != nil:
		e.c.Handler.ServeCoAP(now, r, resp)
	default:
		resp.Code = NotFound
	}
	if r.Code == GET && resp.Code == Content && r.Accept != FormatNone &&
		resp.ContentFormat != FormatNone && resp.ContentFormat != r.Accept {
		resp.Fail(NotAcceptable, "")
	}
	var x *Exchange
	if r.Code != GET {
		x = e.remember(now)
	}
	e.respond(now, t, x)
}

// respond sends e.response, or its block that the request asks for.
func (e *Endpoint) respond(now int64, t *Transfer, x *Exchange) {
	r, resp, a := &e.request, &e.response, &e.answer
	if resp.Code.Class() < 2 {
		resp.Fail(InternalServerError, "")
	}
	szx, offset := e.maxSZX, 0
	if r.hasBlock2 {
		szx = min(szx, r.block2.SZX)
		if r.Code == GET {
			offset = r.block2.Offset()
		}
	}
	szx = e.proven(szx)
	if offset > 0 && offset >= len(resp.Body) {
		if resp.Code.Success() {
			resp.Code = BadRequest
		}
		resp.Body, offset = nil, 0
	}
	if offset > 0 || len(resp.Body) > 16<<szx {
		if !e.keep(now, t) {
			resp.Fail(InternalServerError, "")
		}
	}
	if r.Code == GET && offset == 0 {
		e.observe()
	}
	a.code, a.format, a.maxAge = resp.Code, resp.ContentFormat, resp.MaxAge
	e.slice(resp.Body, offset, szx, 0)
	e.reply(x)
}

// proven returns the exponent of the largest block, of 16<<szx bytes at most, that
// may answer a datagram as long as the one at hand.
func (e *Endpoint) proven(szx uint8) uint8 {
	for most := max(e.c.Unproven, e.size); e.c.Unproven > 0 && szx > 0 && 16<<szx > most; {
		szx--
	}
	return szx
}

// slice puts the block of body at offset into the answer. etag 0 means that it
// is not known yet.
func (e *Endpoint) slice(body []byte, offset int, szx uint8, etag uint32) {
	a := &e.answer
	if offset == 0 && len(body) <= 16<<szx {
		a.payload = body
		return
	}
	block, ok := blockAt(offset, len(body), szx)
	if !ok {
		a.code = InternalServerError
		return
	}
	if etag == 0 {
		etag = hash(body)
	}
	a.hasBlock2, a.block2, a.etag = true, block, etag
	if offset == 0 {
		a.size2 = uint32(len(body))
	}
	a.payload = body[offset:min(len(body), offset+16<<szx)]
}

// hash is FNV-1a of 32 bits, never 0.
func hash(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	if h == 0 {
		return 1
	}
	return h
}

// read takes what the layer itself needs from the options of r, and returns the
// code to refuse the request with, 0 for none.
func (r *Request) read() (refusal Code) {
	resource, operation := fnvOffset, fnvOffset
	mix(&resource, uint8(r.Code))
	last := uint16(0)
	o := r.message.Options()
	for o.Next() {
		once := o.Number != last
		last = o.Number
		known := validLength(o.Number, len(o.Value))
		switch o.Number {
		case UriPath, UriQuery, RequestTag:
		case Observe:
			if known && once && o.Uint() <= 1 {
				r.observe = observation(1 + o.Uint())
			}
		case UriHost, UriPort:
			known = known && once
		case ContentFormat:
			if known && once {
				r.ContentFormat = Format(o.Uint())
			}
		case Accept:
			if known = known && once; known {
				r.Accept = Format(o.Uint())
			}
		case Block1:
			if known = known && once; known {
				r.hasBlock1, r.block1 = true, DecodeBlock(o.Uint())
			}
		case Block2:
			if known = known && once; known {
				r.hasBlock2, r.block2 = true, DecodeBlock(o.Uint())
			}
		case Size1:
			if known && once {
				r.hasSize1, r.size1 = true, o.Uint()
			}
		case ProxyUri, ProxyScheme:
			return ProxyingNotSupported
		default:
			known = false
		}
		if !known && Critical(o.Number) {
			return BadOption
		}
		switch {
		case o.Number == Block1 || o.Number == Block2 || o.Number == Observe || noCacheKey(o.Number):
		case o.Number == ContentFormat || o.Number == RequestTag:
			mixOption(&operation, &o)
		default:
			mixOption(&resource, &o)
		}
	}
	if r.block1.SZX > maxSZX || r.block2.SZX > maxSZX {
		return BadRequest
	}
	r.resource, r.operation = resource, operation^resource*fnvPrime
	return 0
}

const (
	fnvOffset uint64 = 14695981039346656037
	fnvPrime  uint64 = 1099511628211
)

//go:noinline
func mix(h *uint64, b uint8) { *h = (*h ^ uint64(b)) * fnvPrime }

// mixOption adds an option to a hash so that no two sequences of options run
// together.
//
//go:noinline
func mixOption(h *uint64, o *Options) {
	mix(h, uint8(o.Number>>8))
	mix(h, uint8(o.Number))
	mix(h, uint8(len(o.Value)>>8))
	mix(h, uint8(len(o.Value)))
	for _, b := range o.Value {
		mix(h, b)
	}
}
