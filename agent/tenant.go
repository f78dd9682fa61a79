package agent

import (
	"github.com/femto-containers/femto/engine"
)

// A Tenant is a signer whom the owner trusts with some hooks. The zero Tenant is
// a free place of the table.
type Tenant struct {
	Name  string // at most 16 bytes
	Key   Key
	Next  Key           // one that is as good, while the tenant changes keys; zero: none
	Hooks uint32        // bit i: may use hook i
	Grant *engine.Grant // what its containers may do; nil: everything, within its shares

	Counters uint8 // components that it can ever name; 0: an equal share

	Spent uint64 // numbers up to this one are spent on every component
	Until uint64 // higher numbers are refused; 0: none are

	development bool // keys that a device in production refuses

	name  [nameLen]byte     // zero-padded
	id    [keyIDLen]byte    // whose containers and counters are this tenant's
	keyID [2][keyIDLen]byte // the beginnings of SHA-256(Key) and SHA-256(Next)
}

const (
	keyIDLen   = 8
	maxHooks   = 32 // bits of Tenant.Hooks
	maxTenants = 254
	noTenant   = 255
)

// AllHooks lets a tenant use every hook.
const AllHooks = ^uint32(0)

// owner stands for the owner where a tenant is asked for.
const owner = engine.Owner

func (t *Tenant) mayUse(hook int) bool { return t.Hooks>>uint(hook)&1 != 0 }

// tenant returns who a signer is: a tenant, or the owner.
//
//go:noinline
func (a *Agent) tenant(signer int) *Tenant {
	if signer == owner {
		return &a.owner
	}
	return &a.tenants[signer]
}

// identify computes the identifiers of a tenant's keys. The first one is the
// tenant's own, unless it has another one from the owner.
func (t *Tenant) identify() {
	if t.Name != "" {
		copy(t.name[:], t.Name)
	}
	keyID(&t.keyID[0], &t.Key)
	keyID(&t.keyID[1], &t.Next)
	if blank(t.id[:]) {
		t.id = t.keyID[0]
	}
}

func keyID(id *[keyIDLen]byte, key *Key) {
	digest(id[:], key.bytes())
}

// free reports whether t is a free place of the table.
//
//go:noinline
func (t *Tenant) free() bool { return blank(t.Key[:]) }

// findTenant returns the tenant of an identity, -1 if there is none.
func (a *Agent) findTenant(id []byte) int {
	for i := range a.tenants {
		if t := &a.tenants[i]; !t.free() && same(t.id[:], id) {
			return i
		}
	}
	return -1
}

// clashes reports whether two tenants of the table share an identity or a key:
// then it would be open whose grants count.
func clashes(tenants []Tenant) bool {
	for i := range tenants {
		for k := range tenants[:i] {
			if !tenants[i].free() && !tenants[k].free() && tenants[i].like(&tenants[k]) {
				return true
			}
		}
	}
	return false
}

func (t *Tenant) like(u *Tenant) bool {
	for i := range t.keyID {
		for k := range u.keyID {
			if same(t.keyID[i][:], u.keyID[k][:]) && (i == 0 || !blank(t.Next[:])) {
				return true
			}
		}
	}
	return same(t.id[:], u.id[:])
}

// grant tells the engine what tenant i may do, and reports whether it has room
// for that.
func (a *Agent) grant(i int) bool {
	t, to := &a.tenants[i], a.engine.Tenant(i)
	if to == nil {
		return false
	}
	if t.Grant != nil {
		to.Grant = *t.Grant
	} else {
		to.Grant = engine.Grant{Helpers: engine.Everything().Helpers}
	}
	to.Grant.Hooks = t.Hooks
	return true
}

// A number is UTC seconds when it was signed, by convention. A device has no
// clock, but an owner whose documents are numbered, and knows when it was built.
// A number that is further ahead than horizon is a slip, or a theft: it would
// lock its tenant's later manifests out.
const (
	epoch   = 1_767_225_600 // 2026-01-01
	horizon = 315_360_000   // ten years
)

// admits reports why a tenant may not spend a number at all.
func (a *Agent) admits(t *Tenant, number uint64) Error {
	said := a.sequence(trustCounter[:])
	switch {
	case t.Until > 0 && max(number, said) > t.Until:
		return ErrExpired
	case number > max(said, epoch)+horizon:
		return ErrFuture
	}
	return OK
}
