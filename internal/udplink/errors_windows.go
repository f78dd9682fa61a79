package udplink

import (
	"errors"
	"fmt"
	"syscall"
)

const (
	wsaeMsgSize     = syscall.Errno(10040)
	wsaeNetUnreach  = syscall.Errno(10051)
	wsaeNetReset    = syscall.Errno(10052) // TTL expired
	wsaeConnReset   = syscall.Errno(10054) // port unreachable
	wsaeConnRefused = syscall.Errno(10061)
	wsaeHostUnreach = syscall.Errno(10065)
)

// mapError joins ErrRefused to what an ICMP message made of a socket call.
func mapError(err error) error {
	for _, e := range []error{wsaeNetUnreach, wsaeConnReset, wsaeConnRefused, wsaeHostUnreach} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return err
}

// passing reports whether err is about a datagram sent or received earlier and
// says nothing about the socket. Windows reports those on unconnected sockets
// too.
func passing(err error) bool {
	for _, e := range []error{wsaeMsgSize, wsaeNetUnreach, wsaeNetReset, wsaeConnReset, wsaeHostUnreach} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
