package coap

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/femto-containers/femto/link"
)

// A dialogue is a client under test and a server that says what the test wants.
type dialogue struct {
	*script
	got  collector
	call *Call
}

func start(t *testing.T, s sizes, request *Outgoing, change func(*Config)) (*dialogue, string) {
	t.Helper()
	d := &dialogue{script: newScript(t, s, nil, change)}
	call, err := d.e.Do(d.now, &device, request, &d.got)
	if err != 0 {
		t.Fatal(err)
	}
	d.call = call
	return d, d.last(0)
}

// last describes what was sent since out had n datagrams.
func (d *dialogue) last(n int) string {
	var all []string
	for _, b := range d.out[n:] {
		var m Message
		if err := Parse(b, &m); err != 0 {
			d.t.Fatal(err)
		}
		all = append(all, describe(&m))
	}
	return strings.Join(all, ", ")
}

// answer responds to the last request, with its id in an ACK and its token.
func (d *dialogue) answer(r raw) string {
	d.t.Helper()
	var m Message
	for i := len(d.out) - 1; i >= 0; i-- {
		if Parse(d.out[i], &m); m.Code != Empty {
			break
		}
	}
	if r.typ == Acknowledgement {
		r.id = m.ID
	}
	if r.code != Empty {
		r.token = string(m.Token)
	}
	s, _ := d.deliver(device, d.encode(r))
	return s
}

// The figures of RFC 7959 §3 as seen by the client, and what a server may not do.
func TestClientBlocks(t *testing.T) {
	const ack = Acknowledgement
	type turn struct {
		r    raw
		want string // sent in return
	}
	b1, b2 := func(num uint32, more bool, size int) option { return block(Block1, num, more, size) },
		func(num uint32, more bool, size int) option { return block(Block2, num, more, size) }
	bytesOf := func(n int) []byte { return body(n) }
	ok := func(options ...option) raw {
		return raw{typ: ack, code: Content, options: options, payload: bytesOf(64)}
	}
	part := func(n int, options ...option) raw {
		return raw{typ: ack, code: Content, options: options, payload: bytesOf(n)}
	}
	on := func(options ...option) raw { return raw{typ: ack, code: Continue, options: options} }
	done := func(code Code, options ...option) raw { return raw{typ: ack, code: code, options: options} }
	etag := func(s string) option { return option{ETag, s} }
	for _, tt := range []struct {
		name  string
		code  Code
		body  int
		size  int
		first string
		turns []turn
		err   Error
		final Code
		got   int
	}{
		{"GET in one", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{{part(10), ""}}, 0, Content, 10},
		{"GET of nothing", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{{done(Content), ""}}, 0, Content, 0},
		{"no negotiation for the largest size", GET, 0, 1024, "CON GET /x", []turn{{part(10), ""}}, 0, Content, 10},
		{"figure 3: early negotiation", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{ok(b2(0, true, 64)), "CON GET /x 2:1/0/64"}, {ok(b2(1, true, 64)), "CON GET /x 2:2/0/64"}, {part(40, b2(2, false, 64)), ""},
		}, 0, Content, 168},
		{"server smaller than asked", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{part(32, b2(0, true, 32)), "CON GET /x 2:1/0/32"}, {part(30, b2(1, false, 32)), ""},
		}, 0, Content, 62},
		{"server smaller, then smaller still", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{part(32, b2(0, true, 32)), "CON GET /x 2:1/0/32"}, {part(16, b2(2, true, 16)), "CON GET /x 2:3/0/16"},
			{part(16, b2(3, false, 16)), ""},
		}, 0, Content, 64},
		{"server larger than asked", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{part(128, b2(0, true, 128)), "CON GET /x 2:2/0/64"}, {part(64, b2(2, false, 64)), ""},
		}, 0, Content, 192},
		{"block that was not asked for", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{ok(b2(0, true, 64)), "CON GET /x 2:1/0/64"}, {ok(b2(2, true, 64)), ""},
		}, ErrBlock, Content, 64},
		{"block again", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{ok(b2(0, true, 64)), "CON GET /x 2:1/0/64"}, {ok(b2(0, true, 64)), ""},
		}, ErrBlock, Content, 64},
		{"starts in the middle", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{{ok(b2(1, true, 64)), ""}}, ErrBlock, Content, 0},
		{"second block without the option", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{ok(b2(0, true, 64)), "CON GET /x 2:1/0/64"}, {part(10), ""},
		}, ErrBlock, Content, 64},
		{"block shorter than its size", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{{part(63, b2(0, true, 64)), ""}}, ErrBlock, Content, 0},
		{"block longer than its size", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{{part(65, b2(0, false, 64)), ""}}, ErrBlock, Content, 0},
		{"reserved size", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{{ok(option{Block2, "\x0f"}), ""}}, ErrBlock, Content, 0},
		{"gone in the middle", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{ok(b2(0, true, 64)), "CON GET /x 2:1/0/64"}, {done(NotFound), ""},
		}, ErrBlock, NotFound, 64},
		{"ETag stays", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{ok(etag("a"), b2(0, true, 64)), "CON GET /x 2:1/0/64"}, {ok(etag("a"), b2(1, false, 64)), ""},
		}, 0, Content, 128},
		{"ETag changes", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{ok(etag("a"), b2(0, true, 64)), "CON GET /x 2:1/0/64"}, {ok(etag("b"), b2(1, false, 64)), ""},
		}, ErrChanged, Content, 64},
		{"ETag goes", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{ok(etag("a"), b2(0, true, 64)), "CON GET /x 2:1/0/64"}, {ok(b2(1, false, 64)), ""},
		}, ErrChanged, Content, 64},
		{"ETag comes", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{
			{ok(b2(0, true, 64)), "CON GET /x 2:1/0/64"}, {ok(etag("b"), b2(1, false, 64)), ""},
		}, ErrChanged, Content, 64},
		{"unknown critical option", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{{part(1, option{2049, ""}), ""}}, ErrBadOption, 0, 0},
		{"unknown elective option", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{{part(1, option{2048, ""}), ""}}, 0, Content, 1},
		{"Block2 twice", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{{part(1, b2(0, false, 64), b2(0, false, 64)), ""}}, ErrBadOption, 0, 0},
		{"2.31 to a GET", GET, 0, 64, "CON GET /x 2:0/0/64", []turn{{on(), ""}}, ErrBlock, Continue, 0},

		{"PUT in one", PUT, 64, 64, "CON PUT /x 2:0/0/64 +64", []turn{{done(Changed), ""}}, 0, Changed, 0},
		{"PUT in one, answered 2.31", PUT, 64, 64, "CON PUT /x 2:0/0/64 +64", []turn{{on(b1(0, true, 64)), ""}}, ErrBlock, Continue, 0},
		{"figure 7: simple PUT", PUT, 150, 64, "CON PUT /x 1:0/1/64 size1=150 +64", []turn{
			{on(b1(0, true, 64)), "CON PUT /x 1:1/1/64 +64"}, {on(b1(1, true, 64)), "CON PUT /x 2:0/0/64 1:2/0/64 +22"},
			{done(Changed, b1(2, false, 64)), ""},
		}, 0, Changed, 0},
		{"figure 8: each block is final for the server", PUT, 150, 64, "CON PUT /x 1:0/1/64 size1=150 +64", []turn{
			{done(Changed, b1(0, false, 64)), "CON PUT /x 1:1/1/64 +64"}, {done(Changed, b1(1, false, 64)), "CON PUT /x 2:0/0/64 1:2/0/64 +22"},
			{done(Changed, b1(2, false, 64)), ""},
		}, 0, Changed, 0},
		{"figure 9: server asks for smaller blocks", PUT, 100, 64, "CON PUT /x 1:0/1/64 size1=100 +64", []turn{
			{on(b1(0, true, 16)), "CON PUT /x 1:4/1/16 +16"}, {on(b1(4, true, 16)), "CON PUT /x 1:5/1/16 +16"},
			{on(b1(5, true, 16)), "CON PUT /x 2:0/0/64 1:6/0/16 +4"}, {done(Changed, b1(6, false, 16)), ""},
		}, 0, Changed, 0},
		{"4.13 with a smaller size starts again", PUT, 100, 64, "CON PUT /x 1:0/1/64 size1=100 +64", []turn{
			{done(RequestEntityTooLarge, b1(0, false, 32)), "CON PUT /x 1:0/1/32 size1=100 +32"},
			{on(b1(0, true, 32)), "CON PUT /x 1:1/1/32 +32"}, {on(b1(1, true, 32)), "CON PUT /x 1:2/1/32 +32"},
			{on(b1(2, true, 32)), "CON PUT /x 2:0/0/64 1:3/0/32 +4"}, {done(Changed, b1(3, false, 32)), ""},
		}, 0, Changed, 0},
		{"4.13 with a smaller size to a body in one", PUT, 40, 64, "CON PUT /x 2:0/0/64 +40", []turn{
			{done(RequestEntityTooLarge, b1(0, false, 32)), "CON PUT /x 1:0/1/32 size1=40 +32"},
			{on(b1(0, true, 32)), "CON PUT /x 2:0/0/64 1:1/0/32 +8"}, {done(Changed, b1(1, false, 32)), ""},
		}, 0, Changed, 0},
		{"4.13 with the same size is final", PUT, 100, 64, "CON PUT /x 1:0/1/64 size1=100 +64", []turn{
			{done(RequestEntityTooLarge, b1(0, false, 64)), ""},
		}, 0, RequestEntityTooLarge, 0},
		{"4.13 in the middle is final", PUT, 150, 64, "CON PUT /x 1:0/1/64 size1=150 +64", []turn{
			{on(b1(0, true, 64)), "CON PUT /x 1:1/1/64 +64"}, {done(RequestEntityTooLarge, b1(1, false, 32)), ""},
		}, 0, RequestEntityTooLarge, 0},
		{"4.08 in the middle is final", PUT, 150, 64, "CON PUT /x 1:0/1/64 size1=150 +64", []turn{
			{on(b1(0, true, 64)), "CON PUT /x 1:1/1/64 +64"}, {done(RequestEntityIncomplete, b1(1, false, 64)), ""},
		}, 0, RequestEntityIncomplete, 0},
		{"server does not know blocks and takes the first for all", PUT, 100, 64, "CON PUT /x 1:0/1/64 size1=100 +64", []turn{
			{done(Changed), ""},
		}, ErrBlock, Changed, 0},
		{"server acknowledges another block", PUT, 150, 64, "CON PUT /x 1:0/1/64 size1=150 +64", []turn{
			{on(b1(1, true, 64)), ""},
		}, ErrBlock, Continue, 0},
		{"server wants more after the last", PUT, 100, 64, "CON PUT /x 1:0/1/64 size1=100 +64", []turn{
			{on(b1(0, true, 64)), "CON PUT /x 2:0/0/64 1:1/0/64 +36"}, {on(b1(1, true, 64)), ""},
		}, ErrBlock, Continue, 0},
		{"figure 11: blocks both ways", POST, 100, 64, "CON POST /x 1:0/1/64 size1=100 +64", []turn{
			{on(b1(0, true, 64)), "CON POST /x 2:0/0/64 1:1/0/64 +36"},
			{raw{typ: ack, code: Changed, options: []option{b2(0, true, 64), b1(1, false, 64)}, payload: bytesOf(64)}, "CON POST /x 2:1/0/64"},
			{raw{typ: ack, code: Changed, options: []option{b2(1, false, 64)}, payload: bytesOf(9)}, ""},
		}, 0, Changed, 73},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := usual
			s.block = tt.size
			d, first := start(t, s, &Outgoing{Code: tt.code, Path: []byte("/x"), Body: body(tt.body)}, nil)
			if first != tt.first {
				t.Errorf("first %s, want %s", first, tt.first)
			}
			for i, turn := range tt.turns {
				if d.got.done != 0 {
					t.Fatalf("turn %d: done already: %v", i+1, d.got.err)
				}
				if got := d.answer(turn.r); got != turn.want {
					t.Errorf("turn %d: %s, want %s", i+1, got, turn.want)
				}
			}
			if d.got.done != 1 || d.got.err != tt.err || d.got.code != tt.final || len(d.got.body) != tt.got {
				t.Errorf("done %d: %v, code %d, %d bytes; want %v, code %d, %d bytes",
					d.got.done, d.got.err, d.got.code, len(d.got.body), tt.err, tt.final, tt.got)
			}
		})
	}
}

// What can make a call end well has four random bytes to guess: a token, or one
// byte of a token and an ETag. A body in blocks has the Request-Tag it was given.
func TestTokensAndTags(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request Outgoing
		tokens  string // their lengths
		tag     string
	}{
		{"body in one block", Outgoing{Code: PUT, Path: []byte("/store"), Body: body(60), Tag: 7}, "4", ""},
		{"body in blocks", Outgoing{Code: PUT, Path: []byte("/store"), Body: body(300)}, "11114", ""},
		{"with a tag", Outgoing{Code: PUT, Path: []byte("/store"), Body: body(300), Tag: 0x1234}, "11114", "\x12\x34"},
		{"answer in blocks", Outgoing{Code: GET, Path: []byte("/store")}, "41111", ""},
		{"later blocks of it", Outgoing{Code: GET, Path: []byte("/store"), Offset: 128}, "411", ""},
		{"body and answer in blocks", Outgoing{Code: POST, Path: []byte("/store"), Body: body(200), Tag: 5}, "1114111", "\x05"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			last, lengths := "", ""
			n := newNetwork(t, 1)
			n.cut = func(p *packet) bool {
				var m Message
				Parse(p.datagram, &m)
				if m.Code.Class() != 0 {
					return false
				}
				if string(m.Token) == last {
					t.Errorf("token %x again", m.Token)
				}
				last = string(m.Token)
				lengths += fmt.Sprint(len(m.Token))
				tag := ""
				for o := m.Options(); o.Next(); {
					if o.Number == RequestTag {
						tag = string(o.Value)
					}
				}
				if tag != tt.tag {
					t.Errorf("Request-Tag %x", tag)
				}
				return false
			}
			n.add(device, usual, &store{body: body(300)}, nil)
			e := n.add(host, usual, nil, nil)
			got := &collector{body: make([]byte, tt.request.Offset)}
			e.Do(n.now, &device, &tt.request, got)
			n.run(1 << 40)
			if got.done != 1 || got.err != 0 || lengths != tt.tokens {
				t.Errorf("%v, tokens of %s bytes", got.err, lengths)
			}
		})
	}
}

// Content-Format is said of a body only, so that the zero Outgoing says nothing.
func TestContentFormatOfOutgoing(t *testing.T) {
	for _, tt := range []struct {
		request Outgoing
		want    string
	}{
		{Outgoing{Code: GET}, "none"},
		{Outgoing{Code: PUT, Body: []byte("x")}, ""},
		{Outgoing{Code: PUT, Body: []byte("x"), ContentFormat: FormatCBOR}, "\x3c"},
		{Outgoing{Code: PUT, Body: []byte("x"), ContentFormat: FormatNone}, "none"},
		{Outgoing{Code: PUT, ContentFormat: FormatCBOR}, "none"},
	} {
		d, _ := start(t, usual, &tt.request, nil)
		var m Message
		Parse(d.out[0], &m)
		got := "none"
		for _, o := range optionsOf(&m) {
			if o.number == ContentFormat {
				got = o.value
			}
		}
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.request, got, tt.want)
		}
	}
}

func TestRetransmission(t *testing.T) {
	for _, tt := range []struct {
		name    string
		most    int
		timeout int64
		sends   int
		least   int64 // until failure
		latest  int64
	}{
		{"RFC 7252", 0, 0, 5, 62 * second, 93 * second},
		{"never", -1, 0, 1, 2 * second, 3 * second},
		{"twice, quickly", 2, 100_000, 3, 700_000, 1_050_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := start(t, usual, &Outgoing{Code: GET}, func(c *Config) { c.MaxRetransmit, c.AckTimeout = tt.most, tt.timeout })
			for {
				next := d.e.Poll(d.now)
				if next == Never {
					break
				}
				if next <= d.now {
					t.Fatal("time stands still")
				}
				d.now = next
			}
			if d.got.done != 1 || d.got.err != ErrTimeout || len(d.out) != tt.sends || d.now < tt.least || d.now > tt.latest {
				t.Errorf("%+v, %d sent, after %d µs", d.got, len(d.out), d.now)
			}
			for _, b := range d.out {
				if !bytes.Equal(b, d.out[0]) {
					t.Error("a repetition differs")
				}
			}
		})
	}
}

func TestResponsesThatAreNotOurs(t *testing.T) {
	d, _ := start(t, usual, &Outgoing{Code: GET}, nil)
	var m Message
	Parse(d.out[0], &m)
	request := append([]byte(nil), d.out[0]...)
	good := raw{typ: Acknowledgement, code: Content, id: m.ID, token: string(m.Token), payload: []byte("x")}
	change := func(f func(r *raw)) []byte {
		r := good
		f(&r)
		return d.encode(r)
	}
	for _, tt := range []struct {
		name     string
		from     link.Addr
		datagram []byte
		want     string
	}{
		{"another peer", host, d.encode(good), ""},
		{"another message id", device, change(func(r *raw) { r.id++ }), ""},
		{"another token", device, change(func(r *raw) { r.token = "abcd" }), ""},
		{"a shorter token", device, change(func(r *raw) { r.token = r.token[:3] }), ""},
		{"an ACK of another message", device, change(func(r *raw) { *r = raw{typ: Acknowledgement, id: r.id + 1} }), ""},
		{"a RST of another message", device, change(func(r *raw) { *r = raw{typ: Reset, id: r.id + 1} }), ""},
		{"a RST from another peer", host, change(func(r *raw) { *r = raw{typ: Reset, id: r.id} }), ""},
		{"a separate response with another token", device, change(func(r *raw) { r.typ, r.token = Confirmable, "abcd" }), "RST"},
		{"our own request", device, request, "RST"},
	} {
		if got, _ := d.deliver(tt.from, tt.datagram); got != tt.want || d.got.done != 0 {
			t.Errorf("%s: %q, done %d, want %q", tt.name, got, d.got.done, tt.want)
		}
	}
	d.deliver(device, d.encode(good))
	if d.got.done != 1 || d.got.err != 0 || string(d.got.body) != "x" {
		t.Errorf("%+v", d.got)
	}
	if got, _ := d.deliver(device, d.encode(good)); got != "" || d.got.done != 1 {
		t.Errorf("the same again: %q, done %d", got, d.got.done)
	}
}

func TestSeparateResponse(t *testing.T) {
	d, _ := start(t, usual, &Outgoing{Code: GET}, nil)
	var m Message
	Parse(d.out[0], &m)
	token := string(m.Token)
	d.deliver(device, d.encode(raw{typ: Acknowledgement, id: m.ID}))
	if next := d.e.Poll(0); next != 93*second || d.got.done != 0 {
		t.Errorf("waits until %d", next)
	}
	d.now = 60 * second
	con := d.encode(raw{code: Content, id: 77, token: token, payload: []byte("late")})
	if got, m := d.deliver(device, con); got != "ACK" || m.ID != 77 {
		t.Errorf("%s %d", got, m.ID)
	}
	if d.got.done != 1 || string(d.got.body) != "late" {
		t.Errorf("%+v", d.got)
	}
	if got, m := d.deliver(device, con); got != "ACK" || m.ID != 77 || d.got.done != 1 {
		t.Errorf("repeated: %s %d, done %d", got, m.ID, d.got.done)
	}

	t.Run("before the ACK", func(t *testing.T) {
		d, _ := start(t, usual, &Outgoing{Code: GET}, nil)
		Parse(d.out[0], &m)
		if got, _ := d.deliver(device, d.encode(raw{code: Content, token: string(m.Token)})); got != "ACK" || d.got.done != 1 {
			t.Errorf("%s, done %d", got, d.got.done)
		}
	})
	t.Run("non-confirmable", func(t *testing.T) {
		d, _ := start(t, usual, &Outgoing{Code: GET}, nil)
		Parse(d.out[0], &m)
		if got, _ := d.deliver(device, d.encode(raw{typ: NonConfirmable, code: Content, token: string(m.Token)})); got != "" || d.got.done != 1 {
			t.Errorf("%s, done %d", got, d.got.done)
		}
	})
	t.Run("never", func(t *testing.T) {
		d, _ := start(t, usual, &Outgoing{Code: GET}, func(c *Config) { c.ResponseTimeout = 5 * second })
		Parse(d.out[0], &m)
		d.deliver(device, d.encode(raw{typ: Acknowledgement, id: m.ID}))
		d.now = second
		d.deliver(device, d.encode(raw{typ: Acknowledgement, id: m.ID})) // once more: no more time
		d.e.Poll(5*second - 1)
		if d.got.done != 0 || len(d.out) > 1 {
			t.Error("did not wait, or repeated what was acknowledged")
		}
		d.e.Poll(5 * second)
		if d.got.err != ErrTimeout {
			t.Errorf("%+v", d.got)
		}
	})
	t.Run("with an unknown critical option", func(t *testing.T) {
		d, _ := start(t, usual, &Outgoing{Code: GET}, nil)
		Parse(d.out[0], &m)
		got, _ := d.deliver(device, d.encode(raw{code: Content, token: string(m.Token), options: []option{{2049, ""}}}))
		if got != "RST" || d.got.err != ErrBadOption {
			t.Errorf("%s, %v", got, d.got.err)
		}
	})
}

func TestReset(t *testing.T) {
	d, _ := start(t, usual, &Outgoing{Code: GET}, nil)
	var m Message
	Parse(d.out0(t), &m)
	d.deliver(device, d.encode(raw{typ: Reset, id: m.ID}))
	if d.got.done != 1 || d.got.err != ErrReset || d.got.code != Empty {
		t.Errorf("%+v", d.got)
	}
}

// out0 sends the request once more and returns it.
func (d *dialogue) out0(t *testing.T) []byte {
	t.Helper()
	d.now = d.e.Poll(d.now)
	d.out = d.out[:0]
	d.e.Poll(d.now)
	if len(d.out) != 1 {
		t.Fatalf("%d datagrams", len(d.out))
	}
	return d.out[0]
}

func TestSinkStops(t *testing.T) {
	d, _ := start(t, usual, &Outgoing{Code: GET}, nil)
	d.got.stop = 2
	d.answer(raw{typ: Acknowledgement, code: Content, options: []option{block(Block2, 0, true, 64)}, payload: body(64)})
	d.answer(raw{typ: Acknowledgement, code: Content, options: []option{block(Block2, 1, true, 64)}, payload: body(64)})
	if d.got.done != 1 || d.got.err != ErrAbandoned {
		t.Errorf("%+v", d.got)
	}
	if next := d.e.Poll(1 << 40); next != Never {
		t.Errorf("still waits for %d", next)
	}
}

func TestCancel(t *testing.T) {
	d, _ := start(t, usual, &Outgoing{Code: GET}, nil)
	d.e.Cancel(d.call)
	if next := d.e.Poll(1 << 40); next != Never || len(d.out) != 1 || d.got.done != 0 {
		t.Errorf("next %d, %d sent, done %d", next, len(d.out), d.got.done)
	}
}

// The next request may be made from Done of the one before.
type chain struct {
	collector
	e    *Endpoint
	left int
}

func (c *chain) Done(now int64, code Code, err Error) {
	c.collector.Done(now, code, err)
	if c.left--; c.left > 0 {
		c.body, c.blocks = nil, 0
		if _, err := c.e.Do(now, &device, &Outgoing{Code: GET, Path: []byte("/store")}, c); err != 0 {
			panic(err)
		}
	}
}

func TestDoFromDone(t *testing.T) {
	n := newNetwork(t, 3)
	server := &store{body: body(200)}
	n.add(device, usual, server, nil)
	s := usual
	s.calls = 1
	c := &chain{left: 3}
	c.e = n.add(host, s, nil, nil)
	c.e.Do(0, &device, &Outgoing{Code: GET, Path: []byte("/store")}, c)
	n.run(1 << 40)
	if c.done != 3 || !bytes.Equal(c.body, server.body) {
		t.Errorf("%d done, %d bytes", c.done, len(c.body))
	}
}

func TestDoRefuses(t *testing.T) {
	e := newEndpoint(t, usual, nil, func(link.Addr, []byte) { t.Error("sent") }, nil)
	for _, tt := range []struct {
		name    string
		request Outgoing
		want    Error
	}{
		{"block size of 100", Outgoing{Code: GET, BlockSize: 100}, ErrConfig},
		{"block larger than a datagram takes", Outgoing{Code: GET, BlockSize: 128}, ErrConfig},
		{"path that is no URI path", Outgoing{Code: GET, Path: []byte("/%x")}, ErrURI},
		{"query that is no URI query", Outgoing{Code: GET, Query: []byte("%")}, ErrURI},
		{"path that does not fit", Outgoing{Code: GET, Path: bytes.Repeat([]byte("/abc"), 40)}, ErrTooLarge},
	} {
		c, err := e.Do(0, &device, &tt.request, &collector{})
		if err != tt.want || c != nil {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if next := e.Poll(0); next != Never {
		t.Errorf("a refused call waits for %d", next)
	}
	s := usual
	s.calls = 1
	e = newEndpoint(t, s, nil, func(link.Addr, []byte) {}, nil)
	e.Do(0, &device, &Outgoing{Code: GET}, &collector{})
	if _, err := e.Do(0, &device, &Outgoing{Code: GET}, &collector{}); err != ErrBusy {
		t.Errorf("second call of one: %v", err)
	}
}
