package ethernet

import "github.com/femto-containers/femto/link/ip"

// ARP (RFC 826) and neighbour discovery (RFC 4861), as far as a node that is
// no router and forms its one IPv6 address from its hardware address needs.

const (
	arpRequest = 1
	arpReply   = 2
	arpLength  = 28

	routerSolicitation    = 133
	neighbourSolicitation = 135
	neighbourAdvert       = 136

	solicitedFlag = 0x40
	overrideFlag  = 0x20

	optionSourceMAC = 1
	optionTargetMAC = 2

	neighbourLength = 24 // of either message, without options
	optionLength    = 8
	linkHops        = 255 // proves that no router was on the way
)

var (
	broadcast   = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	allNodes    = [16]byte{0: 0xff, 1: 0x02, 15: 1}
	allNodesMAC = [6]byte{0x33, 0x33, 0, 0, 0, 1}
)

// solicited returns the group in which the owner of a is asked for.
func solicited(a *[16]byte) [16]byte {
	return [16]byte{0: 0xff, 1: 0x02, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]}
}

// arpPrefix is how ARP for IPv4 over Ethernet begins, up to the operation.
var arpPrefix = [7]byte{0, 1, 8, 0, 6, 4, 0}

func (s *Stack) arp(b []byte) (reply []byte) {
	if len(b) < arpLength || !s.has4() {
		return nil
	}
	h := (*[arpLength]byte)(b)
	operation := h[7]
	for i, want := range arpPrefix {
		if h[i] != want {
			return nil
		}
	}
	mac := (*[6]byte)(h[8:])
	from := s.own4
	copy(from[12:], h[24:])
	if !ip.Same(&from, &s.own4) || h[8]&1 != 0 {
		return nil
	}
	copy(from[12:], h[14:18])
	if operation != arpRequest && operation != arpReply {
		return nil
	}
	if unicast(&from) && !s.mine(&from) {
		s.learn(&from, mac)
	}
	if operation == arpRequest {
		return s.sendARP(arpReply, mac, (*[4]byte)(h[14:]))
	}
	return nil
}

func (s *Stack) ask4(a *[16]byte) []byte {
	return s.sendARP(arpRequest, &broadcast, (*[4]byte)(a[12:]))
}

func (s *Stack) sendARP(operation uint8, mac *[6]byte, target *[4]byte) []byte {
	h := (*[arpLength]byte)(s.Buffer[header:])
	copy(h[:], arpPrefix[:])
	h[7] = operation
	copy(h[8:], s.MAC[:])
	copy(h[14:], s.IPv4[:])
	copy(h[18:], mac[:])
	copy(h[24:], target[:])
	return s.frame(mac, typeARP, arpLength)
}

func (s *Stack) discovery(p *ip.Packet) (reply []byte) {
	b := p.Payload
	if len(b) < neighbourLength || p.Hops != linkHops || b[1] != 0 || !p.IntactICMPv6() {
		return nil
	}
	target := (*[16]byte)(b[8:])
	switch b[0] {
	case neighbourSolicitation:
		if !ip.Same(target, &s.own6) {
			return nil
		}
		if zero(&p.Source) {
			// Another node is about to take this address: tell everyone.
			return s.advertise(&allNodes, &allNodesMAC, overrideFlag)
		}
		mac := option(b[neighbourLength:], optionSourceMAC)
		if mac != nil {
			s.learn(&p.Source, mac)
		} else if n := s.find(&p.Source); n != nil {
			mac = &n.mac
		} else {
			return nil
		}
		return s.advertise(&p.Source, mac, overrideFlag|solicitedFlag)
	case neighbourAdvert:
		mac := option(b[neighbourLength:], optionTargetMAC)
		if mac != nil && target[0] != 0xff && !ip.Same(target, &s.own6) {
			s.learn(target, mac)
		}
	}
	return nil
}

// option returns the hardware address in the option of a kind, or nil.
//
//go:noinline
func option(b []byte, kind uint8) *[6]byte {
	for len(b) >= optionLength && b[1] != 0 {
		n := int(b[1]) * optionLength
		if n > len(b) {
			return nil
		}
		if b[0] == kind && n == optionLength && b[2]&1 == 0 {
			return (*[6]byte)(b[2:])
		}
		b = b[n:]
	}
	return nil
}

func (s *Stack) advertise(to *[16]byte, mac *[6]byte, flags uint8) []byte {
	return s.sendNeighbour(neighbourAdvert, flags, optionTargetMAC, &s.own6, to, mac)
}

func (s *Stack) ask6(a *[16]byte) []byte {
	group := solicited(a)
	mac := [6]byte{0x33, 0x33, group[12], group[13], group[14], group[15]}
	return s.sendNeighbour(neighbourSolicitation, 0, optionSourceMAC, a, &group, &mac)
}

func (s *Stack) sendNeighbour(kind, flags, optionKind uint8, target, to *[16]byte, mac *[6]byte) []byte {
	const length = neighbourLength + optionLength
	p := ip.Packet{Source: s.own6, Target: *to, Protocol: ip.ProtocolICMPv6, Hops: linkHops}
	at := p.PutHeader(s.Buffer[header:], length)
	b := (*[length]byte)(s.Buffer[header+at:])
	clear(b[:])
	b[0], b[4], b[24], b[25] = kind, flags, optionKind, 1
	copy(b[8:], target[:])
	copy(b[26:], s.MAC[:])
	p.SealICMP(b[:])
	return s.frame(mac, typeIPv6, at+length)
}
