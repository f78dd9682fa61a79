package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/internal/fileflash"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/link/ethernet"
	"github.com/femto-containers/femto/link/slip"
)

// A fakeWire is an Ethernet with a device on it that answers every datagram
// with the same bytes, in brackets.
type fakeWire struct {
	device ethernet.Stack
	out    chan []byte
	down   chan struct{}
}

func newFakeWire() *fakeWire {
	f := &fakeWire{out: make(chan []byte, 64), down: make(chan struct{})}
	f.device = ethernet.Stack{MAC: deviceMAC, IPv4: [4]byte{10, 0, 2, 15}, Port: devicePort,
		Neighbours: make([]ethernet.Neighbour, 2), Buffer: make([]byte, ethernet.MaxFrame)}
	f.device.Init()
	return f
}

func (f *fakeWire) arguments() []string { return nil }
func (f *fakeWire) ethernet() bool      { return true }

func (f *fakeWire) read() ([]byte, error) {
	select {
	case b := <-f.out:
		return b, nil
	case <-f.down:
		return nil, net.ErrClosed
	}
}

func (f *fakeWire) write(frame []byte) error {
	from, datagram, reply := f.device.Receive(frame)
	if datagram != nil {
		reply = f.device.Send(from, fmt.Appendf(nil, "[%s]", datagram))
	}
	if reply != nil {
		f.out <- bytes.Clone(reply)
	}
	return nil
}

func (f *fakeWire) close() error {
	close(f.down)
	return nil
}

// ask sends a datagram and returns the answer.
func ask(t *testing.T, conn net.Conn, text string) string {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 2048)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestBridge has several clients of one device, each of whom gets its own
// answers.
func TestBridge(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		t.Run(fmt.Sprintf("IPv6 %v", v6), func(t *testing.T) {
			wire := newFakeWire()
			b, err := newBridge("127.0.0.1:0", wire, perfect{}, v6)
			if err != nil {
				t.Fatal(err)
			}
			b.start()
			defer b.close()
			var clients []net.Conn
			for range 3 {
				clients = append(clients, dial(t, b.addr().String()))
			}
			for round := range 3 {
				for i, client := range clients {
					text := fmt.Sprintf("client %d, round %d", i, round)
					if got := ask(t, client, text); got != "["+text+"]" {
						t.Errorf("got %q for %q", got, text)
					}
				}
			}
			if to, from := b.to.Load(), b.from.Load(); to != 9 || from != 9 {
				t.Errorf("%d packets to the device and %d from it", to, from)
			}
		})
	}
}

// TestBridgeAnswersARP is the device asking for the host before it answers.
func TestBridgeAnswersARP(t *testing.T) {
	wire := newFakeWire()
	b, err := newBridge("127.0.0.1:0", wire, perfect{}, false)
	if err != nil {
		t.Fatal(err)
	}
	b.start()
	defer b.close()
	wire.out <- bytes.Clone(wire.device.Send(link.IPv4(10, 0, 2, 2, firstPort), nil))
	for end := time.Now().Add(5 * time.Second); b.to.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no answer")
		}
	}
}

// pipe is a serial line between a host and a device.
type pipe struct {
	io.Reader
	io.Writer
	closers []io.Closer
}

func (p pipe) Close() error {
	for _, c := range p.closers {
		c.Close()
	}
	return nil
}

func TestAttach(t *testing.T) {
	toDevice, hostWrites := io.Pipe()
	hostReads, fromDevice := io.Pipe()
	go func() { // the device
		line := slip.Line{IPv4: link.IPv4(10, 0, 3, 15, 0).IP, Port: devicePort,
			Decoder: slip.Decoder{Buffer: make([]byte, 512)}, Buffer: make([]byte, 512)}
		b := make([]byte, 1)
		for {
			if _, err := toDevice.Read(b); err != nil {
				return
			}
			if from, datagram, _ := line.Receive(b[0]); datagram != nil {
				fromDevice.Write(slip.Append([]byte("noise\xc0"), line.Send(from, fmt.Appendf(nil, "[%s]", datagram))))
			}
		}
	}()
	a, err := Attach(pipe{hostReads, hostWrites, []io.Closer{hostReads, hostWrites}}, "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	conn := dial(t, strings.TrimPrefix(a.URI(), "coap://"))
	for _, text := range []string{"hello", "\xc0\xdb", ""} {
		if got := ask(t, conn, text); got != "["+text+"]" {
			t.Errorf("got %q for %q", got, text)
		}
	}
	fromDevice.Close() // unplugged
	select {
	case <-a.Done():
	case <-time.After(5 * time.Second):
		t.Error("the end of the line went unnoticed")
	}
}

func TestLossy(t *testing.T) {
	count := func(seed uint64) (delivered []int) {
		l := &Lossy{Loss: 0.2, Duplicate: 0.1, Seed: seed}
		for i := range 1000 {
			l.Carry(true, []byte{byte(i)}, func([]byte) { delivered = append(delivered, i) })
		}
		return delivered
	}
	first, again, other := count(1), count(1), count(2)
	if fmt.Sprint(first) != fmt.Sprint(again) || fmt.Sprint(first) == fmt.Sprint(other) {
		t.Error("the seed does not decide")
	}
	if n := len(first); n < 820 || n > 940 { // 1000 * 0.8 * 1.1 = 880
		t.Errorf("%d of 1000 packets came, with doubles", n)
	}

	order := make(chan byte, 2)
	deliver := func(b []byte) { order <- b[0] }
	(&Lossy{Reorder: 1}).Carry(true, []byte{1}, deliver)
	(&Lossy{}).Carry(true, []byte{2}, deliver)
	if first, second := <-order, <-order; first != 2 || second != 1 {
		t.Errorf("order %d, %d", first, second)
	}
}

func TestConsole(t *testing.T) {
	var out bytes.Buffer
	c := newConsole(&out, "")
	fmt.Fprint(c, "femto is ")
	select {
	case <-c.up:
		t.Fatal("up too early")
	default:
	}
	fmt.Fprint(c, "up\n"+strings.Repeat("x", 2*recentSize))
	<-c.up
	if len(c.tail()) != recentSize || !strings.HasPrefix(out.String(), "femto is up\n") {
		t.Errorf("tail of %d bytes, output %.20q", len(c.tail()), out.String())
	}
	fmt.Fprint(&c.errors, "Timer with period zero, disabling\nno such machine\n")
	if got := c.errors.text(); got != "no such machine" {
		t.Errorf("errors %q", got)
	}
}

// TestFlashInUse has a second device ask for the flash of a first.
func TestFlashInUse(t *testing.T) {
	folder := t.TempDir()
	first, second := &Device{config: Config{Folder: folder}}, &Device{config: Config{Folder: folder}}
	defer first.Close()
	defer second.Close()
	if err := first.provision(); err != nil {
		t.Fatal(err)
	}
	if err := second.provision(); runtime.GOOS != "windows" && !errors.Is(err, fileflash.ErrInUse) {
		t.Errorf("got %v, want %v", err, fileflash.ErrInUse)
	}
	first.Close()
	third := &Device{config: Config{Folder: folder}}
	defer third.Close()
	if err := third.provision(); err != nil {
		t.Errorf("after the first was closed: %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{Board: "toaster"}, "lm3s6965"},
		{Config{Board: "lm3s6965", Firmware: "none.elf"}, ""},
	} {
		d, err := Start(t.Context(), test.config)
		if err == nil {
			d.Close()
			t.Errorf("%+v started", test.config)
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v does not tell of %q", err, test.want)
		}
	}
}
