// Package sim is the simulated device: the agent that microcontrollers run,
// with a UDP socket, a file as flash and the host's clock around it.
package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/fileflash"
	"github.com/femto-containers/femto/internal/udplink"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/vm"
)

// Board is the simulated device's board name; its SUIT class follows from it.
const Board = "femto-sim"

// Capacities of the simulated device. They are those of a small
// microcontroller, so that what fits here fits there.
const (
	containers   = 8
	counters     = 32
	entries      = 64
	stackSize    = 512  // of the running container
	memory       = 2048 // for .data of all containers
	logSize      = 8 << 10
	slotSize     = 4 << 10
	eraseSize    = 4 << 10
	writeSize    = 4
	maxEnvelope  = 1024
	maxContext   = 1024
	blockSize    = 1024
	unproven     = 64 // largest block for who sends less
	observers    = 2
	budget       = 100_000 // instructions per activation
	quantum      = 10_000  // of them, after which a long-running container gives way
	faultLimit   = 8       // consecutive faults before a container is detached
	timerPeriod  = 1_000_000
	trustSize    = eraseSize
	maxTenants   = 8
	identityAt   = logSize + 2*containers*slotSize + 2*trustSize // where the flash has the device's identifier
	storesAt     = identityAt + eraseSize                        // where the flash has containers' stores
	storesSize   = 4 * eraseSize
	storesEvery  = 10_000_000 // microseconds between two stores that go there
	flashSize    = storesAt + storesSize
	lineSize     = 128                  // of what a container prints
	logsSize     = 4 << 10              // of the lines that are kept for whoever asks
	recordSize   = 2 << 10              // of what is recorded of a container
	events       = 4 * (1 + maxTenants) // sent by containers and not yet delivered: 4 of each tenant
	responseSize = 256                  // of what a container answers
)

// Config says what a simulated device is like.
type Config struct {
	Listen  string // UDP address, such as "127.0.0.1:5683"; port 0 for a free one
	Flash   string // file; made if absent
	Version string

	// Owner and Tenants count until the owner has sent a trust store. Without
	// an owner, and with Enroll, whoever first claims the device becomes it.
	Owner      agent.Key
	Tenants    []agent.Tenant // at most 8
	Enroll     bool
	Production bool // refuse keys for development

	// Log takes the lines that containers print; nil drops them.
	Log func(container string, line string)

	// BeforeWrite is called ahead of every write to the flash; if it returns
	// false, the flash's power is off (flash.Memory). nil: nobody is.
	BeforeWrite func(op flash.Operation, off int, p []byte) bool
}

// Device is a simulated device. Run drives it; nothing else may be called
// meanwhile.
type Device struct {
	conn  *udplink.Conn
	flash *fileflash.File
	clock func() int64

	agent    agent.Agent
	lines    agent.Lines
	answers  agent.Answers
	engine   engine.Engine
	recorder engine.Recorder
	config   agent.Config
	board    *board
	printed  []printed
	reboot   bool
	starts   uint32
	start    Config
}

// Open binds the socket, opens the flash and starts what is installed there.
func Open(c Config) (*Device, error) {
	file, err := fileflash.Open(c.Flash, flashSize, eraseSize, writeSize)
	if err != nil {
		return nil, err
	}
	conn, err := udplink.Listen(c.Listen)
	if err != nil {
		file.Close()
		return nil, err
	}
	file.Before = c.BeforeWrite
	d := &Device{conn: conn, flash: file, clock: udplink.Clock(), start: c}
	if err := d.init(c); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Device) init(c Config) (err error) {
	if len(c.Tenants) > maxTenants {
		return fmt.Errorf("%d tenants: there is room for %d", len(c.Tenants), maxTenants)
	}
	var seed [8]byte
	rand.Read(seed[:])
	d.lines = agent.Lines{Ring: make([]byte, logsSize), Boot: rand32()}
	d.board, d.printed = newBoard(), nil
	d.answers = agent.Answers{Engine: &d.engine, Hook: hookCoAP}
	d.answers.Responder.Memory = make([]byte, helpers.ResponseAt+responseSize)
	table := Hooks()
	table[hookCoAP].Regions = d.answers.Responder.Regions()
	refused := d.engine.Init(&engine.Config{
		Hooks:      table,
		Containers: make([]engine.Container, containers),
		Tenants:    make([]engine.Tenant, maxTenants),
		Trials:     make([]engine.Trial, containers),
		Stack:      make([]byte, stackSize),
		Memory:     make([]byte, memory),
		Entries:    make([]engine.Entry, entries),
		Events:     make([]engine.Event, events),
		Line:       make([]byte, lineSize),
		Helpers:    helpers.Standard,
		Env:        &d.board.Board,
		ImageSize:  slotSize,
		Budget:     budget,
		Quantum:    quantum,
		FaultLimit: faultLimit,
		Log: func(container *engine.Container, line []byte) {
			d.printed = append(d.printed, printed{container, d.engine.Now(), bytes.Clone(line)})
		},
	})
	if refused != engine.OK {
		return fmt.Errorf("set up the engine: %w", refused)
	}
	d.recorder = engine.Recorder{Buffer: make([]byte, recordSize), Helpers: make([]vm.Helper, len(helpers.Standard)),
		Calls: make([]engine.OpenCalls, containers)}
	if refused := d.engine.SetRecorder(&d.recorder); refused != engine.OK {
		return fmt.Errorf("set up the recorder: %w", refused)
	}
	d.config = agent.Config{
		Board: Board, Version: c.Version,
		Vendor: author.VendorID(), Class: author.ClassID(Board),
		Engine:   &d.engine,
		Remote:   1 << hookEvent,
		Outcomes: make([]engine.Outcome, containers),
		Logs:     &d.lines,
		Other:    &d.answers,
		Stores: &agent.Stores{
			Flash: d.flash, Offset: storesAt, Size: storesSize, Every: storesEvery,
			Scopes: 1<<engine.ScopeLocal | 1<<engine.ScopeTenant | 1<<engine.ScopeGlobal,
		},
		Owner:      c.Owner,
		Tenants:    append(make([]agent.Tenant, 0, maxTenants), c.Tenants...),
		Enroll:     c.Enroll,
		Production: c.Production,
		Reboot:     func() { d.reboot = true },
		Nonce:      uint64(rand32()),
		TrustSize:  trustSize,
		Flash:      d.flash,
		LogSize:    logSize,
		SlotSize:   slotSize,
		Several:    new(agent.Several),
		Containers: make([]agent.Container, containers),
		Counters:   make([]agent.Counter, 1+counters),
		Envelope:   make([]byte, maxEnvelope),
		Context:    make([]byte, maxContext),
		CoAP: coap.Config{
			Send: func(to *link.Addr, datagram []byte) {
				_ = d.conn.Send(*to, datagram) // lost like any other datagram
			},
			Exchanges: make([]coap.Exchange, 8),
			Transfers: make([]coap.Transfer, 2),
			Calls:     make([]coap.Call, 1),
			Observers: make([]coap.Observer, observers),
			Datagram:  blockSize + coap.Overhead + 64,
			Body:      2048,
			BlockSize: blockSize,
			Unproven:  unproven,
			Seed:      binary.LittleEndian.Uint64(seed[:]),
		},
	}
	if d.config.Device, err = d.identity(); err != nil {
		return fmt.Errorf("identify the device of %s: %w", c.Flash, err)
	}
	d.config.CoAP.Memory = make([]byte, d.config.CoAP.MemorySize())
	if err := d.agent.Init(&d.config); err != agent.OK {
		return fmt.Errorf("start the device from %s: %w", c.Flash, err)
	}
	d.starts++
	d.started()
	return nil
}

// rand32 is for telling two starts apart.
func rand32() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint32(b[:])
}

// identity is the device's own identifier. It is made when the flash is new and
// stays with it, as a serial number stays with a board.
func (d *Device) identity() (id [16]byte, err error) {
	stored := d.flash.Mapped(identityAt, len(id))
	if bytes.Equal(stored, bytes.Repeat([]byte{0xff}, len(id))) {
		id = uuid.New()
		if err := d.flash.Program(identityAt, id[:]); err != flash.OK {
			return id, err
		}
	}
	copy(id[:], stored)
	return id, nil
}

// containerName is how the console names a container: hook/name, or the hook
// alone.
func (d *Device) containerName(c *engine.Container) string {
	name := d.engine.Hook(c.Hook()).Name
	if len(c.Name()) > 0 {
		name += "/" + string(c.Name())
	}
	return name
}

// URI returns an address at which this machine reaches the device,
// "coap://host:port".
func (d *Device) URI() string {
	addr := d.Addr()
	if addr.Addr().IsUnspecified() {
		addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), addr.Port())
	}
	return "coap://" + addr.String()
}

// Addr returns the address of the socket.
func (d *Device) Addr() netip.AddrPort { return d.conn.LocalAddr() }

// Run drives the device until ctx is done, which is no error.
func (d *Device) Run(ctx context.Context) error {
	err := d.conn.Run(ctx, d, d.clock)
	if cause := context.Cause(ctx); cause != nil && (err == nil || errors.Is(err, cause)) {
		return nil
	}
	return err
}

// Deliver passes a datagram to the agent (udplink.Node).
func (d *Device) Deliver(now int64, from link.Addr, datagram []byte) {
	d.agent.Deliver(now, from, datagram)
	d.flush(now)
}

// Poll does what is due, firing hooks among it (udplink.Node).
func (d *Device) Poll(now int64) (next int64) {
	next = min(d.pollBoard(now), d.engine.Poll(now))
	d.flush(now)
	next = min(next, d.agent.Poll(now)) // last: it tells of what the others did
	if d.reboot {
		d.reboot = false
		if err := d.init(d.start); err != nil {
			return next // dead, as a board with a broken flash is
		}
		return now
	}
	return next
}

// Close releases the socket and the flash.
func (d *Device) Close() error {
	return errors.Join(d.conn.Close(), d.flash.Close())
}
