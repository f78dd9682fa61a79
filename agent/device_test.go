package agent_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/vm"
)

const (
	testBoard   = "femto-test"
	testBlock   = 256
	testLog     = 2048
	testSlot    = 1024
	testTrust   = 1024
	testPlaces  = 4 // containers
	testNumbers = 8 // counters of tenants
	testTenants = 4

	hookEvent   = 0 // fired from the network
	hookTimer   = 1 // alice's alone
	hookPrivate = 2 // nobody's
)

var (
	hookNames  = []string{"event", "timer", "private"}
	deviceID   = [16]byte(uuid.MustParse("00112233-4455-6677-8899-aabbccddeeff"))
	atDevice   = link.IPv4(10, 0, 0, 1, 5683)
	bobHelpers = func() (s vm.HelperSet) { s.Add(helpers.NowMs); return s }()
)

// A device is an agent with everything it needs, on a network.
type device struct {
	agent.Agent
	tb      testing.TB
	network *network
	flash   *flash.Memory
	engine  engine.Engine
	config  agent.Config
	change  func(*agent.Config, *engine.Config)
	host    *client
	reboots int
}

// newDevice returns a device with blank flash and a client beside it. change,
// if not nil, alters every start's configuration.
func newDevice(tb testing.TB, change func(*agent.Config, *engine.Config)) *device {
	tb.Helper()
	return newDeviceOn(tb, newFlash(tb, 4), change)
}

func newDeviceOn(tb testing.TB, memory *flash.Memory, change func(*agent.Config, *engine.Config)) *device {
	tb.Helper()
	d := &device{tb: tb, network: newNetwork(1), flash: memory, change: change}
	d.host = d.network.client(tb, 9)
	if err := d.start(); err != agent.OK {
		tb.Fatal(err)
	}
	return d
}

func newFlash(tb testing.TB, granule int) *flash.Memory {
	tb.Helper()
	const size = testLog + 2*testPlaces*testSlot + 2*testTrust
	m := new(flash.Memory)
	if err := m.Init(bytes.Repeat([]byte{0xff}, size), testBlock, granule, make([]byte, size/granule/8+1)); err != flash.OK {
		tb.Fatal(err)
	}
	return m
}

// start boots the device: nothing but its flash is left of what was before.
func (d *device) start() agent.Error {
	hooks := make([]engine.Hook, len(hookNames))
	for i, name := range hookNames {
		hooks[i] = engine.Hook{Name: name, UUID: author.HookID(name), ContextMax: 64, ContextWritable: true, Default: -1}
	}
	e := engine.Config{
		Hooks: hooks, Containers: make([]engine.Container, testPlaces), Stack: make([]byte, 512),
		Memory: make([]byte, 256), Entries: make([]engine.Entry, 16), Line: make([]byte, 64),
		Helpers: helpers.Standard, ImageSize: testSlot, Budget: 10_000, FaultLimit: 3,
	}
	anything, anyOfBobs := engine.Everything(), engine.Everything()
	anyOfBobs.Helpers = bobHelpers
	d.config = agent.Config{
		Board: testBoard, Version: "test", Vendor: author.VendorID(), Class: author.ClassID(testBoard), Device: deviceID,
		Remote: 1 << hookEvent,
		Tenants: []agent.Tenant{
			{Name: "alice", Key: agent.Ed25519(alice.raw()), Hooks: 1<<hookEvent | 1<<hookTimer, Grant: &anything, Counters: testNumbers},
			{Name: "bob", Key: agent.Ed25519(bob.raw()), Hooks: 1 << hookEvent, Grant: &anyOfBobs, Counters: testNumbers},
		},
		Owner: agent.Ed25519(chief.raw()), Reboot: func() { d.reboots++ }, Nonce: 1000,
		Flash: d.flash, LogSize: testLog, SlotSize: testSlot, TrustSize: testTrust,
		Containers: make([]agent.Container, testPlaces), Counters: make([]agent.Counter, 1+testNumbers),
		Several: new(agent.Several), Envelope: make([]byte, 1024), Context: make([]byte, 64), Outcomes: make([]engine.Outcome, testPlaces),
		CoAP: coap.Config{
			Send:      func(to *link.Addr, datagram []byte) { d.network.send(atDevice, *to, datagram) },
			Exchanges: make([]coap.Exchange, 4), Transfers: make([]coap.Transfer, 2), Calls: make([]coap.Call, 1),
			Datagram: 256, Body: 1280, BlockSize: 64, Seed: 7,
		},
	}
	if d.change != nil {
		d.change(&d.config, &e)
	}
	d.config.CoAP.Memory = make([]byte, d.config.CoAP.MemorySize())
	d.engine = engine.Engine{}
	d.config.Tenants = append(make([]agent.Tenant, 0, testTenants), d.config.Tenants...)
	e.Tenants = make([]engine.Tenant, testTenants)
	if e.Trials == nil {
		e.Trials = make([]engine.Trial, testPlaces)
	}
	if err := d.engine.Init(&e); err != engine.OK {
		d.tb.Fatal(err)
	}
	d.config.Engine = &d.engine
	d.network.add(atDevice, d)
	return d.Init(&d.config)
}

// restart boots the device again on what is in its flash.
func (d *device) restart() {
	d.tb.Helper()
	if err := d.start(); err != agent.OK {
		d.tb.Fatal(err)
	}
}

func decode[T any](tb testing.TB, a *answer) *T {
	tb.Helper()
	v := new(T)
	if err := cbor.Unmarshal(a.body, v); err != nil {
		tb.Fatalf("answer %d.%02d %q: %v", a.code.Class(), a.code.Detail(), a.body, err)
	}
	return v
}

// post sends an envelope and waits until the device has an opinion of it.
func (d *device) post(envelope []byte) *remote.Report {
	d.tb.Helper()
	a := d.host.ask(atDevice, coap.POST, "/suit", "", envelope)
	for i := 0; ; i++ {
		r := decode[remote.Report](d.tb, a)
		if agent.Progress(r.Progress) != agent.ProgressFetching {
			return r
		}
		if i > 3000 {
			d.tb.Fatal("still fetching")
		}
		d.network.run(second/10, nil)
		a = d.host.ask(atDevice, coap.GET, "/suit", "", nil)
	}
}

// command sends a signed command.
func (d *device) command(message []byte) *remote.Report {
	d.tb.Helper()
	return decode[remote.Report](d.tb, d.host.ask(atDevice, coap.POST, "/command", "", message))
}

func (d *device) fire(context []byte) *remote.Firing {
	d.tb.Helper()
	a := d.host.ask(atDevice, coap.POST, "/hook/event", "", context)
	if a.code != coap.Changed {
		d.tb.Fatalf("fire: %d.%02d %s", a.code.Class(), a.code.Detail(), a.body)
	}
	return decode[remote.Firing](d.tb, a)
}

func (d *device) list() []remote.Container {
	d.tb.Helper()
	return *decode[[]remote.Container](d.tb, d.host.ask(atDevice, coap.GET, "/ps", "", nil))
}

func (d *device) info() *remote.Info {
	d.tb.Helper()
	return decode[remote.Info](d.tb, d.host.ask(atDevice, coap.GET, "/info", "", nil))
}

func (d *device) counter(s *signer, hook, name string) uint64 {
	d.tb.Helper()
	id, uuid := s.id(), author.HookID(hook)
	query := fmt.Sprintf("k=%x&h=%x", id[:], uuid[:])
	if name != "" {
		query += "&n=" + name
	}
	a := d.host.ask(atDevice, coap.GET, "/counter", query, nil)
	if a.code != coap.Content {
		d.tb.Fatalf("counter: %d.%02d %s", a.code.Class(), a.code.Detail(), a.body)
	}
	return *decode[uint64](d.tb, a)
}

// runs says what the device runs: "hook/name=value" of each container, in the
// order of the list, the values as a firing of "event" gives them.
func (d *device) runs() string {
	d.tb.Helper()
	firing := d.fire(nil)
	var out []string
	for _, c := range d.list() {
		text := c.Hook + "/" + c.Name
		for _, o := range firing.Outcomes {
			if c.Hook == "event" && o.Name == c.Name {
				text += fmt.Sprintf("=%d", o.Value)
				if o.Fault != 0 {
					text = text[:strings.LastIndex(text, "=")] + "!"
				}
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// operations counts what was done to the flash so far.
func (d *device) operations() int { return d.flash.Counts[0] + d.flash.Counts[1] }

// still runs f and wants the flash and the containers left alone.
func (d *device) still(f func()) {
	d.tb.Helper()
	runs, operations := d.runs(), d.operations()
	f()
	if n := d.operations() - operations; n != 0 {
		d.tb.Errorf("%d flash operations", n)
	}
	if now := d.runs(); now != runs {
		d.tb.Errorf("runs %q, before %q", now, runs)
	}
}
