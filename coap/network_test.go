package coap

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/femto-containers/femto/link"
)

var (
	device = link.IPv4(10, 0, 0, 1, 5683)
	host   = link.IPv4(10, 0, 0, 2, 40000)
)

// Every request over every network ends, and ends well: the body arrives whole,
// and what has effects ran once.
func TestTransfersOverBadNetworks(t *testing.T) {
	networks := []struct {
		name            string
		loss, duplicate float64
		delay           [2]int64
	}{
		{"good", 0, 0, [2]int64{1000, 1001}},
		{"lossy", 0.15, 0, [2]int64{1000, 1001}},
		{"duplicating", 0, 0.5, [2]int64{1000, 900_000}},
		{"all at once", 0.1, 0.3, [2]int64{1000, 2_500_000}},
	}
	lengths := []int{0, 1, 15, 16, 17, 63, 64, 65, 128, 1000, 1024, 1025, 5000}
	for _, net := range networks {
		for _, block := range []int{16, 64, 256, 1024} {
			for _, length := range lengths {
				for seed := range uint64(2) {
					name := fmt.Sprintf("%s/block %d/%d bytes/seed %d", net.name, block, length, seed)
					t.Run(name, func(t *testing.T) {
						n := newNetwork(t, seed<<32|uint64(block*10000+length))
						n.loss, n.duplicate, n.delay = net.loss, net.duplicate, net.delay
						s := usual
						s.block = block
						server := &store{}
						n.add(device, s, server, func(c *Config) { c.TransferTimeout = 600 * second })
						s.block = []int{64, 1024}[seed]
						// Loss this high needs more patience than RFC 7252 has.
						e := n.add(host, s, nil, func(c *Config) { c.MaxRetransmit = 7 })
						for _, code := range []Code{PUT, GET, POST} {
							sent := body(length)
							if code == GET {
								sent = nil
							}
							got := &collector{}
							request := &Outgoing{Code: code, Path: []byte("/store"), Body: sent, ContentFormat: FormatOctetStream}
							if _, err := e.Do(n.now, &device, request, got); err != 0 {
								t.Fatal(err)
							}
							n.run(1 << 40)
							if got.done != 1 || got.err != 0 || !got.code.Success() {
								t.Fatalf("%d: done %d, code %d, %v\n%s", code, got.done, got.code, got.err, n.dump())
							}
							switch code {
							case GET:
								if !bytes.Equal(got.body, body(length)) {
									t.Fatalf("GET: %d bytes of %d\n%s", len(got.body), length, n.dump())
								}
							case PUT:
								if !bytes.Equal(server.body, body(length)) {
									t.Fatalf("PUT: %d bytes of %d\n%s", len(server.body), length, n.dump())
								}
							case POST:
								if len(server.posts) != 1 || !bytes.Equal(server.posts[0], body(length)) {
									t.Fatalf("POST: ran %d times\n%s", len(server.posts), n.dump())
								}
								if len(got.body) != length || length > 0 && got.body[0] != body(length)[length-1] {
									t.Fatalf("POST: %d bytes back of %d\n%s", len(got.body), length, n.dump())
								}
							}
							if len(n.log) > 0 {
								n.log = n.log[:0]
							}
						}
					})
				}
			}
		}
	}
}

// Two endpoints are clients and servers of each other at the same time, as
// during a deployment where the device fetches the payload by itself.
func TestBothWaysAtOnce(t *testing.T) {
	for seed := range uint64(20) {
		n := newNetwork(t, seed)
		n.loss, n.duplicate, n.delay = 0.1, 0.2, [2]int64{1000, 200_000}
		a, b := &store{body: body(900)}, &store{body: body(1500)}
		at := n.add(device, usual, a, func(c *Config) { c.MaxRetransmit = 7 })
		bt := n.add(host, usual, b, func(c *Config) { c.MaxRetransmit = 7 })
		fromHost, fromDevice, posted := &collector{}, &collector{}, &collector{}
		get := &Outgoing{Code: GET, Path: []byte("/store")}
		at.Do(0, &host, get, fromHost)
		bt.Do(0, &device, get, fromDevice)
		post := &Outgoing{Code: POST, Path: []byte("/store"), Body: body(700)}
		if _, err := at.Do(0, &host, post, posted); err != ErrBusy {
			t.Fatalf("second request to a peer before it answers the first: %v", err)
		}
		n.run(1 << 40)
		at.Do(n.now, &host, post, posted)
		n.run(1 << 40)
		if !bytes.Equal(fromHost.body, b.body) || !bytes.Equal(fromDevice.body, a.body) || len(b.posts) != 1 || len(posted.body) != 700 {
			t.Fatalf("seed %d: %+v %+v %+v\n%s", seed, fromHost, fromDevice, posted, n.dump())
		}
	}
}

// Many hosts share the transfers of one device: each either succeeds or hears
// 5.03, and none gets the bytes of another.
func TestManyPeers(t *testing.T) {
	n := newNetwork(t, 7)
	n.delay = [2]int64{1000, 5000}
	server := &store{}
	n.add(device, usual, server, nil)
	var all [6]collector
	for i := range all {
		at := link.IPv4(10, 0, 1, byte(i), 40000)
		e := n.add(at, usual, nil, nil)
		b := bytes.Repeat([]byte{byte(i)}, 500)
		e.Do(0, &device, &Outgoing{Code: POST, Path: []byte("/store"), Body: b}, &all[i])
	}
	n.run(1 << 40)
	served := 0
	for i := range all {
		switch all[i].code {
		case Changed:
			served++
			if !bytes.Equal(all[i].body, bytes.Repeat([]byte{byte(i)}, 500)) {
				t.Errorf("host %d got %x", i, all[i].body)
			}
		case ServiceUnavailable:
		default:
			t.Errorf("host %d: code %d, %v", i, all[i].code, all[i].err)
		}
	}
	if served != usual.transfers || len(server.posts) != served {
		t.Errorf("%d served, %d ran, want %d", served, len(server.posts), usual.transfers)
	}
}
