package engine

import "github.com/femto-containers/femto/vm"

// Owner stands for the owner of the device where a tenant's number is asked
// for: the owner's containers may do everything.
const Owner = -1

// AllHooks lets a tenant use every hook.
const AllHooks = ^uint32(0)

// Grant is what the owner lets the containers of a tenant do. What is a share
// if 0 is an equal one among the tenants that have a hook: what the device has,
// divided by their number.
type Grant struct {
	Helpers vm.HelperSet
	Hooks   uint32 // bit i: hook i; or AllHooks
	Budget  int32  // instructions per activation; 0: the hook's. The smaller counts
	Rate    int32  // instructions per second of all its containers; 0: no limit
	Flash   uint32 // bytes of the images of all its containers; 0: as many as containers have
	Trial   uint16 // seconds that a new version has to prove itself; 0: none

	Entries    uint16    // of all its stores and its part of the global one together; 0: a share
	Quota      [3]uint16 // of them, by Scope: in the store of a container, in its own, in its part of the global one; 0: all
	Memory     uint16    // bytes for .data and own stacks of all its containers; 0: a share
	Containers uint8     // places of the table; 0: a share
	Confirm    bool      // a trial without Confirm fails
}

// Everything is the grant that refuses nothing.
func Everything() (g Grant) {
	g.allow()
	return g
}

// allow makes g, which is zero, refuse nothing.
func (g *Grant) allow() {
	g.Hooks = AllHooks
	g.Entries, g.Memory, g.Containers = most, most, MaxTable
	for i := range g.Helpers {
		g.Helpers[i] = ^uint32(0)
	}
}

const most = 1<<16 - 1

// exceeds reports whether n is more than a tenant may have of something: than it
// was granted, or else than an equal share, unless it is kept from before.
//
//go:noinline
func (e *Engine) exceeds(n int, granted uint16, of int, kept bool) bool {
	if granted > 0 {
		return n > int(granted)
	}
	tenants := 0
	for i := range e.config.Tenants {
		if e.config.Tenants[i].Grant.Hooks != 0 {
			tenants++
		}
	}
	return !kept && n > 1 && n*max(1, tenants) > of
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
	added   account // its part of the global store
}

// second is one, in microseconds.
const second = 1_000_000

// affords returns when a container of t may run, which is now or later. What a
// tenant leaves of its rate is kept for one second.
//
//go:noinline
func (t *Tenant) affords(now int64) int64 {
	rate := t.Grant.Rate
	if rate <= 0 {
		return now
	}
	// Beyond that many microseconds the credit is full in any case: what a run
	// spends is below 1<<31 instructions.
	passed := uint32(min(now-t.filled, 1<<31))
	t.filled = now
	t.credit = min(t.credit+int64(uint64(passed)*uint64(uint32(rate))), int64(rate)*second)
	if t.credit > 0 {
		return now
	}
	return now - t.credit/int64(rate) + 1
}

// Dropped returns how many events of its containers found the queue, or their
// share of it, full.
func (t *Tenant) Dropped() uint32 { return t.dropped }

// reset forgets what t has used.
//
//go:noinline
func (t *Tenant) reset() { *t = Tenant{Name: t.Name, Grant: t.Grant} }

// Dismiss forgets what tenant i, which has no containers any more, leaves to
// whoever gets its place: its grant, its store, its part of the global one, and
// what it has used of its rate. i must be a place of the table, as Owner is not.
func (e *Engine) Dismiss(i int) {
	e.Clear(TenantStore(i))
	e.Clear(GlobalStore(i))
	e.config.Tenants[i] = Tenant{}
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
	UnmetGlobal                       // more entries in its part of the global store
	UnmetMemory                       // more bytes for .data and an own stack
	UnmetContainers                   // one container more
	UnmetFlash                        // more bytes of images
)
