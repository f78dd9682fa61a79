// Package node is the device that a firmware is: the agent with its engine,
// hooks and tables, sized for a microcontroller with 64 KB of RAM. What differs
// between boards comes in as arguments.
package node

import (
	"encoding/binary"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/link"
)

// Version is that of femto.
const Version = "0.1"

// Capacities. Times are in microseconds, sizes in bytes.
const (
	containers   = 6
	counters     = 16
	entries      = 32
	stackSize    = 512 // of the running container
	memory       = 768 // for .data of all containers
	lineSize     = 96
	logSize      = 8 << 10
	slotSize     = 4 << 10
	maxEnvelope  = 1024
	maxContext   = 512
	blockSize    = 512
	maxBody      = 1536
	exchanges    = 4
	transfers    = 1
	budget       = 100_000 // instructions per activation
	faultLimit   = 8       // consecutive faults before a container is detached
	timerPeriod  = 1_000_000
	timerContext = 16

	datagram   = blockSize + coap.Overhead + 64
	coapMemory = (exchanges+calls+1)*datagram + (transfers+1)*maxBody
	calls      = 1
)

// MaxDatagram is the length in bytes of the longest datagram that is sent or
// need be received: requests carry blocks of up to 1024 bytes until the device
// has said that it wants smaller ones.
const MaxDatagram = 1024 + 128

// FlashSize is how much flash the node uses in bytes: log, slots, and the
// block that says whom to trust. BlockSize of the flash must divide 1024.
const (
	trustAt   = logSize + 2*containers*slotSize
	FlashSize = trustAt + TrustSize
)

// Hooks: "event" fires when somebody posts bytes to it, which are the context;
// "timer" every second with {u64 microseconds since boot, u64 firings so far}.
const (
	hookEvent = iota
	hookTimer
	hookCount
)

// Config is what differs between boards.
type Config struct {
	Board   string
	Class   [16]byte
	Flash   flash.Device // mapped, of at least FlashSize bytes
	Random  [24]byte     // seeds message ids, and names the device until it has a name
	Send    func(to link.Addr, datagram []byte)
	Console func(text string)
}

// A Node is one device; there is one per firmware, a global, as it is larger
// than a stack.
type Node struct {
	agent   agent.Agent
	engine  engine.Engine
	agents  agent.Config
	engines engine.Config

	hooks      [hookCount]engine.Hook
	containers [containers]engine.Container
	installed  [containers]agent.Container
	outcomes   [containers]engine.Outcome
	counters   [counters]agent.Counter
	tenants    [MaxTenants]agent.Tenant
	entries    [entries]engine.Entry
	exchanges  [exchanges]coap.Exchange
	transfers  [transfers]coap.Transfer
	calls      [calls]coap.Call

	stack    [stackSize]byte
	memory   [memory]byte
	line     [lineSize]byte
	envelope [maxEnvelope]byte
	context  [maxContext]byte
	coap     [coapMemory]byte

	nextTimer int64
	fired     uint64
	tick      [timerContext]byte
}

// Init starts the node from its flash at time now.
func (n *Node) Init(now int64, c *Config) agent.Error {
	n.hooks[hookEvent] = engine.Hook{Name: "event", UUID: eventID, ContextWritable: true, ContextMax: maxContext}
	n.hooks[hookTimer] = engine.Hook{Name: "timer", UUID: timerID, ContextMin: timerContext, ContextMax: timerContext}
	n.engines = engine.Config{
		Hooks:      n.hooks[:],
		Containers: n.containers[:],
		Stack:      n.stack[:],
		Memory:     n.memory[:],
		Entries:    n.entries[:],
		Line:       n.line[:],
		Helpers:    helpers.Standard,
		ImageSize:  slotSize,
		Budget:     budget,
		FaultLimit: faultLimit,
		Log: func(container *engine.Container, line []byte) {
			c.Console("[")
			c.Console(n.hooks[container.Hook()].Name)
			if len(container.Name()) > 0 {
				c.Console("/")
				c.Console(string(container.Name()))
			}
			c.Console("] ")
			c.Console(string(line))
			c.Console("\n")
		},
	}
	if n.engine.Init(&n.engines) != engine.OK || c.Flash.Size() < FlashSize {
		return agent.ErrConfig
	}
	trusted := ParseTrust(c.Flash.Mapped(trustAt, TrustSize), n.tenants[:])
	n.agents = agent.Config{
		Board:      c.Board,
		Version:    Version,
		Vendor:     vendorID,
		Class:      c.Class,
		Device:     [16]byte(c.Random[8:]),
		Engine:     &n.engine,
		Remote:     1 << hookEvent,
		Outcomes:   n.outcomes[:],
		Tenants:    n.tenants[:trusted],
		Flash:      c.Flash,
		LogSize:    logSize,
		SlotSize:   slotSize,
		Containers: n.installed[:],
		Counters:   n.counters[:],
		Envelope:   n.envelope[:],
		Context:    n.context[:],
		CoAP: coap.Config{
			Send:      c.Send,
			Exchanges: n.exchanges[:],
			Transfers: n.transfers[:],
			Calls:     n.calls[:],
			Memory:    n.coap[:],
			Datagram:  datagram,
			Body:      maxBody,
			BlockSize: blockSize,
			Seed:      binary.LittleEndian.Uint64(c.Random[:]),
		},
	}
	n.nextTimer = now + timerPeriod
	return n.agent.Init(&n.agents)
}

// Deliver takes a datagram that came in.
func (n *Node) Deliver(now int64, from link.Addr, datagram []byte) {
	n.agent.Deliver(now, from, datagram)
}

// Poll does what is due and returns when it wants to be called again at the
// latest.
func (n *Node) Poll(now int64) (next int64) {
	next = n.agent.Poll(now)
	if now >= n.nextTimer {
		binary.LittleEndian.PutUint64(n.tick[:], uint64(now))
		binary.LittleEndian.PutUint64(n.tick[8:], n.fired)
		n.engine.Fire(now, hookTimer, n.tick[:])
		n.fired++
		// A device that was busy does not make up for what it missed.
		n.nextTimer = max(n.nextTimer+timerPeriod, now)
	}
	return min(next, n.nextTimer)
}
