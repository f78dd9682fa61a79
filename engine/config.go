package engine

import "github.com/femto-containers/femto/vm"

// DefaultBudget is the budget of an activation, in instructions, where neither
// the hook nor the grant nor the configuration sets one.
const DefaultBudget = 50_000

// MaxTable is the greatest number of hooks, of containers and of tenants.
const MaxTable = 254

const (
	none  = 255       // no container, no tenant
	never = 1<<63 - 1 // no time
)

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
	first           uint8 // container, or none
	Name            string
	UUID            [16]byte
	Policy          Policy
	ContextWritable bool
	Events          bool   // Poll fires it with what containers Send; one hook has this
	ContextMin      uint16 // bytes; what containers of this hook can rely on
	ContextMax      uint16
	Budget          int32       // instructions per activation; 0: the engine's
	Default         int64       // the result if no container gives one
	Period          int64       // microseconds; Poll fires it each time with {u64 now, u64 firings so far}. 0: never
	Regions         []vm.Region // further memory for its containers, from vm.RegionGrant on

	due   int64 // when Poll fires it next; 0: not known yet
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
	Stack      []byte  // of the running container, unless it is long-running; 512 bytes are usual
	Memory     []byte  // for .data of all containers, and the stacks of long-running ones; below 512 KiB
	Entries    []Entry // for all stores
	Events     []Event // sent and not yet delivered
	Trials     []Trial // versions that others are on trial for; none: no trials
	Line       []byte  // for one line of output
	Helpers    []vm.Helper
	Env        any // for helpers, see Engine.Env

	ImageSize  int   // the longest image in bytes; 0: any
	Budget     int32 // instructions per activation; 0: DefaultBudget
	Quantum    int32 // instructions after which a long-running container gives way; 0: the budget
	FaultLimit uint8 // consecutive faults that detach a container; 0: never

	// Log, if not nil, takes what a container prints. line is valid until it
	// returns. It must not call the engine.
	Log func(c *Container, line []byte)

	// Notify, if not nil, is told what the engine did to a container of its
	// own accord. It must not call the engine.
	Notify func(container int, what Change)
}

// A Change is what Config.Notify is told.
type Change uint8

const (
	Detached  Change = iota // too many faults in a row
	Confirmed               // the trial ended well
	Reverted                // the trial failed; the old version is back
)
