// Package agent is the device: it takes signed manifests and commands over
// CoAP, keeps images in flash, and has the engine run them.
package agent

import (
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/internal/sha2"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/suit"
	"github.com/femto-containers/femto/vm"
)

// A Container is the agent's part of a container's state.
type Container struct {
	state  uint8 // as its record has it, and stateUsed
	tenant uint8
	rank   uint8 // among those in use, by when they were first installed
}

// container returns container i of them.
//
//go:noinline
func (a *Agent) container(i int) *Container { return &a.c.Containers[i] }

func (c *Container) used() bool  { return c.state&stateUsed != 0 }
func (c *Container) slot() uint8 { return c.state & stateSlot }

// A Config says what a device is made of. The Agent keeps the pointer and
// everything in it; the arrays' lengths are the device's capacities.
type Config struct {
	Engine *engine.Engine // initialised and empty, with at most 32 hooks and as many tenants as there are here

	Containers []Container      // as many as the engine has
	Counters   []Counter        // one for each (tenant, component) ever used
	Envelope   []byte           // its length is the longest envelope; at least 96 bytes
	Context    []byte           // its length is the longest context from the network
	Outcomes   []engine.Outcome // how many the answer to a fired hook tells

	Flash    flash.Device
	LogSize  int // bytes of flash for the log, at its start
	SlotSize int // bytes of a slot; two for each container follow the log

	// TrustSize is that of two slots for the trust store, which follow those of
	// the containers; 0: there are none, and no trust store is taken.
	TrustSize int

	Remote uint32 // bit i: hook i may be fired from the network
	Signed uint32 // bit i: and only by a signed command

	// Owner and Tenants count until the flash has a trust store that the owner
	// signed, which has room for as many tenants as Tenants has capacity for. A
	// place with a Key of zeros is free.
	Owner      Key // zero: there is none
	Tenants    []Tenant
	Enroll     bool // while there is no owner, whoever first claims it becomes it
	Production bool // keys for development are refused

	Board   string // such as "femto-sim"
	Version string // of the firmware's femto
	Vendor  [16]byte
	Class   [16]byte
	Device  [16]byte

	Several *Several // room for manifests about several containers; nil: each is about one

	Reboot func()       // restarts the device; nil: it cannot be asked for
	Nonce  uint64       // another one at every start, below 2^40: for sessions of readers
	Logs   coap.Handler // answers GET logs, as Lines do; nil: there is no such resource
	Stores Keeper       // keeps stores over restarts, as Stores do; nil: they are forgotten
	Other  coap.Handler // answers what is on none of the agent's paths, as Answers do; nil: 4.04
	CoAP   coap.Config  // all but Handler and Resources; a list takes some 150 bytes of Body for each container
}

// An Agent is one device. The zero Agent is not ready; see Init. It is not
// safe for concurrent use.
type Agent struct {
	// What code reaches most comes first: instructions for it are shorter.
	c         *Config
	engine    *engine.Engine
	trusted   bool // there is a trust store
	gone      bool // a container or tenant, whose stores may be kept in flash
	trustSlot uint8
	flags     uint8     // the owner's settings, TrustClosed and so on
	tries     uint8     // fetches that came to nothing
	silent    uint8     // fetches in a row that brought nothing at all
	tenants   []Tenant  // with free places
	envelope  int       // bytes of Envelope in use
	counters  int       // Counters in use
	reports   [2]report // what is told, and what was before
	reader    link.Addr
	readUntil int64
	nonce     uint64
	reboot    int64  // when; 0: not
	tried     int64  // when one of the tries was forgiven
	told      uint32 // the sum of states that observers know
	endpoint  coap.Endpoint

	update    update
	order     order
	recording recording
	named     component // by a request or a slot; a local would not stay on TinyGo's stack
	slots     flash.Slots
	trusts    flash.Slots
	log       flash.Log
	owner     Tenant // the key is that of a zero Tenant if there is none
	newSpec   engine.Spec
	newGrant  [1]engine.Grant // arrays, as copying slices of them takes less code
	newTenant [1]Tenant
	oldTenant [1]Tenant
	doc       trust // and this too
	before    trust
	appended  record
	digest    [sha2.Size256]byte // of what is about to be written
	manifest  [sha2.Size256]byte // the digest of the last one that a tenant signed
	lacking   vm.HelperSet       // helpers that the last image did not get, with UnmetHelpers
	emitted   record             // of a snapshot, while appended waits to follow it
	logBuffer [logBufferLen]byte
	newHeader [slotHeaderLen]byte
	processor suit.Processor
}

// Init opens the flash, formatting it if it is blank, and starts every
// container that is whole, whose hook is there and whose tenant is still
// trusted. It returns ErrConfig if sizes do not fit each other, ErrCounters if
// the flash holds more counters than there is room for, or ErrFlash.
func (a *Agent) Init(c *Config) Error {
	*a = Agent{c: c, engine: c.Engine}
	clear(c.Containers)
	clear(c.Counters)
	c.CoAP.Handler, c.CoAP.Refuser = a, a
	c.CoAP.Resources = resources[:]
	if c.Logs == nil {
		c.CoAP.Resources = resources[:atLogs]
	}
	a.tenants = c.Tenants[:cap(c.Tenants)]
	clear(a.tenants[len(c.Tenants):])
	ok := a.endpoint.Init(&c.CoAP) == 0 && a.maxImage() > 0 && len(c.Containers) == c.Engine.Containers() &&
		c.Engine.Hooks() <= maxHooks && len(c.Envelope) >= cose.PrefixSize && len(a.tenants) <= maxTenants &&
		len(c.Counters) > 0
	for i := range a.tenants {
		if !a.tenants[i].free() {
			a.tenants[i].identify()
		}
		ok = ok && a.grant(i)
	}
	if !ok || clashes(a.tenants) {
		return ErrConfig
	}
	a.own(c.Owner[:])
	a.counters, a.nonce = 1, c.Nonce // the first counter is the owner's
	a.processor.Init(a)
	if err := a.open(); err != OK || c.Stores == nil {
		return err
	}
	return c.Stores.restore(a)
}

// Deliver takes a datagram that came in. The Agent keeps nothing of it.
func (a *Agent) Deliver(now int64, from link.Addr, datagram []byte) {
	a.endpoint.Deliver(now, from, datagram)
}

// Poll does what is due at now, in microseconds, and returns when it wants to
// be called again at the latest.
func (a *Agent) Poll(now int64) (next int64) {
	a.watch()
	a.tell()
	next = a.endpoint.Poll(now)
	if a.c.Stores != nil {
		next = min(next, a.c.Stores.keep(a, now, a.reboot != 0))
	}
	if a.reboot != 0 {
		if now >= a.reboot {
			a.reboot = 0
			a.c.Reboot()
		} else {
			next = min(next, a.reboot)
		}
	}
	return next
}

// Counters returns what the CoAP endpoint counted.
func (a *Agent) Counters() coap.Counters { return a.endpoint.Counters }
