package engine

import (
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// State is what a container of the table is doing.
type State uint8

const (
	Unused  State = iota // the place is free
	Enabled              // runs when its hook fires
	Stopped              // stopped by Stop
	Faulty               // stopped by the engine after too many faults in a row
)

// Container is a place in the engine's table: the state of one container
// beside its .data and store entries. The zero Container is a free place.
type Container struct {
	image   image.Image
	offset  uint32 // of .data in the engine's memory
	entries uint16 // in its local store
	frame   uint16
	name    [16]byte
	tenant  uint8 // or none: the owner's
	hook    uint8
	next    uint8 // container of the same hook, or none
	state   State
	streak  uint8 // consecutive faults
	stats   Stats
}

// Stats is what a container has done since it was installed.
type Stats struct {
	Instructions uint64 // executed and charged by helpers
	FaultAddress uint64 // of the last FaultMemory
	Activations  uint32 // runs, faults included
	Faults       uint32
	FaultPC      uint32 // instruction slot of the last fault
	Fault        vm.Fault
}

// State returns what the container is doing.
func (c *Container) State() State { return c.state }

// Hook returns the number of the hook the container is attached to.
func (c *Container) Hook() int { return int(c.hook) }

// Name returns the container's name, without padding; it may be empty. The
// slice aliases the table.
func (c *Container) Name() []byte {
	n := len(c.name)
	for n > 0 && c.name[n-1] == 0 {
		n--
	}
	return c.name[:n]
}

// Image returns the container's image.
func (c *Container) Image() *image.Image { return &c.image }

// Stats returns what the container has done.
func (c *Container) Stats() Stats { return c.stats }

// Tenant returns the number of the container's tenant, or Owner.
func (c *Container) Tenant() int {
	if c.tenant == none {
		return Owner
	}
	return int(c.tenant)
}

// Memory returns how many bytes of the engine's memory hold its .data.
func (c *Container) Memory() int { return len(c.image.Data()) }

func (c *Container) isNamed(name []byte) bool {
	for i := range c.name {
		var b byte
		if i < len(name) {
			b = name[i]
		}
		if c.name[i] != b {
			return false
		}
	}
	return len(name) <= len(c.name)
}
