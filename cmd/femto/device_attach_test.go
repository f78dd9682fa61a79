//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/udplink"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/link/slip"
)

// openPTY returns the device's end of a pseudo-terminal, raw, and the name of
// the other one.
func openPTY(t *testing.T) (*os.File, string) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { master.Close() })
	return master, fmt.Sprintf("/dev/pts/%d", number)
}

// serve is the firmware of a serial device whose application answers at a UDP
// address: what comes in frames on line goes there, and back.
func serve(line *os.File, device string) error {
	conn, err := net.Dial("udp", device)
	if err != nil {
		return err
	}
	defer conn.Close()
	address := link.IPv4(10, 0, 3, 15, 5683)
	end := slip.Line{IPv4: address.IP, Port: address.Port, Buffer: make([]byte, 2048)}
	end.Decoder.Buffer = make([]byte, 2048)
	answers := slip.Line{IPv4: address.IP, Port: address.Port, Buffer: make([]byte, 2048)}
	client := make(chan link.Addr, 1)
	go func() {
		var peer link.Addr
		b := make([]byte, 2048)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			select {
			case peer = <-client:
			default:
			}
			line.Write(slip.Append(nil, answers.Send(peer, b[:n])))
		}
	}()
	in := bufio.NewReader(line)
	for {
		b, err := in.ReadByte()
		if err != nil {
			return err
		}
		from, datagram, reply := end.Receive(b)
		if reply != nil {
			line.Write(slip.Append(nil, reply))
		}
		if datagram == nil {
			continue
		}
		select {
		case <-client:
		default:
		}
		client <- from
		conn.Write(datagram)
	}
}

// TestAttach has the commands reach a device through a serial port.
func TestAttach(t *testing.T) {
	folder := t.TempDir()
	key, err := author.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(folder, "alice.key")
	if err := key.Save(keyFile); err != nil {
		t.Fatal(err)
	}
	device := background(t, "device", "run", "--listen", "127.0.0.1:0", "--flash", filepath.Join(folder, "flash"), "--trust", keyFile+".pub")
	master, port := openPTY(t)
	go serve(master, strings.TrimPrefix(device, "coap://"))
	uri := background(t, "device", "attach", port, "--listen", "127.0.0.1:0")
	if _, err := udplink.Listen(strings.TrimPrefix(uri, "coap://")); err == nil {
		t.Errorf("nobody listens at %s", uri)
	}

	image := "../../examples/fletcher32/fletcher32.bin"
	for _, args := range [][]string{
		{"device", "info", "-d", uri},
		{"deploy", image, "-d", uri, "--hook", "event", "--key", keyFile},
		{"hook", "fire", "event", "-d", uri, "--ctx-file", "../../examples/fletcher32/input.txt"},
	} {
		var stdout, stderr bytes.Buffer
		if code := Main(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != exitOK {
			t.Fatalf("femto %s exits with %d: %s", strings.Join(args, " "), code, &stderr)
		}
		if args[0] == "hook" && !strings.Contains(stdout.String(), "0x5bac8c3d") {
			t.Errorf("fired over the serial line: %s", &stdout)
		}
	}
}

// background runs a command that prints an address and stays, until the test
// ends.
func background(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		code := Main(ctx, args, strings.NewReader(""), writer, &stderr)
		writer.CloseWithError(fmt.Errorf("exit %d", code))
		ended <- code
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != exitOK {
			t.Errorf("femto %s ends with %d: %s", strings.Join(args, " "), code, &stderr)
		}
	})
	first, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		t.Fatalf("femto %s: %v: %s", strings.Join(args, " "), err, &stderr)
	}
	go io.Copy(io.Discard, reader)
	return strings.TrimSpace(first)
}
