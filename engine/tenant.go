package engine

import "github.com/femto-containers/femto/vm"

// Owner stands for the owner of the device where a tenant's number is asked
// for: the owner's containers may do everything.
const Owner = -1

// AllHooks lets a tenant use every hook.
const AllHooks = ^uint32(0)

// Grant is what the owner lets the containers of a tenant do.
type Grant struct {
	Helpers vm.HelperSet
	Hooks   uint32 // bit i: hook i; or AllHooks
	Budget  int32  // instructions per activation; 0: the hook's. The smaller counts
	Rate    int32  // instructions per second of all its containers; 0: no limit
	Trial   uint16 // seconds that a new version has to prove itself; 0: none

	LocalQuota  uint16 // entries in a container's local store; 0: the engine's
	TenantQuota uint16 // entries in the tenant's store; 0: the engine's
	Memory      uint16 // bytes for .data and own stacks of all its containers; 0: no limit
	Containers  uint8  // 0: no limit
	Confirm     bool   // a trial without Confirm fails
}

// Everything is the grant that refuses nothing.
func Everything() (g Grant) {
	g.Hooks = AllHooks
	for i := range g.Helpers {
		g.Helpers[i] = ^uint32(0)
	}
	return g
}

// mayUse reports whether containers may be attached to hook.
func (g *Grant) mayUse(hook int) bool {
	return g.Hooks == AllHooks || g.Hooks>>uint(hook)&1 != 0
}

// Tenant is a signer whom the owner trusts, as the engine sees it. Name and
// Grant may be changed at any time; containers that are installed keep their
// helpers until the next Check.
type Tenant struct {
	Name  string
	Grant Grant

	credit  int64  // what it may still execute, in instructions times microseconds
	filled  int64  // when credit was last added to
	lead    uint32 // how far it is ahead of whose turn it is, see pollSlice
	dropped uint32
	store   account
}

// second is one, in microseconds.
const second = 1_000_000

// affords returns when a container of t may run, which is now or later. What a
// tenant leaves of its rate is kept for one second.
//
//go:noinline
func (t *Tenant) affords(now int64) int64 {
	rate := int64(t.Grant.Rate)
	if rate <= 0 {
		return now
	}
	// Beyond that many microseconds the credit is full in any case: what a run
	// spends is below 1<<31 instructions.
	passed := min(now-t.filled, 1<<31)
	t.filled = now
	t.credit = min(t.credit+passed*rate, rate*second)
	if t.credit > 0 {
		return now
	}
	return now - t.credit/rate + 1
}

// Dropped returns how many events of its containers found the queue, or their
// share of it, full.
func (t *Tenant) Dropped() uint32 { return t.dropped }

// reset forgets what t has used.
//
//go:noinline
func (t *Tenant) reset() { *t = Tenant{Name: t.Name, Grant: t.Grant} }

// Dismiss forgets what tenant i, which has no containers any more, leaves to
// whoever gets its place: its store, and what it has used of its rate. i
// must be a place of the table, as Owner is not.
func (e *Engine) Dismiss(i int) {
	e.Clear(TenantStore(i))
	e.config.Tenants[i].reset()
}

// Tenant returns tenant i of the table, or nil if there is none. Tenant(Owner)
// is the owner.
//
//go:noinline
func (e *Engine) Tenant(i int) *Tenant {
	if i == Owner {
		return &e.owner
	}
	if uint(i) >= uint(len(e.config.Tenants)) {
		return nil
	}
	return &e.config.Tenants[i]
}

func (e *Engine) tenantOf(c *Container) *Tenant { return e.tenant(c.tenant) }

// tenant returns the tenant of a number as containers have it.
//
//go:noinline
func (e *Engine) tenant(i uint8) *Tenant {
	if i == none {
		return &e.owner
	}
	return &e.config.Tenants[i]
}

// Unmet says which needs of a container its tenant's grant, its hook or the
// device does not meet.
type Unmet uint16

const (
	UnmetHook       Unmet = 1 << iota // the tenant may not use it, or the contract names another
	UnmetHelpers                      // see CheckError.Helpers
	UnmetStack                        // more bytes than the device's stack has
	UnmetBudget                       // more instructions per activation
	UnmetLocal                        // more entries in the local store
	UnmetTenant                       // more entries in the tenant's store
	UnmetGlobal                       // more entries in the global store
	UnmetMemory                       // more bytes for .data and an own stack
	UnmetContainers                   // one container more
)
