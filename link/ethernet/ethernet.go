// Package ethernet answers ARP and neighbour discovery and carries UDP
// datagrams in Ethernet frames. Frames go in and come out; nothing waits.
package ethernet

import (
	"encoding/binary"

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

// A Stack is one interface. The firmware sets the exported fields up and then
// hands every frame that comes in to Receive. It is not safe for concurrent
// use and allocates nothing.
type Stack struct {
	MAC        [6]byte
	IPv4       [4]byte // zero: none
	Port       uint16  // of UDP; datagrams for other ports are dropped
	Zone       uint16  // of the addresses of peers
	Neighbours []Neighbour
	Buffer     []byte // for one outgoing frame; at least MinBuffer, MaxFrame is enough

	next int // Neighbour to overwrite
}

// IPv6 returns the link-local address, formed from MAC (RFC 4291 appendix A).
func (s *Stack) IPv6() [16]byte {
	m := &s.MAC
	return [16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]}
}

// Receive takes a frame. If it carries a datagram for Port, datagram is that,
// not nil, and aliases frame. If it asks for an answer, reply is the frame to
// send, in Buffer.
func (s *Stack) Receive(frame []byte) (from link.Addr, datagram, reply []byte) {
	if len(frame) < header || !s.forMe(frame[:6]) || frame[6]&1 != 0 {
		return from, nil, nil
	}
	payload := frame[header:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case typeARP:
		return from, nil, s.arp(payload)
	case typeIPv4, typeIPv6:
	default:
		return from, nil, nil
	}
	p, err := ip.Parse(payload)
	if err != ip.OK || !s.mine(&p.Target) || s.mine(&p.Source) || !unicast(&p.Source) {
		return from, nil, nil
	}
	if p.Protocol == ip.ProtocolICMPv6 && len(p.Payload) > 0 && p.Payload[0] >= routerSolicitation {
		return from, nil, s.discovery(&p)
	}
	if p.Source == ([16]byte{}) {
		return from, nil, nil
	}
	d, err := p.UDP()
	if err == ip.ErrProtocol && len(frame) <= len(s.Buffer) {
		out := ip.AppendEcho(s.open(frame[6:12], &p.Source), &p)
		if len(out) > header {
			return from, nil, s.close(out)
		}
		return from, nil, nil
	}
	if err != ip.OK || d.Target.Port != s.Port {
		return from, nil, nil
	}
	// Answers go where the question came from: that saves a round of ARP,
	// and finds the router for peers that are not on this link.
	s.learn(&p.Source, frame[6:12])
	d.Source.Zone = s.Zone
	return d.Source, d.Payload, nil
}

// Send returns the frame, in Buffer, that carries datagram to a peer. If the
// peer's hardware address is not known the frame asks for it instead and the
// datagram is lost, as any may be. It returns nil if the frame would be longer
// than Buffer or the interface has no address for the peer's kind.
func (s *Stack) Send(to link.Addr, datagram []byte) []byte {
	if len(datagram)+Overhead > len(s.Buffer) || len(datagram)+Overhead > MaxFrame {
		return nil
	}
	source := s.IPv6()
	if to.Is4() {
		if s.IPv4 == [4]byte{} {
			return nil
		}
		source = ip.Map4(s.IPv4[:])
	}
	n := s.find(&to.IP)
	if n == nil {
		if to.Is4() {
			return s.ask4(&to.IP)
		}
		return s.ask6(&to.IP)
	}
	return s.close(ip.AppendUDP(s.open(n.mac[:], &to.IP), &ip.Datagram{
		Source:  link.Addr{IP: source, Port: s.Port},
		Target:  to,
		Payload: datagram,
	}))
}

// Announce returns a frame, in Buffer, that tells the link who has IPv4: it
// asks for the own address (RFC 5227 §3).
func (s *Stack) Announce() []byte {
	own := ip.Map4(s.IPv4[:])
	return s.ask4(&own)
}

func (s *Stack) forMe(mac []byte) bool {
	if mac[0]&1 == 0 {
		return string(mac) == string(s.MAC[:])
	}
	if mac[0] == 0x33 { // IPv6 multicast
		return mac[1] == 0x33
	}
	for _, b := range mac {
		if b != 0xff {
			return false
		}
	}
	return true
}

// mine reports whether a is an address of this interface, or a group that
// every node is in.
func (s *Stack) mine(a *[16]byte) bool {
	if (link.Addr{IP: *a}).Is4() {
		return s.IPv4 != [4]byte{} && string(a[12:]) == string(s.IPv4[:])
	}
	own := s.IPv6()
	return *a == own || *a == allNodes || *a == solicited(&own)
}

func unicast(a *[16]byte) bool {
	if (link.Addr{IP: *a}).Is4() {
		return a[12] != 0 && a[12] < 224
	}
	return a[0] != 0xff
}

func (s *Stack) find(a *[16]byte) *Neighbour {
	for i := range s.Neighbours {
		if s.Neighbours[i].ip == *a {
			return &s.Neighbours[i]
		}
	}
	return nil
}

// learn remembers a neighbour, in place of the one learned longest ago.
func (s *Stack) learn(a *[16]byte, mac []byte) {
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
	copy(n.mac[:], mac)
}

// open begins a frame to mac that carries a packet for target's kind of IP.
func (s *Stack) open(mac []byte, target *[16]byte) []byte {
	kind := uint16(typeIPv6)
	if (link.Addr{IP: *target}).Is4() {
		kind = typeIPv4
	}
	return s.begin(mac, kind)
}

func (s *Stack) begin(mac []byte, kind uint16) []byte {
	out := append(s.Buffer[:0], mac...)
	out = append(out, s.MAC[:]...)
	return binary.BigEndian.AppendUint16(out, kind)
}

// close pads a frame to the shortest that Ethernet allows.
func (s *Stack) close(frame []byte) []byte {
	for len(frame) < MinFrame {
		frame = append(frame, 0)
	}
	return frame
}
