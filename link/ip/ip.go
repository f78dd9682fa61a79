// Package ip reads and writes UDP datagrams in IPv4 and IPv6 packets, the
// least that a device with one address of each needs.
package ip

import (
	"encoding/binary"

	"github.com/femto-containers/femto/link"
)

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
func Parse(b []byte) (p Packet, err Error) {
	if len(b) < v4Header {
		return p, ErrShort
	}
	switch b[0] >> 4 {
	case 4:
		length := int(binary.BigEndian.Uint16(b[2:]))
		header := int(b[0]&15) * 4
		switch {
		case header < v4Header || length < header:
			return p, ErrVersion
		case len(b) < length:
			return p, ErrShort
		case fold(sum(0, b[:header])) != 0xffff:
			return p, ErrChecksum
		case binary.BigEndian.Uint16(b[6:])&0x3fff != 0: // more fragments, or not the first
			return p, ErrFragment
		}
		p.Source, p.Target = Map4(b[12:16]), Map4(b[16:20])
		p.Protocol, p.Hops = b[9], b[8]
		p.Payload = b[header:length:length]
	case 6:
		if len(b) < v6Header {
			return p, ErrShort
		}
		end := v6Header + int(binary.BigEndian.Uint16(b[4:]))
		if len(b) < end {
			return p, ErrShort
		}
		copy(p.Source[:], b[8:])
		copy(p.Target[:], b[24:])
		p.Protocol, p.Hops = b[6], b[7]
		p.Payload = b[v6Header:end:end]
	default:
		return p, ErrVersion
	}
	return p, OK
}

// Map4 returns the IPv4 address in b's first four bytes mapped into IPv6
// (RFC 4291 §2.5.5.2).
func Map4(b []byte) (a [16]byte) {
	a[10], a[11] = 0xff, 0xff
	copy(a[12:], b[:4])
	return a
}

// A Datagram is a UDP datagram with its two ends.
type Datagram struct {
	Source, Target link.Addr
	Payload        []byte // aliases the packet
}

// UDP reads the datagram in p. The checksum may be left out in IPv4 only
// (RFC 8200 §8.1).
func (p *Packet) UDP() (d Datagram, err Error) {
	b := p.Payload
	if p.Protocol != protocolUDP {
		return d, ErrProtocol
	}
	if len(b) < udpHeader {
		return d, ErrShort
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length < udpHeader || length > len(b) {
		return d, ErrShort
	}
	b = b[:length:length]
	if b[6]|b[7] != 0 || !p.is4() {
		if fold(p.pseudo(protocolUDP, b)) != 0xffff {
			return d, ErrChecksum
		}
	}
	d.Source = link.Addr{IP: p.Source, Port: binary.BigEndian.Uint16(b)}
	d.Target = link.Addr{IP: p.Target, Port: binary.BigEndian.Uint16(b[2:])}
	d.Payload = b[udpHeader:]
	if d.Source.Port == 0 {
		return d, ErrPort
	}
	return d, OK
}

// AppendUDP appends the packet that carries d, whose ends are both IPv4 or
// both IPv6, to dst.
func AppendUDP(dst []byte, d *Datagram) []byte {
	p := Packet{Source: d.Source.IP, Target: d.Target.IP, Protocol: protocolUDP, Hops: hopLimit}
	length := udpHeader + len(d.Payload)
	dst = AppendHeader(dst, &p, length)
	at := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, d.Source.Port)
	dst = binary.BigEndian.AppendUint16(dst, d.Target.Port)
	dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	dst = append(dst, 0, 0)
	dst = append(dst, d.Payload...)
	check := ^fold(p.pseudo(protocolUDP, dst[at:]))
	if check == 0 {
		check = 0xffff // 0 would say that there is none
	}
	binary.BigEndian.PutUint16(dst[at+6:], check)
	return dst
}

// AppendHeader appends the header of p, with length bytes to follow, to dst.
func AppendHeader(dst []byte, p *Packet, length int) []byte {
	if p.is4() {
		at := len(dst)
		dst = append(dst, 0x45, 0)
		dst = binary.BigEndian.AppendUint16(dst, uint16(v4Header+length))
		dst = append(dst, 0, 0, 0x40, 0, p.Hops, p.Protocol, 0, 0) // not to be fragmented
		dst = append(dst, p.Source[12:]...)
		dst = append(dst, p.Target[12:]...)
		binary.BigEndian.PutUint16(dst[at+10:], ^fold(sum(0, dst[at:])))
		return dst
	}
	dst = append(dst, 0x60, 0, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	dst = append(dst, p.Protocol, p.Hops)
	dst = append(dst, p.Source[:]...)
	return append(dst, p.Target[:]...)
}

// AppendEcho appends the answer to p to dst if p is an echo request for an
// address that is not a multicast one.
func AppendEcho(dst []byte, p *Packet) []byte {
	b := p.Payload
	is4 := p.is4()
	var request, reply uint8 = 128, 129
	want := uint8(protocolICMPv6)
	if is4 {
		request, reply, want = 8, 0, protocolICMP
	}
	if p.Protocol != want || len(b) < 8 || b[0] != request || b[1] != 0 || p.Target[0] == 0xff {
		return dst
	}
	if is4 && fold(sum(0, b)) != 0xffff || !is4 && !p.ICMPv6Intact() {
		return dst
	}
	answer := Packet{Source: p.Target, Target: p.Source, Protocol: p.Protocol, Hops: hopLimit}
	dst = AppendHeader(dst, &answer, len(b))
	at := len(dst)
	dst = append(dst, reply, 0, 0, 0)
	dst = append(dst, b[4:]...)
	if is4 {
		binary.BigEndian.PutUint16(dst[at+2:], ^fold(sum(0, dst[at:])))
	} else {
		answer.SealICMPv6(dst[at:])
	}
	return dst
}

// ICMPv6Intact reports whether p is an ICMPv6 message with a right checksum.
func (p *Packet) ICMPv6Intact() bool {
	return p.Protocol == protocolICMPv6 && !p.is4() && len(p.Payload) >= 4 &&
		fold(p.pseudo(protocolICMPv6, p.Payload)) == 0xffff
}

// SealICMPv6 writes the checksum of the ICMPv6 message b, whose checksum field
// is zero, that p's header goes before.
func (p *Packet) SealICMPv6(b []byte) {
	binary.BigEndian.PutUint16(b[2:], ^fold(p.pseudo(protocolICMPv6, b)))
}

// ProtocolICMPv6 is the next header of ICMPv6.
const ProtocolICMPv6 = protocolICMPv6

func (p *Packet) is4() bool { return link.Addr{IP: p.Source}.Is4() }

// pseudo sums b and the pseudo-header in front of it. IPv4's and IPv6's sums
// agree on mapped addresses but for the mapping's own ffff, which is zero.
func (p *Packet) pseudo(protocol uint8, b []byte) uint32 {
	s := sum(0, p.Source[:])
	s = sum(s, p.Target[:])
	return sum(s+uint32(protocol)+uint32(len(b)), b)
}

// sum adds b to a sum of 16-bit words (RFC 1071).
func sum(s uint32, b []byte) uint32 {
	for len(b) >= 2 {
		s += uint32(b[0])<<8 | uint32(b[1])
		b = b[2:]
	}
	if len(b) > 0 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	s = s>>16 + s&0xffff
	return uint16(s>>16 + s)
}
