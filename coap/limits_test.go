package coap

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"github.com/femto-containers/femto/link"
)

// After Init nothing allocates: not a request, not a block, not a call of our
// own, not a repetition, not garbage.
func TestNothingAllocates(t *testing.T) {
	handler := handlerFunc(func(req *Request, resp *Response) {
		resp.Code, resp.ContentFormat = Content, FormatOctetStream
		if req.PathIs("store") && req.NumQuery() == 0 {
			for _, b := range req.Payload {
				resp.Write([]byte{b})
			}
			for len(resp.Body) < 200 {
				resp.WriteString("0123456789")
			}
		}
	})
	resources := []Resource{{Path: "/store", Type: "x"}}
	// Two endpoints hand each other their datagrams through two buffers.
	var server, client *Endpoint
	var toServer, toClient [256]byte
	nServer, nClient := 0, 0
	server = newEndpoint(t, usual, handler, func(_ link.Addr, b []byte) { nClient = copy(toClient[:], b) }, func(c *Config) { c.Resources = resources })
	client = newEndpoint(t, usual, nil, func(_ link.Addr, b []byte) { nServer = copy(toServer[:], b) }, nil)
	now := int64(0)
	sink := &sizeSink{}
	garbage := []byte("\x44\x01\x12\x34abcd\xbf")
	run := func(o *Outgoing) func() {
		return func() {
			if _, err := client.Do(now, &device, o, sink); err != 0 {
				t.Fatal(err)
			}
			now = client.Poll(now)
			client.Poll(now) // a repetition
			for nServer > 0 {
				now++
				server.Deliver(now, host, toServer[:nServer])
				server.Deliver(now, host, toServer[:nServer])
				nServer = 0
				client.Deliver(now, device, toClient[:nClient])
				client.Deliver(now, device, toClient[:nClient])
			}
			server.Deliver(now, host, garbage)
		}
	}
	for _, tt := range []struct {
		name string
		o    Outgoing
		want int
	}{
		{"GET in blocks", Outgoing{Code: GET, Path: []byte("/store")}, 200},
		{"GET in one", Outgoing{Code: GET, Path: []byte("/store"), Query: []byte("q")}, 0},
		{"POST in blocks both ways", Outgoing{Code: POST, Path: []byte("/store"), Body: body(700)}, 700},
		{"well-known/core", Outgoing{Code: GET, Path: []byte("/.well-known/core")}, len(`</store>;rt="x"`)},
	} {
		sink.bytes, sink.done = 0, 0
		f := run(&tt.o)
		if n := testing.AllocsPerRun(20, f); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
		if sink.done != 21 || sink.bytes != 21*tt.want || sink.err != 0 {
			t.Errorf("%s: done %d, %d bytes, %v", tt.name, sink.done, sink.bytes, sink.err)
		}
	}
	uri := []byte("coap://[fe80::1%2]:5683/x/y?z")
	if n := testing.AllocsPerRun(20, func() { new(URI).Parse(uri) }); n != 0 {
		t.Errorf("URI.Parse: %v allocations", n)
	}
}

type sizeSink struct {
	bytes, done int
	err         Error
}

func (s *sizeSink) Block(now int64, in *Incoming) bool   { s.bytes += len(in.Payload); return true }
func (s *sizeSink) Done(now int64, code Code, err Error) { s.done++; s.err = err }

// State costs RAM; this prints how much, beside Memory.
func TestSizes(t *testing.T) {
	t.Logf("on a machine with %d-bit words: Endpoint %d, Config %d, Exchange %d, Transfer %d, Call %d bytes",
		8*unsafe.Sizeof(0), unsafe.Sizeof(Endpoint{}), unsafe.Sizeof(Config{}), unsafe.Sizeof(Exchange{}), unsafe.Sizeof(Transfer{}), unsafe.Sizeof(Call{}))
	if n := unsafe.Sizeof(Exchange{}); n > 80 {
		t.Errorf("an Exchange takes %d bytes", n)
	}
	c := Config{Exchanges: make([]Exchange, 4), Transfers: make([]Transfer, 1), Calls: make([]Call, 1), Datagram: 128, Body: 1024}
	if n := c.MemorySize(); n != 6*128+2*1024 {
		t.Errorf("MemorySize %d", n)
	}
}

// Nobody can be made to send much: an answer to a datagram of a few bytes is one
// datagram of at most Config.Datagram bytes.
func FuzzEndpoint(f *testing.F) {
	p := newScript(f, usual, &store{}, nil)
	seed := func(all ...[]byte) {
		var s []byte
		for _, b := range all {
			s = append(binary.BigEndian.AppendUint16(s, uint16(len(b))), b...)
		}
		f.Add(s)
	}
	b := body(200)
	seed(p.encode(piece(b, 0, 64)), p.encode(piece(b, 1, 64)), p.encode(piece(b, 2, 64)), p.encode(piece(b, 3, 64)))
	seed(p.encode(raw{code: GET, options: []option{pathStore, block(Block2, 1, false, 64)}}))
	seed(p.encode(raw{code: POST, options: []option{pathStore, block(Block2, 0, false, 16)}, payload: b[:100]}),
		p.encode(raw{code: POST, options: []option{pathStore, block(Block2, 1, false, 16)}}))
	seed(p.encode(raw{typ: Acknowledgement, code: Content, id: 1, token: "abcd", options: []option{block(Block2, 0, true, 64)}, payload: b[:64]}))
	seed(p.encode(raw{typ: Acknowledgement, code: Continue, id: 1, token: "abcd", options: []option{block(Block1, 0, true, 16)}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := sizes{block: 64, body: 256, exchanges: 2, transfers: 2, calls: 2}
		handler := &store{body: body(150)}
		p := newScript(t, s, handler, nil)
		got := &collector{}
		p.e.Do(0, &host, &Outgoing{Code: POST, Path: []byte("/x"), Body: body(200)}, got)
		request := p.out[0]
		for len(data) >= 2 {
			n := int(binary.BigEndian.Uint16(data)) % (len(data) - 1)
			datagram := append([]byte(nil), data[2:2+n]...)
			data = data[2+n:]
			p.now += int64(n) << 16
			// An acknowledgement is made to fit the open call.
			for _, b := range p.out {
				if b[1] != 0 && b[1] < 32 {
					request = b
				}
			}
			if n > 8 && datagram[0]&0x0f == 4 && datagram[0]&0x20 != 0 {
				copy(datagram[2:8], request[2:8])
			}
			open := p.e.c.Calls[0].open
			p.deliver(host, datagram)
			if len(p.out) > 1 && !open || len(p.out) > 2 {
				t.Fatalf("%d answers to %x", len(p.out), datagram)
			}
			for _, b := range p.out {
				if len(b) > p.e.c.Datagram {
					t.Fatalf("answer of %d bytes", len(b))
				}
			}
			p.e.Poll(p.now)
		}
		if len(handler.body) > 1<<16 || got.done > 1 {
			t.Fatalf("%d bytes, done %d", len(handler.body), got.done)
		}
	})
}
