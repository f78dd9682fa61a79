package coap

import (
	"bytes"
	"testing"
)

// A transfer whose call came to nothing goes on at the block after the last one
// that was acknowledged: nothing is sent twice, and the server's handler runs
// once.
func TestResume(t *testing.T) {
	b := body(400)
	for _, tt := range []struct {
		name     string
		outgoing Outgoing
		blocks   int // until the link is cut
		restart  bool
		want     int // datagrams of the second call
	}{
		{"body", Outgoing{Code: PUT, Path: []byte("/store"), Body: b}, 3, false, 4},
		{"body, from a restarted client", Outgoing{Code: PUT, Path: []byte("/store"), Body: b}, 3, true, 4},
		{"response", Outgoing{Code: GET, Path: []byte("/store")}, 3, false, 4},
		{"response, from a restarted client", Outgoing{Code: GET, Path: []byte("/store")}, 3, true, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, 1)
			server := &store{}
			if tt.outgoing.Code == GET {
				server.body = b
			}
			n.add(device, usual, server, nil)
			client := n.add(host, usual, nil, func(c *Config) { c.MaxRetransmit = 2 })
			count := 0
			n.cut = func(p *packet) bool {
				if p.from == host {
					count++
				}
				return count > tt.blocks
			}
			got := &collector{}
			call, err := client.Do(n.now, &device, &tt.outgoing, got)
			if err != 0 {
				t.Fatal(err)
			}
			n.run(90 * second)
			if got.err != ErrTimeout {
				t.Fatal(got.err)
			}
			tt.outgoing.Offset = call.Sent() + call.Received()
			if tt.outgoing.Offset != tt.blocks*64 {
				t.Fatalf("%d bytes done", tt.outgoing.Offset)
			}
			if tt.restart {
				client = n.add(host, usual, nil, func(c *Config) { c.Seed = 99 })
			}
			count, n.cut = 0, func(p *packet) bool {
				if p.from == host {
					count++
				}
				return false
			}
			rest := &collector{body: got.body}
			if _, err := client.Do(n.now, &device, &tt.outgoing, rest); err != 0 {
				t.Fatal(err)
			}
			n.run(90 * second)
			if rest.err != 0 || rest.done != 1 || !rest.code.Success() || count != tt.want {
				t.Errorf("%v, %d, %d datagrams", rest.err, rest.code, count)
			}
			if tt.outgoing.Code == GET && !bytes.Equal(rest.body, b) || !bytes.Equal(server.body, b) {
				t.Error("the body is not whole")
			}
		})
	}
}

// A server that knows of no such transfer says so.
func TestResumeRefused(t *testing.T) {
	for _, tt := range []struct {
		name     string
		outgoing Outgoing
		code     Code
		err      Error
	}{
		{"unknown transfer", Outgoing{Code: PUT, Path: []byte("/store"), Body: body(400), Offset: 128, Tag: 5}, RequestEntityIncomplete, 0},
		{"shorter body", Outgoing{Code: GET, Path: []byte("/store"), Offset: 640}, BadRequest, ErrBlock},
	} {
		n := newNetwork(t, 1)
		n.add(device, usual, handlerFunc(func(req *Request, resp *Response) {
			resp.Code = Content
			resp.Write(body(200))
		}), nil)
		client := n.add(host, usual, nil, nil)
		got := &collector{}
		if _, err := client.Do(n.now, &device, &tt.outgoing, got); err != 0 {
			t.Fatal(err)
		}
		n.run(90 * second)
		if got.done != 1 || got.code != tt.code || got.err != tt.err {
			t.Errorf("%s: %d, %v", tt.name, got.code, got.err)
		}
	}
}

// The two advisories about RIOT's CoAP of 2026, CVE-2026-27703 and
// GHSA-p9hp-2jxm-6rqp: extended tokens (RFC 8974) of requests, for
// /.well-known/core among them, were copied past the ends of buffers.
func TestExtendedTokens(t *testing.T) {
	core := "\xbb.well-known\x04core"
	for _, tt := range []struct {
		name, datagram string
	}{
		{"of 9 bytes, of the first definition", "\x49\x01\x00\x01" + "012345678" + core},
		{"of 12 bytes, of the first definition", "\x4c\x01\x00\x01" + "0123456789ab" + core},
		{"of 13 bytes", "\x4d\x01\x00\x01\x00" + "0123456789abc" + core},
		{"of 40 bytes", "\x4d\x01\x00\x01\x1b" + string(body(40)) + core},
		{"of 269 bytes", "\x4e\x01\x00\x01\x00\x00" + string(body(269)) + core},
		{"of 1100 bytes", "\x4e\x01\x00\x01\x03\x3f" + string(body(1100)) + core},
		{"that says 13 and has 3", "\x4d\x01\x00\x01\x00abc"},
		{"that says 65804 and has nothing", "\x4e\x01\x00\x01\xff\xff"},
		{"without its length", "\x4d\x01\x00\x01"},
		{"with half of its length", "\x4e\x01\x00\x01\x00"},
		{"of the reserved length", "\x4f\x01\x00\x01" + core},
	} {
		runs := 0
		p := newScript(t, usual, handlerFunc(func(*Request, *Response) { runs++ }), func(c *Config) {
			c.Resources = []Resource{{Path: "/store", Type: "x"}}
		})
		before := bytes.Clone(p.e.c.Memory)
		copy(p.e.scratch, "\x70\x00\x00\x01")
		copy(before, p.e.c.Memory)
		got, m := p.deliver(host, []byte(tt.datagram))
		if got != "RST" || m.ID != 1 || len(m.Token) != 0 || len(p.out[0]) != 4 || runs != 0 {
			t.Errorf("%s: %s", tt.name, got)
		}
		if !bytes.Equal(before, p.e.c.Memory) {
			t.Errorf("%s: more is written than the Reset", tt.name)
		}
		answer := p.e.Counters.Malformed
		p.deliver(host, append([]byte{tt.datagram[0]&0x0f | 0x50}, tt.datagram[1:]...)) // NON
		p.deliver(host, append([]byte{tt.datagram[0]&0x0f | 0x60, 0x45}, tt.datagram[2:]...))
		if len(p.out) != 0 || p.e.Counters.Malformed != answer+2 {
			t.Errorf("%s: answered %x", tt.name, p.out)
		}
	}
}
