package engine

import (
	"github.com/femto-containers/femto/vm"
)

// Engine hosts containers. It is one thread's: calls must not overlap.
type Engine struct {
	// What is used most comes first: it takes the shorter instructions.
	used    int   // units of Memory
	queued  int   // Events not delivered
	running uint8 // container, or none
	stack   uint8 // container whose leavings are on the stack, or none
	config  Config
	now     int64
	next    int64 // when Poll wants to be called again
	owner   Tenant
	all     vm.HelperSet // every helper there is
	context [16]byte     // of what Poll fires
	recording
	machine vm.Machine
	saved   int // whose store was Saved last
}

// Init makes e an empty engine. It keeps config's slices, whose contents are
// lost.
//
//go:noinline
func (e *Engine) Init(config *Config) Error {
	*e = Engine{}
	e.config = *config
	config = &e.config
	if len(config.Hooks) > MaxTable || len(config.Containers) > MaxTable || len(config.Tenants) > MaxTable ||
		len(config.Stack) > vm.MaxRegion || len(config.Memory) > unit*0xffff || len(config.Entries) >= int(changed) {
		return ErrConfig
	}
	e.owner.Grant.allow()
	e.running, e.stack = none, none
	hooks, tenants, helpers := config.Hooks, config.Tenants, config.Helpers
	for i := range hooks {
		h := &hooks[i]
		if len(h.Regions) > vm.Regions-vm.RegionGrant {
			return ErrConfig
		}
		h.first, h.fired, h.due = none, 0, 0
	}
	for i := range tenants {
		tenants[i].reset()
	}
	// Memory and entries are written before anybody reads them.
	clear(e.config.Containers)
	clear(e.config.Trials)
	for i := range helpers {
		e.all.Add(helpers[i].Number)
	}
	if e.config.Budget <= 0 {
		e.config.Budget = DefaultBudget
	}
	if e.config.Quantum <= 0 {
		e.config.Quantum = e.config.Budget
	}
	e.machine.Helpers = e.config.Helpers
	e.machine.Env = e
	return OK
}

// Container returns place i of the table, or nil if there is none.
//
//go:noinline
func (e *Engine) Container(i int) *Container {
	if uint(i) >= uint(len(e.config.Containers)) {
		return nil
	}
	return &e.config.Containers[i]
}

// Hook returns hook i, or nil if there is none.
//
//go:noinline
func (e *Engine) Hook(i int) *Hook {
	if uint(i) >= uint(len(e.config.Hooks)) {
		return nil
	}
	return &e.config.Hooks[i]
}

// FindHook returns the number of the hook with the given UUID, or -1.
func (e *Engine) FindHook(uuid *[16]byte) int {
	hooks := e.config.Hooks
	for i := range hooks {
		if hooks[i].is(uuid[:]) {
			return i
		}
	}
	return -1
}

// is reports whether the hook has this UUID. A comparison of arrays would be
// laid out byte by byte.
//
//go:noinline
func (h *Hook) is(uuid []byte) bool {
	for i, b := range uuid {
		if h.UUID[i] != b {
			return false
		}
	}
	return true
}

// Hooks returns the number of hooks.
func (e *Engine) Hooks() int { return len(e.config.Hooks) }

// Containers returns the number of places in the table.
func (e *Engine) Containers() int { return len(e.config.Containers) }

// Helpers returns the helpers that containers may be granted.
func (e *Engine) Helpers() []vm.Helper { return e.config.Helpers }

// Env returns what the firmware gave its helpers to work on, as Config.Env.
func (e *Engine) Env() any { return e.config.Env }

// Line returns the buffer for one line of output.
func (e *Engine) Line() []byte { return e.config.Line }

// Find returns the place of the container called name on hook, or -1.
func (e *Engine) Find(hook int, name []byte) int {
	all := e.config.Containers
	for i := range all {
		c := &all[i]
		if c.state != Removed && int(c.hook) == hook && c.isNamed(name) {
			return i
		}
	}
	return -1
}

// Free returns a free place of the table, or -1.
func (e *Engine) Free() int {
	all := e.config.Containers
	for i := range all {
		if all[i].state == Removed {
			return i
		}
	}
	return -1
}

// MemoryFree returns how many bytes are left for .data and stacks.
func (e *Engine) MemoryFree() int { return len(e.config.Memory) - unit*e.used }
