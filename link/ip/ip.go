// Package ip reads and writes UDP datagrams in IPv4 and IPv6 packets, the
// least that a device with one address of each needs.
package ip

import "github.com/femto-containers/femto/link"

// Error says why a packet holds no datagram for this device.
type Error uint8

const (
	OK          Error = iota
	ErrShort          // shorter than its headers say
	ErrVersion        // neither IPv4 nor IPv6, or a malformed header
	ErrFragment       // a part of a packet
	ErrProtocol       // not UDP
	ErrChecksum       // damaged on the way
	ErrPort           // port 0
)

// Error returns the reason in words.
func (e Error) Error() string {
	switch e {
	case OK:
		return "no error"
	case ErrShort:
		return "packet is cut short"
	case ErrVersion:
		return "no IPv4 or IPv6 header"
	case ErrFragment:
		return "packet is a fragment"
	case ErrProtocol:
		return "packet is not UDP"
	case ErrChecksum:
		return "checksum is wrong"
	case ErrPort:
		return "port is 0"
	}
	return "unknown packet error"
}

const (
	v4Header  = 20
	v6Header  = 40
	udpHeader = 8

	protocolICMP   = 1
	protocolUDP    = 17
	protocolICMPv6 = 58

	hopLimit = 64
)

// Overhead is how many bytes longer than its payload the longest packet is.
const Overhead = v6Header + udpHeader

// A Packet is an IP packet without extension headers or options, whose length
// and header checksum are right.
type Packet struct {
	Source, Target [16]byte // IPv4 mapped
	Protocol       uint8    // IPv4's protocol, IPv6's next header
	Hops           uint8    // TTL, or hop limit
	Payload        []byte   // aliases what was parsed
}

// Parse reads b, which may be longer than the packet as Ethernet pads it.
func (p *Packet) Parse(b []byte) Error {
	if len(b) < v4Header {
		return ErrShort
	}
	switch b[0] >> 4 {
	case 4:
		h := (*[v4Header]byte)(b)
		length := int(h[2])<<8 | int(h[3])
		header := int(h[0]&15) * 4
		switch {
		case header < v4Header || length < header:
			return ErrVersion
		case len(b) < length:
			return ErrShort
		case fold(sum(0, b[:header])) != 0xffff:
			return ErrChecksum
		case h[6]&0x3f|h[7] != 0: // more fragments, or not the first
			return ErrFragment
		}
		p.Source, p.Target = mapping, mapping
		copy(p.Source[12:], h[12:16])
		copy(p.Target[12:], h[16:20])
		p.Protocol, p.Hops = h[9], h[8]
		p.Payload = b[header:length:length]
	case 6:
		if len(b) < v6Header {
			return ErrShort
		}
		h := (*[v6Header]byte)(b)
		end := v6Header + (int(h[4])<<8 | int(h[5]))
		if len(b) < end {
			return ErrShort
		}
		copy(p.Source[:], h[8:24])
		copy(p.Target[:], h[24:40])
		p.Protocol, p.Hops = h[6], h[7]
		p.Payload = b[v6Header:end:end]
	default:
		return ErrVersion
	}
	return OK
}

// mapping is IPv4's 0.0.0.0 in IPv6 (RFC 4291 §2.5.5.2).
var mapping = [16]byte{10: 0xff, 11: 0xff}

// Is4 reports whether a is a mapped IPv4 address.
//
//go:noinline
func Is4(a *[16]byte) bool {
	for i, b := range mapping[:12] {
		if a[i] != b {
			return false
		}
	}
	return true
}

// Same compares two addresses, in a tenth of the code that TinyGo makes of ==.
//
//go:noinline
func Same(a, b *[16]byte) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// UDP returns the ports and the payload, which aliases the packet, of the
// datagram in p. The checksum may be left out in IPv4 only (RFC 8200 §8.1).
func (p *Packet) UDP() (source, target uint16, payload []byte, err Error) {
	b := p.Payload
	if p.Protocol != protocolUDP {
		return 0, 0, nil, ErrProtocol
	}
	if len(b) < udpHeader {
		return 0, 0, nil, ErrShort
	}
	h := (*[udpHeader]byte)(b)
	length := int(h[4])<<8 | int(h[5])
	if length < udpHeader || length > len(b) {
		return 0, 0, nil, ErrShort
	}
	b = b[:length:length]
	if h[6]|h[7] != 0 || !Is4(&p.Source) {
		if p.sum(b) != 0xffff {
			return 0, 0, nil, ErrChecksum
		}
	}
	source, target = uint16(h[0])<<8|uint16(h[1]), uint16(h[2])<<8|uint16(h[3])
	if source == 0 {
		return 0, 0, nil, ErrPort
	}
	return source, target, b[udpHeader:], OK
}

// PutUDP writes the packet that carries payload from source to target, both
// IPv4 or both IPv6, to b and returns its length, or 0 if b is too short.
func PutUDP(b []byte, source, target *link.Addr, payload []byte) int {
	if len(b) < Overhead+len(payload) {
		return 0
	}
	p := Packet{Source: source.IP, Target: target.IP, Protocol: protocolUDP, Hops: hopLimit}
	n := udpHeader + len(payload)
	at := p.PutHeader(b, n)
	b = b[at : at+n]
	h := (*[udpHeader]byte)(b)
	h[0], h[1] = byte(source.Port>>8), byte(source.Port)
	h[2], h[3] = byte(target.Port>>8), byte(target.Port)
	h[4], h[5] = byte(n>>8), byte(n)
	h[6], h[7] = 0, 0
	copy(b[udpHeader:], payload)
	check := ^p.sum(b)
	if check == 0 {
		check = 0xffff // 0 would say that there is none
	}
	h[6], h[7] = byte(check>>8), byte(check)
	return at + n
}

// PutHeader writes the header of p, with n bytes to follow, to b, which is long
// enough, and returns the header's length.
func (p *Packet) PutHeader(b []byte, n int) int {
	if Is4(&p.Source) {
		h := (*[v4Header]byte)(b)
		n += v4Header
		clear(h[:])
		h[0], h[6] = 0x45, 0x40 // never fragment
		h[2], h[3], h[8], h[9] = byte(n>>8), byte(n), p.Hops, p.Protocol
		copy(h[12:], p.Source[12:])
		copy(h[16:], p.Target[12:])
		check := ^fold(sum(0, h[:]))
		h[10], h[11] = byte(check>>8), byte(check)
		return v4Header
	}
	h := (*[v6Header]byte)(b)
	h[0], h[1], h[2], h[3] = 0x60, 0, 0, 0
	h[4], h[5], h[6], h[7] = byte(n>>8), byte(n), p.Protocol, p.Hops
	copy(h[8:], p.Source[:])
	copy(h[24:], p.Target[:])
	return v6Header
}

// PutEcho writes the answer to p to b and returns its length, if p is an echo
// request to an address that is no group's and b is long enough, otherwise 0.
func (p *Packet) PutEcho(b []byte) int {
	message := p.Payload
	var request, reply, protocol uint8 = 128, 129, protocolICMPv6
	if Is4(&p.Source) {
		request, reply, protocol = 8, 0, protocolICMP
	}
	if p.Protocol != protocol || len(message) < 8 || message[0] != request || message[1] != 0 ||
		p.Target[0] == 0xff || len(b) < v6Header+len(message) || p.icmp(message) != 0xffff {
		return 0
	}
	answer := Packet{Source: p.Target, Target: p.Source, Protocol: protocol, Hops: hopLimit}
	at := answer.PutHeader(b, len(message))
	b = b[at : at+len(message)]
	copy(b, message)
	b[0] = reply
	answer.SealICMP(b)
	return at + len(b)
}

// IntactICMPv6 reports whether p is an ICMPv6 message with a right checksum.
func (p *Packet) IntactICMPv6() bool {
	return p.Protocol == protocolICMPv6 && !Is4(&p.Source) && p.icmp(p.Payload) == 0xffff
}

// SealICMP writes the checksum of the ICMP message b, of 4 bytes at least, that
// p's header goes before.
func (p *Packet) SealICMP(b []byte) {
	b[2], b[3] = 0, 0
	check := ^p.icmp(b)
	b[2], b[3] = byte(check>>8), byte(check)
}

// ProtocolICMPv6 is the next header of ICMPv6.
const ProtocolICMPv6 = protocolICMPv6

// icmp sums an ICMP message, which is over the pseudo-header in IPv6 only.
func (p *Packet) icmp(b []byte) uint16 {
	if p.Protocol == protocolICMP {
		return fold(sum(0, b))
	}
	return p.sum(b)
}

// sum sums b and the pseudo-header in front of it. IPv4's and IPv6's sums agree
// on mapped addresses but for the mapping's own ffff, which counts as zero.
func (p *Packet) sum(b []byte) uint16 {
	s := sum(0, p.Source[:])
	s = sum(s, p.Target[:])
	return fold(sum(s+uint32(p.Protocol)+uint32(len(b)), b))
}

// sum adds b to a sum of 16-bit words (RFC 1071).
//
//go:noinline
func sum(s uint32, b []byte) uint32 {
	for i, c := range b {
		if i&1 == 0 {
			s += uint32(c) << 8
		} else {
			s += uint32(c)
		}
	}
	return s
}

func fold(s uint32) uint16 {
	s = s>>16 + s&0xffff
	return uint16(s>>16 + s)
}
