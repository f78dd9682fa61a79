package udplink

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/femto-containers/femto/link"
)

func TestAddrConverts(t *testing.T) {
	for _, tt := range []struct {
		text string
		want link.Addr
	}{
		{"10.0.0.1:5683", link.IPv4(10, 0, 0, 1, 5683)},
		{"[::ffff:10.0.0.1]:5683", link.IPv4(10, 0, 0, 1, 5683)},
		{"[2001:db8::1]:1", link.Addr{IP: [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}, Port: 1}},
		{"[fe80::1%65000]:1", link.Addr{IP: [16]byte{0xfe, 0x80, 15: 1}, Port: 1, Zone: 65000}},
	} {
		a := netip.MustParseAddrPort(tt.text)
		got := Addr(a)
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.text, got, tt.want)
		}
		if back := AddrPort(got); back != netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) {
			t.Errorf("%s: back as %s", tt.text, back)
		}
	}
}

func listen(t *testing.T, address string) *Conn {
	t.Helper()
	c, err := Listen(address)
	if err != nil {
		t.Skipf("SKIPPED, no socket on %s: %v", address, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestDatagramsPass(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			server := listen(t, address)
			client, err := Dial(Addr(server.LocalAddr()))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			ctx := t.Context()
			if err := client.Send(link.Addr{}, []byte("ping")); err != nil {
				t.Fatal(err)
			}
			from, datagram, err := server.Receive(ctx, time.Now().Add(5*time.Second))
			if err != nil || string(datagram) != "ping" || from != Addr(client.LocalAddr()) {
				t.Fatalf("%+v %q %v", from, datagram, err)
			}
			if err := server.Send(from, []byte("pong")); err != nil {
				t.Fatal(err)
			}
			from, datagram, err = client.Receive(ctx, time.Now().Add(5*time.Second))
			if err != nil || string(datagram) != "pong" || from != Addr(server.LocalAddr()) {
				t.Fatalf("%+v %q %v", from, datagram, err)
			}
		})
	}
}

func TestReceiveEnds(t *testing.T) {
	c := listen(t, "127.0.0.1:0")
	if _, _, err := c.Receive(t.Context(), time.Now()); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("at the deadline: %v", err)
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
	if _, _, err := c.Receive(ctx, time.Time{}); err != cause {
		t.Errorf("cancelled: %v", err)
	}
	if _, _, err := c.Receive(ctx, time.Time{}); err != cause {
		t.Errorf("cancelled before: %v", err)
	}
	time.AfterFunc(10*time.Millisecond, func() { c.Close() })
	if _, _, err := c.Receive(t.Context(), time.Time{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	server := listen(t, "127.0.0.1:0")
	peer := Addr(server.LocalAddr())
	server.Close()
	c, err := Dial(peer)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Send(peer, []byte("anybody?"))
	if _, _, err := c.Receive(t.Context(), time.Now().Add(5*time.Second)); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
}

// A socket for many peers lives on when one of them is gone.
func TestListenerOutlivesPeers(t *testing.T) {
	server, gone, peer := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	to := Addr(gone.LocalAddr())
	gone.Close()
	for range 3 {
		server.Send(to, []byte("x"))
	}
	if err := peer.Send(Addr(server.LocalAddr()), []byte("here")); err != nil {
		t.Fatal(err)
	}
	if _, datagram, err := server.Receive(t.Context(), time.Now().Add(5*time.Second)); err != nil || string(datagram) != "here" {
		t.Errorf("%q %v", datagram, err)
	}
}

func TestResolve(t *testing.T) {
	for _, tt := range []struct {
		host string
		want link.Addr
	}{
		{"10.1.2.3", link.IPv4(10, 1, 2, 3, 7)},
		{"::1", link.Addr{IP: [16]byte{15: 1}, Port: 7}},
		{"localhost", link.IPv4(127, 0, 0, 1, 7)},
	} {
		if got, err := Resolve(t.Context(), tt.host, 7); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v", tt.host, got, err)
		}
	}
}

type counter struct {
	polls, delivered int
	end              func()
}

func (c *counter) Deliver(now int64, from link.Addr, datagram []byte) { c.delivered++; c.end() }
func (c *counter) Poll(now int64) int64                               { c.polls++; return now + 1000 }

func TestRun(t *testing.T) {
	server, peer := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	node := &counter{end: cancel}
	time.AfterFunc(20*time.Millisecond, func() { peer.Send(Addr(server.LocalAddr()), []byte("x")) })
	if err := server.Run(ctx, node, Clock()); err != context.Canceled {
		t.Error(err)
	}
	if node.delivered != 1 || node.polls < 2 {
		t.Errorf("%+v", node)
	}
}

func TestUntil(t *testing.T) {
	if got := Until(5, 1<<63-1); !got.IsZero() {
		t.Errorf("never: %v", got)
	}
	if d := time.Until(Until(5, 5+3_000_000)); d < 2*time.Second || d > 3*time.Second {
		t.Errorf("in 3 s: %v", d)
	}
	if d := time.Until(Until(5, 1)); d > 0 {
		t.Errorf("past: %v", d)
	}
}
