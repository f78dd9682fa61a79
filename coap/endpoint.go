package coap

import "github.com/femto-containers/femto/link"

// Transmission parameters in microseconds (RFC 7252 §4.8).
const (
	second           = 1_000_000
	ackTimeout       = 2 * second
	maxRetransmit    = 4
	exchangeLifetime = 247 * second
	maxTransmitWait  = 93 * second
)

// Never is the time of nothing: what Poll returns when only a datagram can
// change anything.
const Never int64 = 1<<63 - 1

// A Config says what an Endpoint is made of. The Endpoint keeps the pointer and
// everything in it.
type Config struct {
	// Handler answers requests; nil rejects them.
	Handler Handler

	// Refuser, if not nil, says more on requests that the Endpoint refuses itself.
	Refuser Refuser

	// Resources is what /.well-known/core lists (RFC 6690). With nil, the
	// Handler is asked for it like for any other resource.
	Resources []Resource

	// Send passes a datagram to the network; it must keep neither it nor to,
	// nor call the Endpoint. A datagram that cannot be sent is lost like any other.
	Send func(to *link.Addr, datagram []byte)

	// Exchanges remembers requests that ran a Handler, so that a repeated
	// datagram gets the same answer and runs nothing. When all are in use
	// the oldest is forgotten. What has no effects, GETs and single blocks,
	// is not remembered but done again.
	Exchanges []Exchange

	// Transfers bounds the block-wise bodies that are being received or
	// fetched at one time.
	Transfers []Transfer

	// Calls bounds the requests of our own that may be open at one time.
	Calls []Call

	// Observers bounds the observations of our resources (RFC 7641).
	Observers []Observer

	// Memory holds MemorySize() bytes of buffers.
	Memory []byte

	Datagram  int // largest datagram sent, bytes; at least BlockSize + Overhead
	Body      int // largest body received or kept, bytes
	BlockSize int // largest block: 16, 32 … 1024 bytes

	// Unproven is the largest block in an answer to a request that is shorter
	// than that block, 16 bytes at least: whoever forges a sender's address must
	// not have others send much more than he sends. 0: BlockSize.
	Unproven int

	// Seed starts message ids and tokens. Take it from a source that the
	// network cannot guess: tokens are what a forger off the path must know.
	Seed uint64

	// Microseconds and counts; 0 takes the default of RFC 7252 §4.8.
	AckTimeout      int64 // first retransmission after 1..1.5 of this (2 s)
	MaxRetransmit   int   // retransmissions of a request (4); negative for none
	ResponseTimeout int64 // wait for a separate response (93 s)
	TransferTimeout int64 // wait for the next block of a peer (93 s)
}

// Overhead is what a datagram needs beside its block: header, token, options
// of a response and payload marker.
const Overhead = 40

// MemorySize returns how many bytes Memory must have: one datagram per
// exchange, call and for the Endpoint itself, one body per transfer and for
// the Endpoint itself, and the options of each observed request.
func (c *Config) MemorySize() int {
	return (len(c.Exchanges)+len(c.Calls)+1)*c.Datagram + (len(c.Transfers)+1)*c.Body + len(c.Observers)*ObserverOptions
}

// Counters count what an Endpoint did, modulo 2^32.
type Counters struct {
	Requests        uint32 // requests served, blocks included
	Duplicates      uint32 // repeated datagrams recognised
	Malformed       uint32 // datagrams that are no message
	Calls           uint32 // messages of requests of our own, blocks included
	Retransmissions uint32
}

// An Endpoint sends and receives requests. It is a server, a client or both.
// The zero Endpoint is not ready; see Init. It is not safe for concurrent use.
type Endpoint struct {
	Counters Counters

	c        *Config
	scratch  []byte // one datagram
	body     []byte // one body, what Response.Body starts as
	maxSZX   uint8
	nextID   uint16
	random   uint64
	from     link.Addr // of the datagram at hand
	size     int       // of it, bytes
	message  Message
	request  Request
	response Response
	answer   answer
	incoming Incoming

	notifying *Observer // whom the answer at hand notifies, nil if it answers
}

// Init makes e ready, with nothing open. It does not allocate.
func (e *Endpoint) Init(c *Config) Error {
	szx, ok := szxOf(c.BlockSize)
	if !ok || c.Datagram < c.BlockSize+Overhead || c.Send == nil || c.Body < 0 {
		return ErrConfig
	}
	if len(c.Memory) < c.MemorySize() {
		return ErrMemory
	}
	*e = Endpoint{}
	e.c, e.maxSZX = c, szx
	e.random = c.Seed | 1<<63 // xorshift stays at 0
	e.rand()
	e.rand()
	memory := e.c.Memory
	clear(c.Exchanges)
	for i := range c.Exchanges {
		carve(&c.Exchanges[i].reply, &memory, c.Datagram)
	}
	clear(c.Calls)
	for i := range c.Calls {
		carve(&c.Calls[i].datagram, &memory, c.Datagram)
	}
	clear(c.Transfers)
	for i := range c.Transfers {
		carve(&c.Transfers[i].body, &memory, c.Body)
	}
	clear(c.Observers)
	for i := range c.Observers {
		carve(&c.Observers[i].options, &memory, ObserverOptions)
	}
	carve(&e.scratch, &memory, c.Datagram)
	carve(&e.body, &memory, c.Body)
	e.nextID = uint16(e.rand())
	return 0
}

//go:noinline
func carve(piece, memory *[]byte, n int) {
	*piece = (*memory)[:n:n]
	*memory = (*memory)[n:]
}

// rand is xorshift64*, without the 64-bit product that a small machine has to
// call a function for: the upper half of the state will do.
//
//go:noinline
func (e *Endpoint) rand() uint32 {
	e.random ^= e.random << 13
	e.random ^= e.random >> 7
	e.random ^= e.random << 17
	return uint32(e.random >> 32)
}

// messageID returns an id that was not used for the last 2^16 messages.
func (e *Endpoint) messageID() uint16 {
	e.nextID++
	return e.nextID
}

//go:noinline
func orDefault(v, or int64) int64 {
	if v == 0 {
		return or
	}
	return v
}

// Deliver takes a datagram that came in. now is the time in microseconds on
// any clock that does not run backwards. The Endpoint keeps nothing of the
// datagram. Whatever it holds, Deliver ends soon and answers with at most one
// datagram, or one each for an acknowledgement and the next block of a call.
func (e *Endpoint) Deliver(now int64, from link.Addr, datagram []byte) {
	m := &e.message
	e.from, e.size = from, len(datagram)
	if err := Parse(datagram, m); err != 0 {
		e.Counters.Malformed++
		if len(datagram) >= headerSize && err != ErrVersion {
			e.reject()
		}
		return
	}
	switch {
	case m.Code == Empty:
		if m.Type >= Acknowledgement {
			if !e.settleObserver() {
				e.settle(now)
			}
		} else {
			e.reject() // a ping, RFC 7252 §4.3
		}
	case m.Type == Reset:
		e.Counters.Malformed++
	case m.Code.Class() != 0:
		e.deliverResponse(now)
	case m.Type == Acknowledgement:
		e.Counters.Malformed++
	default:
		e.serve(now)
	}
}

// reject answers the message at hand with a Reset if it is confirmable (RFC
// 7252 §4.2, §4.3).
//
//go:noinline
func (e *Endpoint) reject() {
	if e.message.Type == Confirmable {
		e.sendEmpty(Reset)
	}
}

// sendEmpty answers the message at hand with an Empty one.
func (e *Endpoint) sendEmpty(t Type) {
	var b Builder
	b.Start(e.scratch, t, Empty, e.message.ID, nil)
	e.send(&e.from, e.scratch[:b.n])
}

//go:noinline
func (e *Endpoint) send(to *link.Addr, datagram []byte) { e.c.Send(to, datagram) }

// same compares two addresses, in a tenth of the code that TinyGo makes of ==.
//
//go:noinline
func same(a, b *link.Addr) bool {
	return a.Port == b.Port && a.Zone == b.Zone && sameHost(a, b)
}

//go:noinline
func sameHost(a, b *link.Addr) bool {
	for i := range a.IP {
		if a.IP[i] != b.IP[i] {
			return false
		}
	}
	return true
}

// Poll does what is due at now, and returns when it wants to be called again
// at the latest, Never if only a datagram will change anything.
func (e *Endpoint) Poll(now int64) (next int64) {
	next = Never
	for i := range e.c.Calls {
		c := &e.c.Calls[i]
		if c.open && c.deadline <= now {
			e.expire(now, c)
		}
	}
	for i := range e.c.Calls {
		if c := &e.c.Calls[i]; c.open && c.deadline < next {
			next = c.deadline
		}
	}
	for i := range e.c.Observers {
		if o := &e.c.Observers[i]; o.open {
			next = min(next, e.pollObserver(now, o))
		}
	}
	return next
}
