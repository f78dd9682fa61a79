package emulator

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/link/ethernet"
	"github.com/femto-containers/femto/link/ip"
)

// A bridge joins a UDP socket of the host to the device's line. On the line
// there is one host, whose every port stands for one client of the socket.
type bridge struct {
	socket *net.UDPConn
	line   line
	wire   Wire
	stack  ethernet.Stack // answers the device's questions for the host's address
	host   link.Addr
	device link.Addr

	ended func() // called when the line has ended; may be nil

	to, from atomic.Int64

	mu      sync.Mutex
	clients map[netip.AddrPort]uint16
	ports   map[uint16]netip.AddrPort
	next    uint16
	lines   sync.Mutex // one packet at a time onto the line
	done    sync.WaitGroup
}

const (
	devicePort = 5683
	firstPort  = 40000
	clientsMax = 1024
)

// hostMAC is locally administered.
var hostMAC = [6]byte{0x52, 0x54, 0, 0xfe, 0x30, 0x02}

func newBridge(listen string, l line, wire Wire, v6 bool) (*bridge, error) {
	address, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		return nil, err
	}
	socket, err := net.ListenUDP("udp", address)
	if err != nil {
		return nil, err
	}
	b := &bridge{socket: socket, line: l, wire: wire, next: firstPort,
		clients: map[netip.AddrPort]uint16{}, ports: map[uint16]netip.AddrPort{}}
	b.stack = ethernet.Stack{MAC: hostMAC, IPv4: [4]byte{10, 0, 2, 2},
		Neighbours: make([]ethernet.Neighbour, 4), Buffer: make([]byte, ethernet.MaxFrame)}
	b.stack.Init()
	peer := ethernet.Stack{MAC: deviceMAC}
	peer.Init()
	switch {
	case v6 && l.ethernet():
		b.host, b.device = link.Addr{IP: b.stack.IPv6()}, link.Addr{IP: peer.IPv6()}
	case v6:
		b.host, b.device = link.Addr{IP: [16]byte{0: 0xfe, 1: 0x80, 15: 1}}, link.Addr{IP: [16]byte{0: 0xfe, 1: 0x80, 15: 2}}
	case l.ethernet():
		b.host, b.device = link.IPv4(10, 0, 2, 2, 0), link.IPv4(10, 0, 2, 15, 0)
	default:
		b.host, b.device = link.IPv4(10, 0, 3, 2, 0), link.IPv4(10, 0, 3, 15, 0)
	}
	b.device.Port = devicePort
	return b, nil
}

func (b *bridge) addr() netip.AddrPort { return b.socket.LocalAddr().(*net.UDPAddr).AddrPort() }

func (b *bridge) start() {
	b.done.Add(2)
	go func() { defer b.done.Done(); b.inbound() }()
	go func() {
		defer b.done.Done()
		b.outbound()
		if b.ended != nil {
			b.ended()
		}
	}()
}

func (b *bridge) close() {
	b.socket.Close()
	b.line.close()
	b.done.Wait()
}

// inbound takes datagrams of clients to the device.
func (b *bridge) inbound() {
	buffer := make([]byte, 65536)
	for {
		n, client, err := b.socket.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n+ethernet.Overhead > ethernet.MaxFrame {
			continue // the socket reports what became of earlier datagrams
		}
		source := b.host
		source.Port = b.portOf(client)
		packet := make([]byte, n+ip.Overhead)
		b.send(b.frame(packet[:ip.PutUDP(packet, &source, &b.device, buffer[:n])]))
	}
}

// frame puts a packet into a frame to the device, on an Ethernet.
func (b *bridge) frame(packet []byte) []byte {
	if !b.line.ethernet() {
		return packet
	}
	kind := []byte{0x08, 0x00}
	if !b.device.Is4() {
		kind = []byte{0x86, 0xdd}
	}
	frame := slices.Concat(deviceMAC[:], hostMAC[:], kind, packet)
	for len(frame) < ethernet.MinFrame {
		frame = append(frame, 0)
	}
	return frame
}

func (b *bridge) send(packet []byte) {
	b.to.Add(1)
	b.wire.Carry(true, packet, func(packet []byte) {
		b.lines.Lock()
		defer b.lines.Unlock()
		b.line.write(packet) // lost if the device is not there
	})
}

// outbound takes what the device sends to the clients.
func (b *bridge) outbound() {
	for {
		packet, err := b.line.read()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !b.line.ethernet() {
				return
			}
			continue
		}
		b.from.Add(1)
		b.wire.Carry(false, slices.Clone(packet), b.receive)
	}
}

func (b *bridge) receive(packet []byte) {
	if b.line.ethernet() {
		b.mu.Lock()
		_, _, reply := b.stack.Receive(packet)
		reply = slices.Clone(reply)
		b.mu.Unlock()
		if reply != nil {
			b.send(reply)
			return
		}
		if len(packet) < 14 {
			return
		}
		packet = packet[14:]
	}
	var p ip.Packet
	if p.Parse(packet) != ip.OK || p.Source != b.device.IP || p.Target != b.host.IP {
		return
	}
	source, target, payload, err := p.UDP()
	if err != ip.OK || source != b.device.Port {
		return
	}
	b.mu.Lock()
	client, ok := b.ports[target]
	b.mu.Unlock()
	if ok {
		b.socket.WriteToUDPAddrPort(payload, client)
	}
}

// portOf returns the port that stands for a client on the line.
func (b *bridge) portOf(client netip.AddrPort) uint16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if port, ok := b.clients[client]; ok {
		return port
	}
	port := b.next
	b.next++
	if b.next == firstPort+clientsMax {
		b.next = firstPort
	}
	delete(b.clients, b.ports[port])
	b.clients[client], b.ports[port] = port, client
	return port
}
