package slip

import (
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/link/ip"
)

// A Line is the device's end of a serial line that carries IPv4 and IPv6
// packets. The firmware sets the exported fields up and hands every byte that
// comes in to Receive. It is not safe for concurrent use and allocates nothing.
type Line struct {
	IPv4, IPv6 [16]byte // own addresses, IPv4 mapped
	Port       uint16   // of UDP; datagrams for other ports are dropped
	Zone       uint16   // of the addresses of peers
	Decoder    Decoder
	Buffer     []byte // for one outgoing packet
}

// Receive takes a byte. If it ends a packet with a datagram for Port, datagram
// is that, not nil, and valid until the next call. If it ends a packet that
// asks for an answer, reply is the packet to send, in Buffer.
func (l *Line) Receive(b byte) (from link.Addr, datagram, reply []byte) {
	datagram, reply = l.ReceiveFrom(&from, b)
	return from, datagram, reply
}

// ReceiveFrom is Receive that writes the sender of a datagram to from, which
// takes less code where addresses are kept in memory.
func (l *Line) ReceiveFrom(from *link.Addr, b byte) (datagram, reply []byte) {
	packet := l.Decoder.Feed(b)
	if packet == nil {
		return nil, nil
	}
	var p ip.Packet
	if p.Parse(packet) != ip.OK || !ip.Same(&p.Target, &l.IPv4) && !ip.Same(&p.Target, &l.IPv6) {
		return nil, nil
	}
	source, target, payload, err := p.UDP()
	if err == ip.ErrProtocol {
		if n := p.PutEcho(l.Buffer); n > 0 {
			reply = l.Buffer[:n]
		}
		return nil, reply
	}
	if err != ip.OK || target != l.Port {
		return nil, nil
	}
	from.IP, from.Port, from.Zone = p.Source, source, l.Zone
	return payload, nil
}

// Send returns the packet, in Buffer, that carries datagram to a peer, or nil
// if it would be longer than Buffer.
func (l *Line) Send(to link.Addr, datagram []byte) []byte { return l.SendTo(&to, datagram) }

// SendTo is Send with the address in memory, which takes less code.
func (l *Line) SendTo(to *link.Addr, datagram []byte) []byte {
	source := link.Addr{IP: l.IPv6, Port: l.Port}
	if ip.Is4(&to.IP) {
		source.IP = l.IPv4
	}
	n := ip.PutUDP(l.Buffer, &source, to, datagram)
	if n == 0 {
		return nil
	}
	return l.Buffer[:n]
}
