package femtotest

import (
	"slices"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/vm"
)

// Want fails the test unless the container returned value.
func (r Result) Want(value int64) {
	r.t.Helper()
	switch {
	case r.Fault != vm.OK:
		r.t.Errorf("stopped at slot %d: %v; want %d", r.PC, r.Fault, value)
	case r.Waiting:
		r.t.Errorf("the container waits; want %d", value)
	case r.Value != value:
		r.t.Errorf("returned %d, want %d", r.Value, value)
	}
}

// WantFault fails the test unless the container was stopped for this reason.
func (r Result) WantFault(fault vm.Fault) {
	r.t.Helper()
	if r.Fault != fault {
		r.t.Errorf("fault: %v, want: %v", r.Fault, fault)
	}
}

// WantLog fails the test unless the container printed these lines.
func (r Result) WantLog(lines ...string) {
	r.t.Helper()
	if !slices.Equal(r.Log, lines) {
		r.t.Errorf("printed %q, want %q", r.Log, lines)
	}
}

// WantAtMost fails the test if the activation took more instructions.
func (r Result) WantAtMost(instructions int) {
	r.t.Helper()
	if r.Instructions > instructions {
		r.t.Errorf("took %d instructions, want at most %d", r.Instructions, instructions)
	}
}

// Called returns the calls of one helper.
func (r Result) Called(helper string) []Call {
	var calls []Call
	for _, call := range r.Calls {
		if call.Helper == helper {
			calls = append(calls, call)
		}
	}
	return calls
}

// WantStore fails the test unless a store has value under key.
func (c *Container) WantStore(store engine.Scope, key, value uint32) {
	c.t.Helper()
	got, there := c.Store(store)[key]
	if !there || got != value {
		c.t.Errorf("store: %d (there: %v) under %d, want %d", got, there, key, value)
	}
}
