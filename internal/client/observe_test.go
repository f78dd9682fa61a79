package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/femto-containers/femto/coap"
)

// A meter is a number that a POST increments.
type meter struct {
	endpoint atomic.Pointer[coap.Endpoint]
	value    int
	long     int // bytes to add to it
}

func (m *meter) ServeCoAP(now int64, req *coap.Request, resp *coap.Response) {
	if req.Code == coap.POST {
		m.value++
		m.endpoint.Load().Notify(1)
		resp.Code = coap.Changed
		return
	}
	resp.Code, resp.Topic = coap.Content, 1
	resp.WriteString(strconv.Itoa(m.value) + "\n")
	resp.Write(bytes.Repeat([]byte("x"), m.long))
}

func serveMeter(t *testing.T, long int) (uri string, increment func()) {
	m := &meter{long: long}
	uri = serveWith(t, "127.0.0.1:0", m, 64, func(e *coap.Endpoint) { m.endpoint.Store(e) })
	c := dialed(t, uri)
	return uri, func() {
		if _, err := c.Do(t.Context(), Request{Method: coap.POST, Path: "/meter"}); err != nil {
			t.Error(err)
		}
	}
}

func dialed(t *testing.T, uri string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), uri, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestObserve(t *testing.T) {
	for _, long := range []int{0, 500} {
		uri, increment := serveMeter(t, long)
		c := dialed(t, uri)
		want := 0
		err := c.Observe(t.Context(), Request{Method: coap.GET, Path: "/meter"}, func(r Response) bool {
			number, rest, _ := strings.Cut(string(r.Body), "\n")
			if number != strconv.Itoa(want) || len(rest) != long {
				t.Errorf("state %.20q of %d bytes, want %d", r.Body, len(r.Body), want)
			}
			want++
			increment()
			return want < 5
		})
		if err != nil || want != 5 {
			t.Fatalf("%d states, %v", want, err)
		}
		// It goes on with other requests as if nothing had been.
		if _, err := c.Do(t.Context(), Request{Method: coap.GET, Path: "/meter"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestObserveWhatTellsNothing(t *testing.T) {
	uri := serve(t, &shelf{body: []byte("still")}, 64)
	c := dialed(t, uri)
	heard := ""
	err := c.Observe(t.Context(), Request{Method: coap.GET, Path: "/shelf"}, func(r Response) bool {
		heard += string(r.Body)
		return true
	})
	if !errors.Is(err, ErrNotObserved) || heard != "still" {
		t.Fatalf("%q, %v", heard, err)
	}
	var status *StatusError
	err = c.Observe(t.Context(), Request{Method: coap.GET, Path: "/none"}, func(Response) bool { return true })
	if !errors.As(err, &status) || status.Code != coap.NotFound {
		t.Fatal(err)
	}
}

func TestObserveEndsWithItsContext(t *testing.T) {
	uri, _ := serveMeter(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	err := dialed(t, uri).Observe(ctx, Request{Method: coap.GET, Path: "/meter"}, func(Response) bool { cancel(); return true })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestLibcoapObservesUs(t *testing.T) {
	coapClient := libcoap(t, "coap-client")
	uri, increment := serveMeter(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, coapClient, "-s", "5", "-B", "6", uri+"/meter")
	pipe, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	for want := range 5 {
		for lines.Scan() && lines.Text() == "" {
		}
		if lines.Text() != strconv.Itoa(want) {
			t.Fatalf("heard %q, want %d", lines.Text(), want)
		}
		increment()
	}
	cancel()
	command.Wait()
}

func TestWeObserveLibcoap(t *testing.T) {
	c := dialServer(t, startLibcoapServer(t), Options{})
	var heard []string
	// Its clock ticks every second.
	err := c.Observe(t.Context(), Request{Method: coap.GET, Path: "/time"}, func(r Response) bool {
		heard = append(heard, string(r.Body))
		return len(heard) < 3
	})
	if err != nil || len(heard) != 3 || heard[0] == heard[2] {
		t.Fatalf("%q, %v", heard, err)
	}
}
