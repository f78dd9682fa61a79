// Package udplink carries the datagrams of a link over a UDP socket of the host.
package udplink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/femto-containers/femto/link"
)

// ErrRefused says that the peer's host answered that nobody listens on the
// port, or the network that it cannot reach the host. Only a Conn from Dial
// reports it.
var ErrRefused = errors.New("nobody answers at this address")

// maxDatagram is the largest UDP payload over IPv4.
const maxDatagram = 65507

// A Conn is a UDP socket. Send may be called from several goroutines, Receive
// and Run from one at a time.
type Conn struct {
	socket *net.UDPConn
	peer   netip.AddrPort // of a connected socket
	buf    []byte
}

// Listen opens a socket on "host:port", which gives every address of IPv4 and
// IPv6 for an empty host, and a free port for port 0.
func Listen(address string) (*Conn, error) {
	a, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	socket, err := net.ListenUDP("udp", a)
	if err != nil {
		return nil, err
	}
	return &Conn{socket: socket, buf: make([]byte, maxDatagram)}, nil
}

// Dial opens a socket that exchanges datagrams with one peer only, which lets
// the operating system report that nobody is there.
func Dial(peer link.Addr) (*Conn, error) { return DialFrom(0, peer) }

// DialFrom is Dial from a local port, 0 for any that is free.
func DialFrom(port uint16, peer link.Addr) (*Conn, error) {
	to := AddrPort(peer)
	var from *net.UDPAddr
	if port != 0 {
		from = &net.UDPAddr{Port: int(port)}
	}
	socket, err := net.DialUDP("udp", from, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, mapError(err)
	}
	return &Conn{socket: socket, peer: to, buf: make([]byte, maxDatagram)}, nil
}

// LocalAddr returns the address the socket is bound to.
func (c *Conn) LocalAddr() netip.AddrPort {
	return c.socket.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Close closes the socket. A Receive or Run under way ends with net.ErrClosed.
func (c *Conn) Close() error { return c.socket.Close() }

// Send sends a datagram.
func (c *Conn) Send(to link.Addr, datagram []byte) error {
	var err error
	if c.peer.IsValid() {
		_, err = c.socket.Write(datagram)
		if errors.Is(mapError(err), ErrRefused) {
			// That was the fate of an earlier datagram, reported now.
			_, err = c.socket.Write(datagram)
		}
	} else {
		_, err = c.socket.WriteToUDPAddrPort(datagram, AddrPort(to))
	}
	return mapError(err)
}

// Receive waits for a datagram, which is valid until the next Receive. At the
// time until, if that is not zero, it returns os.ErrDeadlineExceeded, and when
// ctx is done the cause of that.
func (c *Conn) Receive(ctx context.Context, until time.Time) (from link.Addr, datagram []byte, err error) {
	// The deadline is set before ctx is looked at, so that the one of a ctx
	// which ends meanwhile is not overwritten.
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.socket.SetReadDeadline(time.Unix(1, 0))
		close(woken)
	})
	defer func() {
		if !stop() {
			<-woken // lest it ends the next Receive, under another ctx
		}
	}()
	for {
		if err := c.socket.SetReadDeadline(until); err != nil {
			return link.Addr{}, nil, err
		}
		if ctx.Err() != nil {
			return link.Addr{}, nil, context.Cause(ctx)
		}
		n, peer, err := c.socket.ReadFromUDPAddrPort(c.buf)
		switch {
		case err == nil:
			if c.peer.IsValid() {
				peer = c.peer
			}
			return Addr(peer), c.buf[:n], nil
		case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
			return link.Addr{}, nil, context.Cause(ctx)
		case !c.peer.IsValid() && passing(err):
			continue // about some earlier datagram to some other peer
		}
		return link.Addr{}, nil, mapError(err)
	}
}

// A Node is something that datagrams and the passing of time drive, such as a
// coap.Endpoint. Times are microseconds.
type Node interface {
	Deliver(now int64, from link.Addr, datagram []byte)
	Poll(now int64) (next int64)
}

// Clock returns a clock for a Node: microseconds since the call.
func Clock() func() int64 {
	start := time.Now()
	return func() int64 { return time.Since(start).Microseconds() }
}

// Run drives node with what comes in on c, until ctx is done, whose cause it
// returns, or the socket fails. It calls node from this goroutine only.
func (c *Conn) Run(ctx context.Context, node Node, clock func() int64) error {
	for {
		next := node.Poll(clock())
		from, datagram, err := c.Receive(ctx, Until(clock(), next))
		switch {
		case err == nil:
			node.Deliver(clock(), from, datagram)
		case !errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil:
			return err
		}
	}
}

// Until returns the time for Receive at which a Node wants its next Poll: next
// on the clock that now shows, or the zero Time if that is far.
func Until(now, next int64) time.Time {
	const far = 1 << 50
	if next-now > far {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(max(next-now, 0)) * time.Microsecond)
}

// Resolve finds the address of a host, given by name or number.
func Resolve(ctx context.Context, host string, port uint16) (link.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return Addr(netip.AddrPortFrom(ip, port)), nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return link.Addr{}, err
	}
	if len(ips) == 0 {
		return link.Addr{}, fmt.Errorf("no address for %s", host)
	}
	ip := ips[0]
	for _, other := range ips {
		// "localhost" is both, and a program that listens on one of them
		// only mostly takes 127.0.0.1.
		if ip.IsLoopback() && other.Unmap().Is4() {
			ip = other
			break
		}
	}
	return Addr(netip.AddrPortFrom(ip, port)), nil
}

// Addr converts an address of the host. A zone becomes the number of its
// interface, 0 if there is none.
func Addr(a netip.AddrPort) link.Addr {
	return link.Addr{IP: a.Addr().As16(), Port: a.Port(), Zone: zoneNumber(a.Addr().Zone())}
}

// AddrPort converts back.
func AddrPort(a link.Addr) netip.AddrPort {
	ip := netip.AddrFrom16(a.IP).Unmap()
	if a.Zone != 0 {
		ip = ip.WithZone(zoneName(a.Zone))
	}
	return netip.AddrPortFrom(ip, a.Port)
}

func zoneNumber(zone string) uint16 {
	if zone == "" {
		return 0
	}
	if n, err := strconv.ParseUint(zone, 10, 16); err == nil {
		return uint16(n)
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint16(i.Index)
	}
	return 0
}

func zoneName(zone uint16) string {
	if i, err := net.InterfaceByIndex(int(zone)); err == nil {
		return i.Name
	}
	return strconv.Itoa(int(zone))
}
