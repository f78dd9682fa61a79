// Package peers holds femto's CoAP against two other implementations: go-coap,
// and the package coap of Node.js.
package peers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/udplink"
	"github.com/femto-containers/femto/link"
)

func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdefghijklmnopqrstuvwxyz\n"[(i+i/64)%37]
	}
	return b
}

// A shelf is femto's server: GET and PUT of one body, which can be observed,
// and POST answered with the body in capitals.
type shelf struct {
	mu       sync.Mutex
	endpoint *coap.Endpoint
	body     []byte
	puts     int
}

func (s *shelf) ServeCoAP(now int64, req *coap.Request, resp *coap.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !req.PathIs("shelf"):
		resp.Fail(coap.NotFound, "there is a shelf only")
	case req.Code == coap.GET:
		resp.Code, resp.ContentFormat, resp.Body, resp.Topic = coap.Content, coap.FormatText, s.body, 1
	case req.Code == coap.PUT:
		s.puts++
		s.body = bytes.Clone(req.Payload)
		s.endpoint.Notify(1)
		resp.Code = coap.Changed
	case req.Code == coap.POST:
		resp.Code, resp.ContentFormat = coap.Changed, coap.FormatText
		resp.Write(bytes.ToUpper(req.Payload))
	}
}

func (s *shelf) holds(t *testing.T, want []byte, puts int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.puts != puts || !bytes.Equal(s.body, want) {
		t.Errorf("%d bytes on the shelf after %d PUTs, want %d after %d", len(s.body), s.puts, len(want), puts)
	}
	s.puts = 0
}

// serve starts femto's server and returns its host and port.
func serve(t *testing.T, s *shelf, blockSize int) string {
	t.Helper()
	conn, err := udplink.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &coap.Config{
		Handler:   s,
		Send:      func(to *link.Addr, datagram []byte) { conn.Send(*to, datagram) },
		Exchanges: make([]coap.Exchange, 8),
		Transfers: make([]coap.Transfer, 2),
		Observers: make([]coap.Observer, 2),
		Datagram:  blockSize + coap.Overhead,
		Body:      8 << 10,
		BlockSize: blockSize,
	}
	config.Memory = make([]byte, config.MemorySize())
	s.endpoint = new(coap.Endpoint)
	if err := s.endpoint.Init(config); err != 0 {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		conn.Run(ctx, s.endpoint, udplink.Clock())
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		conn.Close()
	})
	return conn.LocalAddr().String()
}

// freePort returns a UDP address on which nobody listens.
func freePort(t *testing.T) *net.UDPAddr {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr)
}

// dial returns femto's client of a server that is starting.
func dial(t *testing.T, address fmt.Stringer, blockSize int) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), "coap://"+address.String(), client.Options{BlockSize: blockSize})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for range 250 {
		if _, err = c.Do(t.Context(), client.Request{Method: coap.GET, Path: "/shelf"}); err == nil {
			return c
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal(err)
	return nil
}

func put(t *testing.T, c *client.Client, n int) {
	t.Helper()
	r, err := c.Do(t.Context(), client.Request{Method: coap.PUT, Path: "/shelf", ContentFormat: coap.FormatText, Body: text(n)})
	if err != nil {
		t.Errorf("PUT of %d bytes: %v %v", n, r.Code, err)
	}
}

func get(t *testing.T, c *client.Client, n int) {
	t.Helper()
	r, err := c.Do(t.Context(), client.Request{Method: coap.GET, Path: "/shelf"})
	if err != nil || !bytes.Equal(r.Body, text(n)) {
		t.Errorf("GET of %d bytes: %d, %v", n, len(r.Body), err)
	}
}

func read(t *testing.T, r io.Reader) []byte {
	t.Helper()
	if r == nil {
		return nil
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
