package coap

import (
	"bytes"
	"encoding/hex"
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
func TestRFC7959Server(t *testing.T) {
	type turn struct {
		block1, block2 []uint32 // num, more, size; nil: none
		payload        int
		want           string
	}
	for _, tt := range []struct {
		name   string
		code   Code
		body   int // what GET finds, what POST answers
		size   int
		turns  []turn
		stored int
	}{
		{"figure 2: simple GET", GET, 360, 128, []turn{
			{nil, nil, 0, "ACK 2.05 2:0/1/128 size2=360 +128"},
			{nil, []uint32{1, 0, 128}, 0, "ACK 2.05 2:1/1/128 +128"},
			{nil, []uint32{2, 0, 128}, 0, "ACK 2.05 2:2/0/128 +104"},
		}, 0},
		{"figure 3: early negotiation", GET, 360, 128, []turn{
			{nil, []uint32{0, 0, 64}, 0, "ACK 2.05 2:0/1/64 size2=360 +64"},
			{nil, []uint32{1, 0, 64}, 0, "ACK 2.05 2:1/1/64 +64"},
			{nil, []uint32{5, 0, 64}, 0, "ACK 2.05 2:5/0/64 +40"},
		}, 0},
		{"figure 4: late negotiation", GET, 360, 128, []turn{
			{nil, nil, 0, "ACK 2.05 2:0/1/128 size2=360 +128"},
			{nil, []uint32{2, 0, 64}, 0, "ACK 2.05 2:2/1/64 +64"},
			{nil, []uint32{5, 0, 64}, 0, "ACK 2.05 2:5/0/64 +40"},
		}, 0},
		{"server smaller than the client asks", GET, 360, 64, []turn{
			{nil, []uint32{0, 0, 1024}, 0, "ACK 2.05 2:0/1/64 size2=360 +64"},
			{nil, []uint32{1, 0, 128}, 0, "ACK 2.05 2:2/1/64 +64"},
		}, 0},
		{"figure 7: simple PUT", PUT, 0, 128, []turn{
			{[]uint32{0, 1, 128}, nil, 128, "ACK 2.31 1:0/1/128"},
			{[]uint32{1, 1, 128}, nil, 128, "ACK 2.31 1:1/1/128"},
			{[]uint32{2, 0, 128}, nil, 104, "ACK 2.04 1:2/0/128"},
		}, 360},
		{"figure 9: PUT, server asks for smaller blocks", PUT, 0, 32, []turn{
			{[]uint32{0, 1, 128}, nil, 128, "ACK 2.31 1:0/1/32"},
			{[]uint32{4, 1, 32}, nil, 32, "ACK 2.31 1:4/1/32"},
			{[]uint32{5, 1, 32}, nil, 32, "ACK 2.31 1:5/1/32"},
			{[]uint32{6, 0, 32}, nil, 20, "ACK 2.04 1:6/0/32"},
		}, 212},
		{"PUT, client stays with its larger blocks", PUT, 0, 32, []turn{
			{[]uint32{0, 1, 128}, nil, 128, "ACK 2.31 1:0/1/32"},
			{[]uint32{1, 1, 128}, nil, 128, "ACK 2.31 1:1/1/128"},
			{[]uint32{2, 0, 128}, nil, 1, "ACK 2.04 1:2/0/128"},
		}, 257},
		{"PUT in one block with the option", PUT, 0, 128, []turn{
			{[]uint32{0, 0, 128}, nil, 100, "ACK 2.04 1:0/0/128"},
		}, 100},
		{"PUT whose last block is empty", PUT, 0, 128, []turn{
			{[]uint32{0, 1, 128}, nil, 128, "ACK 2.31 1:0/1/128"},
			{[]uint32{1, 0, 128}, nil, 0, "ACK 2.04 1:1/0/128"},
		}, 128},
		{"figure 11: blocks both ways", POST, 0, 128, []turn{
			{[]uint32{0, 1, 128}, nil, 128, "ACK 2.31 1:0/1/128"},
			{[]uint32{1, 1, 128}, nil, 128, "ACK 2.31 1:1/1/128"},
			{[]uint32{2, 0, 128}, nil, 32, "ACK 2.04 2:0/1/128 1:2/0/128 size2=288 +128"},
			{nil, []uint32{1, 0, 128}, 0, "ACK 2.04 2:1/1/128 +128"},
			{nil, []uint32{2, 0, 128}, 0, "ACK 2.04 2:2/0/128 +32"},
		}, 0},
		{"figure 12: blocks both ways, early negotiation", POST, 0, 128, []turn{
			{[]uint32{0, 1, 128}, nil, 128, "ACK 2.31 1:0/1/128"},
			{[]uint32{1, 0, 128}, []uint32{0, 0, 64}, 128, "ACK 2.04 2:0/1/64 1:1/0/128 size2=256 +64"},
			{nil, []uint32{1, 0, 64}, 0, "ACK 2.04 2:1/1/64 +64"},
			{nil, []uint32{3, 0, 64}, 0, "ACK 2.04 2:3/0/64 +64"},
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := usual
			s.block = tt.size
			handler := &store{body: body(tt.body)}
			p := newScript(t, s, handler, nil)
			sent, got := body(1024), []byte(nil)
			at := 0
			for i, turn := range tt.turns {
				r := raw{code: tt.code, token: string(rune('a' + i)), options: []option{pathStore}}
				if b := turn.block2; b != nil {
					r.options = append(r.options, block(Block2, b[0], b[1] != 0, int(b[2])))
				}
				if b := turn.block1; b != nil {
					r.options = append(r.options, block(Block1, b[0], b[1] != 0, int(b[2])))
				}
				r.payload = sent[at : at+turn.payload]
				at += turn.payload
				answer, m := p.ask(r)
				if answer != turn.want {
					t.Errorf("turn %d: %s, want %s", i+1, answer, turn.want)
				}
				if string(m.Token) != r.token {
					t.Errorf("turn %d: token %q, want %q", i+1, m.Token, r.token)
				}
				got = append(got, m.Payload...)
			}
			if tt.code == PUT && !bytes.Equal(handler.body, sent[:tt.stored]) {
				t.Errorf("stored %d bytes, want %d", len(handler.body), tt.stored)
			}
			if tt.code == GET && tt.name == "figure 2: simple GET" && !bytes.Equal(got, body(tt.body)) {
				t.Errorf("got other bytes")
			}
			if tt.code == POST && len(handler.posts) != 1 {
				t.Errorf("ran %d times", len(handler.posts))
			}
		})
	}
}

// Hazards of block-wise transfer: what a server must not be led to.
func TestBlockHazards(t *testing.T) {
	b := body(200) // blocks of 64: 0..3
	tag := func(s string) option { return option{RequestTag, s} }
	other := link.IPv4(10, 0, 0, 3, 40000)
	type turn struct {
		r    raw
		want string
	}
	x := func(num int, more ...option) raw { return piece(b, num, 64, more...) }
	for _, tt := range []struct {
		name  string
		turns []turn
		want  []byte // nil: nothing is stored
	}{
		{"every block has another token", []turn{
			{x(0), "ACK 2.31 1:0/1/64"}, {x(1), "ACK 2.31 1:1/1/64"}, {x(2), "ACK 2.31 1:2/1/64"}, {x(3), "ACK 2.04 1:3/0/64"},
		}, b},
		{"last block only", []turn{{x(3), "ACK 4.08 1:3/0/64"}}, nil},
		{"middle block only", []turn{{x(1), "ACK 4.08 1:1/0/64"}}, nil},
		{"gap", []turn{
			{x(0), "ACK 2.31 1:0/1/64"}, {x(2), "ACK 4.08 1:2/0/64"}, {x(3), "ACK 4.08 1:3/0/64"},
		}, nil},
		{"gap that is filled", []turn{
			{x(0), "ACK 2.31 1:0/1/64"}, {x(2), "ACK 4.08 1:2/0/64"}, {x(1), "ACK 2.31 1:1/1/64"},
			{x(2), "ACK 2.31 1:2/1/64"}, {x(3), "ACK 2.04 1:3/0/64"},
		}, b},
		{"blocks sent twice", []turn{
			{x(0), "ACK 2.31 1:0/1/64"}, {x(1), "ACK 2.31 1:1/1/64"}, {x(1), "ACK 2.31 1:1/1/64"},
			{x(2), "ACK 2.31 1:2/1/64"}, {x(1), "ACK 2.31 1:1/1/64"}, {x(3), "ACK 2.04 1:3/0/64"},
		}, b},
		{"a new block 0 starts again", []turn{
			{x(0), "ACK 2.31 1:0/1/64"}, {x(1), "ACK 2.31 1:1/1/64"}, {x(0), "ACK 2.31 1:0/1/64"},
			{x(2), "ACK 4.08 1:2/0/64"}, {x(1), "ACK 2.31 1:1/1/64"}, {x(2), "ACK 2.31 1:2/1/64"}, {x(3), "ACK 2.04 1:3/0/64"},
		}, b},
		{"an early last block", []turn{
			{x(0), "ACK 2.31 1:0/1/64"}, {x(1), "ACK 2.31 1:1/1/64"},
			{raw{code: PUT, options: []option{pathStore, block(Block1, 0, false, 64)}, payload: b[:10]}, "ACK 2.04 1:0/0/64"},
		}, b[:10]},
		{"a last block inside what is there", []turn{
			{x(0), "ACK 2.31 1:0/1/64"}, {x(1), "ACK 2.31 1:1/1/64"},
			{raw{code: PUT, options: []option{pathStore, block(Block1, 1, false, 64)}, payload: b[64:70]}, "ACK 4.08 1:1/0/64"},
		}, nil},
		{"two Request-Tags do not mix", []turn{
			{x(0, tag("a")), "ACK 2.31 1:0/1/64"}, {x(0, tag("b")), "ACK 2.31 1:0/1/64"},
			{x(1, tag("a")), "ACK 2.31 1:1/1/64"}, {x(2, tag("b")), "ACK 4.08 1:2/0/64"},
			{x(2, tag("a")), "ACK 2.31 1:2/1/64"}, {x(3, tag("a")), "ACK 2.04 1:3/0/64"},
		}, b},
		{"a Request-Tag that is missing is another", []turn{
			{x(0, tag("")), "ACK 2.31 1:0/1/64"}, {x(1), "ACK 4.08 1:1/0/64"},
		}, nil},
		{"another query is another resource", []turn{
			{x(0), "ACK 2.31 1:0/1/64"},
			{raw{code: PUT, options: []option{pathStore, {UriQuery, "q"}, block(Block1, 1, true, 64)}, payload: b[64:128]}, "ACK 4.08 1:1/0/64"},
		}, nil},
		{"another method is another operation", []turn{
			{x(0), "ACK 2.31 1:0/1/64"},
			{raw{code: POST, options: []option{pathStore, block(Block1, 1, true, 64)}, payload: b[64:128]}, "ACK 4.08 1:1/0/64"},
		}, nil},
		{"path segments do not run together", []turn{
			{x(0), "ACK 2.31 1:0/1/64"},
			{raw{code: PUT, options: []option{{UriPath, "sto"}, {UriPath, "re"}, block(Block1, 1, true, 64)}, payload: b[64:128]}, "ACK 4.08 1:1/0/64"},
		}, nil},
		{"Size1 belongs to no key", []turn{
			{x(0, option{Size1, "\xc8"}), "ACK 2.31 1:0/1/64"}, {x(1), "ACK 2.31 1:1/1/64"}, {x(2), "ACK 2.31 1:2/1/64"}, {x(3), "ACK 2.04 1:3/0/64"},
		}, b},
		{"smaller blocks from the middle on", []turn{
			{x(0), "ACK 2.31 1:0/1/64"}, {piece(b, 4, 16), "ACK 2.31 1:4/1/16"}, {piece(b, 5, 16), "ACK 2.31 1:5/1/16"},
			{piece(b, 3, 32), "ACK 2.31 1:3/1/32"}, {x(2), "ACK 2.31 1:2/1/64"}, {x(3), "ACK 2.04 1:3/0/64"},
		}, b},
		{"larger blocks that overlap what is there", []turn{
			{piece(b, 0, 16), "ACK 2.31 1:0/1/16"}, {piece(b, 1, 16), "ACK 2.31 1:1/1/16"}, {piece(b, 2, 16), "ACK 2.31 1:2/1/16"},
			{piece(b, 1, 32), "ACK 4.08 1:1/0/32"},
		}, nil},
		{"a block shorter than its size", []turn{
			{raw{code: PUT, options: []option{pathStore, block(Block1, 0, true, 64)}, payload: b[:63]}, "ACK 4.00"},
		}, nil},
		{"a block longer than its size", []turn{
			{raw{code: PUT, options: []option{pathStore, block(Block1, 0, true, 64)}, payload: b[:65]}, "ACK 4.00"},
			{raw{code: PUT, options: []option{pathStore, block(Block1, 0, false, 64)}, payload: b[:65]}, "ACK 4.00"},
		}, nil},
		{"the reserved size", []turn{
			{raw{code: PUT, options: []option{pathStore, {Block1, "\x0f"}}, payload: b}, "ACK 4.00"},
			{raw{code: GET, options: []option{pathStore, {Block2, "\x07"}}}, "ACK 4.00"},
		}, nil},
		{"a total announced too large", []turn{
			{x(0, option{Size1, "\x01\x01"}), "ACK 4.13 1:0/0/64 size1=256"},
		}, nil},
		{"a body that grows too large", []turn{
			{piece(body(500), 0, 64), "ACK 2.31 1:0/1/64"}, {piece(body(500), 1, 64), "ACK 2.31 1:1/1/64"},
			{piece(body(500), 2, 64), "ACK 2.31 1:2/1/64"}, {piece(body(500), 3, 64), "ACK 2.31 1:3/1/64"},
			{piece(body(500), 4, 64), "ACK 4.13 1:4/0/64 size1=256"}, {piece(body(500), 5, 64), "ACK 4.08 1:5/0/64"},
		}, nil},
		{"the largest block number", []turn{
			{raw{code: PUT, options: []option{pathStore, {Block1, "\xff\xff\xfe"}}, payload: body(1024)}, "ACK 4.08 1:1048575/0/1024"},
		}, nil},
		{"a later block of a POST response that is not there", []turn{
			{raw{code: POST, options: []option{pathStore, block(Block2, 1, false, 64)}}, "ACK 4.08"},
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := usual
			s.body = 256
			handler := &store{}
			p := newScript(t, s, handler, nil)
			for i, turn := range tt.turns {
				turn.r.token = string(rune('a' + i))
				if answer, _ := p.ask(turn.r); answer != turn.want {
					t.Errorf("turn %d: %s, want %s", i+1, answer, turn.want)
				}
			}
			if !bytes.Equal(handler.body, tt.want) || len(handler.posts) != 0 {
				t.Errorf("stored %x, want %x; %d posts", handler.body, tt.want, len(handler.posts))
			}
		})
	}
	t.Run("two peers do not mix", func(t *testing.T) {
		handler := &store{}
		p := newScript(t, usual, handler, nil)
		p.deliver(host, p.encode(x(0)))
		if answer, _ := p.deliver(other, p.encode(x(1))); answer != "ACK 4.08 1:1/0/64" {
			t.Error(answer)
		}
		samePortless := host
		samePortless.Port++
		if answer, _ := p.deliver(samePortless, p.encode(x(1))); answer != "ACK 4.08 1:1/0/64" {
			t.Error(answer)
		}
	})
	t.Run("block 0 that comes late", func(t *testing.T) {
		handler := &store{}
		p := newScript(t, usual, handler, nil)
		first := p.encode(x(0))
		p.deliver(host, first)
		p.ask(x(1))
		if answer, _ := p.deliver(host, first); answer != "ACK 2.31 1:0/1/64" {
			t.Error(answer)
		}
		p.ask(x(2))
		if answer, _ := p.ask(x(3)); answer != "ACK 2.04 1:3/0/64" || !bytes.Equal(handler.body, b) {
			t.Errorf("%s, stored %d bytes", answer, len(handler.body))
		}
		p.deliver(host, first)
		if answer, _ := p.ask(x(1)); answer != "ACK 4.08 1:1/0/64" {
			t.Errorf("after the end: %s", answer)
		}
	})
}

func TestAbandonedTransfers(t *testing.T) {
	b := body(200)
	s := usual // two transfers
	handler := &store{}
	p := newScript(t, s, handler, nil)
	peer := func(i byte, port uint16) link.Addr { return link.IPv4(10, 0, 2, i, port) }
	start := func(from link.Addr) string {
		answer, _ := p.deliver(from, p.encode(piece(b, 0, 64)))
		return answer
	}
	for i, step := range []struct {
		at   int64
		from link.Addr
		want string
	}{
		{0, peer(1, 1), "ACK 2.31 1:0/1/64"},
		{1 * second, peer(2, 1), "ACK 2.31 1:0/1/64"},
		{2 * second, peer(3, 1), "ACK 5.03 max-age 1:0/0/64"},
		{2 * second, peer(1, 2), "ACK 5.03 max-age 1:0/0/64"}, // the same host, but the first is alive
		{5 * second, peer(1, 2), "ACK 2.31 1:0/1/64"},         // and now it is not
		{5 * second, peer(3, 1), "ACK 5.03 max-age 1:0/0/64"},
		{94 * second, peer(3, 1), "ACK 2.31 1:0/1/64"}, // that of 2 has expired
		{94 * second, peer(4, 1), "ACK 5.03 max-age 1:0/0/64"},
	} {
		p.now = step.at
		if got := start(step.from); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	p.now = 94*second + 93*second
	if answer, _ := p.deliver(peer(3, 1), p.encode(piece(b, 1, 64))); answer != "ACK 4.08 1:1/0/64" {
		t.Errorf("an expired transfer goes on: %s", answer)
	}
	if handler.runs != 0 {
		t.Errorf("ran %d times", handler.runs)
	}
}

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
}

// A representation that changes between blocks has another ETag.
func TestETag(t *testing.T) {
	handler := &store{body: body(200)}
	p := newScript(t, usual, handler, nil)
	etag := func(num uint32) string {
		_, m := p.ask(raw{code: GET, options: []option{pathStore, block(Block2, num, false, 64)}})
		for o := m.Options(); o.Next(); {
			if o.Number == ETag {
				return hex.EncodeToString(o.Value)
			}
		}
		return ""
	}
	first, second := etag(0), etag(1)
	handler.body = append([]byte(nil), handler.body...)
	handler.body[0]++
	if third := etag(2); first == "" || first != second || first == third {
		t.Errorf("ETags %s %s, changed %s", first, second, third)
	}
}

// A response that differs every time arrives in one piece as long as there is a
// transfer to keep it in, and never mixes.
func TestChangingResponse(t *testing.T) {
	runs := 0
	clock := handlerFunc(func(req *Request, resp *Response) {
		runs++
		resp.Code = Content
		for range 300 {
			resp.Write([]byte{byte(runs)})
		}
	})
	for _, tt := range []struct {
		transfers int
		want      Error
	}{{1, 0}, {0, ErrChanged}} {
		runs = 0
		n := newNetwork(t, 1)
		s := usual
		s.transfers = tt.transfers
		n.add(device, s, clock, nil)
		e := n.add(host, usual, nil, nil)
		for range 2 {
			got := &collector{}
			e.Do(n.now, device, &Outgoing{Code: GET}, got)
			n.run(1 << 40)
			if got.err != tt.want || tt.want == 0 && !bytes.Equal(got.body, bytes.Repeat(got.body[:1], 300)) {
				t.Errorf("%d transfers: %v, %x", tt.transfers, got.err, got.body)
			}
		}
		if tt.transfers == 1 && runs != 2 {
			t.Errorf("ran %d times for two GETs", runs)
		}
	}
}

// Keeping the response of a GET stands in nobody's way.
func TestKeptGetGivesWay(t *testing.T) {
	text := handlerFunc(func(req *Request, resp *Response) {
		resp.Code = Content
		resp.Write(body(300))
	})
	s := usual
	s.transfers = 1
	p := newScript(t, s, text, nil)
	get := func(num uint32) string {
		answer, _ := p.ask(raw{code: GET, options: []option{block(Block2, num, false, 64)}})
		return answer
	}
	put := raw{code: PUT, options: []option{block(Block1, 0, true, 64)}, payload: body(64)}
	for i, step := range []struct{ got, want string }{
		{get(0), "ACK 2.05 2:0/1/64 size2=300 +64"},
		{first(p.deliver(link.IPv4(10, 9, 9, 9, 1), p.encode(put))), "ACK 2.31 1:0/1/64"},
		{get(1), "ACK 2.05 2:1/1/64 +64"},
		{get(0), "ACK 2.05 2:0/1/64 size2=300 +64"},
		{get(4), "ACK 2.05 2:4/0/64 +44"},
	} {
		if step.got != step.want {
			t.Errorf("step %d: %s, want %s", i, step.got, step.want)
		}
	}
}

func first(answer string, _ Message) string { return answer }

// The response of a POST is kept: the Handler runs once, and what it would
// answer later changes nothing.
func TestKeptResponse(t *testing.T) {
	handler := &store{}
	p := newScript(t, usual, handler, nil)
	b := body(300)
	tag := option{RequestTag, "x"}
	for i := range 4 {
		r := piece(b, i, 64, tag)
		r.code = POST
		p.ask(r)
	}
	last := piece(b, 4, 64, tag)
	last.code = POST
	_, m := p.ask(last)
	got := append([]byte(nil), m.Payload...)
	p.ask(raw{code: POST, options: []option{pathStore}, payload: []byte("other")})
	for num := uint32(1); num < 5; num++ {
		r := raw{code: POST, options: []option{pathStore, block(Block2, num, false, 64)}}
		if num%2 == 0 { // some clients repeat it, some do not
			r.options = append(r.options, tag)
		}
		_, m := p.ask(r)
		got = append(got, m.Payload...)
	}
	for i := range b {
		if len(got) != len(b) || got[i] != b[len(b)-1-i] {
			t.Fatalf("%d bytes, wrong at %d", len(got), i)
		}
	}
	if len(handler.posts) != 2 {
		t.Errorf("ran %d times", len(handler.posts))
	}
	// The last block once more: its answer was lost.
	if answer, _ := p.ask(raw{code: POST, options: []option{pathStore, block(Block2, 4, false, 64)}}); answer != "ACK 2.04 2:4/0/64 +44" {
		t.Error(answer)
	}
	if answer, _ := p.ask(raw{code: POST, options: []option{pathStore, block(Block2, 5, false, 64)}}); answer != "ACK 4.00" {
		t.Error(answer)
	}
}

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
		return &Config{Send: func(link.Addr, []byte) {}, Exchanges: make([]Exchange, 1), Datagram: 128, Body: 64, BlockSize: 64, Memory: make([]byte, 320)}
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
