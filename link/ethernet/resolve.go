package ethernet

import (
	"encoding/binary"

	"github.com/femto-containers/femto/link/ip"
)

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
	broadcast = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	allNodes  = [16]byte{0: 0xff, 1: 0x02, 15: 1}
)

// solicited returns the group in which the owner of a is asked for.
func solicited(a *[16]byte) [16]byte {
	return [16]byte{0: 0xff, 1: 0x02, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]}
}

func (s *Stack) arp(b []byte) (reply []byte) {
	if len(b) < arpLength || string(b[:6]) != "\x00\x01\x08\x00\x06\x04" || s.IPv4 == [4]byte{} {
		return nil
	}
	mac, sender, target := b[8:14], b[14:18], b[24:28]
	if string(target) != string(s.IPv4[:]) || mac[0]&1 != 0 {
		return nil
	}
	from := ip.Map4(sender)
	switch binary.BigEndian.Uint16(b[6:]) {
	case arpRequest:
		if unicast(&from) && !s.mine(&from) {
			s.learn(&from, mac)
		}
		return s.sendARP(arpReply, mac, sender)
	case arpReply:
		if unicast(&from) && !s.mine(&from) {
			s.learn(&from, mac)
		}
	}
	return nil
}

func (s *Stack) ask4(a *[16]byte) []byte { return s.sendARP(arpRequest, broadcast[:], a[12:]) }

func (s *Stack) sendARP(operation uint8, mac, target []byte) []byte {
	out := s.begin(mac, typeARP)
	out = append(out, 0, 1, 8, 0, 6, 4, 0, operation)
	out = append(out, s.MAC[:]...)
	out = append(out, s.IPv4[:]...)
	out = append(out, mac...)
	return s.close(append(out, target...))
}

func (s *Stack) discovery(p *ip.Packet) (reply []byte) {
	b := p.Payload
	if len(b) < neighbourLength || p.Hops != linkHops || b[1] != 0 || !p.ICMPv6Intact() {
		return nil
	}
	own := s.IPv6()
	switch b[0] {
	case neighbourSolicitation:
		if string(b[8:24]) != string(own[:]) {
			return nil
		}
		if p.Source == ([16]byte{}) {
			// Another node is about to take this address: tell everyone.
			return s.advertise(&allNodes, []byte{0x33, 0x33, 0, 0, 0, 1}, overrideFlag)
		}
		mac := option(b[neighbourLength:], optionSourceMAC)
		if mac == nil {
			n := s.find(&p.Source)
			if n == nil {
				return nil
			}
			mac = n.mac[:]
		} else {
			s.learn(&p.Source, mac)
		}
		return s.advertise(&p.Source, mac, overrideFlag|solicitedFlag)
	case neighbourAdvert:
		mac := option(b[neighbourLength:], optionTargetMAC)
		target := [16]byte(b[8:24])
		if mac != nil && target[0] != 0xff && target != own {
			s.learn(&target, mac)
		}
	}
	return nil
}

// option returns the hardware address in the option of a kind, or nil.
func option(b []byte, kind uint8) []byte {
	for len(b) >= optionLength && b[1] != 0 {
		n := int(b[1]) * optionLength
		if n > len(b) {
			return nil
		}
		if b[0] == kind && n == optionLength && b[2]&1 == 0 {
			return b[2:8]
		}
		b = b[n:]
	}
	return nil
}

func (s *Stack) advertise(to *[16]byte, mac []byte, flags uint8) []byte {
	own := s.IPv6()
	return s.sendNeighbour(neighbourAdvert, flags, optionTargetMAC, &own, to, mac)
}

func (s *Stack) ask6(a *[16]byte) []byte {
	group := solicited(a)
	mac := [6]byte{0x33, 0x33, group[12], group[13], group[14], group[15]}
	return s.sendNeighbour(neighbourSolicitation, 0, optionSourceMAC, a, &group, mac[:])
}

func (s *Stack) sendNeighbour(kind, flags, optionKind uint8, target, to *[16]byte, mac []byte) []byte {
	p := ip.Packet{Source: s.IPv6(), Target: *to, Protocol: ip.ProtocolICMPv6, Hops: linkHops}
	out := ip.AppendHeader(s.begin(mac, typeIPv6), &p, neighbourLength+optionLength)
	at := len(out)
	out = append(out, kind, 0, 0, 0, flags, 0, 0, 0)
	out = append(out, target[:]...)
	out = append(out, optionKind, 1)
	out = append(out, s.MAC[:]...)
	p.SealICMPv6(out[at:])
	return s.close(out)
}
