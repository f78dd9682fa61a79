package coap

import (
	"bytes"
	"strings"
	"testing"

	"github.com/femto-containers/femto/link"
)

// A script talks to a server datagram by datagram.
type script struct {
	t      testing.TB
	e      *Endpoint
	now    int64
	out    [][]byte
	nextID uint16
}

func newScript(t testing.TB, s sizes, handler Handler, change func(*Config)) *script {
	p := &script{t: t}
	p.e = newEndpoint(t, s, handler, func(to link.Addr, datagram []byte) {
		p.out = append(p.out, append([]byte(nil), datagram...))
	}, change)
	return p
}

// deliver returns what the endpoint answers, in the notation of describe, and
// the last message itself.
func (p *script) deliver(from link.Addr, datagram []byte) (string, Message) {
	p.t.Helper()
	p.out = p.out[:0]
	p.e.Deliver(p.now, from, datagram)
	var all []string
	var m Message
	for _, d := range p.out {
		if err := Parse(d, &m); err != 0 {
			p.t.Fatalf("answered %x: %v", d, err)
		}
		all = append(all, describe(&m))
	}
	return strings.Join(all, ", "), m
}

// A request to build. Options must be in ascending order.
type raw struct {
	typ     Type
	code    Code
	id      uint16 // 0: the next
	token   string
	options []option
	payload []byte
}

func (p *script) encode(r raw) []byte {
	p.t.Helper()
	if r.id == 0 {
		p.nextID++
		r.id = 0x1000 + p.nextID
	}
	var b Builder
	b.Start(make([]byte, 2048), r.typ, r.code, r.id, []byte(r.token))
	for _, o := range r.options {
		b.Option(o.number, []byte(o.value))
	}
	b.Payload(r.payload)
	datagram, ok := b.Bytes()
	if !ok {
		p.t.Fatal("request cannot be built")
	}
	return datagram
}

func (p *script) ask(r raw) (string, Message) {
	p.t.Helper()
	return p.deliver(host, p.encode(r))
}

func uintValue(v uint32) string {
	s := ""
	for ; v != 0; v >>= 8 {
		s = string([]byte{byte(v)}) + s
	}
	return s
}

func block(number uint16, num uint32, more bool, size int) option {
	szx, ok := szxOf(size)
	if !ok {
		panic("block size")
	}
	return option{number, uintValue(Block{num, more, szx}.Value())}
}

var pathStore = option{UriPath, "store"}

// piece is block num of a PUT of b.
func piece(b []byte, num, size int, more ...option) raw {
	end := min(len(b), (num+1)*size)
	options := append([]option{pathStore, block(Block1, uint32(num), end < len(b), size)}, more...)
	return raw{code: PUT, options: options, payload: b[num*size : end]}
}

// The figures of RFC 7959 §3, as seen by the server.
// Hazards of block-wise transfer: what a server must not be led to.
func TestMessageLayer(t *testing.T) {
	for _, tt := range []struct {
		name string
		hex  string
		want string
	}{
		{"ping", "40 00 1234", "RST"},
		{"empty NON", "50 00 1234", ""},
		{"ACK of nothing", "60 00 1234", ""},
		{"RST of nothing", "70 00 1234", ""},
		{"response to nothing, CON", "41 45 1234 01 ff 61", "RST"},
		{"response to nothing, NON", "51 45 1234 01 ff 61", ""},
		{"response to nothing, ACK", "61 45 1234 01 ff 61", ""},
		{"request in an ACK", "60 01 1234", ""},
		{"request in a RST", "70 01 1234", ""},
		{"response in a RST", "70 45 1234", ""},
		{"one byte", "40", ""},
		{"another version", "00 01 1234", ""},
		{"token too long, CON", "49 01 1234 010203040506070809", "RST"},
		{"token too long, NON", "59 01 1234 010203040506070809", ""},
		{"extended token, CON", "4d 01 1234 00 01020304050607080910111213", "RST"},
		{"reserved class, CON", "40 e1 1234", "RST"},
		{"reserved class, NON", "50 e1 1234", ""},
		{"reserved class, ACK", "60 e1 1234", ""},
		{"malformed option, CON", "40 01 1234 bf", "RST"},
		{"malformed option, NON", "50 01 1234 bf", ""},
		{"empty with a token, CON", "41 00 1234 01", "RST"},
		{"unknown path", "40 01 1234 b1 78", "ACK 4.04 +10"},
		{"unknown path, NON", "50 01 1234 b1 78", "NON 4.04 +10"},
		{"unknown method", "40 1f 1234 b5 73746f7265", "ACK 4.05"},
		{"unknown critical option, CON", "40 01 1234 b5 73746f7265 e1 0701 00", "ACK 4.02"},
		{"unknown critical option, NON", "50 01 1234 b5 73746f7265 e1 0701 00", ""},
		{"unknown elective option", "40 01 1234 b5 73746f7265 e1 0700 00", "ACK 2.05 +1"},
		{"If-Match", "40 03 1234 11 61", "ACK 4.02"},
		{"If-None-Match", "40 03 1234 50", "ACK 4.02"},
		{"OSCORE", "40 02 1234 90", "ACK 4.02"},
		{"Q-Block1", "40 03 1234 d1 06 00", "ACK 4.02"},
		{"Proxy-Uri", "40 01 1234 d1 16 61", "ACK 5.05"},
		{"Proxy-Scheme", "40 01 1234 d4 1a 636f6170", "ACK 5.05"},
		{"Uri-Host and Uri-Port", "40 01 1234 31 61 41 01 45 73746f7265", "ACK 2.05 +1"},
		{"Uri-Host twice", "40 01 1234 31 61 01 61 85 73746f7265", "ACK 4.02"},
		{"empty Uri-Host", "40 01 1234 30 85 73746f7265", "ACK 4.02"},
		{"Uri-Port of 3 bytes", "40 01 1234 73 010101 45 73746f7265", "ACK 4.02"},
		{"Block2 of 4 bytes", "40 01 1234 b5 73746f7265 c4 00000000", "ACK 4.02"},
		{"Block2 twice", "40 01 1234 b5 73746f7265 c0 00", "ACK 4.02"},
		{"Block1 twice", "40 03 1234 b5 73746f7265 d0 03 00", "ACK 4.02"},
		{"Content-Format of 3 bytes is ignored", "40 01 1234 b5 73746f7265 13 010101", "ACK 2.05 +1"},
		{"Accept of 3 bytes", "40 01 1234 b5 73746f7265 63 010101", "ACK 4.02"},
		{"Accept what there is", "40 01 1234 b5 73746f7265 61 2a", "ACK 2.05 +1"},
		{"Accept what there is not", "40 01 1234 b5 73746f7265 61 3c", "ACK 4.06"},
		{"block beyond the end", "40 01 1234 b5 73746f7265 c1 12", "ACK 4.00"},
		{"segment of 256 bytes", "40 01 1234 bd f3" + strings.Repeat("61", 256), "ACK 4.02"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newScript(t, usual, &store{body: []byte("a")}, nil)
			answer, m := p.deliver(host, unhex(t, tt.hex))
			if answer != tt.want {
				t.Errorf("%s, want %s", answer, tt.want)
			}
			if answer != "" && m.Type != NonConfirmable && m.ID != 0x1234 {
				t.Errorf("message id %#x", m.ID)
			}
		})
	}
}

func TestDeduplication(t *testing.T) {
	handler := &store{}
	p := newScript(t, usual, handler, nil)
	post := p.encode(raw{code: POST, token: "t", options: []option{pathStore}, payload: []byte("abc")})
	first, _ := p.deliver(host, post)
	again := append([]byte(nil), p.out[0]...)
	p.now = 246 * second
	if answer, _ := p.deliver(host, post); answer != first || !bytes.Equal(p.out[0], again) || len(handler.posts) != 1 {
		t.Errorf("%s after %s, ran %d times", answer, first, len(handler.posts))
	}
	other := host
	other.Port++
	p.deliver(other, post)
	if len(handler.posts) != 2 {
		t.Error("the same message id of another peer is another message")
	}
	p.now = 247 * second
	p.deliver(host, post)
	if len(handler.posts) != 3 {
		t.Error("EXCHANGE_LIFETIME has passed: this is a new message")
	}
	non := p.encode(raw{typ: NonConfirmable, code: POST, options: []option{pathStore}, payload: []byte("abc")})
	if answer, m := p.deliver(host, non); answer != "NON 2.04 +3" || string(m.Payload) != "cba" {
		t.Error(answer)
	}
	if answer, _ := p.deliver(host, non); answer != "" || len(handler.posts) != 4 {
		t.Errorf("%q, ran %d times", answer, len(handler.posts))
	}
	if p.e.Counters.Duplicates != 2 {
		t.Errorf("%d duplicates counted", p.e.Counters.Duplicates)
	}
}

// GETs and blocks of transfers push no memory of what had effects out of the
// table.
func TestDeduplicationOutlivesReading(t *testing.T) {
	handler := &store{body: body(1000)}
	p := newScript(t, usual, handler, nil)
	post := p.encode(raw{code: POST, options: []option{pathStore}, payload: []byte("abc")})
	p.deliver(host, post)
	for i := range 16 {
		p.now++
		p.ask(raw{code: GET, options: []option{pathStore, block(Block2, uint32(i), false, 64)}})
		p.ask(piece(body(2000), i, 64))
	}
	p.deliver(host, post)
	if len(handler.posts) != 1 {
		t.Errorf("ran %d times", len(handler.posts))
	}
	for range usual.exchanges {
		p.now++
		p.ask(raw{code: POST, options: []option{pathStore}})
	}
	p.deliver(host, post)
	if len(handler.posts) != 1+usual.exchanges+1 {
		t.Errorf("ran %d times: the oldest goes first", len(handler.posts))
	}
	var last [2][]byte
	for i := range last {
		p.now++
		last[i] = p.encode(raw{code: POST, options: []option{pathStore}})
		p.deliver(host, last[i])
	}
	ran := len(handler.posts)
	for i := range last {
		p.deliver(host, last[i])
	}
	if len(handler.posts) != ran {
		t.Error("a recent one went before an old one")
	}
}

// A transfer that has come to its end gives way at once, to anybody.
// A representation that changes between blocks has another ETag.
// A response that differs every time arrives in one piece as long as there is a
// transfer to keep it in, and never mixes.
// Keeping the response of a GET stands in nobody's way.
// The response of a POST is kept: the Handler runs once, and what it would
// answer later changes nothing.
func TestWellKnownCore(t *testing.T) {
	resources := []Resource{
		{Path: "/femto", Type: "femto.device femto.v1", Interface: "if1", Format: "60"},
		{Path: "/femto/c", Type: "femto.containers"},
		{Path: "/"},
	}
	const all = `</femto>;rt="femto.device femto.v1";if="if1";ct=60,</femto/c>;rt="femto.containers",</>`
	for _, tt := range []struct {
		query, want string
	}{
		{"", all},
		{"rt=femto.device", `</femto>;rt="femto.device femto.v1";if="if1";ct=60`},
		{"rt=femto.v1", `</femto>;rt="femto.device femto.v1";if="if1";ct=60`},
		{"rt=femto", ""},
		{"rt=femto.*", `</femto>;rt="femto.device femto.v1";if="if1";ct=60,</femto/c>;rt="femto.containers"`},
		{"href=/femto/c", `</femto/c>;rt="femto.containers"`},
		{"href=/*", all},
		{"if=if1", `</femto>;rt="femto.device femto.v1";if="if1";ct=60`},
		{"ct=60", `</femto>;rt="femto.device femto.v1";if="if1";ct=60`},
		{"title=x", ""},
		{"rt", ""},
	} {
		s := usual
		s.block = 1024
		p := newScript(t, s, nil, func(c *Config) { c.Resources = resources })
		options := []option{{UriPath, ".well-known"}, {UriPath, "core"}}
		if tt.query != "" {
			options = append(options, option{UriQuery, tt.query})
		}
		_, m := p.ask(raw{code: GET, options: options})
		if m.Code != Content || string(m.Payload) != tt.want {
			t.Errorf("%q: %d %s", tt.query, m.Code, m.Payload)
		}
	}
	s := usual
	s.body = 50
	p := newScript(t, s, nil, func(c *Config) { c.Resources = resources })
	core := []option{{UriPath, ".well-known"}, {UriPath, "core"}}
	if answer, _ := p.ask(raw{code: GET, options: core}); answer != "ACK 5.00" {
		t.Errorf("a list that does not fit: %s", answer)
	}
	if answer, _ := p.ask(raw{code: POST, options: core}); answer != "ACK 4.05" {
		t.Errorf("POST: %s", answer)
	}
	if answer, _ := p.ask(raw{code: GET, options: []option{{UriPath, "x"}}}); answer != "ACK 4.04" {
		t.Errorf("no handler: %s", answer)
	}
}

func TestNoServer(t *testing.T) {
	p := newScript(t, usual, nil, nil)
	if answer, _ := p.ask(raw{code: GET, options: []option{pathStore}}); answer != "RST" {
		t.Error(answer)
	}
	if answer, _ := p.ask(raw{typ: NonConfirmable, code: GET, options: []option{pathStore}}); answer != "" {
		t.Error(answer)
	}
}

// A Handler that sets no code, or one that is no response, is in error.
func TestHandlerWithoutCode(t *testing.T) {
	for _, code := range []Code{Empty, POST} {
		h := handlerFunc(func(req *Request, resp *Response) { resp.Code = code; resp.WriteString("x") })
		if answer, _ := newScript(t, usual, h, nil).ask(raw{code: GET}); answer != "ACK 5.00" {
			t.Errorf("code %d: %s", code, answer)
		}
	}
	h := handlerFunc(func(req *Request, resp *Response) {})
	if answer, _ := newScript(t, usual, h, nil).ask(raw{code: GET}); answer != "ACK 5.00" {
		t.Error(answer)
	}
}

type handlerFunc func(req *Request, resp *Response)

func (f handlerFunc) ServeCoAP(now int64, req *Request, resp *Response) { f(req, resp) }

func TestRequestAccessors(t *testing.T) {
	ran := false
	h := handlerFunc(func(req *Request, resp *Response) {
		ran = true
		if req.NumPath() != 3 || string(req.Path(0)) != "a" || string(req.Path(1)) != "" || string(req.Path(2)) != "c" || req.Path(3) != nil {
			t.Errorf("path %q", req.Path(0))
		}
		if req.NumQuery() != 1 || string(req.Query(0)) != "k=v" || req.Query(1) != nil {
			t.Errorf("query %q", req.Query(0))
		}
		if !req.PathIs("a", "", "c") || req.PathIs("a", "") || req.PathIs("a", "", "c", "d") || req.PathIs() || req.PathIs("a", "b", "c") {
			t.Error("PathIs")
		}
		if req.ContentFormat != FormatCBOR || req.Accept != FormatNone || req.From != host || req.Code != POST {
			t.Errorf("%+v", req)
		}
		resp.Code = Changed
	})
	p := newScript(t, usual, h, nil)
	p.ask(raw{code: POST, options: []option{{UriPath, "a"}, {UriPath, ""}, {UriPath, "c"}, {ContentFormat, "\x3c"}, {UriQuery, "k=v"}}, payload: []byte("x")})
	if !ran {
		t.Error("did not run")
	}
	for _, options := range [][]option{nil, {{UriPath, ""}}} {
		root := handlerFunc(func(req *Request, resp *Response) {
			if !req.PathIs() || req.PathIs("a") {
				t.Errorf("%v is the root", options)
			}
		})
		newScript(t, usual, root, nil).ask(raw{code: GET, options: options})
	}
}

func TestInitRefuses(t *testing.T) {
	good := func() *Config {
		return &Config{Send: func(*link.Addr, []byte) {}, Exchanges: make([]Exchange, 1), Datagram: 128, Body: 64, BlockSize: 64, Memory: make([]byte, 320)}
	}
	for _, tt := range []struct {
		name   string
		change func(c *Config)
		want   Error
	}{
		{"good", func(c *Config) {}, 0},
		{"block size of 8", func(c *Config) { c.BlockSize = 8 }, ErrConfig},
		{"block size of 100", func(c *Config) { c.BlockSize = 100 }, ErrConfig},
		{"block size of 2048", func(c *Config) { c.BlockSize, c.Datagram = 2048, 4096 }, ErrConfig},
		{"datagram without overhead", func(c *Config) { c.Datagram = 103 }, ErrConfig},
		{"no Send", func(c *Config) { c.Send = nil }, ErrConfig},
		{"memory short by one", func(c *Config) { c.Memory = c.Memory[:319] }, ErrMemory},
	} {
		c := good()
		tt.change(c)
		if err := new(Endpoint).Init(c); err != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}
