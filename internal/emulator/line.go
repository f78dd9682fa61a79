package emulator

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/femto-containers/femto/link/ethernet"
	"github.com/femto-containers/femto/link/slip"
)

// A line is how packets get into the emulator and out.
type line interface {
	arguments() []string // for the emulator
	ethernet() bool      // packets are Ethernet frames, else IP packets
	read() ([]byte, error)
	write(packet []byte) error
	close() error
}

func (d *Device) openLine() (line, error) {
	if d.board.serial {
		// The emulator of the Cortex-M board has its console on the first
		// serial port, the link on the second.
		return newSerial(filepath.Join(d.sockets, "line"))
	}
	return newFrames(filepath.Join(d.sockets, "host"), filepath.Join(d.sockets, "device"))
}

// frames is an Ethernet over datagrams of a local socket.
type frames struct {
	socket       *net.UnixConn
	host, device string
	to           *net.UnixAddr
	buffer       [2048]byte
}

// deviceMAC is locally administered.
var deviceMAC = [6]byte{0x52, 0x54, 0, 0xfe, 0x30, 0x01}

func newFrames(host, device string) (*frames, error) {
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: host, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	return &frames{socket: socket, host: host, device: device, to: &net.UnixAddr{Name: device, Net: "unixgram"}}, nil
}

func (f *frames) arguments() []string {
	return []string{
		"-netdev", "dgram,id=wire,local.type=unix,local.path=" + f.device + ",remote.type=unix,remote.path=" + f.host,
		"-net", "nic,netdev=wire,macaddr=" + net.HardwareAddr(deviceMAC[:]).String(),
	}
}

func (f *frames) ethernet() bool { return true }

func (f *frames) read() ([]byte, error) {
	n, err := f.socket.Read(f.buffer[:])
	return f.buffer[:n], err
}

func (f *frames) write(packet []byte) error {
	_, err := f.socket.WriteToUnix(packet, f.to)
	return err
}

func (f *frames) close() error { return f.socket.Close() }

// serial is a serial line: SLIP on a stream, which may have to be waited for.
type serial struct {
	path   string // of the socket that the emulator connects to
	accept func() (io.ReadWriteCloser, error)
	cancel func() error // ends a wait

	mu     sync.Mutex
	stream io.ReadWriteCloser

	decoder slip.Decoder
	pending []byte
	buffer  [4096]byte
}

func newSerial(path string) (*serial, error) {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	accept := func() (io.ReadWriteCloser, error) { return listener.Accept() }
	return openSerial(path, accept, listener.Close), nil
}

func openSerial(path string, accept func() (io.ReadWriteCloser, error), cancel func() error) *serial {
	s := &serial{path: path, accept: accept, cancel: cancel}
	s.decoder.Buffer = make([]byte, ethernet.MaxFrame)
	return s
}

func (s *serial) arguments() []string {
	return []string{"-chardev", "socket,id=line,path=" + s.path, "-serial", "chardev:line"}
}

func (s *serial) ethernet() bool { return false }

// connection waits for the stream.
func (s *serial) connection() (io.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream == nil {
		stream, err := s.accept()
		if err != nil {
			return nil, err
		}
		s.stream = stream
	}
	return s.stream, nil
}

func (s *serial) read() ([]byte, error) {
	stream, err := s.connection()
	if err != nil {
		return nil, err
	}
	for {
		for i, b := range s.pending {
			if packet := s.decoder.Feed(b); packet != nil {
				s.pending = s.pending[i+1:]
				return packet, nil
			}
		}
		n, err := stream.Read(s.buffer[:])
		if err != nil {
			return nil, err
		}
		s.pending = s.buffer[:n]
	}
}

func (s *serial) write(packet []byte) error {
	stream, err := s.connection()
	if err != nil {
		return err
	}
	if conn, ok := stream.(net.Conn); ok {
		conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	}
	_, err = stream.Write(slip.Append(nil, packet))
	return err
}

func (s *serial) close() error {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream != nil {
		return s.stream.Close()
	}
	return nil
}
