package emulator

import (
	"io"
	"net/netip"
)

// An Attachment makes a device on a serial line one that can be reached over
// UDP.
type Attachment struct {
	bridge *bridge
	done   chan struct{}
}

// Attach joins a UDP address to the serial line on stream, which the Attachment
// closes. The line carries IP packets in SLIP frames; wire, if not nil, is in
// the way of each.
func Attach(stream io.ReadWriteCloser, listen string, wire Wire) (*Attachment, error) {
	if wire == nil {
		wire = perfect{}
	}
	open := func() (io.ReadWriteCloser, error) { return stream, nil }
	line := openSerial("", open, func() error { return nil })
	if _, err := line.connection(); err != nil {
		return nil, err
	}
	b, err := newBridge(listen, line, wire, false)
	if err != nil {
		stream.Close()
		return nil, err
	}
	a := &Attachment{bridge: b, done: make(chan struct{})}
	b.ended = func() { close(a.done) }
	b.start()
	return a, nil
}

// Addr returns the address of the socket that leads to the device.
func (a *Attachment) Addr() netip.AddrPort { return a.bridge.addr() }

// URI returns the device's address, "coap://host:port".
func (a *Attachment) URI() string { return "coap://" + a.Addr().String() }

// Done is closed when the line has ended: it was unplugged, or Close was called.
func (a *Attachment) Done() <-chan struct{} { return a.done }

// Counts returns how many packets went to the device and came from it.
func (a *Attachment) Counts() (to, from int64) { return a.bridge.to.Load(), a.bridge.from.Load() }

// Close ends it.
func (a *Attachment) Close() error {
	a.bridge.close()
	return nil
}
