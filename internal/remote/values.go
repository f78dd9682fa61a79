package remote

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/vm"
)

// UUID is a 16-byte identifier that prints in the usual form.
type UUID [16]byte

func (u UUID) String() string               { return uuid.UUID(u).String() }
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// Hex is bytes that print as hexadecimal digits.
type Hex []byte

func (h Hex) String() string               { return hex.EncodeToString(h) }
func (h Hex) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Digest is the SHA-256 of an image.
type Digest []byte

func (d Digest) String() string               { return "sha256:" + hex.EncodeToString(d) }
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Short is the beginning of the digest, enough to tell images apart by eye.
func (d Digest) Short() string {
	if len(d) > 6 {
		d = d[:6]
	}
	return hex.EncodeToString(d)
}

// State is what a container is doing.
type State agent.State

func (s State) String() string {
	switch agent.State(s) {
	case agent.StateRunning:
		return "running"
	case agent.StateFaulted:
		return "faulted"
	case agent.StateStopped:
		return "stopped"
	case agent.StateTrial:
		return "trial"
	case agent.StateReverted:
		return "reverted"
	case agent.StateInstalled:
		return "installed"
	case agent.StateSuspended:
		return "suspended"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Fault is why the VM stopped a container; 0 is none.
type Fault int8

func (f Fault) String() string {
	if f == 0 {
		return ""
	}
	return vm.Fault(f).Error()
}

// MarshalJSON gives the code and its text, or null.
func (f Fault) MarshalJSON() ([]byte, error) {
	if f == 0 {
		return []byte("null"), nil
	}
	return json.Marshal(map[string]any{"code": int8(f), "text": f.String()})
}
