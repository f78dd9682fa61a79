package coap

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/femto-containers/femto/link"
)

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
		{9 * second, peer(3, 1), "ACK 5.03 max-age 1:0/0/64"},
		{10 * second, peer(3, 1), "ACK 2.31 1:0/1/64"}, // 1 has had its turn, also with its second try
		{10 * second, peer(1, 3), "ACK 5.03 max-age 1:0/0/64"},
		{12 * second, peer(4, 1), "ACK 2.31 1:0/1/64"}, // so has 2
		{12 * second, peer(2, 2), "ACK 5.03 max-age 1:0/0/64"},
		{106 * second, peer(5, 1), "ACK 2.31 1:0/1/64"}, // all have expired
	} {
		p.now = step.at
		if got := start(step.from); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	p.now = 106*second + 93*second
	if answer, _ := p.deliver(peer(5, 1), p.encode(piece(b, 1, 64))); answer != "ACK 4.08 1:1/0/64" {
		t.Errorf("an expired transfer goes on: %s", answer)
	}
	if handler.runs != 0 {
		t.Errorf("ran %d times", handler.runs)
	}
}

// Answers to GETs may be kept between two bodies of one host: its turn stays one.
func TestTurnsBetweenReads(t *testing.T) {
	s := usual
	s.transfers = 1
	b := body(200)
	p := newScript(t, s, handlerFunc(func(req *Request, resp *Response) {
		resp.Code = Content
		resp.Write(b)
	}), nil)
	hog, other, reader := link.IPv4(10, 0, 2, 1, 1), link.IPv4(10, 0, 2, 2, 1), link.IPv4(10, 0, 2, 3, 1)
	read := raw{code: GET, options: []option{pathStore}}
	for i, step := range []struct {
		at   int64
		from link.Addr
		r    raw
		want string
	}{
		{0, hog, piece(b, 0, 64), "ACK 2.31 1:0/1/64"},
		{1 * second, other, piece(b, 0, 64), "ACK 5.03 max-age 1:0/0/64"},
		{5 * second, hog, read, "ACK 2.05 2:0/1/64 size2=200 +64"}, // in the place of its body
		{5 * second, reader, read, "ACK 2.05 2:0/1/64 size2=200 +64"},
		{5 * second, hog, piece(b, 0, 64), "ACK 2.31 1:0/1/64"},
		{9 * second, other, piece(b, 0, 64), "ACK 5.03 max-age 1:0/0/64"},
		{10 * second, other, piece(b, 0, 64), "ACK 2.31 1:0/1/64"},
		{11 * second, hog, piece(b, 0, 64), "ACK 5.03 max-age 1:0/0/64"},
	} {
		p.now = step.at
		if got, _ := p.deliver(step.from, p.encode(step.r)); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
}

func TestFinishedTransfersGiveWay(t *testing.T) {
	s := usual
	s.transfers = 1
	other := link.IPv4(10, 0, 0, 9, 1)
	b := body(100)
	t.Run("request body", func(t *testing.T) {
		p := newScript(t, s, &store{}, nil)
		for i, want := range []string{"ACK 2.31 1:0/1/64", "ACK 2.04 1:1/0/64"} {
			if got, _ := p.ask(piece(b, i, 64)); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		if got, _ := p.deliver(other, p.encode(piece(b, 0, 64))); got != "ACK 2.31 1:0/1/64" {
			t.Error(got)
		}
	})
	t.Run("response body", func(t *testing.T) {
		p := newScript(t, s, &store{}, nil)
		for i, step := range []struct {
			from link.Addr
			r    raw
			want string
		}{
			{host, raw{code: POST, options: []option{pathStore}, payload: b}, "ACK 2.04 2:0/1/64 size2=100 +64"},
			{other, piece(b, 0, 64), "ACK 5.03 max-age 1:0/0/64"},
			{host, raw{code: POST, options: []option{pathStore, block(Block2, 1, false, 64)}}, "ACK 2.04 2:1/0/64 +36"},
			{host, raw{code: POST, options: []option{pathStore, block(Block2, 1, false, 64)}}, "ACK 2.04 2:1/0/64 +36"},
			{other, piece(b, 0, 64), "ACK 2.31 1:0/1/64"},
			{host, raw{code: POST, options: []option{pathStore, block(Block2, 1, false, 64)}}, "ACK 4.08"},
		} {
			if got, _ := p.deliver(step.from, p.encode(step.r)); got != step.want {
				t.Errorf("step %d: %s, want %s", i, got, step.want)
			}
		}
	})
}

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
			e.Do(n.now, &device, &Outgoing{Code: GET}, got)
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
