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
)

// A Tenant is a signer whom the owner trusts with some hooks.
type Tenant struct {
	Name  string
	Key   [32]byte      // Ed25519 public key
	Hooks uint32        // bit i: may use hook i
	Grant *engine.Grant // what its containers may do; nil: everything

	// Quotas keep a tenant from taking places that others need. 0: no limit.
	Containers uint8
	Counters   uint8 // components that it can ever name

	keyID [keyIDLen]byte // the beginning of SHA-256(Key)
}

const (
	keyIDLen   = 8
	maxHooks   = 32 // bits of Tenant.Hooks
	maxTenants = 255
)

// AllHooks lets a tenant use every hook.
const AllHooks = ^uint32(0)

func (t *Tenant) mayUse(hook int) bool { return t.Hooks>>uint(hook)&1 != 0 }

// A Container is the agent's part of a container's state.
type Container struct {
	used   bool
	slot   uint8 // 0 or 1: which of its two flash slots is current
	tenant uint8
	rank   uint8 // among those in use, by when they were first installed
}

// A Config says what a device is made of. The Agent keeps the pointer and
// everything in it; the arrays' lengths are the device's capacities.
type Config struct {
	Board   string // such as "femto-sim"
	Version string // of the firmware's femto
	Vendor  [16]byte
	Class   [16]byte
	Device  [16]byte

	Engine  *engine.Engine // initialised and empty, with at most 32 hooks and as many tenants as there are here
	Remote  uint32         // bit i: hook i may be fired from the network
	Tenants []Tenant

	Flash    flash.Device
	LogSize  int // bytes of flash for the log, at its start
	SlotSize int // bytes of a slot; two for each container follow the log

	Containers []Container      // as many as the engine has
	Counters   []Counter        // one for each (tenant, component) ever used
	Envelope   []byte           // its length is the longest envelope; at least 96 bytes
	Context    []byte           // its length is the longest context from the network
	Outcomes   []engine.Outcome // how many the answer to a fired hook tells
	Logs       coap.Handler     // answers GET logs, as Lines do; nil: there is no such resource
	CoAP       coap.Config      // all but Handler and Resources; a list takes some 150 bytes of Body for each container
}

// An Agent is one device. The zero Agent is not ready; see Init. It is not
// safe for concurrent use.
type Agent struct {
	c         *Config
	engine    *engine.Engine
	endpoint  coap.Endpoint
	processor suit.Processor
	log       flash.Log
	slots     flash.Slots

	update    update
	report    report
	envelope  int // bytes of Envelope in use
	counters  int // Counters in use
	appended  record
	emitted   record // of a snapshot, while appended waits to follow it
	logBuffer [logBufferLen]byte
	newHeader [slotHeaderLen]byte
	newSpec   engine.Spec
	named     component // by a request or a slot; a local would not stay on TinyGo's stack
}

// Init opens the flash, formatting it if it is blank, and starts every
// container that is whole, whose hook is there and whose tenant is still
// trusted. It returns ErrConfig if sizes do not fit each other, ErrCounters if
// the flash holds more counters than there is room for, or ErrFlash.
func (a *Agent) Init(c *Config) Error {
	*a = Agent{c: c, engine: c.Engine}
	clear(c.Containers)
	clear(c.Counters)
	c.CoAP.Handler = a
	c.CoAP.Resources = resources
	if c.Logs == nil {
		c.CoAP.Resources = resources[:len(resources)-1]
	}
	if a.endpoint.Init(&c.CoAP) != 0 || a.maxImage() <= 0 || len(c.Containers) != c.Engine.Containers() ||
		c.Engine.Hooks() > maxHooks || len(c.Envelope) < cose.PrefixSize || !identify(c.Tenants) || !a.grant() {
		return ErrConfig
	}
	a.processor.Init(a)
	return a.open()
}

// identify computes the tenants' key identifiers. It reports false if two
// tenants have the same: then it would be open whose grants count.
func identify(tenants []Tenant) bool {
	for i := range tenants {
		var sum [sha2.Size256]byte
		sha2.Sum256(&sum, tenants[i].Key[:])
		copy(tenants[i].keyID[:], sum[:])
		for k := range tenants[:i] {
			if tenants[k].keyID == tenants[i].keyID {
				return false
			}
		}
	}
	return len(tenants) <= maxTenants
}

// grant tells the engine what the tenants may do, and reports whether it has
// room for them.
func (a *Agent) grant() bool {
	for i := range a.c.Tenants {
		t, to := &a.c.Tenants[i], a.engine.Tenant(i)
		if to == nil {
			return false
		}
		to.Name, to.Grant = t.Name, engine.Everything()
		if t.Grant != nil {
			to.Grant = *t.Grant
		}
		to.Grant.Hooks = t.Hooks
	}
	return true
}

// Deliver takes a datagram that came in. The Agent keeps nothing of it.
func (a *Agent) Deliver(now int64, from link.Addr, datagram []byte) {
	a.endpoint.Deliver(now, from, datagram)
}

// Poll does what is due at now, in microseconds, and returns when it wants to
// be called again at the latest.
func (a *Agent) Poll(now int64) (next int64) { return a.endpoint.Poll(now) }

// Counters returns what the CoAP endpoint counted.
func (a *Agent) Counters() coap.Counters { return a.endpoint.Counters }
