package agent_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"testing"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/powercut"
	"github.com/femto-containers/femto/internal/remote"
)

// A scenario is a change of a device that power cuts interrupt.
type scenario struct {
	name    string
	before  func(d *device)
	path    string
	message func(t testing.TB) []byte
	file    []byte
	device  func(*agent.Config, *engine.Config) // nil: blocky
	wait    int64                               // seconds to pass instead of a message
}

// watched are the counters that scenarios touch.
var watched = []struct {
	by         *signer
	hook, name string
}{{alice, "event", "a"}, {alice, "event", "b"}, {bob, "event", "bob"}, {alice, "timer", ""}}

// A state is all that a power cut must not tear.
type state struct {
	containers string
	states     string
	trust      string
	counters   [4]uint64
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

// copyFlash returns flash with the same content.
func copyFlash(tb testing.TB, m *flash.Memory) *flash.Memory {
	tb.Helper()
	c := newFlash(tb, m.WriteSize())
	copy(c.Data(), m.Data())
	return c
}

// fillLog installs a container on "timer" and spends numbers on it until the
// next record of the log needs a compaction.
func fillLog(d *device, number uint64) {
	d.tb.Helper()
	d.must(order{number: number, image: returning(d.tb, 9, 0), hook: "timer"})
	for {
		before := d.flash.Counts[flash.OpErase]
		copied := copyFlash(d.tb, d.flash)
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
	all := []scenario{
		{"install", shipped, "/suit", envelope(order{number: 7, image: returning(tb, 4, 300), name: "b"}), nil, nil, 0},
		{"install the first", nil, "/suit", envelope(order{number: 7, image: returning(tb, 4, 300), name: "b"}), nil, nil, 0},
		{"replace", shipped, "/suit", envelope(order{number: 7, image: two, name: "a"}), nil, nil, 0},
		{"replace by fetching", shipped, "/suit", envelope(order{number: 7, image: two, name: "a"}.fetched()), two, nil, 0},
		{"remove", shipped, "/command", func(testing.TB) []byte { return remove(alice, 7, "event", "a") }, nil, nil, 0},
		{"counter", shipped, "/suit", envelope(order{number: 7, image: one, name: "a"}), nil, nil, 0},
		{"compact and install", full, "/suit", envelope(order{number: 7, image: returning(tb, 4, 0), name: "b"}), nil, nil, 0},
		{"compact and replace", full, "/suit", envelope(order{number: 7, image: two, name: "a"}), nil, nil, 0},
		{"compact and remove", full, "/command", func(testing.TB) []byte { return remove(bob, 7, "event", "bob") }, nil, nil, 0},
		{"compact and count", full, "/suit", envelope(order{number: 7, image: one, name: "a"}), nil, nil, 0},
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
		{"stop", shipped, "/command", about(alice, 8, agent.VerbStop), nil, blocky, 0},
		{"start", stopped, "/command", about(alice, 8, agent.VerbStart), nil, blocky, 0},
		{"the owner stops", shipped, "/command", about(chief, 8, agent.VerbStop), nil, blocky, 0},
		{"compact and stop", full, "/command", about(alice, 8, agent.VerbStop), nil, blocky, 0},
		{"roll back", replaced, "/command", about(alice, 8, agent.VerbRollback), nil, blocky, 0},
		{"store write", shipped, "/command", command(verb{number: 9, verb: agent.VerbSet, hook: "event", name: "a", arg: []int{0, 1, 2}}), nil, blocky, 0},
		{"signed fire", shipped, "/command", command(verb{number: 9, verb: agent.VerbFire, hook: "event", name: "a", arg: []byte{}}), nil, blocky, 0},
		{"replace on trial", shipped, "/suit", envelope(order{number: 7, image: two, name: "a"}), nil, trial(true), 0},
		{"confirm", trying, "/command", about(alice, 8, agent.VerbConfirm), nil, trial(true), 0},
		{"roll back on trial", trying, "/command", about(alice, 8, agent.VerbRollback), nil, trial(true), 0},
		{"revert", trying, "", nil, nil, trial(true), 12},
		{"trial ends well", trying, "", nil, nil, trial(false), 12},
		{"first trust store", shipped, "/command", trust(9, alices, bobs), nil, blocky, 0},
		{"revoke", trusting, "/command", trust(9, alices), nil, blocky, 0},
		{"trust again", trusting, "/command", trust(9, alices, bobs, tenant("mallory", mallory, "event")), nil, blocky, 0},
		{"rotate", trusting, "/command", trust(9, rotated, bobs), nil, blocky, 0},
		{"compact and revoke", trustingFull, "/command", trust(9, alices), nil, blocky, 0},
		{"install with a trust store", trusting, "/suit", envelope(order{number: 7, image: two, name: "b"}), nil, blocky, 0},
	}...)
}

// blocky has the device use larger blocks, for tests with many exchanges.
func blocky(c *agent.Config, _ *engine.Config) { c.CoAP.BlockSize, c.CoAP.Datagram = 256, 320 }

// TestPowerCuts takes the power at every flash operation of every scenario,
// with the operation not done, done, and torn. The device comes back with the
// complete old or the complete new state, and the change can be made after
// all. Only a share of the cuts is tried, unless FEMTO_POWER_CUTS is all (make
// power-cuts).
func TestPowerCuts(t *testing.T) {
	share := 5
	granules := []int{4}
	if os.Getenv("FEMTO_POWER_CUTS") == "all" {
		share, granules = 1, []int{1, 4, 16}
	}
	cuts, turn := 0, 0
	for _, granule := range granules {
		for _, s := range scenarios(t) {
			t.Run(fmt.Sprintf("%s/granule %d", s.name, granule), func(t *testing.T) {
				base := newDeviceOn(t, newFlash(t, granule), s.device)
				if s.before != nil {
					s.before(base)
				}
				var message []byte
				if s.message != nil {
					message = s.message(t)
				}
				was := base.state()
				change := func(d *device) *answer {
					d.host.files["p"] = s.file
					switch s.path {
					case "":
						d.pass(s.wait)
						return &answer{code: coap.Changed}
					case "/suit":
						if r := d.post(message); agent.Progress(r.Progress) == agent.ProgressDone {
							return &answer{code: coap.Changed}
						}
						return &answer{code: coap.InternalServerError}
					}
					return d.host.ask(atDevice, coap.POST, s.path, "", message)
				}
				done := newDeviceOn(t, copyFlash(t, base.flash), s.device)
				if a := change(done); a.code != coap.Changed {
					t.Fatalf("refused without a power cut: %+v", describe(decode[remote.Report](t, a)))
				}
				will := done.state()
				if was == will {
					t.Fatal("changes nothing")
				}
				done.restart()
				if got := done.state(); got != will {
					t.Fatalf("restart without a power cut:\n got %v\nwant %v", got, will)
				}
				for n, last := 0, false; !last; n++ {
					for _, tear := range powercut.Tears {
						if turn++; turn%share != 0 && tear.Eighths != 8 {
							continue
						}
						d := newDeviceOn(t, copyFlash(t, base.flash), s.device)
						happened := powercut.At(d.flash, n, tear)
						change(d)
						if !happened() {
							last = true
							break
						}
						cuts++
						powercut.On(d.flash)
						d.restart()
						got := d.state()
						if got != was && got != will {
							t.Fatalf("cut at operation %d, %v:\n got %v\n was %v\nwill %v", n, tear, got, was, will)
						}
						// The sender tries again until it worked.
						if got == was && change(d).code != coap.Changed {
							t.Fatalf("cut at operation %d, %v: not possible any more", n, tear)
						}
						d.restart()
						if got := d.state(); got != will {
							t.Fatalf("cut at operation %d, %v, tried again:\n got %v\nwill %v", n, tear, got, will)
						}
					}
				}
			})
		}
	}
	t.Logf("%d power cuts", cuts)
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
			probe := newDeviceOn(t, copyFlash(t, d.flash), nil)
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
		probe := newDeviceOn(t, copyFlash(t, d.flash), nil)
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
