package coap

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/femto-containers/femto/link"
)

// body returns n bytes in which no two blocks are alike.
func body(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8*7 ^ i>>4*31)
	}
	return b
}

// A store is a Handler: PUT and GET of one body, POST that answers with the
// body reversed, and a count of what ran.
type store struct {
	body  []byte
	posts [][]byte
	runs  int
	limit func(resp *Response)
}

func (s *store) ServeCoAP(now int64, req *Request, resp *Response) {
	s.runs++
	switch {
	case !req.PathIs("store"):
		resp.Fail(NotFound, "only store")
	case req.Code == GET:
		resp.Code, resp.ContentFormat, resp.Body = Content, FormatOctetStream, s.body
	case req.Code == PUT:
		s.body = append([]byte(nil), req.Payload...)
		resp.Code = Changed
	case req.Code == POST:
		s.posts = append(s.posts, append([]byte(nil), req.Payload...))
		resp.Code, resp.ContentFormat = Changed, FormatOctetStream
		for i := range req.Payload {
			resp.Write(req.Payload[len(req.Payload)-1-i:][:1])
		}
	default:
		resp.Fail(MethodNotAllowed, "")
	}
}

// A collector is a Sink.
type collector struct {
	body   []byte
	size   int
	blocks int
	done   int
	code   Code
	format Format
	err    Error
	stop   int // refuse block number stop, counted from 1
}

func (c *collector) Block(now int64, in *Incoming) bool {
	if in.Offset != len(c.body) {
		panic(fmt.Sprintf("offset %d after %d bytes", in.Offset, len(c.body)))
	}
	if c.blocks == 0 {
		c.size, c.format = in.Size, in.ContentFormat
	}
	c.blocks++
	c.body = append(c.body, in.Payload...)
	return c.blocks != c.stop
}

func (c *collector) Done(now int64, code Code, err Error) {
	c.done++
	c.code, c.err = code, err
}

type sizes struct{ block, body, exchanges, transfers, calls int }

var usual = sizes{block: 64, body: 8192, exchanges: 8, transfers: 2, calls: 2}

func newEndpoint(t testing.TB, s sizes, handler Handler, send func(to link.Addr, datagram []byte), change func(*Config)) *Endpoint {
	t.Helper()
	c := &Config{
		Handler:   handler,
		Send:      func(to *link.Addr, datagram []byte) { send(*to, datagram) },
		Exchanges: make([]Exchange, s.exchanges),
		Transfers: make([]Transfer, s.transfers),
		Calls:     make([]Call, s.calls),
		Datagram:  s.block + 64,
		Body:      s.body,
		BlockSize: s.block,
		Seed:      1,
	}
	if change != nil {
		change(c)
	}
	c.Memory = make([]byte, c.MemorySize())
	e := new(Endpoint)
	if err := e.Init(c); err != 0 {
		t.Fatal(err)
	}
	return e
}

// A packet is a datagram on its way.
type packet struct {
	at       int64
	from, to link.Addr
	datagram []byte
}

// A network carries datagrams between endpoints in virtual time, badly.
type network struct {
	t         testing.TB
	now       int64
	random    *rand.Rand
	endpoints map[link.Addr]*Endpoint
	queue     []packet
	loss      float64 // 0..1
	duplicate float64 // 0..1
	delay     [2]int64
	carried   int
	log       []string
	cut       func(p *packet) bool // drops what it says true to
}

func newNetwork(t testing.TB, seed uint64) *network {
	return &network{
		t: t, random: rand.New(rand.NewPCG(seed, 0)), endpoints: map[link.Addr]*Endpoint{},
		delay: [2]int64{1000, 1001},
	}
}

func (n *network) add(at link.Addr, s sizes, handler Handler, change func(*Config)) *Endpoint {
	e := newEndpoint(n.t, s, handler, func(to link.Addr, datagram []byte) { n.send(at, to, datagram) }, change)
	n.endpoints[at] = e
	return e
}

func (n *network) send(from, to link.Addr, datagram []byte) {
	var m Message
	if err := Parse(datagram, &m); err != 0 {
		n.t.Fatalf("sent %x: %v", datagram, err)
	}
	p := packet{from: from, to: to, datagram: append([]byte(nil), datagram...)}
	n.carried++
	n.log = append(n.log, fmt.Sprintf("%8d %d→%d %s", n.now/1000, from.Port, to.Port, describe(&m)))
	copies := 1
	if n.random.Float64() < n.loss || n.cut != nil && n.cut(&p) {
		copies = 0
	}
	if n.random.Float64() < n.duplicate {
		copies++
	}
	for range copies {
		q := p
		q.at = n.now + n.delay[0] + n.random.Int64N(n.delay[1]-n.delay[0])
		n.queue = append(n.queue, q)
	}
}

// run goes on until nothing is on its way and nobody waits for anything, or for
// limit microseconds.
func (n *network) run(limit int64) {
	end := n.now + limit
	for {
		next, first := end, -1
		for i := range n.queue {
			if n.queue[i].at < next {
				next, first = n.queue[i].at, i
			}
		}
		for _, e := range n.endpoints {
			if due := e.Poll(n.now); due < next {
				next, first = due, -1
			}
		}
		// Poll may have sent.
		for i := range n.queue {
			if n.queue[i].at <= next && (first < 0 || n.queue[i].at < n.queue[first].at) {
				next, first = n.queue[i].at, i
			}
		}
		if next >= end {
			return
		}
		n.now = max(n.now, next)
		if first < 0 {
			continue
		}
		p := n.queue[first]
		n.queue = append(n.queue[:first], n.queue[first+1:]...)
		if e := n.endpoints[p.to]; e != nil {
			e.Deliver(n.now, p.from, p.datagram)
		}
	}
}

func (n *network) dump() string { return strings.Join(n.log, "\n") }

var typeNames = [...]string{"CON", "NON", "ACK", "RST"}

// describe writes a message in the notation of the figures of RFC 7959.
func describe(m *Message) string {
	s := typeNames[m.Type]
	switch {
	case m.Code == Empty:
		return s
	case m.Code.Class() == 0:
		s += " " + [...]string{"", "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"}[min(m.Code, 7)]
	default:
		s += fmt.Sprintf(" %d.%02d", m.Code.Class(), m.Code.Detail())
	}
	block := func(n int, v uint32) string {
		b := DecodeBlock(v)
		more := 0
		if b.More {
			more = 1
		}
		return fmt.Sprintf(" %d:%d/%d/%d", n, b.Num, more, b.Size())
	}
	for o := m.Options(); o.Next(); {
		switch o.Number {
		case UriPath:
			s += " /" + string(o.Value)
		case Block1:
			s += block(1, o.Uint())
		case Block2:
			s += block(2, o.Uint())
		case MaxAge:
			s += " max-age"
		case Size1:
			s += fmt.Sprintf(" size1=%d", o.Uint())
		case Size2:
			s += fmt.Sprintf(" size2=%d", o.Uint())
		}
	}
	if len(m.Payload) > 0 {
		s += fmt.Sprintf(" +%d", len(m.Payload))
	}
	return s
}
