//go:build demo || !lm3s6965

package node

import (
	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
)

// storesEvery is the time between two stores that go to the flash, in
// microseconds.
const storesEvery = 10_000_000

type kept struct{ stores agent.Stores }

// keep has containers' stores outlive a restart.
func (n *Node) keep(f flash.Device) {
	s := &n.kept.stores
	s.Flash, s.Offset, s.Size, s.Every = f, storesAt, storesSize, storesEvery
	s.Scopes = 1<<engine.ScopeLocal | 1<<engine.ScopeTenant | 1<<engine.ScopeGlobal
	n.agents.Stores = s
}
