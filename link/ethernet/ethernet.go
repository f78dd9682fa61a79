// Package ethernet answers ARP and neighbour discovery and carries UDP
// datagrams in Ethernet frames. Frames go in and come out; nothing waits.
package ethernet

import (
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/link/ip"
)

// Frame lengths in bytes, without the frame check sequence.
const (
	header   = 14
	MinFrame = 60
	MaxFrame = header + 1500

	MinBuffer = 96 // for answers to ARP and neighbour discovery
)

// Overhead is how many bytes longer than its datagram the longest frame is.
const Overhead = header + ip.Overhead

const (
	typeIPv4 = 0x0800
	typeARP  = 0x0806
	typeIPv6 = 0x86dd
)

// A Neighbour is a peer on the link whose hardware address is known.
type Neighbour struct {
	ip  [16]byte
	mac [6]byte
}

// A Stack is one interface. The firmware sets the exported fields up, calls
// Init and then hands every frame that comes in to Receive. It is not safe for
// concurrent use and allocates nothing.
type Stack struct {
	MAC        [6]byte
	IPv4       [4]byte // zero: none
	Port       uint16  // of UDP; datagrams for other ports are dropped
	Zone       uint16  // of the addresses of peers
	Neighbours []Neighbour
	Buffer     []byte // for one outgoing frame; at least MinBuffer, MaxFrame is enough

	own4, own6, group [16]byte // own addresses, and the group where own6 is asked for
	next              int      // Neighbour to overwrite
}

// Init works out the addresses.
func (s *Stack) Init() {
	m := &s.MAC
	// The link-local address that MAC gives (RFC 4291 appendix A).
	s.own6 = [16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]}
	s.group = solicited(&s.own6)
	s.own4 = [16]byte{10: 0xff, 11: 0xff}
	copy(s.own4[12:], s.IPv4[:])
}

// IPv6 returns the link-local address.
func (s *Stack) IPv6() [16]byte { return s.own6 }

// Receive takes a frame. If it carries a datagram for Port, datagram is that,
// not nil, and aliases frame. If it asks for an answer, reply is the frame to
// send, in Buffer.
func (s *Stack) Receive(frame []byte) (from link.Addr, datagram, reply []byte) {
	datagram, reply = s.ReceiveFrom(&from, frame)
	return from, datagram, reply
}

// ReceiveFrom is Receive that writes the sender of a datagram to from, which
// takes less code where addresses are kept in memory.
func (s *Stack) ReceiveFrom(from *link.Addr, frame []byte) (datagram, reply []byte) {
	if len(frame) < header {
		return nil, nil
	}
	h := (*[header]byte)(frame)
	if !s.forMe(h) || h[6]&1 != 0 {
		return nil, nil
	}
	mac := (*[6]byte)(h[6:])
	kind := uint16(h[12])<<8 | uint16(h[13])
	if kind == typeARP {
		return nil, s.arp(frame[header:])
	}
	if kind != typeIPv4 && kind != typeIPv6 {
		return nil, nil
	}
	var p ip.Packet
	if p.Parse(frame[header:]) != ip.OK || !s.mine(&p.Target) || s.mine(&p.Source) || !unicast(&p.Source) {
		return nil, nil
	}
	if p.Protocol == ip.ProtocolICMPv6 && len(p.Payload) > 0 && p.Payload[0] >= routerSolicitation {
		return nil, s.discovery(&p)
	}
	if zero(&p.Source) {
		return nil, nil
	}
	source, target, payload, err := p.UDP()
	if err == ip.ErrProtocol {
		if n := p.PutEcho(s.Buffer[header:]); n > 0 {
			reply = s.frame(mac, kind, n)
		}
		return nil, reply
	}
	if err != ip.OK || target != s.Port {
		return nil, nil
	}
	// Answers go where the question came from: that saves a round of ARP,
	// and finds the router for peers that are not on this link.
	s.learn(&p.Source, mac)
	from.IP, from.Port, from.Zone = p.Source, source, s.Zone
	return payload, nil
}

// Send returns the frame, in Buffer, that carries datagram to a peer. If the
// peer's hardware address is not known the frame asks for it instead and the
// datagram is lost, as any may be. It returns nil if the frame would be longer
// than Buffer or the interface has no address for the peer's kind.
func (s *Stack) Send(to link.Addr, datagram []byte) []byte { return s.SendTo(&to, datagram) }

// SendTo is Send with the address in memory, which takes less code.
func (s *Stack) SendTo(to *link.Addr, datagram []byte) []byte {
	if len(datagram)+Overhead > MaxFrame {
		return nil
	}
	is4 := ip.Is4(&to.IP)
	source := link.Addr{IP: s.own6, Port: s.Port}
	kind := uint16(typeIPv6)
	if is4 {
		if !s.has4() {
			return nil
		}
		source.IP, kind = s.own4, typeIPv4
	}
	if to.IP[0] == 0xff {
		return nil // groups are not for this stack
	}
	neighbour := s.find(&to.IP)
	n := ip.PutUDP(s.Buffer[header:], &source, to, datagram)
	switch {
	case n == 0:
		return nil
	case neighbour != nil:
		return s.frame(&neighbour.mac, kind, n)
	case is4:
		return s.ask4(&to.IP)
	}
	return s.ask6(&to.IP)
}

// Announce returns a frame, in Buffer, that tells the link who has IPv4: it
// asks for the own address (RFC 5227 §3).
func (s *Stack) Announce() []byte { return s.ask4(&s.own4) }

func (s *Stack) forMe(h *[header]byte) bool {
	if h[0]&1 != 0 {
		// IPv6 groups and broadcast; the packet says whether it is for us.
		return h[0] == 0x33 && h[1] == 0x33 || h[0]&h[1]&h[2]&h[3]&h[4]&h[5] == 0xff
	}
	for i, b := range s.MAC {
		if h[i] != b {
			return false
		}
	}
	return true
}

// has4 reports whether the interface has an IPv4 address.
//
//go:noinline
func (s *Stack) has4() bool { return s.IPv4[0]|s.IPv4[1]|s.IPv4[2]|s.IPv4[3] != 0 }

// mine reports whether a is an address of this interface, or a group that it
// is in.
func (s *Stack) mine(a *[16]byte) bool {
	return ip.Same(a, &s.own6) || ip.Same(a, &s.group) || ip.Same(a, &allNodes) ||
		s.has4() && ip.Same(a, &s.own4)
}

var unspecified [16]byte

func zero(a *[16]byte) bool { return ip.Same(a, &unspecified) }

func unicast(a *[16]byte) bool {
	if ip.Is4(a) {
		return a[12] != 0 && a[12] < 224
	}
	return a[0] != 0xff
}

//go:noinline
func (s *Stack) find(a *[16]byte) *Neighbour {
	for i := range s.Neighbours {
		if ip.Same(&s.Neighbours[i].ip, a) {
			return &s.Neighbours[i]
		}
	}
	return nil
}

// learn remembers a neighbour, in place of the one learned longest ago.
//
//go:noinline
func (s *Stack) learn(a *[16]byte, mac *[6]byte) {
	n := s.find(a)
	if n == nil {
		if len(s.Neighbours) == 0 {
			return
		}
		n = &s.Neighbours[s.next]
		s.next++
		if s.next == len(s.Neighbours) {
			s.next = 0
		}
		n.ip = *a
	}
	n.mac = *mac
}

// frame puts the header in front of the n bytes behind it in Buffer, and pads
// the frame to the shortest that Ethernet allows.
//
//go:noinline
func (s *Stack) frame(mac *[6]byte, kind uint16, n int) []byte {
	h := (*[header]byte)(s.Buffer)
	copy(h[:6], mac[:])
	copy(h[6:12], s.MAC[:])
	h[12], h[13] = byte(kind>>8), byte(kind)
	n += header
	for ; n < MinFrame; n++ {
		s.Buffer[n] = 0
	}
	return s.Buffer[:n]
}
