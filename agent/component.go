package agent

import (
	"github.com/femto-containers/femto/internal/sha2"
	"github.com/femto-containers/femto/suit"
)

// nameLen is the longest name of a container in bytes.
const nameLen = 16

// A component is what a manifest or command names: a container on a hook, by
// the hook's UUID and, where a hook has several containers, a name.
type component struct {
	uuid    [16]byte
	name    [nameLen]byte // zero-padded
	counter [counterIDLen]byte
	hook    uint8
}

// name finds the hook of a component and whether signer may use it.
func (a *Agent) name(c *component, signer int, uuid, name []byte) suit.Reason {
	*c = component{}
	if copy(c.uuid[:], uuid) != len(uuid) || len(uuid) != len(c.uuid) || !validName(name) {
		return suit.ReasonComponent
	}
	hook := a.engine.FindHook(&c.uuid)
	if hook < 0 {
		return suit.ReasonComponent
	}
	if !a.c.Tenants[signer].mayUse(hook) {
		return suit.ReasonComponentUnauthorised
	}
	c.hook = uint8(hook)
	copy(c.name[:], name)
	counterID(&c.counter, &a.c.Tenants[signer].Key, c)
	return suit.ReasonOK
}

// counterID is the identity of a component's counter: the beginning of
// SHA-256(tenant key, hook UUID, padded name).
func counterID(id *[counterIDLen]byte, key *[32]byte, c *component) {
	var sum [sha2.Size256]byte
	sha2.Sum256(&sum, key[:], c.uuid[:], c.name[:])
	copy(id[:], sum[:])
}

// validName reports whether name is empty or 1 to 16 of a-z A-Z 0-9 - _ .
func validName(name []byte) bool {
	for _, b := range name {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-', b == '_', b == '.':
		default:
			return false
		}
	}
	return len(name) <= nameLen
}

// find returns the container of a component, -1 if there is none.
func (a *Agent) find(c *component) int {
	return a.engine.Find(int(c.hook), trimZeros(c.name[:]))
}

// place returns where a component's container is, or can be put.
func (a *Agent) place(c *component, signer int) (int, Error) {
	if !a.roomForCounter(c.counter[:]) {
		return 0, ErrCounters
	}
	if i := a.find(c); i >= 0 {
		if int(a.c.Containers[i].tenant) != signer {
			return 0, ErrForeign
		}
		return i, OK
	}
	if i := a.engine.Free(); i >= 0 {
		return i, OK
	}
	return 0, ErrFull
}
