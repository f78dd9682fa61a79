package agent_test

import (
	"math/rand/v2"
	"testing"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/link"
)

const (
	second = 1_000_000
	never  = int64(1) << 60
)

// A node is whoever takes part in a network: a device or a client.
type node interface {
	Deliver(now int64, from link.Addr, datagram []byte)
	Poll(now int64) (next int64)
}

// A packet is a datagram on its way.
type packet struct {
	at       int64
	from, to link.Addr
	datagram []byte
}

// A network carries datagrams in virtual time, as badly as it is told to.
type network struct {
	now       int64
	random    *rand.Rand
	addresses []link.Addr // of nodes, so that every run takes the same order
	nodes     []node
	queue     []packet
	loss      float64
	duplicate float64
	spread    int64                // of delays, microseconds: what reorders
	drop      func(p *packet) bool // what it says true to is lost
	carried   int
}

func newNetwork(seed uint64) *network {
	return &network{now: second, random: rand.New(rand.NewPCG(seed, 1))}
}

// add puts n at an address, in place of what was there.
func (w *network) add(at link.Addr, n node) {
	for i := range w.addresses {
		if w.addresses[i] == at {
			w.nodes[i] = n
			return
		}
	}
	w.addresses, w.nodes = append(w.addresses, at), append(w.nodes, n)
}

func (w *network) send(from, to link.Addr, datagram []byte) {
	p := packet{from: from, to: to, datagram: append([]byte(nil), datagram...)}
	w.carried++
	copies := 1
	if w.random.Float64() < w.loss || w.drop != nil && w.drop(&p) {
		copies = 0
	}
	if w.random.Float64() < w.duplicate {
		copies++
	}
	for range copies {
		q := p
		q.at = w.now + 1000
		if w.spread > 0 {
			q.at += w.random.Int64N(w.spread)
		}
		w.queue = append(w.queue, q)
	}
}

// run goes on until done says so, nothing is left to happen, or limit
// microseconds have passed.
func (w *network) run(limit int64, done func() bool) {
	end := w.now + limit
	for done == nil || !done() {
		next := end
		for _, n := range w.nodes {
			next = min(next, n.Poll(w.now))
		}
		first := -1
		for i := range w.queue {
			if w.queue[i].at < next || first < 0 && w.queue[i].at == next {
				next, first = w.queue[i].at, i
			}
		}
		w.now = max(w.now, next)
		if first < 0 {
			if next == end {
				return
			}
			continue
		}
		p := w.queue[first]
		w.queue = append(w.queue[:first], w.queue[first+1:]...)
		for i := range w.addresses {
			if w.addresses[i] == p.to {
				w.nodes[i].Deliver(w.now, p.from, p.datagram)
			}
		}
	}
}

// A client asks devices and hands out files.
type client struct {
	coap.Endpoint
	tb      testing.TB
	network *network
	address link.Addr
	files   map[string][]byte
	serve   func(req *coap.Request, resp *coap.Response) bool // before files are looked at
	gets    int
}

func (w *network) client(tb testing.TB, last byte) *client {
	return w.clientOf(tb, last, 256, 8, uint64(last))
}

// clientOf returns a client whose blocks are of a size, and which
// repeats a datagram so often.
func (w *network) clientOf(tb testing.TB, last byte, block, retransmit int, seed uint64) *client {
	tb.Helper()
	c := &client{tb: tb, network: w, address: link.IPv4(10, 0, 0, last, 40000), files: map[string][]byte{}}
	config := &coap.Config{
		Handler:   c,
		Send:      func(to *link.Addr, datagram []byte) { w.send(c.address, *to, datagram) },
		Exchanges: make([]coap.Exchange, 4), Transfers: make([]coap.Transfer, 2), Calls: make([]coap.Call, 4),
		Datagram: block + 64, Body: 4096, BlockSize: block, MaxRetransmit: retransmit, Seed: seed,
	}
	config.Memory = make([]byte, config.MemorySize())
	if err := c.Init(config); err != 0 {
		tb.Fatal(err)
	}
	w.add(c.address, c)
	return c
}

// ServeCoAP hands out files.
func (c *client) ServeCoAP(now int64, req *coap.Request, resp *coap.Response) {
	c.gets++
	if c.serve != nil && c.serve(req, resp) {
		return
	}
	file, ok := c.files[string(req.Path(0))]
	if !ok || req.Code != coap.GET {
		resp.Fail(coap.NotFound, "")
		return
	}
	resp.Code, resp.Body = coap.Content, file
}

// An answer is a response as a client sees it.
type answer struct {
	code coap.Code
	body []byte
	err  coap.Error
	done bool
}

func (a *answer) Block(now int64, in *coap.Incoming) bool {
	a.body = append(a.body, in.Payload...)
	return true
}

func (a *answer) Done(now int64, code coap.Code, err coap.Error) {
	a.code, a.err, a.done = code, err, true
}

// start sends a request and returns where its answer will be.
func (c *client) start(to link.Addr, code coap.Code, path, query string, body []byte) *answer {
	c.tb.Helper()
	a := &answer{}
	_, err := c.Do(c.network.now, &to, &coap.Outgoing{
		Code: code, Path: []byte(path), Query: []byte(query), Body: body, ContentFormat: coap.FormatNone,
	}, a)
	if err != 0 {
		c.tb.Fatalf("%s: %v", path, err)
	}
	return a
}

// ask sends a request and waits for its answer.
func (c *client) ask(to link.Addr, code coap.Code, path, query string, body []byte) *answer {
	c.tb.Helper()
	a := c.start(to, code, path, query, body)
	c.network.run(never, func() bool { return a.done })
	if !a.done || a.err != 0 {
		c.tb.Fatalf("%d %s: no answer: %v", code, path, a.err)
	}
	return a
}
