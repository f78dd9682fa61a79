//go:build !windows

package udplink

import (
	"errors"
	"fmt"
	"syscall"
)

// mapError joins ErrRefused to what an ICMP message made of a socket call.
func mapError(err error) error {
	for _, e := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return err
}

// passing reports whether err is about a datagram sent earlier and says nothing
// about the socket.
func passing(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) ||
		errors.Is(err, syscall.ENETUNREACH)
}
