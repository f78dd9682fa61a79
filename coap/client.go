package coap

import "github.com/femto-containers/femto/link"

// An Outgoing is a request of our own. Its slices are kept until the call is
// done.
type Outgoing struct {
	Code          Code
	Path          []byte // as in a URI: "/a/b", percent-encoded
	Query         []byte // as in a URI: "k=v&x", percent-encoded
	ContentFormat Format // of Body, said if that is not empty; FormatNone: not said
	Body          []byte
	Observe       bool // GET: have every later state sent too, see Incoming.Observed
	BlockSize     int  // largest block, 16..1024 bytes; 0: Config.BlockSize

	// Tag is the Request-Tag of a body that goes in blocks (RFC 9175 §3), 0 for
	// none. Each body needs another one than those that the peer got before from
	// the same port: blocks of theirs may still be on their way.
	Tag uint16

	// Offset is for going on with a transfer that came to nothing, with its Tag:
	// how much the peer has taken of Body or, without one, how much of the
	// response is here already, in bytes, a multiple of 16. A peer that knows of
	// no such transfer answers 4.08.
	Offset int
}

// An Incoming is a response, or one block of it.
type Incoming struct {
	Code          Code
	ContentFormat Format // FormatNone: not said
	Size          int    // of the whole body, bytes, as the peer says; -1: not said
	Offset        int    // of Payload in the body, bytes
	Payload       []byte // valid until Block returns
	More          bool   // further blocks follow

	// Observed says that the server will send further states. Each comes as
	// one call of Block with Offset 0; if More is set too, another request
	// gets the rest. Done is called when the server sends no more.
	Observed bool
}

// A Sink takes the response to a request. Its methods are called from Deliver
// and Poll and must not call these; Done may call Do.
type Sink interface {
	// Block takes the next part of the body, in order and without gaps or
	// repeats. It is called at least once for every response, whatever its
	// code. Returning false ends the call with ErrAbandoned.
	Block(now int64, in *Incoming) bool

	// Done is called once. With err 0 the whole body has gone through Block.
	// Otherwise code is that of the last response, Empty if there was none.
	Done(now int64, code Code, err Error)
}

// A Call is a request of our own that is open.
type Call struct {
	open     bool
	acked    bool // an empty acknowledgement came: a response will follow
	blocks   bool // the body goes in blocks
	watching bool // notifications come
	up, down uint8
	attempts uint8
	etagSize uint8
	etag     [8]byte
	code     Code
	id       uint16
	size     uint16 // of datagram
	tokenLen uint8
	token    [4]byte
	peer     link.Addr
	sent     int    // body bytes acknowledged
	received int    // response bytes passed on
	sequence uint32 // of the newest notification
	timeout  int64
	deadline int64
	request  Outgoing
	sink     Sink
	datagram []byte
}

// Sent returns how many bytes of the body the peer has acknowledged before the
// block that is on its way.
func (c *Call) Sent() int { return c.sent }

// Received returns how many bytes of the response have gone to the Sink.
func (c *Call) Received() int { return c.received }

// Do sends a request and has its response go to sink, block by block. Lost
// datagrams are repeated from Poll. The Call is valid until sink.Done. After an
// error there is none and sink hears nothing. ErrBusy: every Call is in use, or
// one to this peer waits for its answer (NSTART is 1, RFC 7252 §4.7).
func (e *Endpoint) Do(now int64, to *link.Addr, request *Outgoing, sink Sink) (*Call, Error) {
	szx := e.maxSZX
	if request.BlockSize != 0 {
		s, ok := szxOf(request.BlockSize)
		if !ok || s > szx {
			return nil, ErrConfig
		}
		szx = s
	}
	for request.Offset&(16<<szx-1) != 0 && szx > 0 {
		szx--
	}
	var c *Call
	for i := range e.c.Calls {
		other := &e.c.Calls[i]
		if !other.open {
			c = other
		} else if !other.acked && !other.watching && same(&other.peer, to) {
			return nil, ErrBusy
		}
	}
	if c == nil {
		return nil, ErrBusy
	}
	*c = Call{open: true, datagram: c.datagram, up: szx, down: szx}
	c.peer, c.request, c.sink = *to, *request, sink
	c.blocks = len(request.Body) > 16<<szx
	if c.blocks {
		c.sent = request.Offset
	} else {
		c.received = request.Offset
	}
	if err := e.begin(now, c); err != 0 {
		c.open = false
		return nil, err
	}
	return c, 0
}

// Cancel forgets a call that is open; its Sink hears nothing more.
func (e *Endpoint) Cancel(c *Call) {
	c.open = false
	c.sink = nil
	c.request = Outgoing{}
}

// block returns the block of the request body that is due.
func (c *Call) block() (b Block, payload []byte, ok bool) {
	body := c.request.Body
	b, ok = blockAt(c.sent, len(body), c.up)
	return b, body[c.sent:min(len(body), c.sent+16<<c.up)], ok
}

// uploading reports whether more of the body follows the block that is due.
func (c *Call) uploading() bool {
	return c.blocks && len(c.request.Body)-c.sent > 16<<c.up
}

// begin sends the message that is due, with a new token. Who forges answers must
// guess it: RFC 7252 §5.3.1 asks for 32 bits. One byte is enough where the answer
// says nothing but that the next block may come, or has an ETag to guess.
func (e *Endpoint) begin(now int64, c *Call) Error {
	r := e.rand()
	c.token = [4]byte{byte(r), byte(r >> 8), byte(r >> 16), byte(r >> 24)}
	c.tokenLen = 4
	if c.uploading() || c.received > 0 && c.etagSize >= 4 {
		c.tokenLen = 1
	}
	return e.transmit(now, c)
}

// transmit sends the message that is due with the token that there is.
func (e *Endpoint) transmit(now int64, c *Call) Error {
	c.id = e.messageID()
	if err := c.compose(); err != 0 {
		return err
	}
	c.acked, c.attempts = false, 0
	c.timeout = e.firstTimeout()
	c.deadline = now + c.timeout
	e.Counters.Calls++
	e.send(&c.peer, c.datagram[:c.size])
	return 0
}

func (c *Call) compose() Error {
	r := &c.request
	var b Builder
	b.Start(c.datagram, Confirmable, r.Code, c.id, c.token[:c.tokenLen])
	if watches && r.Observe && c.received == 0 {
		b.Uint(Observe, 0)
	}
	if !b.split(UriPath, r.Path) {
		return ErrURI
	}
	if len(r.Body) > 0 && r.ContentFormat != FormatNone {
		b.Uint(ContentFormat, uint32(r.ContentFormat))
	}
	if !b.split(UriQuery, r.Query) {
		return ErrURI
	}
	if c.received > 0 {
		next, ok := blockAt(c.received, c.received, c.down)
		if !ok {
			return ErrTooLarge
		}
		b.Uint(Block2, next.Value())
	} else if c.down < maxSZX && !c.uploading() {
		b.Uint(Block2, Block{SZX: c.down}.Value())
	}
	payload := r.Body
	if c.received > 0 {
		payload = nil
	} else if c.blocks {
		block, part, ok := c.block()
		if !ok {
			return ErrTooLarge
		}
		payload = part
		b.Uint(Block1, block.Value())
		if c.sent == 0 {
			b.Uint(Size1, uint32(len(r.Body)))
		}
	}
	if c.blocks && r.Tag != 0 {
		b.Uint(RequestTag, uint32(r.Tag))
	}
	b.Payload(payload)
	datagram, ok := b.Bytes()
	if !ok {
		return ErrTooLarge
	}
	c.size = uint16(len(datagram))
	return 0
}

// firstTimeout is how long to wait before a message is repeated, between the
// configured time and half as much again (RFC 7252 §4.2).
func (e *Endpoint) firstTimeout() int64 {
	base := orDefault(e.c.AckTimeout, ackTimeout)
	return base + base>>1*int64(e.rand()>>16)>>16
}

func (e *Endpoint) maxRetransmit() int {
	return int(orDefault(int64(e.c.MaxRetransmit), maxRetransmit))
}

// expire repeats the message of c, whose time has come, or gives up.
func (e *Endpoint) expire(now int64, c *Call) {
	if c.acked || int(c.attempts) >= e.maxRetransmit() {
		e.finish(now, c, ErrTimeout)
		return
	}
	c.attempts++
	c.timeout <<= 1
	c.deadline = now + c.timeout
	e.Counters.Retransmissions++
	e.send(&c.peer, c.datagram[:c.size])
}

func (e *Endpoint) finish(now int64, c *Call, err Error) {
	sink, code := c.sink, c.code
	e.Cancel(c)
	sink.Done(now, code, err)
}

// settle takes an empty acknowledgement or a Reset.
func (e *Endpoint) settle(now int64) {
	m := &e.message
	for i := range e.c.Calls {
		c := &e.c.Calls[i]
		if !c.open || c.id != m.ID || !same(&c.peer, &e.from) {
			continue
		}
		if m.Type == Reset {
			e.finish(now, c, ErrReset)
		} else if !c.acked && !c.watching {
			c.acked = true
			c.deadline = now + orDefault(e.c.ResponseTimeout, maxTransmitWait)
		}
		return
	}
}

// A reading is what the layer itself needs of a response.
type reading struct {
	block1    Block
	block2    Block
	hasBlock1 bool
	hasBlock2 bool
	etag      []byte

	hasObserve bool
	sequence   uint32
}

// deliverResponse takes a response to a request of our own (RFC 7252 §5.3.2).
func (e *Endpoint) deliverResponse(now int64) {
	m := &e.message
	if m.Type != Acknowledgement && e.repeated(now) {
		return
	}
	c := e.caller()
	if c == nil {
		e.reject()
		return
	}
	var r reading
	if !r.read(m, &e.incoming) {
		e.reject()
		e.finish(now, c, ErrBadOption)
		return
	}
	if m.Type == Confirmable {
		e.acknowledge(now)
	}
	e.advance(now, c, &r)
}

// caller returns the call that the message at hand answers, nil if there is
// none.
func (e *Endpoint) caller() *Call {
	m := &e.message
	for i := range e.c.Calls {
		c := &e.c.Calls[i]
		if c.open && sameBytes(m.Token, c.token[:c.tokenLen]) && (m.Type != Acknowledgement || c.id == m.ID) && same(&c.peer, &e.from) {
			return c
		}
	}
	return nil
}

// acknowledge answers a separate response, now and when it is repeated.
func (e *Endpoint) acknowledge(now int64) {
	e.sendEmpty(Acknowledgement)
	if x := e.remember(now); x != nil {
		x.size = uint16(copy(x.reply, e.scratch[:headerSize]))
	}
}

// read reports whether m has no critical option that is unknown here.
func (r *reading) read(m *Message, in *Incoming) bool {
	*in = Incoming{Code: m.Code, ContentFormat: FormatNone, Size: -1, Payload: m.Payload}
	o := m.Options()
	for o.Next() {
		known := validLength(o.Number, len(o.Value))
		switch {
		case !known:
		case o.Number == ETag:
			r.etag = o.Value
		case watches && o.Number == Observe:
			r.hasObserve, r.sequence = true, o.Uint()
		case o.Number == ContentFormat:
			in.ContentFormat = Format(o.Uint())
		case o.Number == Size2 && o.Uint() < 1<<31:
			in.Size = int(o.Uint())
		case o.Number == Block1:
			known = !r.hasBlock1
			r.hasBlock1, r.block1 = true, DecodeBlock(o.Uint())
		case o.Number == Block2:
			known = !r.hasBlock2
			r.hasBlock2, r.block2 = true, DecodeBlock(o.Uint())
		default:
			known = false
		}
		if !known && Critical(o.Number) {
			return false
		}
	}
	return true
}

// advance goes on with c after a response.
func (e *Endpoint) advance(now int64, c *Call, r *reading) {
	in := &e.incoming
	if r.hasBlock1 && r.block1.SZX > maxSZX || r.hasBlock2 && r.block2.SZX > maxSZX {
		c.code = in.Code
		e.finish(now, c, ErrBlock)
		return
	}
	if c.received == 0 && len(c.request.Body) > 0 {
		again, err := c.upload(in.Code, r)
		if err == 0 && again {
			err = e.begin(now, c)
			if err == 0 {
				return
			}
		}
		if err != 0 {
			c.code = in.Code
			e.finish(now, c, err)
			return
		}
	}
	e.download(now, c, r)
}

// upload takes the answer to a block of the request body. again says that
// another block has to be sent (RFC 7959 §2.3, §2.5).
func (c *Call) upload(code Code, r *reading) (again bool, err Error) {
	if code == RequestEntityTooLarge && r.hasBlock1 && r.block1.SZX < c.up &&
		c.sent == 0 && len(c.request.Body) > 16<<r.block1.SZX {
		c.up, c.blocks = r.block1.SZX, true
		return true, 0
	}
	if !code.Success() || !c.blocks {
		return false, 0
	}
	block, payload, _ := c.block()
	if r.hasBlock1 && r.block1.Num != block.Num {
		return false, ErrBlock
	}
	if !block.More {
		c.sent += len(payload)
		return false, 0
	}
	if !r.hasBlock1 {
		// The server took this block for the whole body.
		return false, ErrBlock
	}
	c.sent += len(payload)
	c.up = min(c.up, r.block1.SZX)
	return true, 0
}

// download passes a response on and asks for its next block (RFC 7959 §2.4).
func (e *Endpoint) download(now int64, c *Call, r *reading) {
	in := &e.incoming
	if watches && c.request.Observe && r.hasObserve && in.Code.Success() {
		e.notified(now, c, r)
		return
	}
	first := c.received == 0 || c.code == Empty
	same := first || c.code == in.Code
	c.code = in.Code
	if in.Code == Continue || c.received > 0 && !r.hasBlock2 {
		e.finish(now, c, ErrBlock)
		return
	}
	if r.hasBlock2 {
		b := r.block2
		in.Offset, in.More = b.Offset(), b.More
		n := len(in.Payload)
		if !same || in.Offset != c.received || n > b.Size() || b.More && n != b.Size() {
			e.finish(now, c, ErrBlock)
			return
		}
		if !first && !sameBytes(r.etag, c.etag[:c.etagSize]) {
			e.finish(now, c, ErrChanged)
			return
		}
	}
	if first {
		c.etagSize = uint8(copy(c.etag[:], r.etag))
	}
	if !c.sink.Block(now, in) {
		e.finish(now, c, ErrAbandoned)
		return
	}
	c.received += len(in.Payload)
	if !in.More {
		e.finish(now, c, 0)
		return
	}
	c.down = min(c.down, r.block2.SZX)
	if err := e.begin(now, c); err != 0 {
		e.finish(now, c, err)
	}
}
