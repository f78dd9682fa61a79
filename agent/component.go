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
	counter counterID
	hook    uint8
}

// name finds the hook of a component and whether signer may use it.
func (a *Agent) name(c *component, signer int, uuid, name []byte) suit.Reason {
	*c = component{}
	if copy(c.uuid[:], uuid) != len(uuid) || len(uuid) != len(c.uuid) || !ValidName(name) {
		return suit.ReasonComponent
	}
	hook := a.engine.FindHook(&c.uuid)
	if hook < 0 {
		return suit.ReasonComponent
	}
	t := a.tenant(signer)
	if !t.mayUse(hook) {
		return suit.ReasonComponentUnauthorised
	}
	c.hook = uint8(hook)
	copy(c.name[:], name)
	if signer != owner { // whose numbers are of the device
		var sum [sha2.Size256]byte
		sha2.Sum256(&sum, c.uuid[:], c.name[:])
		copy(c.counter[:], t.id[:])
		copy(c.counter[keyIDLen:], sum[:])
	}
	return suit.ReasonOK
}

// ValidName reports whether a container may be called name: empty or 1 to 16 of a-z A-Z 0-9 - _ .
func ValidName(name []byte) bool {
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

// place returns where the component's container is, or can be put.
func (a *Agent) place(c *component, signer int) (int, Error) {
	t := a.tenant(signer)
	if i := a.find(c); i >= 0 {
		if int(a.container(i).tenant) != signer {
			return 0, ErrForeign
		}
		return i, OK
	}
	if err := a.countable(c, t); err != OK {
		return 0, err
	}
	if i := a.freePlace(); i >= 0 {
		return i, OK
	}
	return 0, ErrFull
}

// countable reports whether there is a counter for a component, or room for one.
func (a *Agent) countable(c *component, t *Tenant) Error {
	switch {
	case a.findCounter(c.counter[:]) >= 0:
	case a.counters+a.newcomers() >= len(a.c.Counters):
		return ErrCounters
	case a.countersOf(t)+a.newcomers() >= a.mostCounters(t):
		return ErrQuota
	}
	return OK
}

// mostCounters returns how many components a tenant can ever name: what it was
// granted, or else an equal share of what there is beside the owner's counter.
func (a *Agent) mostCounters(t *Tenant) int {
	if t.Counters > 0 {
		return int(t.Counters)
	}
	return max(1, (len(a.c.Counters)-1)/max(1, a.trustedTenants()))
}

// trustedTenants counts the tenants.
//
//go:noinline
func (a *Agent) trustedTenants() int {
	n := 0
	for i := range a.tenants {
		if !a.tenants[i].free() {
			n++
		}
	}
	return n
}
