package slip

import (
	"testing"

	"github.com/femto-containers/femto/link"
)

func newLine(last byte) *Line {
	return &Line{
		IPv4:    link.IPv4(10, 0, 3, last, 0).IP,
		IPv6:    [16]byte{0: 0xfe, 1: 0x80, 15: last},
		Port:    5683,
		Zone:    2,
		Decoder: Decoder{Buffer: make([]byte, 256)},
		Buffer:  make([]byte, 256),
	}
}

// carry hands packet to l over the line.
func carry(l *Line, packet []byte) (from link.Addr, datagram, reply []byte) {
	for _, b := range Append(nil, packet) {
		if f, d, r := l.Receive(b); d != nil || r != nil {
			from, datagram, reply = f, d, r
		}
	}
	return from, datagram, reply
}

func TestLine(t *testing.T) {
	a, b := newLine(1), newLine(2)
	for _, target := range []link.Addr{{IP: b.IPv4, Port: 5683}, {IP: b.IPv6, Port: 5683}} {
		from, datagram, _ := carry(b, a.Send(target, []byte("\xc0hello\xdb")))
		if string(datagram) != "\xc0hello\xdb" || from.Zone != 2 || from.Port != 5683 {
			t.Fatalf("to %v: got %q from %v", target, datagram, from)
		}
		if _, datagram, _ = carry(a, b.Send(from, []byte("back"))); string(datagram) != "back" {
			t.Errorf("from %v: got %q", target, datagram)
		}
	}
	for _, target := range []link.Addr{{IP: b.IPv4, Port: 5684}, {IP: a.IPv4, Port: 5683}} {
		if _, datagram, reply := carry(b, a.Send(target, []byte("not for b"))); datagram != nil || reply != nil {
			t.Errorf("to %v: got %q, reply %x", target, datagram, reply)
		}
	}
	if packet := a.Send(link.Addr{IP: b.IPv4, Port: 5683}, make([]byte, 256)); packet != nil {
		t.Errorf("sent %d bytes", len(packet))
	}
}

func TestLineAllocations(t *testing.T) {
	a, b := newLine(1), newLine(2)
	target, payload := link.Addr{IP: b.IPv6, Port: 5683}, []byte("hello")
	allocs := testing.AllocsPerRun(100, func() {
		Write(a.Send(target, payload), func(c byte) { b.Receive(c) })
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
