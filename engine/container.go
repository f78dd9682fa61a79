package engine

import (
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// Container is a place in the engine's table: the state of one container
// beside its memory and store entries. The zero Container is a free place.
type Container struct {
	// What is smallest comes first: it takes the shorter instructions.
	state  State
	tenant uint8 // or none: the owner's
	hook   uint8
	next   uint8 // container of the same hook, or none
	streak uint8 // consecutive faults
	depth  uint8 // of local calls
	fault  vm.Fault

	store    account
	reserved uint16 // entries that its contract was promised
	stack    uint16 // bytes of its own; 0: runs to completion on the stack of all
	frame    uint16
	offset   uint16 // of its memory in the engine's, in units of 8 bytes
	size     uint16 // of its memory, in units of 8 bytes: .data, own stack, what Save keeps
	image    image.Image
	wake     int64 // when a long-running one wants to run, or never

	instructions uint64
	address      uint64
	activations  uint32
	faults       uint32
	pc           uint32
	longest      uint32
	name         [16]byte
}

// unit is what a container's memory is measured in.
const (
	unitShift = 3
	unit      = 1 << unitShift
)

// Stats is what a container has done since it was installed.
type Stats struct {
	Instructions uint64 // executed and charged by helpers
	FaultAddress uint64 // of the last FaultMemory
	Activations  uint32 // runs, faults included
	Longest      uint32 // instructions of the longest run, or of the longest slice of one
	Faults       uint32
	FaultPC      uint32 // instruction slot of the last fault
	Fault        vm.Fault
}

// State returns what the container is doing.
func (c *Container) State() State { return c.state }

// Hook returns the number of the hook the container belongs to.
func (c *Container) Hook() int { return int(c.hook) }

// LongRunning reports whether the container has a stack of its own and is
// resumed by Poll, rather than run to completion when its hook fires.
func (c *Container) LongRunning() bool { return c.stack > 0 }

// Name returns the container's name, without padding; it may be empty. The
// slice aliases the table.
//
//go:noinline
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
func (c *Container) Stats() Stats {
	return Stats{Instructions: c.instructions, FaultAddress: c.address, Activations: c.activations,
		Longest: c.longest, Faults: c.faults, FaultPC: c.pc, Fault: c.fault}
}

// Tenant returns the number of the container's tenant, or Owner.
func (c *Container) Tenant() int {
	return int(c.tenant+1) - 1 // none becomes Owner
}

// Entries returns how many entries its local store has.
func (c *Container) Entries() int { return c.store.entries() }

// Memory returns how many bytes of the engine's memory are the container's:
// .data and, of a long-running one, stack and what is kept while it waits.
func (c *Container) Memory() int { return unit * int(c.size) }

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
