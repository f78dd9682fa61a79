package coap

import (
	"fmt"
	"testing"

	"github.com/femto-containers/femto/link"
)

// A gauge is a Handler with a number that can be observed.
type gauge struct {
	value int
	gone  bool
	long  int // bytes to add
}

func (g *gauge) ServeCoAP(now int64, req *Request, resp *Response) {
	if g.gone {
		resp.Fail(NotFound, "")
		return
	}
	resp.Code, resp.ContentFormat, resp.Topic = Content, FormatText, 7
	resp.Body = fmt.Appendf(nil, "%d", g.value)
	resp.Body = append(resp.Body, body(g.long)...)
}

// An observer is a Sink that keeps the first block of what it hears.
type observer struct {
	heard    []string
	observed int
	more     bool
	done     int
	code     Code
	err      Error
	most     int // states to take, 0 for all
}

func (o *observer) Block(now int64, in *Incoming) bool {
	o.heard = append(o.heard, string(in.Payload))
	o.more = in.More
	if in.Observed {
		o.observed++
	}
	return o.most == 0 || len(o.heard) < o.most
}

func (o *observer) Done(now int64, code Code, err Error) {
	o.done++
	o.code, o.err = code, err
}

func (o *observer) last() string {
	if len(o.heard) == 0 {
		return ""
	}
	return o.heard[len(o.heard)-1]
}

// watch returns a network with a device that has a gauge and one observer of it.
func watch(t *testing.T, seed uint64, places int) (n *network, g *gauge, server, client *Endpoint, o *observer) {
	n, g, o = newNetwork(t, seed), &gauge{}, &observer{}
	server = n.add(device, usual, g, func(c *Config) { c.Observers = make([]Observer, places) })
	client = n.add(host, usual, nil, nil)
	if _, err := client.Do(n.now, &device, &Outgoing{Code: GET, Path: []byte("/gauge"), Observe: true}, o); err != 0 {
		t.Fatal(err)
	}
	n.run(second)
	return n, g, server, client, o
}

func TestObserve(t *testing.T) {
	n, g, server, _, o := watch(t, 1, 2)
	if fmt.Sprint(o.heard) != "[0]" || o.observed != 1 {
		t.Fatalf("registration heard %q, %d observed\n%s", o.heard, o.observed, n.dump())
	}
	for g.value = 1; g.value <= 3; g.value++ {
		server.Notify(7)
		server.Notify(8) // nobody's
		n.run(second)
	}
	if fmt.Sprint(o.heard) != "[0 1 2 3]" || o.observed != 4 || o.done != 0 {
		t.Fatalf("heard %q\n%s", o.heard, n.dump())
	}
	// Further changes before the acknowledgement are one.
	carried := n.carried
	for g.value = 4; g.value < 20; g.value++ {
		server.Notify(7)
		server.Poll(n.now)
	}
	n.run(60 * second)
	if o.last() != "20" || len(o.heard) > 6 || n.carried-carried > 4 {
		t.Fatalf("heard %q with %d datagrams", o.heard, n.carried-carried)
	}
	// An error response ends it (RFC 7641 §4.2).
	g.gone = true
	server.Notify(7)
	n.run(second)
	if o.done != 1 || o.code != NotFound || o.err != 0 {
		t.Fatalf("after the resource is gone: done %d, code %d, %v", o.done, o.code, o.err)
	}
	carried = n.carried
	server.Notify(7)
	n.run(60 * second)
	if n.carried != carried {
		t.Fatal("an observation that ended goes on")
	}
}

func TestObserverThatLosesInterest(t *testing.T) {
	n, g, server, _, o := watch(t, 1, 1)
	o.most = 2
	for g.value = 1; g.value < 4; g.value++ {
		server.Notify(7)
		n.run(second)
	}
	// The second state is the last it takes; the next is answered by a Reset.
	if len(o.heard) != 2 || o.err != ErrAbandoned {
		t.Fatalf("heard %q, %v\n%s", o.heard, o.err, n.dump())
	}
	carried := n.carried
	server.Notify(7)
	n.run(60 * second)
	if n.carried != carried {
		t.Fatalf("a rejected observation goes on\n%s", n.dump())
	}
}

// Who leaves gives its place back at once, and hears no more.
func TestObserverThatLeaves(t *testing.T) {
	n, g, server, client, o := watch(t, 1, 1)
	for i := range client.c.Calls {
		client.Leave(&client.c.Calls[i])
	}
	n.run(second)
	if server.c.Observers[0].open {
		t.Fatalf("still an observer\n%s", n.dump())
	}
	g.value = 1
	server.Notify(7)
	n.run(60 * second)
	if len(o.heard) != 1 || o.done != 0 {
		t.Fatalf("heard %q, done %d", o.heard, o.done)
	}
	again := &observer{}
	client.Do(n.now, &device, &Outgoing{Code: GET, Path: []byte("/gauge"), Observe: true}, again)
	n.run(second)
	if again.observed != 1 {
		t.Fatal("the place is not free")
	}
}

func TestObserverThatIsGone(t *testing.T) {
	n, g, server, _, o := watch(t, 1, 1)
	delete(n.endpoints, host)
	carried := n.carried
	for g.value = 1; g.value < 200; g.value++ {
		server.Notify(7)
		end := n.now + 5*second
		n.run(5 * second)
		n.now = end
	}
	if sent := n.carried - carried; sent != 1+maxRetransmit {
		t.Fatalf("%d datagrams to a peer that is gone, want %d", sent, 1+maxRetransmit)
	}
	if server.c.Observers[0].open || len(o.heard) != 1 {
		t.Fatal("still an observer")
	}
}

func TestObserveBesideOthers(t *testing.T) {
	t.Run("no place left", func(t *testing.T) {
		n, _, server, client, _ := watch(t, 1, 1)
		late := &observer{}
		client.Do(n.now, &device, &Outgoing{Code: GET, Path: []byte("/gauge"), Observe: true}, late)
		n.run(second)
		if late.done != 1 || late.observed != 0 || late.last() != "0" {
			t.Fatalf("without a place: done %d, %d observed, heard %q", late.done, late.observed, late.heard)
		}
		server.Notify(7)
		n.run(second)
		if len(late.heard) != 1 {
			t.Fatal("notified without a place")
		}
	})
	t.Run("server without observers", func(t *testing.T) {
		_, _, _, _, o := watch(t, 1, 0)
		if o.done != 1 || o.observed != 0 || o.err != 0 {
			t.Fatalf("done %d, %d observed, %v", o.done, o.observed, o.err)
		}
	})
	t.Run("state in several blocks", func(t *testing.T) {
		n, g, server, client, o := watch(t, 1, 1)
		g.value, g.long = 5, 200
		server.Notify(7)
		n.run(second)
		if !o.more || o.observed != 2 {
			t.Fatalf("more %v after %d\n%s", o.more, o.observed, n.dump())
		}
		rest := &collector{}
		client.Do(n.now, &device, &Outgoing{Code: GET, Path: []byte("/gauge")}, rest)
		n.run(second)
		if len(rest.body) != 201 || rest.err != 0 {
			t.Fatalf("%d bytes, %v", len(rest.body), rest.err)
		}
	})
}

// However bad the network, the observer ends up with the newest state, and it
// never hears an older one after a newer one.
func TestObserveOverBadNetworks(t *testing.T) {
	for seed := range uint64(40) {
		n, g, server, _, o := watch(t, seed, 1)
		if len(o.heard) == 0 {
			t.Fatal("not registered")
		}
		n.loss, n.duplicate, n.delay = 0.2, 0.3, [2]int64{1000, 1_500_000}
		for g.value = 1; g.value <= 30; g.value++ {
			server.Notify(7)
			n.run(int64(1+n.random.IntN(3)) * second)
		}
		g.value--
		n.loss = 0
		server.Notify(7)
		n.run(400 * second)
		if server.c.Observers[0].open && o.last() != "30" {
			t.Fatalf("seed %d: heard %q\n%s", seed, o.heard, n.dump())
		}
		before := -1
		for _, s := range o.heard {
			var v int
			fmt.Sscan(s, &v)
			if v < before {
				t.Fatalf("seed %d: %d after %d", seed, v, before)
			}
			before = v
		}
	}
}

// Raw messages: what a registration is and what is none.
func TestObserveOption(t *testing.T) {
	tests := []struct {
		name    string
		code    Code
		options []option
		want    bool
	}{
		{"register", GET, []option{{Observe, ""}}, true},
		{"register with a byte", GET, []option{{Observe, "\x00"}}, true},
		{"deregister", GET, []option{{Observe, "\x01"}}, false},
		{"unknown value", GET, []option{{Observe, "\x02"}}, false},
		{"too long", GET, []option{{Observe, "\x00\x00\x00\x00"}}, false},
		{"not a GET", POST, []option{{Observe, ""}}, false},
		{"a later block", GET, []option{{Observe, ""}, {Block2, "\x10"}}, false},
		{"options beyond the room for them", GET, []option{{Observe, ""}, {UriQuery, string(body(60))}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScript(t, usual, &gauge{long: 100}, func(c *Config) { c.Observers = make([]Observer, 1) })
			_, m := s.deliver(host, s.encode(raw{typ: Confirmable, code: test.code, id: 1, token: "ab", options: test.options}))
			has := false
			for o := m.Options(); o.Next(); {
				has = has || o.Number == Observe
			}
			if has != test.want || s.e.c.Observers[0].open != test.want {
				t.Fatalf("observe option in the response %v, registered %v; want %v", has, s.e.c.Observers[0].open, test.want)
			}
		})
	}
	t.Run("deregistration", func(t *testing.T) {
		s := newScript(t, usual, &gauge{}, func(c *Config) { c.Observers = make([]Observer, 1) })
		for i, value := range []string{"", "\x01"} {
			s.deliver(host, s.encode(raw{typ: Confirmable, code: GET, id: uint16(i), token: "ab", options: []option{{Observe, value}}}))
		}
		if s.e.c.Observers[0].open {
			t.Fatal("still registered")
		}
	})
	t.Run("another peer's token", func(t *testing.T) {
		s := newScript(t, usual, &gauge{}, func(c *Config) { c.Observers = make([]Observer, 1) })
		s.deliver(host, s.encode(raw{typ: Confirmable, code: GET, id: 1, token: "ab", options: []option{{Observe, ""}}}))
		s.deliver(link.IPv4(10, 0, 0, 3, 9), s.encode(raw{typ: Confirmable, code: GET, id: 1, token: "ab", options: []option{{Observe, "\x01"}}}))
		if !s.e.c.Observers[0].open {
			t.Fatal("a stranger ended the observation")
		}
	})
}

func TestObserveAllocatesNothing(t *testing.T) {
	g := staticGauge{}
	e := newEndpoint(t, usual, g, func(link.Addr, []byte) {}, func(c *Config) { c.Observers = make([]Observer, 1) })
	var b Builder
	buf := make([]byte, 64)
	b.Start(buf, Confirmable, GET, 1, []byte("ab"))
	b.Uint(Observe, 0)
	get, _ := b.Bytes()
	now := int64(0)
	if n := testing.AllocsPerRun(100, func() {
		now += 300 * second
		e.Deliver(now, host, get)
		e.Notify(1)
		e.Poll(now)
		get[2]++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

type staticGauge struct{}

func (staticGauge) ServeCoAP(now int64, req *Request, resp *Response) {
	resp.Code, resp.Topic = Content, 1
	resp.WriteString("x")
}
