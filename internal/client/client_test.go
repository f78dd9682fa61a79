package client

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/udplink"
	"github.com/femto-containers/femto/link"
)

func dial(t *testing.T, uri string, options Options) *Client {
	t.Helper()
	c, err := Dial(t.Context(), uri, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestDo(t *testing.T) {
	s := &shelf{}
	var steps []Progress
	c := dial(t, serve(t, s, 64), Options{Progress: func(p Progress) { steps = append(steps, p) }})
	body := text(300)
	r, err := c.Do(t.Context(), Request{Method: coap.POST, Path: "/shelf", Body: body})
	if err != nil || r.Code != coap.Content || r.ContentFormat != coap.FormatNone || !bytes.Equal(r.Body, bytes.ToUpper(body)) {
		t.Fatalf("%+v, %v", r, err)
	}
	if !slices.IsSortedFunc(steps, func(a, b Progress) int { return a.Sent + a.Received - b.Sent - b.Received }) || len(steps) != 9 {
		t.Errorf("progress %v", steps)
	}
	if want := (Progress{Sent: 300, SendTotal: 300, Received: 300, ReceiveTotal: 300}); steps[len(steps)-1] != want {
		t.Errorf("ends with %v", steps[len(steps)-1])
	}
	got := c.Stats()
	if got.Exchanges != 9 || got.Blocks != 9 || got.DatagramsIn != 9 || got.DatagramsOut != 9 || got.Retransmissions != 0 ||
		got.BytesOut < 300 || got.BytesOut > 520 || got.BytesIn < 300 || got.BytesIn > 500 {
		t.Errorf("%+v", got)
	}
	if _, err := c.Do(t.Context(), Request{Method: coap.GET, Path: "/shelf"}); err != nil || c.Stats().Exchanges != 10 || c.Stats().Blocks != 9 {
		t.Errorf("%+v, %v", c.Stats(), err)
	}
}

// A restless Handler answers in two blocks that belong together only every few
// times.
type restless struct {
	runs atomic.Int32
	calm int32
}

func (r *restless) ServeCoAP(now int64, req *coap.Request, resp *coap.Response) {
	n := min(r.runs.Add(1), r.calm)
	// In memory of its own, so that it is not kept between blocks.
	resp.Code, resp.Body = coap.Content, bytes.Repeat([]byte{byte(n)}, 100)
}

func TestContentThatChanges(t *testing.T) {
	for _, tt := range []struct {
		calm int32
		runs int32
		want error
	}{
		{1, 2, nil},
		{2, 4, nil},
		{5, 6, nil},
		{99, 18, coap.ErrChanged},
	} {
		h := &restless{calm: tt.calm}
		c := dial(t, serve(t, h, 64), Options{})
		r, err := c.Do(t.Context(), Request{Method: coap.GET})
		if err != tt.want || h.runs.Load() != tt.runs || err == nil && !bytes.Equal(r.Body, bytes.Repeat([]byte{byte(tt.calm)}, 100)) {
			t.Errorf("calm after %d: %v, ran %d times, %x", tt.calm, err, h.runs.Load(), r.Body)
		}
	}
}

func TestStatusError(t *testing.T) {
	c := dial(t, serve(t, &shelf{}, 64), Options{})
	r, err := c.Do(t.Context(), Request{Method: coap.GET, Path: "/none"})
	var status *StatusError
	if !errors.As(err, &status) || status.Code != coap.NotFound || r.Code != coap.NotFound {
		t.Fatalf("%+v, %v", r, err)
	}
	if got, want := err.Error(), `4.04 Not Found: "there is a shelf only"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, tt := range []struct {
		err  StatusError
		want string
	}{
		{StatusError{Code: coap.Forbidden, ContentFormat: coap.FormatNone}, "4.03 Forbidden"},
		{StatusError{Code: coap.Conflict, ContentFormat: coap.FormatCBOR, Diagnostic: []byte("a")}, "4.09 Conflict"},
		{StatusError{Code: coap.BadRequest, ContentFormat: coap.FormatNone, Diagnostic: []byte{0xff}}, "4.00 Bad Request"},
		{StatusError{Code: 4<<5 | 30, ContentFormat: coap.FormatNone}, "4.30"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

func quick() Options {
	return Options{AckTimeout: 10 * time.Millisecond, MaxRetransmit: 2}
}

func TestUnreachable(t *testing.T) {
	silent, err := udplink.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	uri := "coap://" + silent.LocalAddr().String()
	c := dial(t, uri, quick())
	if _, err := c.Do(t.Context(), Request{Method: coap.GET}); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "no answer in") {
		t.Errorf("nobody answers: %v", err)
	}
	if s := c.Stats(); s.Retransmissions != 2 || s.DatagramsOut != 3 {
		t.Errorf("%+v", s)
	}
	silent.Close()
	start := time.Now()
	c = dial(t, uri, Options{})
	for range 2 {
		if _, err := c.Do(t.Context(), Request{Method: coap.GET}); !errors.Is(err, ErrUnreachable) || !errors.Is(err, udplink.ErrRefused) {
			t.Errorf("nobody listens: %v", err)
		}
	}
	if time.Since(start) > time.Second {
		t.Error("did not take the network's word for it")
	}
}

// A device that comes back is reached again, whatever the network said of it.
func TestDeviceComesBack(t *testing.T) {
	device, err := udplink.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := device.LocalAddr().String()
	device.Close()
	c := dial(t, "coap://"+address, Options{})
	if _, err := c.Do(t.Context(), Request{Method: coap.GET}); !errors.Is(err, ErrUnreachable) {
		t.Fatal(err)
	}
	serveAt(t, address, &shelf{body: []byte("x")}, 64)
	if r, err := c.Do(t.Context(), Request{Method: coap.GET, Path: "/shelf"}); err != nil || string(r.Body) != "x" {
		t.Errorf("%q, %v", r.Body, err)
	}
}

func TestReset(t *testing.T) {
	c := dial(t, serve(t, nil, 64), Options{})
	if _, err := c.Do(t.Context(), Request{Method: coap.GET, Path: "/x"}); !errors.Is(err, ErrReset) {
		t.Errorf("%v", err)
	}
}

func TestContextEndsDo(t *testing.T) {
	silent, err := udplink.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := dial(t, "coap://"+silent.LocalAddr().String(), Options{})
	interrupt := errors.New("interrupt")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(interrupt) })
	if _, err := c.Do(ctx, Request{Method: coap.GET}); err != interrupt {
		t.Errorf("%v", err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	if _, err := c.Do(ctx, Request{Method: coap.GET}); err != context.DeadlineExceeded {
		t.Errorf("%v", err)
	}
	time.AfterFunc(10*time.Millisecond, func() { c.Close() })
	if _, err := c.Do(t.Context(), Request{Method: coap.GET}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// A puller is a device that answers a POST after it has fetched the payload from
// whoever sent the POST, as a manifest may tell it to.
type puller struct {
	endpoint *coap.Endpoint
	got      []byte
	done     chan struct{}
}

func (p *puller) ServeCoAP(now int64, req *coap.Request, resp *coap.Response) {
	resp.Code = coap.Changed
	if req.PathIs("pull") {
		var uri coap.URI
		uri.Parse(req.Payload)
		if _, err := p.endpoint.Do(now, &req.From, &coap.Outgoing{Code: coap.GET, Path: bytes.Clone(uri.Path)}, p); err != 0 {
			resp.Fail(coap.InternalServerError, err.Error())
		}
	}
}

func (p *puller) Block(now int64, in *coap.Incoming) bool {
	p.got = append(p.got, in.Payload...)
	return true
}

func (p *puller) Done(now int64, code coap.Code, err coap.Error) { close(p.done) }

func TestDeviceFetchesFromClient(t *testing.T) {
	p := &puller{done: make(chan struct{})}
	uri := serveWith(t, "127.0.0.1:0", p, 64, func(e *coap.Endpoint) { p.endpoint = e })
	payload := text(1000)
	c := dial(t, uri, Options{Handler: &shelf{body: payload}})
	if _, err := c.Do(t.Context(), Request{Method: coap.POST, Path: "/pull", Body: []byte("/shelf")}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	go func() {
		<-p.done
		stop()
	}()
	if err := c.Serve(ctx); err != context.Canceled {
		t.Fatal(err)
	}
	if !bytes.Equal(p.got, payload) {
		t.Errorf("%d bytes", len(p.got))
	}
}

func TestResolve(t *testing.T) {
	for _, tt := range []struct {
		uri  string
		want link.Addr
	}{
		{"coap://10.0.0.1", link.IPv4(10, 0, 0, 1, 5683)},
		{"coap://10.0.0.1:1/", link.IPv4(10, 0, 0, 1, 1)},
		{"coap://[::1]:7", link.Addr{IP: [16]byte{15: 1}, Port: 7}},
		{"coap://[fe80::1%252]", link.Addr{IP: [16]byte{0xfe, 0x80, 15: 1}, Port: 5683, Zone: 2}},
		{"coap://localhost:99", link.IPv4(127, 0, 0, 1, 99)},
	} {
		if got, err := Resolve(t.Context(), tt.uri); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v", tt.uri, got, err)
		}
	}
	for _, uri := range []string{"", "10.0.0.1", "10.0.0.1:5683", "http://10.0.0.1", "coaps://10.0.0.1", "coap://", "coap:///x",
		"coap://10.0.0.1/x", "coap://10.0.0.1?x", "coap://10.0.0.1:0", "coap://10.0.0.1:70000", "coap://u@10.0.0.1", "coap://localhost/x"} {
		if got, err := Resolve(t.Context(), uri); err == nil {
			t.Errorf("%s: %+v, want an error", uri, got)
		}
	}
}

func TestDialRefusesBlockSize(t *testing.T) {
	if _, err := Dial(t.Context(), "coap://127.0.0.1:1", Options{BlockSize: 100}); err == nil || !strings.Contains(err.Error(), "block size 100") {
		t.Error(err)
	}
}
