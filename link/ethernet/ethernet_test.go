package ethernet

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/link/ip"
)

func newStack(last byte) *Stack {
	s := &Stack{
		MAC:        [6]byte{0x52, 0x54, 0, 0x12, 0x34, last},
		IPv4:       [4]byte{10, 0, 2, last},
		Port:       5683,
		Neighbours: make([]Neighbour, 2),
		Buffer:     make([]byte, MaxFrame),
	}
	s.Init()
	return s
}

func (s *Stack) addr4() link.Addr { return link.Addr{IP: s.own4, Port: s.Port} }
func (s *Stack) addr6() link.Addr { return link.Addr{IP: s.IPv6(), Port: s.Port} }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestConversation lets two stacks talk: the first datagram becomes a question
// for the address, then they go both ways.
func TestConversation(t *testing.T) {
	for _, test := range []struct {
		name string
		addr func(*Stack) link.Addr
	}{
		{"IPv4", (*Stack).addr4},
		{"IPv6", (*Stack).addr6},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := newStack(2), newStack(15)
			b.Zone = 7
			question := a.Send(test.addr(b), []byte("lost"))
			_, datagram, answer := b.Receive(question)
			if datagram != nil || answer == nil {
				t.Fatalf("question %x gave datagram %q, answer %x", question, datagram, answer)
			}
			if _, datagram, reply := a.Receive(answer); datagram != nil || reply != nil {
				t.Fatalf("answer %x gave datagram %q, reply %x", answer, datagram, reply)
			}
			from, datagram, reply := b.Receive(a.Send(test.addr(b), []byte("hello")))
			want := test.addr(a)
			want.Zone = 7
			if string(datagram) != "hello" || reply != nil || from != want {
				t.Fatalf("got %q from %v, reply %x", datagram, from, reply)
			}
			from, datagram, _ = a.Receive(b.Send(from, []byte("and back")))
			if string(datagram) != "and back" || from != test.addr(b) {
				t.Fatalf("got %q from %v", datagram, from)
			}
		})
	}
}

// TestAnswersWithoutAsking is the device's common case: whoever sent it
// something is a known neighbour.
func TestAnswersWithoutAsking(t *testing.T) {
	a, b := newStack(2), newStack(15)
	target := b.addr6()
	a.learn(&target.IP, &b.MAC)
	from, _, _ := b.Receive(a.Send(target, []byte("hello")))
	if _, datagram, _ := a.Receive(b.Send(from, []byte("x"))); string(datagram) != "x" {
		t.Errorf("got %q", datagram)
	}
}

func TestEmptyDatagram(t *testing.T) {
	a, b := newStack(2), newStack(15)
	target := b.addr4()
	a.learn(&target.IP, &b.MAC)
	if _, datagram, _ := b.Receive(a.Send(target, nil)); datagram == nil || len(datagram) != 0 {
		t.Errorf("got %v, want an empty datagram", datagram)
	}
}

// TestWire compares with frames written down by hand from the RFCs.
func TestWire(t *testing.T) {
	const (
		deviceMAC = "52540012340f"
		peerMAC   = "525400123402"
		pad18     = "000000000000000000000000000000000000"
	)
	for _, test := range []struct{ name, in, want string }{
		{
			"ARP request",
			"ffffffffffff" + peerMAC + "0806" + "0001080006040001" + peerMAC + "0a000202" + "000000000000" + "0a00020f",
			peerMAC + deviceMAC + "0806" + "0001080006040002" + deviceMAC + "0a00020f" + peerMAC + "0a000202" + pad18,
		},
		{
			"ARP request for another",
			"ffffffffffff" + peerMAC + "0806" + "0001080006040001" + peerMAC + "0a000202" + "000000000000" + "0a000210",
			"",
		},
		{
			"ARP cut short",
			"ffffffffffff" + peerMAC + "0806" + "0001080006040001" + peerMAC + "0a000202" + "000000000000" + "0a0002",
			"",
		},
		{
			"neighbour solicitation",
			"3333ff12340f" + peerMAC + "86dd" + "6000000000203aff" +
				"fe80000000000000505400fffe123402" + "ff0200000000000000000001ff12340f" +
				"8700bb35" + "00000000" + "fe80000000000000505400fffe12340f" + "0101" + peerMAC,
			peerMAC + deviceMAC + "86dd" + "6000000000203aff" +
				"fe80000000000000505400fffe12340f" + "fe80000000000000505400fffe123402" +
				"88000958" + "60000000" + "fe80000000000000505400fffe12340f" + "0201" + deviceMAC,
		},
		{
			"neighbour solicitation through a router",
			"3333ff12340f" + peerMAC + "86dd" + "6000000000203afe" +
				"fe80000000000000505400fffe123402" + "ff0200000000000000000001ff12340f" +
				"8700bb35" + "00000000" + "fe80000000000000505400fffe12340f" + "0101" + peerMAC,
			"",
		},
		{"too short", "ffffffffffff", ""},
		{"unknown type", deviceMAC + peerMAC + "88cc" + "00", ""},
		{"from a group address", deviceMAC + "01005e000001" + "0806" + "0001080006040001" + peerMAC + "0a000202" + "000000000000" + "0a00020f", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStack(15)
			_, datagram, reply := s.Receive(unhex(t, test.in))
			if datagram != nil {
				t.Errorf("datagram %x", datagram)
			}
			if want := unhex(t, test.want); !bytes.Equal(reply, want) {
				t.Errorf("\n got %x\nwant %x", reply, want)
			}
		})
	}
}

func TestDropped(t *testing.T) {
	a, b := newStack(2), newStack(15)
	target := b.addr4()
	a.learn(&target.IP, &b.MAC)
	frame := bytes.Clone(a.Send(target, []byte("hello")))
	for _, test := range []struct {
		name  string
		spoil func(s *Stack, frame []byte)
	}{
		{"another hardware address", func(_ *Stack, frame []byte) { frame[5]++ }},
		{"another port", func(s *Stack, _ []byte) { s.Port++ }},
		{"another address", func(s *Stack, _ []byte) { s.IPv4[3]++; s.Init() }},
		{"no address", func(s *Stack, _ []byte) { s.IPv4 = [4]byte{}; s.Init() }},
		{"own address as the source", func(_ *Stack, frame []byte) {
			own := b.addr4()
			packet := make([]byte, 100)
			copy(frame[header:], packet[:ip.PutUDP(packet, &own, &own, []byte("hello"))])
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, f := newStack(15), bytes.Clone(frame)
			if _, datagram, _ := s.Receive(f); string(datagram) != "hello" {
				t.Fatal("dropped before it was spoiled")
			}
			test.spoil(s, f)
			if _, datagram, reply := s.Receive(f); datagram != nil || reply != nil {
				t.Errorf("got %q, reply %x", datagram, reply)
			}
		})
	}
}

func TestSendLimits(t *testing.T) {
	s := newStack(15)
	peer := newStack(2)
	for _, addr := range []link.Addr{peer.addr4(), peer.addr6()} {
		s.learn(&addr.IP, &peer.MAC)
		longest := make([]byte, MaxFrame-Overhead)
		if _, datagram, _ := peer.Receive(s.Send(addr, longest)); len(datagram) != len(longest) {
			t.Errorf("%v: longest datagram came as %d bytes", addr, len(datagram))
		}
		if frame := s.Send(addr, make([]byte, len(longest)+1)); frame != nil {
			t.Errorf("%v: sent a frame of %d bytes", addr, len(frame))
		}
	}
	s.IPv4 = [4]byte{}
	s.Init()
	if frame := s.Send(peer.addr4(), nil); frame != nil {
		t.Errorf("sent %x without an IPv4 address", frame)
	}
}

func TestNeighboursAreReplaced(t *testing.T) {
	s := newStack(15)
	for i := byte(1); i <= 3; i++ {
		s.learn(&[16]byte{15: i}, &[6]byte{0: 2, 5: i})
	}
	if s.find(&[16]byte{15: 1}) != nil {
		t.Error("the oldest is still there")
	}
	for i := byte(2); i <= 3; i++ {
		if n := s.find(&[16]byte{15: i}); n == nil || n.mac[5] != i {
			t.Errorf("neighbour %d is %v", i, n)
		}
	}
}

func TestAllocations(t *testing.T) {
	a, b := newStack(2), newStack(15)
	target := b.addr6()
	a.learn(&target.IP, &b.MAC)
	payload := []byte("hello")
	solicitation := bytes.Clone(newStack(3).Send(target, payload))
	allocs := testing.AllocsPerRun(100, func() {
		from, datagram, _ := b.Receive(a.Send(target, payload))
		a.Receive(b.Send(from, datagram))
		b.Receive(solicitation)
		b.Announce()
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzFrame(f *testing.F) {
	a, b := newStack(2), newStack(15)
	f.Add(bytes.Clone(a.Send(b.addr4(), nil)))
	f.Add(bytes.Clone(a.Send(b.addr6(), nil)))
	for _, addr := range []link.Addr{b.addr4(), b.addr6()} {
		a.learn(&addr.IP, &b.MAC)
		f.Add(bytes.Clone(a.Send(addr, []byte("hello"))))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		s := newStack(15)
		s.Buffer = s.Buffer[:MinBuffer]
		before := bytes.Clone(frame)
		from, datagram, reply := s.Receive(frame)
		if !bytes.Equal(frame, before) {
			t.Fatal("changed the frame")
		}
		if reply != nil && (len(reply) < MinFrame || &reply[0] != &s.Buffer[0]) {
			t.Fatalf("reply of %d bytes, or outside the buffer", len(reply))
		}
		if datagram != nil && s.find(&from.IP) == nil {
			t.Fatal("peer is not known")
		}
	})
}
