// Package link names the peers of a device and carries datagrams to them.
package link

// An Addr names a peer: an IPv6 address, or an IPv4 address mapped into one
// (::ffff:a.b.c.d), with a port and, for a link-local address, the zone
// (interface number). Addresses compare with ==. A link with one peer, such as
// a serial line, uses the zero Addr.
type Addr struct {
	IP   [16]byte
	Port uint16
	Zone uint16
}

// IPv4 returns the Addr of a.b.c.d, mapped as RFC 4291 §2.5.5.2 does.
func IPv4(a, b, c, d byte, port uint16) Addr {
	return Addr{IP: [16]byte{10: 0xff, 11: 0xff, 12: a, 13: b, 14: c, 15: d}, Port: port}
}

// Is4 reports whether a is an IPv4 address.
func (a Addr) Is4() bool {
	for _, b := range a.IP[:10] {
		if b != 0 {
			return false
		}
	}
	return a.IP[10] == 0xff && a.IP[11] == 0xff
}
