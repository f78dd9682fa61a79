// Package engine hosts containers: it attaches them to hooks, runs them when a
// hook fires, and accounts for what they do.
package engine

import "github.com/femto-containers/femto/vm"

// DefaultBudget is the budget of an activation, in instructions, where neither
// the hook nor the grant nor the configuration sets one.
const DefaultBudget = 50_000

// MaxTable is the greatest number of hooks and of containers.
const MaxTable = 254

const none = 255 // no container

// Policy says how the results of several containers on a hook combine.
type Policy uint8

// After a container that did not fault, the next one of the hook runs:
const (
	Continue       Policy = iota // always
	StopOnNegative               // unless the result is below zero
	StopOnPositive               // unless the result is above zero
	Single                       // never
)

// Hook is a named point in the firmware where containers run. The firmware
// fills the exported fields before Init and leaves them alone.
type Hook struct {
	Name            string
	UUID            [16]byte
	Policy          Policy
	ContextWritable bool
	ContextMin      uint16 // bytes; what containers of this hook can rely on
	ContextMax      uint16
	Budget          int32       // instructions per activation; 0: the engine's
	Default         int64       // the result if no container gives one
	Regions         []vm.Region // further memory for its containers, from vm.RegionGrant on

	first uint8 // container, or none
	fired uint32
}

// Fired returns how often the hook has fired.
func (h *Hook) Fired() uint32 { return h.fired }

// Fits reports whether a context of n bytes is of the hook's size. Fire leaves
// this to whoever takes contexts from outside.
func (h *Hook) Fits(n int) bool { return n >= int(h.ContextMin) && n <= int(h.ContextMax) }

// Entry is one pair of a store.
type Entry struct{ Key, Value uint32 }

// Config is what an engine works with. The slices are the engine's from Init
// on; their lengths are its capacities.
type Config struct {
	Hooks      []Hook
	Containers []Container
	Tenants    []Tenant
	Stack      []byte  // of the running container; 512 bytes are usual
	Memory     []byte  // for .data of all containers
	Entries    []Entry // for all stores
	Line       []byte  // for one line of output
	Helpers    []vm.Helper
	Env        any // what the firmware's helpers work on; see Engine.Env

	ImageSize  int   // the longest image in bytes; 0: any
	Budget     int32 // instructions per activation; 0: DefaultBudget
	FaultLimit uint8 // consecutive faults that disable a container; 0: never

	LocalQuota  uint16 // entries in one container's local store; 0: as many as there are
	TenantQuota uint16 // entries in one tenant's store; 0: as many as there are
	GlobalQuota uint16 // entries in the global store; 0: as many as there are

	// Log, if not nil, takes what a container prints. line is valid until it
	// returns. It must not call the engine.
	Log func(c *Container, line []byte)
}
