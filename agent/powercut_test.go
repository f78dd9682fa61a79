package agent_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/powercut"
)

// A scenario is a history of a device that power cuts interrupt: a change, and
// what comes after it.
type scenario struct {
	name    string
	before  func(d *device)
	path    string
	message func(t testing.TB) []byte
	file    []byte
	device  func(*agent.Config, *engine.Config) // nil: blocky
	wait    int64                               // seconds to pass instead of a message
	after   []step
}

// A step is one change of a device, which happens or does not.
type step struct {
	path    string
	message []byte
	file    []byte
	wait    int64 // seconds to pass instead of a message; 0: the device is restarted
}

func (s *scenario) steps(tb testing.TB) []step {
	first := step{path: s.path, file: s.file, wait: s.wait}
	if s.message != nil {
		first.message = s.message(tb)
	}
	return append([]step{first}, s.after...)
}

// take makes a change, and reports whether it was made.
func (d *device) take(s *step) (made bool, a *answer) {
	d.tb.Helper()
	d.host.files["p"] = s.file
	switch {
	case s.message == nil && s.wait == 0:
		if d.start() != agent.OK {
			return false, nil // its flash has no power
		}
	case s.message == nil:
		d.pass(s.wait)
	case s.path == "/suit":
		return agent.Progress(d.post(s.message).Progress) == agent.ProgressDone, nil
	default:
		a = d.host.ask(atDevice, coap.POST, s.path, "", s.message)
		return a.code == coap.Changed, a
	}
	return true, nil
}

// watched are the counters that scenarios touch.
var watched = []struct {
	by         *signer
	hook, name string
}{{alice, "event", "a"}, {alice, "event", "b"}, {bob, "event", "bob"}, {alice, "timer", ""}, {alice, "event", ""}}

// A state is all that a power cut must not tear.
type state struct {
	containers string
	states     string
	trust      string
	counters   [5]uint64
}

func (d *device) state() (s state) {
	d.tb.Helper()
	s.containers = d.runs()
	for _, c := range d.list() {
		s.containers += fmt.Sprintf("|%s %s %s %d %d", c.Name, c.Tenant, c.Digest.Short(), c.Size, c.Sequence)
	}
	for _, c := range d.list() {
		s.states += fmt.Sprintf("%s %v ", c.Name, c.State)
	}
	info := d.info()
	s.trust = fmt.Sprintf("%s %d %s", info.Trust.Owner, info.Trust.Number, d.tenants())
	if a := d.host.ask(atDevice, coap.GET, "/trust", "", nil); a.code == coap.Content {
		s.trust += fmt.Sprintf(" %x", sha256.Sum256(a.body))
	}
	for i, w := range watched {
		if _, known := d.tenantID(w.by); known {
			s.counters[i] = d.counter(w.by, w.hook, w.name)
		}
	}
	return s
}

// tenantID returns the device's name of a signer whom it trusts.
func (d *device) tenantID(s *signer) (name string, known bool) {
	id := s.id()
	for _, t := range d.info().Tenants {
		if string(t.KeyID) == string(id[:]) {
			return t.Name, true
		}
	}
	return "", false
}

// fillLog installs a container on "timer" and spends numbers on it until the
// next record of the log needs a compaction.
func fillLog(d *device, number uint64) {
	d.tb.Helper()
	d.must(order{number: number, image: returning(d.tb, 9, 0), hook: "timer"})
	for {
		before := d.flash.Counts[flash.OpErase]
		copied := powercut.Copy(d.flash)
		number++
		d.must(order{number: number, image: returning(d.tb, 9, 0), hook: "timer"})
		if d.flash.Counts[flash.OpErase] > before {
			d.flash = copied
			d.restart()
			return
		}
	}
}

func scenarios(tb testing.TB) []scenario {
	one, two := returning(tb, 1, 700), returning(tb, 2, 800)
	shipped := func(d *device) {
		d.must(order{number: 5, image: one, name: "a"})
		d.must(order{number: 6, image: returning(tb, 3, 0), name: "bob", by: bob})
	}
	full := func(d *device) {
		shipped(d)
		fillLog(d, 100)
	}
	envelope := func(o order) func(testing.TB) []byte {
		return func(tb testing.TB) []byte { return o.envelope(tb) }
	}
	pieces := func(s *sheet) func(testing.TB) []byte {
		return func(testing.TB) []byte { return s.sign(alice) }
	}
	all := []scenario{
		{"install", shipped, "/suit", envelope(order{number: 7, image: returning(tb, 4, 300), name: "b"}), nil, nil, 0, nil},
		{"install the first", nil, "/suit", envelope(order{number: 7, image: returning(tb, 4, 300), name: "b"}), nil, nil, 0, nil},
		{"replace", shipped, "/suit", envelope(order{number: 7, image: two, name: "a"}), nil, nil, 0, nil},
		{"replace by fetching", shipped, "/suit", envelope(order{number: 7, image: two, name: "a"}.fetched()), two, nil, 0, nil},
		{"remove", shipped, "/command", func(testing.TB) []byte { return remove(alice, 7, "event", "a") }, nil, nil, 0, nil},
		{"counter", shipped, "/suit", envelope(order{number: 7, image: one, name: "a"}), nil, nil, 0, nil},
		{"install two", shipped, "/suit", pieces(together(7, piece{name: "b", image: returning(tb, 4, 300)}, piece{name: "c", image: returning(tb, 5, 0)})), nil, nil, 0, nil},
		{"replace one and install one", shipped, "/suit", pieces(together(7, piece{name: "a", image: returning(tb, 4, 300)}, piece{name: "b", image: returning(tb, 5, 0)})), nil, nil, 0, nil},
		{"replace two by fetching", func(d *device) {
			shipped(d)
			d.must(order{number: 6, image: one, name: "b"})
		}, "/suit", pieces(together(7, piece{name: "a", image: two, fetched: "p"}, piece{name: "b", image: two, fetched: "p"})), two, nil, 0, nil},
		{"count one and install one", shipped, "/suit", pieces(together(7, piece{name: "a", image: one, fetched: "p"}, piece{name: "b", image: one, fetched: "p"})), one, nil, 0, nil},
		{"compact and install two", full, "/suit", pieces(together(7, piece{name: "b", image: returning(tb, 4, 0)}, piece{name: "a", image: two, fetched: "p"})), two, nil, 0, nil},
		{"compact and install", full, "/suit", envelope(order{number: 7, image: returning(tb, 4, 0), name: "b"}), nil, nil, 0, nil},
		{"compact and replace", full, "/suit", envelope(order{number: 7, image: two, name: "a"}), nil, nil, 0, nil},
		{"compact and remove", full, "/command", func(testing.TB) []byte { return remove(bob, 7, "event", "bob") }, nil, nil, 0, nil},
		{"compact and count", full, "/suit", envelope(order{number: 7, image: one, name: "a"}), nil, nil, 0, nil},
	}
	for i := range all {
		all[i].device = blocky
	}
	command := func(v verb) func(testing.TB) []byte {
		return func(tb testing.TB) []byte { return v.message(tb) }
	}
	about := func(by *signer, number uint64, what int) func(testing.TB) []byte {
		return command(verb{by: by, number: number, verb: what, hook: "event", name: "a"})
	}
	trust := func(number uint64, tenants ...author.Tenant) func(testing.TB) []byte {
		return func(tb testing.TB) []byte {
			key := chief.raw()
			t := author.Trust{Owner: key[:], Tenants: tenants}
			message, err := t.Sign(chief.PrivateKey, number, uuid.UUID(deviceID))
			if err != nil {
				tb.Fatal(err)
			}
			return message
		}
	}
	trial := func(confirm bool) func(*agent.Config, *engine.Config) {
		return func(c *agent.Config, e *engine.Config) {
			blocky(c, e)
			proving(10, confirm)(c, e)
		}
	}
	trying := func(d *device) {
		shipped(d)
		d.must(order{number: 7, image: two, name: "a"})
	}
	stopped := func(d *device) {
		shipped(d)
		d.order(verb{number: 7, verb: agent.VerbStop, hook: "event", name: "a"})
	}
	alices, bobs := tenant("alice", alice, "event", "timer"), tenant("bob", bob, "event")
	bobs.Helpers.All = true
	rotated := alices
	rotated.Rotate(newSigner(21).Public().Raw())
	trusting := func(d *device) {
		shipped(d)
		if got := d.trust(chief, 1, alices, bobs); got != "done" {
			d.tb.Fatal(got)
		}
	}
	trustingFull := func(d *device) {
		trusting(d)
		fillLog(d, 100)
	}
	replaced := func(d *device) {
		shipped(d)
		d.must(order{number: 7, image: two, name: "a"})
	}
	return append(all, []scenario{
		{"stop", shipped, "/command", about(alice, 8, agent.VerbStop), nil, blocky, 0, nil},
		{"start", stopped, "/command", about(alice, 8, agent.VerbStart), nil, blocky, 0, nil},
		{"the owner stops", shipped, "/command", about(chief, 8, agent.VerbStop), nil, blocky, 0, nil},
		{"compact and stop", full, "/command", about(alice, 8, agent.VerbStop), nil, blocky, 0, nil},
		{"roll back", replaced, "/command", about(alice, 8, agent.VerbRollback), nil, blocky, 0, nil},
		{"store write", shipped, "/command", command(verb{number: 9, verb: agent.VerbSet, hook: "event", name: "a", arg: []int{0, 1, 2}}), nil, blocky, 0, nil},
		{"signed fire", shipped, "/command", command(verb{number: 9, verb: agent.VerbFire, hook: "event", arg: []byte{}}), nil, blocky, 0, nil},
		{"replace on trial", shipped, "/suit", envelope(order{number: 7, image: two, name: "a"}), nil, trial(true), 0, nil},
		{"confirm", trying, "/command", about(alice, 8, agent.VerbConfirm), nil, trial(true), 0, nil},
		{"roll back on trial", trying, "/command", about(alice, 8, agent.VerbRollback), nil, trial(true), 0, nil},
		{"revert", trying, "", nil, nil, trial(true), 12, nil},
		{"trial ends well", trying, "", nil, nil, trial(false), 12, nil},
		{"first trust store", shipped, "/command", trust(9, alices, bobs), nil, blocky, 0, nil},
		{"revoke", trusting, "/command", trust(9, alices), nil, blocky, 0, nil},
		{"trust again", trusting, "/command", trust(9, alices, bobs, tenant("mallory", mallory, "event")), nil, blocky, 0, nil},
		{"rotate", trusting, "/command", trust(9, rotated, bobs), nil, blocky, 0, nil},
		{"compact and revoke", trustingFull, "/command", trust(9, alices), nil, blocky, 0, nil},
		{"install with a trust store", trusting, "/suit", envelope(order{number: 7, image: two, name: "b"}), nil, blocky, 0, nil},
	}...)
}

// blocky has the device use larger blocks, for tests with many exchanges.
func blocky(c *agent.Config, _ *engine.Config) { c.CoAP.BlockSize, c.CoAP.Datagram = 256, 320 }

// histories are longer scenarios.
func histories(tb testing.TB) []scenario {
	one, two, three := returning(tb, 1, 700), returning(tb, 2, 300), returning(tb, 3, 0)
	suit := func(o order) step { return step{path: "/suit", message: o.envelope(tb), file: o.image} }
	say := func(v verb) step { return step{path: "/command", message: v.message(tb)} }
	about := func(by *signer, number uint64, what int, name string) step {
		return say(verb{by: by, number: number, verb: what, hook: "event", name: name})
	}
	trust := func(number uint64, tenants ...author.Tenant) step {
		key := chief.raw()
		t := author.Trust{Owner: key[:], Tenants: tenants}
		message, err := t.Sign(chief.PrivateKey, number, uuid.UUID(deviceID))
		if err != nil {
			tb.Fatal(err)
		}
		return step{path: "/command", message: message}
	}
	alices, bobs := tenant("alice", alice, "event", "timer"), tenant("bob", bob, "event")
	alices.Helpers.All, bobs.Helpers.All = true, true
	trial := func(confirm bool) func(*agent.Config, *engine.Config) {
		return func(c *agent.Config, e *engine.Config) {
			blocky(c, e)
			proving(10, confirm)(c, e)
		}
	}
	history := func(name string, before func(d *device), device func(*agent.Config, *engine.Config), steps ...step) scenario {
		first := steps[0]
		return scenario{name, before, first.path, func(testing.TB) []byte { return first.message }, first.file, device, first.wait, steps[1:]}
	}
	all := []scenario{
		history("a container's life", nil, blocky,
			suit(order{number: 1, image: one, name: "a"}),
			suit(order{number: 2, image: two, name: "a"}.fetched()),
			about(alice, 3, agent.VerbStop, "a"),
			step{},
			about(alice, 4, agent.VerbStart, "a"),
			about(alice, 5, agent.VerbRollback, "a"),
			say(verb{number: 6, verb: agent.VerbSet, hook: "event", name: "a", arg: []int{0, 1, 2}}),
			about(alice, 7, agent.VerbRemove, "a"),
			suit(order{number: 8, image: three, name: "a"})),
		history("two tenants", nil, blocky,
			suit(order{number: 1, image: one, name: "a"}),
			suit(order{number: 1, image: two, name: "bob", by: bob}),
			suit(order{number: 2, image: three, name: "b"}),
			about(chief, 3, agent.VerbStop, "bob"),
			suit(order{number: 4, image: two, name: "a"}.fetched()),
			about(bob, 5, agent.VerbStart, "bob"),
			about(bob, 6, agent.VerbRemove, "bob"),
			suit(order{number: 7, image: one, name: "bob", by: bob})),
		history("trust changes", nil, blocky,
			trust(10, alices, bobs),
			suit(order{number: 1, image: two, name: "a"}),
			suit(order{number: 1, image: three, name: "bob", by: bob}),
			trust(11, alices),
			suit(order{number: 2, image: one, name: "a"}.fetched()),
			trust(12, alices, bobs),
			suit(order{number: 2, image: two, name: "bob", by: bob}),
			trust(13, bobs),
			trust(14, alices, bobs, tenant("mallory", mallory, "event"))),
		history("trials", nil, trial(true),
			suit(order{number: 1, image: one, name: "a"}),
			suit(order{number: 2, image: two, name: "a"}),
			about(alice, 3, agent.VerbConfirm, "a"),
			suit(order{number: 4, image: three, name: "a"}.fetched()),
			step{wait: 12},
			suit(order{number: 5, image: one, name: "a"}),
			about(alice, 6, agent.VerbRollback, "a"),
			about(alice, 7, agent.VerbStop, "a")),
		history("trials that end well", nil, trial(false),
			suit(order{number: 1, image: one, name: "a"}),
			suit(order{number: 2, image: two, name: "a"}),
			step{wait: 12},
			about(alice, 3, agent.VerbRollback, "a"),
			suit(order{number: 4, image: three, name: "a"}),
			about(alice, 5, agent.VerbStop, "a"),
			step{wait: 12},
			about(alice, 6, agent.VerbStart, "a")),
	}
	// The log is compacted sooner or later.
	for left := range 5 {
		before := func(d *device) {
			d.must(order{number: 5, image: two, name: "a"})
			fillLog(d, 100)
			number := uint64(500)
			for room := d.flash.Counts[flash.OpErase]; d.flash.Counts[flash.OpErase] == room; number++ {
				d.must(order{number: number, image: returning(d.tb, 9, 0), hook: "timer"})
			}
			// It has just been compacted: fill it but for left records.
			for spent := number; spent < number+uint64(fillOf(d)-left); spent++ {
				d.must(order{number: spent, image: returning(d.tb, 9, 0), hook: "timer"})
			}
		}
		all = append(all, history(fmt.Sprintf("compaction after %d records", left), before, blocky,
			suit(order{number: 6, image: one, name: "a"}.fetched()),
			suit(order{number: 6, image: three, name: "b"}),
			about(alice, 7, agent.VerbStop, "a"),
			about(alice, 8, agent.VerbRemove, "b"),
			say(verb{number: 9, verb: agent.VerbSet, hook: "event", name: "a", arg: []int{0, 1, 2}}),
			about(alice, 10, agent.VerbRollback, "a")))
	}
	return all
}

// fillOf returns how many records go into the log of d before it is compacted.
func fillOf(d *device) (n int) {
	probe := newDeviceOn(d.tb, powercut.Copy(d.flash), d.change)
	for number := uint64(9000); probe.flash.Counts[flash.OpErase] == 0; number++ {
		probe.must(order{number: number, image: returning(d.tb, 9, 0), hook: "timer"})
		n++
	}
	return n - 1
}

// A cutter takes the power from devices in one scenario.
type cutter struct {
	tb     testing.TB
	base   *device
	steps  []step
	states []state // before the first step, and after each
	what   string
	known  map[moment]int // what became of flash that was like that: the next step
	ended  map[moment]bool

	cuts, distinct int
}

// A moment is flash as it is, marks included, and the step that was under way.
type moment struct {
	flash [sha256.Size]byte
	step  int
}

func momentOf(m *flash.Memory, step int) moment {
	sum := sha256.New()
	sum.Write(m.Data())
	sum.Write(m.Marks())
	return moment{[sha256.Size]byte(sum.Sum(nil)), step}
}

func newCutter(tb testing.TB, granule int, s *scenario) *cutter {
	base := newDeviceOn(tb, newFlash(tb, granule), s.device)
	if s.before != nil {
		s.before(base)
	}
	c := &cutter{tb: tb, base: base, steps: s.steps(tb), states: []state{base.state()},
		known: map[moment]int{}, ended: map[moment]bool{}}
	done := c.device(base.flash)
	for i := range c.steps {
		if made, a := done.take(&c.steps[i]); !made {
			tb.Fatalf("step %d is refused without a power cut: %v", i, a)
		}
		c.states = append(c.states, done.state())
	}
	if c.states[0] == c.states[1] {
		tb.Fatal("changes nothing")
	}
	done.restart()
	if got := done.state(); got != c.states[len(c.steps)] {
		tb.Fatalf("restart without a power cut:\n got %v\nwant %v", got, c.states[len(c.steps)])
	}
	return c
}

func (c *cutter) device(m *flash.Memory) *device {
	return newDeviceOn(c.tb, powercut.Copy(m), c.base.change)
}

// whole wants the device to be as it was before step i or as it will be after
// it, and returns the step that is to be taken next.
func (c *cutter) whole(d *device, i int) int {
	switch got := d.state(); got {
	case c.states[i]:
		return i // also if they are the same: then it does no harm to take it again
	case c.states[i+1]:
		return i + 1
	default:
		c.tb.Fatalf("%s, in step %d:\n got %v\n was %v\nwill %v", c.what, i, got, c.states[i], c.states[i+1])
		return 0
	}
}

// finish takes the steps that are left.
func (c *cutter) finish(d *device, i int) {
	m := momentOf(d.flash, i)
	if c.ended[m] {
		return
	}
	for ; i < len(c.steps); i++ {
		if made, a := d.take(&c.steps[i]); !made {
			c.tb.Fatalf("%s: step %d is not possible any more: %v", c.what, i, a)
		}
	}
	d.restart()
	if got := d.state(); got != c.states[len(c.steps)] {
		c.tb.Fatalf("%s, then all steps:\n got %v\nwant %v", c.what, got, c.states[len(c.steps)])
	}
	c.ended[m] = true
}

// cut starts a device on flash in which the power failed in step i, and wants it
// whole, and the steps that are left to be possible. What was tried on such flash
// before is not tried again: a device has nothing else.
func (c *cutter) cut(m *flash.Memory, i int) {
	c.cuts++
	at := momentOf(m, i)
	if _, known := c.known[at]; known {
		return
	}
	c.distinct++
	d := c.device(m)
	next := c.whole(d, i)
	c.known[at] = next
	c.finish(d, next)
}

// each calls f at every flash operation that d does, with its number from 0 and
// the tears of it.
func each(d *device, f func(n int, torn func(powercut.Tear) *flash.Memory)) {
	n := 0
	d.flash.Before = func(op flash.Operation, off int, p []byte) bool {
		f(n, func(tear powercut.Tear) *flash.Memory { return powercut.Cut(d.flash, op, off, p, tear) })
		n++
		return true
	}
}

// A share says which of many are tried: one in so many.
type share struct{ of, turn int }

func (s *share) next() bool {
	s.turn++
	return s.turn%s.of == 0
}

// once takes the power at every flash operation of the scenario in every way,
// or at a share of them.
func (c *cutter) once(some share) {
	d, step := c.device(c.base.flash), 0
	each(d, func(n int, torn func(powercut.Tear) *flash.Memory) {
		for _, tear := range powercut.Tears {
			if some.next() {
				c.what = fmt.Sprintf("cut at operation %d, %v", n, tear)
				c.cut(torn(tear), step)
			}
		}
	})
	for ; step < len(c.steps); step++ {
		d.take(&c.steps[step])
	}
}

// again are the ways in which the power fails twice.
var again = []powercut.Tear{{Eighths: 0}, {Eighths: 4}, {Eighths: 8, Flip: 22}}

// twice takes the power at every flash operation, and again at every one of the
// start and the step that follow.
func (c *cutter) twice(some share) {
	d, step := c.device(c.base.flash), 0
	seen := map[moment]bool{}
	each(d, func(n int, torn func(powercut.Tear) *flash.Memory) {
		for _, tear := range again {
			first := torn(tear)
			if at := momentOf(first, step); seen[at] && some.of == 1 {
				continue
			} else {
				seen[at] = true
			}
			// The start first, with the hook that sees its operations.
			e := &device{tb: c.tb, network: newNetwork(1), flash: first, change: c.base.change}
			e.host = e.network.client(c.tb, 9)
			under := step
			each(e, func(m int, torn func(powercut.Tear) *flash.Memory) {
				for _, then := range again {
					if some.next() {
						c.what = fmt.Sprintf("cut at operation %d, %v, and again at %d, %v", n, tear, m, then)
						c.cut(torn(then), under)
					}
				}
			})
			e.restart()
			if under = c.whole(e, step); under < len(c.steps) {
				e.take(&c.steps[under])
			}
		}
	})
	for ; step < len(c.steps); step++ {
		d.take(&c.steps[step])
	}
}

// TestPowerCuts takes the power at every flash operation of every scenario,
// with the operation not done, done, torn, and done but for a bit that flipped;
// and once more while the device comes back and tries again. It comes back with
// the complete old or the complete new state of the step that was interrupted,
// and all that follows can be done after all. Only a share of the cuts is tried, unless
// FEMTO_POWER_CUTS is all (make power-cuts).
func TestPowerCuts(t *testing.T) {
	single, double, granules := 13, 397, []int{4}
	if os.Getenv("FEMTO_POWER_CUTS") == "all" {
		single, double, granules = 1, 1, []int{1, 4, 16}
	}
	var mutex sync.Mutex
	var cuts, distinct, doubles, doublesDistinct int
	all := append(scenarios(t), histories(t)...)
	t.Run("all", func(t *testing.T) {
		for _, granule := range granules {
			for i, s := range all {
				t.Run(fmt.Sprintf("%s/granule %d", s.name, granule), func(t *testing.T) {
					t.Parallel()
					c := newCutter(t, granule, &s)
					c.once(share{of: single, turn: i})
					once, of := c.cuts, c.distinct
					if granule == 4 {
						c.twice(share{of: double, turn: i})
					}
					mutex.Lock()
					defer mutex.Unlock()
					cuts, distinct = cuts+once, distinct+of
					doubles, doublesDistinct = doubles+c.cuts-once, doublesDistinct+c.distinct-of
				})
			}
		}
	})
	t.Logf("%d power cuts, %d with flash that no other led to; %d more with a second one, %d", cuts, distinct, doubles, doublesDistinct)
	if cuts < 300 || doubles < 30 {
		t.Error("so few cuts show little")
	}
}

// TestPowerCutWhileRunning: flash fails under a device that goes on until it
// notices, and what is in it then is what TestPowerCuts starts devices on.
func TestPowerCutWhileRunning(t *testing.T) {
	for i, s := range scenarios(t) {
		c := newCutter(t, 4, &s)
		some := share{of: 23, turn: i}
		whole, step := c.device(c.base.flash), 0
		each(whole, func(n int, torn func(powercut.Tear) *flash.Memory) {
			for _, tear := range powercut.Tears {
				if !some.next() {
					continue
				}
				d := c.device(c.base.flash)
				happened := powercut.At(d.flash, n, tear)
				for k := 0; k < len(c.steps) && !happened(); k++ {
					d.take(&c.steps[k])
				}
				if !happened() || momentOf(d.flash, 0) != momentOf(torn(tear), 0) {
					t.Errorf("%s, operation %d, %v: other flash", s.name, n, tear)
				}
			}
		})
		for ; step < len(c.steps); step++ {
			whole.take(&c.steps[step])
		}
	}
}

// TestPowerCutAtFirstBoot: a device that lost power while it formatted its
// flash formats it again.
func TestPowerCutAtFirstBoot(t *testing.T) {
	for n := 0; ; n++ {
		for _, tear := range powercut.Tears {
			memory := newFlash(t, 4)
			happened := powercut.At(memory, n, tear)
			d := &device{tb: t, network: newNetwork(1), flash: memory}
			d.host = d.network.client(t, 9)
			d.start()
			if !happened() {
				if n < 2 {
					t.Fatal("formatting took", n, "operations")
				}
				return
			}
			powercut.On(memory)
			d.restart()
			d.must(order{number: 1, image: returning(t, 1, 0)})
		}
	}
}

// TestFlashFailureWithoutReboot: the record that would have made a new image
// current failed, or only seemed to, and the device goes on. What it says is
// what is so after a restart, also if the slot has been written since.
func TestFlashFailureWithoutReboot(t *testing.T) {
	for _, tear := range powercut.Tears {
		for _, reached := range []int{0, 1, 2, 5} { // blocks of the second update
			d := newDevice(t, nil)
			d.must(order{number: 1, image: returning(t, 1, 0)})
			probe := newDeviceOn(t, powercut.Copy(d.flash), nil)
			before := probe.operations()
			next := order{number: 2, image: returning(t, 2, 100)}
			probe.must(next)
			powercut.At(d.flash, probe.operations()-before-1, tear) // the record
			if r := d.deploy(next); agent.Progress(r.Progress) != agent.ProgressRefused {
				t.Fatal("not refused:", describe(r))
			}
			powercut.On(d.flash)
			if got := d.runs(); got != "event/=1" {
				t.Fatal(got)
			}
			// A third update gets some way into the idle slot.
			blocks := 0
			third := returning(t, 3, 700)
			d.host.serve = func(req *coap.Request, resp *coap.Response) bool {
				blocks++
				resp.Code, resp.Body = coap.Content, third
				return true
			}
			d.network.drop = func(p *packet) bool { return p.from == d.host.address && blocks > reached }
			d.host.start(atDevice, coap.POST, "/suit", "", order{number: 3, image: third}.fetched().envelope(t))
			d.network.run(5*second, nil)
			d.network.drop = nil
			d.host.serve = nil
			d.restart()
			if got := d.runs(); got != "event/=1" && (got != "event/=2" || reached > 0) {
				t.Fatalf("%v, %d blocks: after a restart %q", tear, reached, got)
			}
		}
	}
}

// TestDamagedSlot: damage to one slot costs that container alone.
func TestDamagedSlot(t *testing.T) {
	d := newDevice(t, nil)
	d.must(order{number: 1, image: returning(t, 1, 0), name: "a"})
	d.must(order{number: 1, image: returning(t, 2, 0), name: "b"})
	d.must(order{number: 2, image: returning(t, 3, 0), name: "c"})
	at := bytes.Index(d.flash.Data(), returning(t, 2, 0))
	d.flash.Data()[at+30] ^= 1
	d.restart()
	if got := d.runs(); got != "event/a=1 event/c=3" {
		t.Error(got)
	}
	if n := d.counter(alice, "event", "b"); n != 1 {
		t.Error("counter", n)
	}
	if r := d.deploy(order{number: 1, image: returning(t, 2, 0), name: "b"}); describe(r) == "done" {
		t.Error("an old number is good again")
	}
	d.must(order{number: 2, image: returning(t, 4, 0), name: "b"})
	d.restart()
	if got := d.runs(); got != "event/a=1 event/b=4 event/c=3" && got != "event/a=1 event/c=3 event/b=4" {
		t.Error(got)
	}
}

// TestFailedCompactionWithoutReboot: a compaction seemed to fail at its last
// operation, and the device goes on. What it accepts then is there after a
// restart.
func TestFailedCompactionWithoutReboot(t *testing.T) {
	for _, tear := range powercut.Tears {
		d := newDevice(t, nil)
		d.must(order{number: 1, image: returning(t, 1, 0), name: "a"})
		fillLog(d, 100)
		next := order{number: 2, image: returning(t, 2, 0), name: "a"}
		probe := newDeviceOn(t, powercut.Copy(d.flash), nil)
		before := probe.operations()
		probe.must(next)
		powercut.At(d.flash, probe.operations()-before-1, tear)
		if r := d.deploy(next); agent.Progress(r.Progress) != agent.ProgressRefused {
			t.Fatal("not refused:", describe(r))
		}
		powercut.On(d.flash)
		d.must(order{number: 3, image: returning(t, 3, 0), name: "b"})
		d.restart()
		if got := d.state(); got.counters[1] != 3 || d.runs() != "event/a=1 timer/ event/b=3" {
			t.Errorf("%v: %v", tear, got)
		}
	}
}
