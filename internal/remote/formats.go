// Package remote is a device as the host sees it: its resources as Go calls,
// its answers as Go values.
package remote

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Info is what a device says of itself. Keys are agent.Info….
type Info struct {
	Wire       uint64    `cbor:"1,keyasint" json:"wire"`
	Board      string    `cbor:"2,keyasint" json:"board"`
	Version    string    `cbor:"3,keyasint" json:"version"`
	Vendor     UUID      `cbor:"4,keyasint" json:"vendor"`
	Class      UUID      `cbor:"5,keyasint" json:"class"`
	Manifest   uint64    `cbor:"6,keyasint" json:"manifest_version"`
	Envelope   int       `cbor:"7,keyasint" json:"max_envelope"`
	Image      int       `cbor:"8,keyasint" json:"max_image"`
	Containers Occupancy `cbor:"9,keyasint" json:"containers"`
	Hooks      []Hook    `cbor:"10,keyasint" json:"hooks"`
	Tenants    []Tenant  `cbor:"11,keyasint" json:"tenants"`
	Helpers    []string  `cbor:"12,keyasint" json:"helpers"`
	Uptime     uint64    `cbor:"13,keyasint" json:"uptime_us"`
	DataFree   int       `cbor:"14,keyasint" json:"data_free"`
	Device     UUID      `cbor:"15,keyasint" json:"device"`
	Trust      Ownership `cbor:"16,keyasint" json:"trust"`
	Block      int       `cbor:"17,keyasint" json:"block_size"` // 0: not said
}

// Ownership says whose a device is.
type Ownership struct {
	_      struct{} `cbor:",toarray"`
	Owner  Hex      `json:"owner"`  // the beginning of the key's SHA-256; empty: nobody's
	Number uint64   `json:"number"` // highest that the owner has spent
	Flags  uint64   `json:"flags"`  // agent.InfoClosed, agent.InfoEnrolls, agent.InfoP256
	Nonce  uint64   `json:"nonce"`  // number of the next session of a reader
}

// Occupancy is how many of a fixed number of places are taken.
type Occupancy struct {
	_        struct{} `cbor:",toarray"`
	Used     int      `json:"used"`
	Capacity int      `json:"capacity"`
}

// Hook is a hook as a device offers it.
type Hook struct {
	_        struct{} `cbor:",toarray"`
	Name     string   `json:"name"`
	UUID     UUID     `json:"uuid"`
	Attached int      `json:"attached"`
	Remote   bool     `json:"remote"`
}

// Tenant is a signer that a device trusts.
type Tenant struct {
	_     struct{} `cbor:",toarray"`
	Name  string   `json:"name"`
	KeyID Hex      `json:"key_id"`
}

// Container is one row of a device's list. Keys are agent.List….
type Container struct {
	Name         string `cbor:"1,keyasint" json:"name"`
	Hook         string `cbor:"2,keyasint" json:"hook"`
	Tenant       string `cbor:"3,keyasint" json:"tenant"`
	Digest       Digest `cbor:"4,keyasint" json:"digest"`
	Size         int    `cbor:"5,keyasint" json:"size"`
	Sequence     uint64 `cbor:"6,keyasint" json:"sequence"`
	State        State  `cbor:"7,keyasint" json:"state"`
	Activations  uint64 `cbor:"8,keyasint" json:"activations"`
	Instructions uint64 `cbor:"9,keyasint" json:"instructions"`
	Faults       uint64 `cbor:"10,keyasint" json:"faults"`
	LastFault    Fault  `cbor:"11,keyasint" json:"last_fault"`
	FaultPC      uint32 `cbor:"12,keyasint" json:"fault_pc"`
	FaultAddress uint64 `cbor:"13,keyasint" json:"fault_address"`
	Data         int    `cbor:"14,keyasint" json:"data"`
	Slot         int    `cbor:"15,keyasint" json:"slot"`

	// FaultCalls are the slots to which the local calls return that were open at
	// the last fault, the outermost first; nil: the device does not tell.
	FaultCalls []uint32 `cbor:"16,keyasint" json:"fault_calls"`

	// Position is where in the order of its hook it is, from 1; 0: on no hook, or
	// the device does not tell.
	Position int `cbor:"17,keyasint" json:"position"`
}

// Firing is what a fired hook answers. Keys are agent.Fire….
type Firing struct {
	Value        int64     `cbor:"1,keyasint" json:"value"`
	Ran          int       `cbor:"2,keyasint" json:"ran"`
	Faulted      int       `cbor:"3,keyasint" json:"faulted"`
	Instructions uint64    `cbor:"4,keyasint" json:"instructions"`
	Outcomes     []Outcome `cbor:"5,keyasint" json:"outcomes"`
}

// Outcome is what one container did when its hook fired.
type Outcome struct {
	_            struct{} `cbor:",toarray"`
	Name         string   `json:"name"`
	Value        int64    `json:"value"`
	Fault        Fault    `json:"fault"`
	PC           uint32   `json:"pc"`
	Address      uint64   `json:"address"`
	Instructions uint64   `json:"instructions"`
}

// decode reads data into v, tolerating keys that a newer device adds.
func decode(what string, data []byte, v any) error {
	if err := cbor.Unmarshal(data, v); err != nil {
		return fmt.Errorf("the device's %s is not understood: %w", what, err)
	}
	return nil
}
