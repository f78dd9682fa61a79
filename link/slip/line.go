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
	packet := l.Decoder.Feed(b)
	if packet == nil {
		return from, nil, nil
	}
	p, err := ip.Parse(packet)
	if err != ip.OK || (p.Target != l.IPv4 && p.Target != l.IPv6) {
		return from, nil, nil
	}
	d, err := p.UDP()
	if err == ip.ErrProtocol && len(packet) <= len(l.Buffer) {
		if out := ip.AppendEcho(l.Buffer[:0], &p); len(out) > 0 {
			reply = out
		}
		return from, nil, reply
	}
	if err != ip.OK || d.Target.Port != l.Port {
		return from, nil, nil
	}
	d.Source.Zone = l.Zone
	return d.Source, d.Payload, nil
}

// Send returns the packet, in Buffer, that carries datagram to a peer, or nil
// if it would be longer than Buffer.
func (l *Line) Send(to link.Addr, datagram []byte) []byte {
	if len(datagram)+ip.Overhead > len(l.Buffer) {
		return nil
	}
	source := l.IPv6
	if to.Is4() {
		source = l.IPv4
	}
	return ip.AppendUDP(l.Buffer[:0], &ip.Datagram{
		Source:  link.Addr{IP: source, Port: l.Port},
		Target:  to,
		Payload: datagram,
	})
}
