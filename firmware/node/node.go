// Package node is the device that a firmware is: the agent with its engine,
// hooks and tables, sized for a microcontroller with 64 KB of RAM. What differs
// between boards comes in as arguments.
package node

import (
	"encoding/binary"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/link"
)

// Version is that of femto.
const Version = "0.1"

// Capacities. Times are in microseconds, sizes in bytes.
const (
	containers  = 6
	counters    = 16
	entries     = 32
	stackSize   = 512 // of the running container
	memory      = 768 // for .data of all containers
	lineSize    = 96
	logsSize    = 512 // of the lines that are kept for whoever asks
	logSize     = 8 << 10
	slotSize    = 4 << 10
	trustSize   = max(2<<10, eraseBlock)
	trials      = 2
	maxEnvelope = 1024
	maxContext  = 512
	blockSize   = 512
	maxBody     = 1536
	exchanges   = 4
	transfers   = 1
	budget      = 100_000 // instructions per activation
	quantum     = 2_000   // of them, after which a long-running container gives way
	faultLimit  = 8       // consecutive faults before a container is detached
	timerPeriod = 1_000_000

	datagram   = blockSize + coap.Overhead + 64
	coapMemory = (exchanges+calls+1)*datagram + (transfers+1)*maxBody + observers*coap.ObserverOptions
	calls      = 1
	observers  = 2
	unproven   = 64 // largest block for who sends less
)

// MaxDatagram is the length in bytes of the longest datagram that is sent or
// need be received: requests carry blocks of up to 1024 bytes until the device
// has said that it wants smaller ones.
const MaxDatagram = 1024 + 128

// FlashSize is how much flash the node uses in bytes: log, slots, those of the
// trust store, the block that says whom to trust until there is one, and
// containers' stores. BlockSize of the flash must divide eraseBlock.
const (
	TrustAt    = logSize + 2*containers*slotSize + 2*trustSize
	storesAt   = TrustAt + 4<<10
	storesSize = 8 << 10
	FlashSize  = storesAt + storesSize
)

// Sizes that are no whole erase blocks, or half a log that is none, do not compile.
const (
	_ uint = -(logSize % (2 * eraseBlock))
	_ uint = -(slotSize % eraseBlock)
	_ uint = -(trustSize % eraseBlock)
	_ uint = -(storesAt % eraseBlock)
	_ uint = -(storesSize % (2 * eraseBlock))
)

// Hooks that every node has: "event" fires when somebody posts bytes to it, which
// are the context; "timer" every second with {u64 microseconds since boot, u64
// firings so far}; "boot" once the device has started. What more there is follows in
// standard.go or demo.go, in the order of the simulated device: whom a new board
// trusts with which hooks is told by their numbers.
const (
	hookEvent = iota
	hookTimer
	hookBoot
	firstExtra
)

// Config is what differs between boards.
type Config struct {
	Board  string
	Class  [16]byte
	Flash  flash.Device // mapped, of at least FlashSize bytes
	Random [24]byte     // seeds message ids, and names the device until it has a name
	Send   func(to *link.Addr, datagram []byte)
	Log    func(container *engine.Container, line []byte) // takes what containers print
	Reboot func()
	Boot   hooks.Boot // why the device starts
}

// A Node is one device; there is one per firmware, a global, as it is larger
// than a stack.
type Node struct {
	engine  engine.Engine // what is reached most first: instructions for it are shorter
	agent   agent.Agent
	agents  agent.Config
	engines engine.Config

	hooks      [hookCount]engine.Hook
	containers [containers]engine.Container
	installed  [containers]agent.Container
	outcomes   [containers]engine.Outcome
	counters   [1 + counters]agent.Counter // the owner's first
	trials     [trials]engine.Trial
	tenants    [MaxTenants]agent.Tenant
	granted    [MaxTenants]engine.Tenant
	entries    [entries]engine.Entry
	exchanges  [exchanges]coap.Exchange
	transfers  [transfers]coap.Transfer
	calls      [calls]coap.Call
	observers  [observers]coap.Observer

	stack    [stackSize]byte
	memory   [memory]byte
	line     [lineSize]byte
	envelope [maxEnvelope]byte
	context  [maxContext]byte
	coap     [coapMemory]byte
	logs     [logsSize]byte
	lines    agent.Lines
	extras   extras
	recording
	several several
	kept    kept
}

// Init starts the node from its flash at time now.
func (n *Node) Init(now int64, c *Config) agent.Error {
	hooks.EventHook(&n.hooks[hookEvent])
	n.hooks[hookEvent].ContextMax = maxContext
	hooks.TimerHook(&n.hooks[hookTimer])
	n.hooks[hookTimer].Period = timerPeriod
	hooks.BootHook(&n.hooks[hookBoot])
	// One by one: TinyGo would build a literal of this size on the stack or the heap.
	e := &n.engines
	e.Hooks = n.hooks[:]
	e.Containers = n.containers[:]
	e.Tenants = n.granted[:]
	e.Trials = n.trials[:]
	e.Stack = n.stack[:]
	e.Memory = n.memory[:]
	e.Entries = n.entries[:]
	e.Line = n.line[:]
	e.Helpers = wanted
	e.ImageSize = slotSize
	e.Budget = budget
	e.Quantum = quantum
	e.FaultLimit = faultLimit
	e.Log = c.Log
	n.extend()
	n.keep(c.Flash)
	n.combine()
	if n.engine.Init(&n.engines) != engine.OK || c.Flash.Size() < FlashSize {
		return agent.ErrConfig
	}
	n.observe()
	trusted := ParseTrust(c.Flash.Mapped(TrustAt, TrustSize), n.tenants[:])
	a := &n.agents
	a.Board = c.Board
	a.Version = Version
	a.Vendor = vendorID
	a.Class = c.Class
	a.Device = [16]byte(c.Random[8:])
	a.Engine = &n.engine
	a.Remote = 1 << hookEvent
	a.Outcomes = n.outcomes[:]
	n.lines.Ring = n.logs[:]
	n.lines.Boot = binary.LittleEndian.Uint32(c.Random[:])
	a.Logs = &n.lines
	a.Tenants = n.tenants[:trusted]
	a.Flash = c.Flash
	a.LogSize = logSize
	a.SlotSize = slotSize
	a.TrustSize = trustSize
	a.Enroll = trusted == 0 // a device that was given nobody waits for its owner
	a.Reboot = c.Reboot
	a.Nonce = uint64(binary.LittleEndian.Uint32(c.Random[4:]))
	a.Containers = n.installed[:]
	a.Counters = n.counters[:]
	a.Envelope = n.envelope[:]
	a.Context = n.context[:]
	a.CoAP.Send = c.Send
	a.CoAP.Exchanges = n.exchanges[:]
	a.CoAP.Transfers = n.transfers[:]
	a.CoAP.Calls = n.calls[:]
	a.CoAP.Observers = n.observers[:]
	a.CoAP.Memory = n.coap[:]
	a.CoAP.Datagram = datagram
	a.CoAP.Body = maxBody
	a.CoAP.BlockSize = blockSize
	a.CoAP.Unproven = unproven
	a.CoAP.Seed = binary.LittleEndian.Uint64(c.Random[:])
	err := n.agent.Init(&n.agents)
	if err == agent.OK {
		c.Boot.Put(n.context[:])
		n.engine.Fire(now, hookBoot, n.context[:hooks.BootSize])
	}
	return err
}

// Why says what keeps a node from starting. It has texts for what Init returns
// alone: nobody on the device reads the others.
func Why(err agent.Error) string {
	switch err {
	case agent.ErrConfig:
		return "sizes that do not fit"
	case agent.ErrCounters:
		return "too many counters in flash"
	}
	return "damaged or foreign flash"
}

// PrintLine prints a line of a container, after its hook and name, and keeps it
// for whoever asks.
func (n *Node) PrintLine(container *engine.Container, line []byte, print func(text []byte)) {
	n.agent.Printed()
	n.lines.Add(n.engine.Now(), n.hooks[container.Hook()].Name, container.Name(), line)
	var b [36]byte
	b[0] = '['
	end := 1 + copy(b[1:16], n.hooks[container.Hook()].Name)
	if len(container.Name()) > 0 {
		b[end] = '/'
		end += 1 + copy(b[end+1:end+17], container.Name())
	}
	end += copy(b[end:], "] ")
	print(b[:end])
	print(line)
	b[0] = '\n'
	print(b[:1])
}

// What the main loop does in turns, as the hook thread numbers it.
const (
	threadIdle = 1 + iota
	threadNetwork
	threadContainers
)

// Deliver takes a datagram that came in.
func (n *Node) Deliver(now int64, from *link.Addr, datagram []byte) {
	n.switchTo(now, threadNetwork)
	n.agent.Deliver(now, *from, datagram)
	n.file(now)
}

// Poll does what is due and returns when it wants to be called again at the
// latest.
func (n *Node) Poll(now int64) (next int64) {
	n.switchTo(now, threadContainers)
	sample := n.sample(now)
	next = n.engine.Poll(now)
	next = min(next, n.agent.Poll(now)) // which tells of what the engine did
	n.switchTo(now, threadIdle)
	n.file(now)
	return min(next, sample)
}
