package author

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/cose"
)

// A Command is an order to one device, other than to install a container.
type Command struct {
	Sequence uint64 // above what its signer has spent; UTC seconds, by convention
	Verb     int    // agent.Verb…
	Device   uuid.UUID
	Hook     uuid.UUID // with Name the component; zero: it is about the device
	Name     string
	Arg      any // nil: the verb takes none
}

// Sign returns the command as it is sent.
func (c *Command) Sign(key PrivateKey) ([]byte, error) {
	component := []any{}
	if c.Hook != uuid.Nil {
		component = append(component, c.Hook[:])
	}
	if c.Name != "" {
		component = append(component, []byte(c.Name))
	}
	order := []any{c.Sequence, c.Verb, component, c.Device[:]}
	if c.Arg != nil {
		order = append(order, c.Arg)
	}
	return SignCommand(key, encode(order))
}

// Trust is a device's trust store: who its owner is, and whom the owner trusts
// with what (docs/spec/trust.md).
type Trust struct {
	_       struct{} `cbor:",toarray"`
	Owner   []byte   // PublicKey.Raw
	Flags   uint64   // agent.Trust…
	Tenants []Tenant
}

// Tenant is one whom an owner trusts. A limit of 0 is none; of Containers, Memory
// and Entries it is a share.
type Tenant struct {
	Name        string       `cbor:"1,keyasint"`
	Keys        [][]byte     `cbor:"2,keyasint"` // PublicKey.Raw: one, or two while they are changed
	ID          []byte       `cbor:"3,keyasint,omitempty"`
	Hooks       Some[[]byte] `cbor:"4,keyasint"` // UUIDs
	Helpers     Some[uint8]  `cbor:"5,keyasint"`
	Budget      uint32       `cbor:"6,keyasint,omitempty"`
	Rate        uint32       `cbor:"7,keyasint,omitempty"`
	Containers  uint8        `cbor:"8,keyasint,omitempty"`
	Memory      uint16       `cbor:"9,keyasint,omitempty"`
	Local       uint16       `cbor:"10,keyasint,omitempty"`
	Store       uint16       `cbor:"11,keyasint,omitempty"`
	Trial       uint16       `cbor:"12,keyasint,omitempty"` // seconds
	Confirm     uint8        `cbor:"13,keyasint,omitempty"`
	Counters    uint8        `cbor:"14,keyasint,omitempty"`
	Spent       uint64       `cbor:"15,keyasint,omitempty"`
	Until       uint64       `cbor:"16,keyasint,omitempty"`
	Development uint8        `cbor:"17,keyasint,omitempty"`
	Flash       uint32       `cbor:"18,keyasint,omitempty"` // bytes of images
	Global      uint16       `cbor:"19,keyasint,omitempty"`
	Entries     uint16       `cbor:"20,keyasint,omitempty"`
}

// Some is a set of things, or all there are.
type Some[T any] struct {
	All  bool
	List []T
}

// MarshalCBOR writes true, or the list.
func (s Some[T]) MarshalCBOR() ([]byte, error) {
	if s.All {
		return encoding.Marshal(true)
	}
	list := make([]any, len(s.List))
	for i := range s.List {
		list[i] = s.List[i]
	}
	return encoding.Marshal(list)
}

// UnmarshalCBOR reads what MarshalCBOR writes.
func (s *Some[T]) UnmarshalCBOR(data []byte) error {
	*s = Some[T]{}
	if len(data) == 1 && data[0] == 0xf5 {
		s.All = true
		return nil
	}
	var list []cbor.RawMessage
	if err := cbor.Unmarshal(data, &list); err != nil {
		return err
	}
	s.List = make([]T, len(list))
	for i := range list {
		if err := cbor.Unmarshal(list[i], &s.List[i]); err != nil {
			return err
		}
	}
	return nil
}

// Sign returns the command that makes t the trust store of a device.
func (t *Trust) Sign(key PrivateKey, sequence uint64, device uuid.UUID) ([]byte, error) {
	document := *t
	document.Tenants = append([]Tenant{}, t.Tenants...) // never null
	c := Command{Sequence: sequence, Verb: agent.VerbTrust, Device: device, Arg: &document}
	return c.Sign(key)
}

// ParseTrust reads a trust store as Sign made it and a device hands it out. It
// does not verify the signature: the device has.
func ParseTrust(message []byte) (*Trust, error) {
	var m cose.Message
	if err := cose.Parse(message, &m); err != 0 {
		return nil, fmt.Errorf("read trust store: %w", err)
	}
	var order struct {
		_         struct{} `cbor:",toarray"`
		Sequence  uint64
		Verb      int
		Component []cbor.RawMessage
		Device    []byte
		Trust     Trust
	}
	if err := cbor.Unmarshal(m.Payload, &order); err != nil {
		return nil, fmt.Errorf("read trust store: %w", err)
	}
	if order.Verb != agent.VerbTrust {
		return nil, errors.New("read trust store: it is another command")
	}
	return &order.Trust, nil
}

// Find returns the tenant called name, nil if there is none.
func (t *Trust) Find(name string) *Tenant {
	for i := range t.Tenants {
		if t.Tenants[i].Name == name {
			return &t.Tenants[i]
		}
	}
	return nil
}

// Revoke takes the tenant called name out, and reports whether there was one.
func (t *Trust) Revoke(name string) bool {
	n := len(t.Tenants)
	t.Tenants = slices.DeleteFunc(t.Tenants, func(tenant Tenant) bool { return tenant.Name == name })
	return len(t.Tenants) < n
}

// Identity is whose containers and counters the tenant's are.
func (t *Tenant) Identity() (id KeyID) {
	if len(t.ID) > 0 {
		copy(id[:], t.ID)
		return id
	}
	if len(t.Keys) > 0 {
		if key, err := ParseRaw(t.Keys[0]); err == nil {
			return key.ID()
		}
	}
	return id
}

// Rotate begins to change the tenant's keys: from now on both are good.
func (t *Tenant) Rotate(next []byte) {
	id := t.Identity()
	t.ID, t.Keys = id[:], [][]byte{t.Keys[0], next}
}

// Retire ends the change: the old key is good no more.
func (t *Tenant) Retire() error {
	if len(t.Keys) < 2 {
		return fmt.Errorf("%s has one key: there is none to retire", t.Name)
	}
	t.Keys = t.Keys[1:]
	return nil
}
