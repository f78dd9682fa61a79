package agent_test

import (
	"fmt"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/remote"
)

// proving has the tenants' versions prove themselves for a time.
func proving(seconds uint16, confirm bool) func(*agent.Config, *engine.Config) {
	return func(c *agent.Config, _ *engine.Config) {
		for i := range c.Tenants {
			g := engine.Everything()
			g.Trial, g.Confirm = seconds, confirm
			c.Tenants[i].Grant = &g
		}
	}
}

func (d *device) stateOf(hook, name string) agent.State {
	d.tb.Helper()
	for _, c := range d.list() {
		if c.Hook == hook && c.Name == name {
			return agent.State(c.State)
		}
	}
	return 0
}

// kv reads a store: "" is the global one.
func (d *device) kv(query string) string {
	d.tb.Helper()
	a := d.host.ask(atDevice, coap.GET, "/kv", query, nil)
	if a.code != coap.Content {
		return fmt.Sprintf("%d.%02d", a.code.Class(), a.code.Detail())
	}
	return fmt.Sprint(*decode[[]uint32](d.tb, a))
}

func local(hook, name string) string {
	id := author.HookID(hook)
	return fmt.Sprintf("h=%x&n=%s", id[:], name)
}

// TestStopAndStart: a stopped container stays so over restarts.
func TestStopAndStart(t *testing.T) {
	d := occupied(t, nil)
	for number, step := range []struct {
		verb  int
		state agent.State
		ran   int
	}{{agent.VerbStop, agent.StateStopped, 1}, {agent.VerbStop, agent.StateStopped, 1}, {agent.VerbStart, agent.StateRunning, 2}} {
		if got := d.order(verb{number: uint64(20 + number), verb: step.verb, hook: "event", name: "a"}); got != "done" {
			t.Fatal(got)
		}
		for range 2 {
			if got := d.stateOf("event", "a"); got != step.state {
				t.Errorf("state %d, want %d", got, step.state)
			}
			if f := d.fire(nil); f.Ran != step.ran {
				t.Errorf("%d ran", f.Ran)
			}
			d.restart()
		}
	}
	// A new version runs, also if the one before was stopped.
	d.order(verb{number: 30, verb: agent.VerbStop, hook: "event", name: "a"})
	d.must(order{number: 31, image: returning(t, 9, 0), name: "a"})
	if got := d.runs(); got != "event/a=9 event/bob=2" {
		t.Error(got)
	}
}

// TestRollback goes back to the version before, without a transfer.
func TestRollback(t *testing.T) {
	d := newDevice(t, nil)
	d.must(order{number: 1, image: returning(t, 1, 0), name: "a"})
	rollback := func(number uint64) string {
		return d.order(verb{number: number, verb: agent.VerbRollback, hook: "event", name: "a"})
	}
	d.still(func() {
		if got := rollback(2); got != "execute: operation failed (no earlier version is kept)" {
			t.Error(got)
		}
	})
	d.must(order{number: 2, image: returning(t, 2, 0), name: "a"})
	for number := uint64(3); number < 6; number++ {
		if got := rollback(number); got != "done" {
			t.Fatal(got)
		}
		for range 2 {
			if got, want := d.runs(), fmt.Sprintf("event/a=%d", 2-number%2); got != want {
				t.Errorf("%d: %s, want %s", number, got, want)
			}
			d.restart()
		}
	}
	// Number 2 is spent, though its image does not run.
	if got := describe(d.deploy(order{number: 2, image: returning(t, 2, 0), name: "a"})); got == "done" {
		t.Error("an old manifest is good again")
	}
	// Another container's slot is not a version of this one.
	d.command(remove(alice, 10, "event", "a"))
	d.must(order{number: 1, image: returning(t, 5, 0), name: "b"})
	if got := d.order(verb{number: 2, verb: agent.VerbRollback, hook: "event", name: "b"}); got != "execute: operation failed (no earlier version is kept)" {
		t.Error(got)
	}
}

// TestTrial: a new version is kept if it is confirmed, or behaves where that is
// enough; else the old one is back. Restarts do not change that.
func TestTrial(t *testing.T) {
	for _, test := range []struct {
		name    string
		confirm bool
		image   func(testing.TB) []byte
		do      func(d *device)
		runs    string
		state   agent.State
	}{
		{"confirmed", true, nil, func(d *device) {
			d.order(verb{number: 3, verb: agent.VerbConfirm, hook: "event", name: "a"})
			d.pass(11)
		}, "event/a=2", agent.StateRunning},
		{"not confirmed", true, nil, func(d *device) { d.pass(11) }, "event/a=1", agent.StateReverted},
		{"not confirmed in time", true, nil, func(d *device) {
			d.pass(11)
			if got := d.order(verb{number: 3, verb: agent.VerbConfirm, hook: "event", name: "a"}); got != "execute: operation failed (the container is not on trial)" {
				d.tb.Error(got)
			}
		}, "event/a=1", agent.StateReverted},
		{"behaves", false, nil, func(d *device) { d.pass(11) }, "event/a=2", agent.StateRunning},
		{"rolled back", false, nil, func(d *device) {
			d.order(verb{number: 3, verb: agent.VerbRollback, hook: "event", name: "a"})
			d.pass(11)
		}, "event/a=1", agent.StateRunning},
		{"faults", false, func(tb testing.TB) []byte { return faulting(tb) }, func(d *device) {
			for range 3 {
				d.fire(nil)
			}
			d.pass(1)
		}, "event/a=1", agent.StateReverted},
		{"restarts too often", false, nil, func(d *device) {
			for range 3 {
				d.restart()
				if got := d.stateOf("event", "a"); got != agent.StateTrial {
					d.tb.Error("state after a restart:", got)
				}
				if got := d.runs(); got != "event/a=2" {
					d.tb.Error(got)
				}
			}
			d.restart()
		}, "event/a=1", agent.StateReverted},
		{"confirmed after a restart", true, nil, func(d *device) {
			d.restart()
			d.order(verb{number: 3, verb: agent.VerbConfirm, hook: "event", name: "a"})
			d.pass(11)
		}, "event/a=2", agent.StateRunning},
		{"not confirmed after a restart", true, nil, func(d *device) {
			d.restart()
			d.pass(11)
		}, "event/a=1", agent.StateReverted},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDevice(t, proving(10, test.confirm))
			d.must(order{number: 1, image: returning(t, 1, 0), name: "a"})
			if got := d.stateOf("event", "a"); got != agent.StateRunning {
				t.Fatal("the first version: state", got)
			}
			image := returning(t, 2, 0)
			if test.image != nil {
				image = test.image(t)
			}
			d.must(order{number: 2, image: image, name: "a"})
			if got := d.stateOf("event", "a"); got != agent.StateTrial {
				t.Fatal("state", got)
			}
			// The version that comes back is not written over.
			if got := describe(d.deploy(order{number: 3, image: returning(t, 3, 0), name: "a"})); got != "install: operation failed (the container is on trial)" {
				t.Error(got)
			}
			d.must(order{number: 2, image: image, name: "a"}) // a lost answer
			test.do(d)
			for range 2 {
				if got := d.runs(); got != test.runs {
					t.Errorf("%s, want %s", got, test.runs)
				}
				if got := d.stateOf("event", "a"); got != test.state {
					t.Errorf("state %d, want %d", got, test.state)
				}
				d.restart()
				d.pass(100)
			}
			if n := d.counter(alice, "event", "a"); n < 2 {
				t.Error("counter", n)
			}
		})
	}
}

func faulting(tb testing.TB) []byte { return program(tb, "l: ja l", image.Parts{}) }

// pass lets seconds go by.
func (d *device) pass(seconds int64) {
	for range seconds + 1 {
		d.network.run(second, nil)
		d.engine.Poll(d.network.now)
	}
	d.network.run(second, nil)
}

// TestFireSigned: a hook may want to know who fires it.
func TestFireSigned(t *testing.T) {
	d := occupied(t, func(c *agent.Config, _ *engine.Config) { c.Signed = 1 << hookEvent })
	if a := d.host.ask(atDevice, coap.POST, "/hook/event", "", nil); a.code != coap.Forbidden {
		t.Errorf("%d.%02d", a.code.Class(), a.code.Detail())
	}
	fire := verb{number: 20, verb: agent.VerbFire, hook: "event", arg: []byte{1, 2}}
	a := d.host.ask(atDevice, coap.POST, "/command", "", fire.message(t))
	if f := decode[remote.Firing](t, a); a.code != coap.Changed || f.Ran != 2 || f.Value != 2 {
		t.Errorf("%d.%02d %+v", a.code.Class(), a.code.Detail(), f)
	}
	for _, test := range []struct {
		v    verb
		want string
	}{
		{fire, "setup: not authorised (sequence number is not above 20, which is spent)"},
		{verb{number: 21, verb: agent.VerbFire, hook: "event", arg: make([]byte, 65)}, "check: unsupported parameter (the context is not of the hook's size)"},
		{verb{number: 21, verb: agent.VerbFire, hook: "event", arg: 7}, "cbor: malformed cbor"},
		{verb{number: 21, verb: agent.VerbFire, hook: "event"}, "cbor: malformed cbor"},
		{verb{number: 21, verb: agent.VerbFire, hook: "timer", arg: []byte{}, by: bob}, "check: component not authorised"},
		{verb{number: 21, verb: agent.VerbFire, arg: []byte{}}, "check: unsupported component"},
		{verb{number: 21, verb: agent.VerbFire, hook: "timer", arg: []byte{}}, "check: not authorised (the hook is not fired from the network)"},
		{verb{number: 21, verb: agent.VerbFire, hook: "event", name: "a", arg: []byte{}}, "check: unsupported component"},
	} {
		if got := d.order(test.v); got != test.want {
			t.Errorf("%+v: %s", test.v, got)
		}
	}
	d.restart()
	if got := d.order(fire); got != "setup: not authorised (sequence number is not above 20, which is spent)" {
		t.Error("after a restart:", got)
	}
}

// TestStores writes and reads the three kinds of store.
func TestStores(t *testing.T) {
	d := occupied(t, nil)
	number := uint64(20)
	order := func(v verb) string {
		number++
		v.number = number
		return d.order(v)
	}
	id := alice.id()
	mine := fmt.Sprintf("k=%x", id[:])
	set := func(scope, key, value int) verb {
		return verb{verb: agent.VerbSet, arg: []int{scope, key, value}}
	}
	for _, step := range []struct {
		v           verb
		want        string
		query, then string
	}{
		{verb{verb: agent.VerbSet, hook: "event", name: "a", arg: []int{agent.ScopeLocal, 7, 8}}, "done", local("event", "a"), "[7 8]"},
		{set(agent.ScopeTenant, 1, 2), "done", mine, "[1 2]"},
		{set(agent.ScopeTenant, 1, 3), "done", mine, "[1 3]"},
		{set(agent.ScopeGlobal, 1, 3), "check: not authorised (only the owner may do that)", "", "[]"},
		{verb{by: chief, verb: agent.VerbSet, arg: []int{agent.ScopeGlobal, 1, 4}}, "done", "", "[1 4]"},
		{verb{verb: agent.VerbUnset, arg: []int{agent.ScopeTenant, 1}}, "done", mine, "[]"},
		{verb{by: bob, verb: agent.VerbSet, hook: "event", name: "a", arg: []int{agent.ScopeLocal, 7, 9}},
			"check: component not authorised (the container belongs to another tenant)", local("event", "a"), "[7 8]"},
		{verb{by: chief, verb: agent.VerbSet, hook: "event", name: "a", arg: []int{agent.ScopeLocal, 7, 9}}, "done", local("event", "a"), "[7 9]"},
		{verb{verb: agent.VerbSet, hook: "event", name: "z", arg: []int{agent.ScopeLocal, 7, 9}},
			"check: not authorised (there is no such container)", local("event", "z"), "4.04"},
		{verb{verb: agent.VerbSet, arg: []any{agent.ScopeTenant, uint64(1 << 32), 1}}, "cbor: malformed cbor", mine, "[]"},
		{verb{verb: agent.VerbSet, arg: []any{agent.ScopeTenant, 1}}, "cbor: malformed cbor", mine, "[]"},
		{verb{verb: agent.VerbUnset, arg: []any{agent.ScopeTenant, 1, 1}}, "cbor: malformed cbor", mine, "[]"},
		{set(3, 1, 1), "check: not authorised (there is no such container)", mine, "[]"},
	} {
		if got := order(step.v); got != step.want {
			t.Errorf("%+v: %s", step.v, got)
		}
		if got := d.kv(step.query); got != step.then {
			t.Errorf("%+v: store %s: %s, want %s", step.v, step.query, got, step.then)
		}
	}
	for i := range 20 {
		if got := order(set(agent.ScopeTenant, i, 1)); got != "done" {
			if got != "execute: operation failed (store is full)" {
				t.Error(got)
			}
			break
		}
	}
}

func TestReboot(t *testing.T) {
	d := occupied(t, nil)
	if got := d.order(verb{number: 20, verb: agent.VerbReboot}); got != "check: not authorised (only the owner may do that)" {
		t.Error(got)
	}
	if got := d.order(verb{by: chief, number: 20, verb: agent.VerbReboot}); got != "done" || d.reboots != 0 {
		t.Error(got, d.reboots)
	}
	d.network.run(3*second, nil)
	if d.reboots != 1 {
		t.Error(d.reboots, "reboots")
	}
	d.restart()
	if got := d.order(verb{by: chief, number: 20, verb: agent.VerbReboot}); got != "setup: not authorised (sequence number is not above 20, which is spent)" {
		t.Error(got)
	}
}

// TestStolenKey has a thief with bob's key try every verb on every component, every
// resource, and manifests about one container and about several: what another tenant
// or the owner has is as it was. Verbs and resources are those of the agent's own
// tables, so that a new one without a case here fails.
func TestStolenKey(t *testing.T) {
	// What of each verb is bob's to do; "" is nothing.
	verbs := map[int]string{
		agent.VerbRemove: "his", agent.VerbStart: "his", agent.VerbStop: "his", agent.VerbConfirm: "his", agent.VerbRollback: "his",
		agent.VerbFire: "open hooks", agent.VerbSet: "his", agent.VerbUnset: "his", agent.VerbReboot: "", agent.VerbTrust: "",
		agent.VerbRead: "reading", agent.VerbRecord: "his",
	}
	for _, v := range agent.Verbs() {
		if _, known := verbs[v]; !known {
			t.Errorf("verb %d has no case", v)
		}
	}
	resources := map[string]bool{}
	for _, path := range []string{agent.PathManifest, agent.PathCommand, agent.PathInfo, agent.PathList, agent.PathCounter, agent.PathHook,
		agent.PathStore, agent.PathTrust, agent.PathLogs, agent.PathRecord} {
		resources[path] = true
	}
	for _, path := range agent.Paths() {
		if !resources[path] {
			t.Errorf("resource %s has no case", path)
		}
	}

	d := newDevice(t, func(c *agent.Config, e *engine.Config) {
		// He may use a hook that the network must not fire, and has no grant for the timer.
		c.Tenants[1].Hooks, c.Tenants[1].Counters = 1<<hookEvent|1<<hookPrivate, 0
	})
	d.must(order{number: 10, image: returning(t, 1, 100), name: "a"})
	d.must(order{number: 10, image: returning(t, 4, 100), hook: "timer"})
	d.order(verb{by: chief, number: 1, verb: agent.VerbSet, arg: []int{agent.ScopeGlobal, 1, 4}})
	d.order(verb{number: 5, verb: agent.VerbSet, arg: []int{agent.ScopeTenant, 1, 5}})
	d.order(verb{number: 11, verb: agent.VerbSet, hook: "event", name: "a", arg: []int{agent.ScopeLocal, 1, 6}})
	id := alice.id()
	others := func() string {
		s := ""
		for _, c := range d.list() {
			if c.Tenant == "alice" {
				s += fmt.Sprint(c.Name, c.Hook, c.Digest, c.Sequence, c.State, c.Data, c.Faults)
			}
		}
		return s + fmt.Sprint(d.kv(""), d.kv(fmt.Sprintf("k=%x", id[:])), d.kv(local("event", "a")),
			d.counter(alice, "event", "a"), d.counter(alice, "timer", ""), d.tenants(), d.info().Trust, d.reboots)
	}
	was := others()
	key := bob.raw()
	var arguments []any
	for _, arg := range []any{nil, []byte{}, []int{0, 1}, []int{1, 1}, []int{2, 1}, []int{0, 0}, []int{0, 1, 9}, []int{1, 1, 9}, []int{2, 1, 9},
		[]any{key[:], 0, []any{}}, []any{key[:], 3, []any{}}, []any{key[:], 0, []any{map[int]any{1: "bob", 2: []any{key[:]}, 4: true, 5: true}}}} {
		arguments = append(arguments, arg)
	}
	tried, done := 0, map[int]int{}
	for v := range 256 {
		if _, known := verbs[v]; !known && v > 20 && v < 250 {
			continue
		}
		for _, c := range []struct{ hook, name string }{{"", ""}, {"event", ""}, {"event", "a"}, {"timer", ""}, {"private", ""}, {"timer", "x"}, {"nothing", ""}} {
			for _, arg := range arguments {
				tried++
				o := verb{by: bob, number: uint64(1000 + tried), verb: v, hook: c.hook, name: c.name, arg: arg}
				if v == agent.VerbRead {
					continue // below: its number is the device's nonce, which is part of what is compared
				}
				if r := d.host.ask(atDevice, coap.POST, "/command", "", o.message(t)); r.code != coap.Changed {
					continue
				}
				done[v]++
				mine := false
				switch verbs[v] {
				case "his": // nothing is but his own tenant's store
					mine = c.hook == "" && (v == agent.VerbSet || v == agent.VerbUnset)
				case "open hooks":
					mine = c.hook == "event"
				}
				if !mine {
					t.Errorf("verb %d of %+v with %v", v, c, arg)
				}
			}
		}
	}
	for path := range resources {
		for _, method := range []coap.Code{coap.PUT, coap.DELETE, 5, 6, 7} { // FETCH, PATCH, iPATCH
			if r := d.host.ask(atDevice, method, "/"+path, "", []byte("anything")); r.code.Success() {
				t.Errorf("method %d on %s: %d.%02d", method, path, r.code.Class(), r.code.Detail())
			}
		}
	}
	for _, hook := range []string{"timer", "private"} {
		if r := d.host.ask(atDevice, coap.POST, "/hook/"+hook, "", nil); r.code.Success() {
			t.Errorf("fired %s", hook)
		}
	}
	for _, o := range []order{{hook: "timer"}, {hook: "nothing"}, {hook: "timer", name: "x"}, {name: "a"}} {
		o.number, o.by, o.image = 500_000, bob, returning(t, 8, 0)
		if r := d.deploy(o); agent.Progress(r.Progress) == agent.ProgressDone {
			t.Errorf("installed on %s/%s", o.hook, o.name)
		}
	}
	own := piece{name: "bobs", image: returning(t, 8, 0)}
	for _, foreign := range []piece{{name: "a"}, {hook: "timer"}, {hook: "timer", name: "x"}} {
		foreign.image = own.image
		for _, pieces := range [][]piece{{own, foreign}, {foreign, own}} {
			if r := d.post(together(500_001, pieces...).sign(bob)); agent.Progress(r.Progress) == agent.ProgressDone {
				t.Errorf("installed with %+v", foreign)
			}
		}
		// What another one holds is not to be copied either.
		s := together(500_002, own, foreign)
		s.sections[20] = []any{12, 0, 20, map[int]any{22: 1, 3: digestOf(returning(t, 1, 100))}, 22, 2, 3, 15}
		if r := d.post(s.sign(bob)); agent.Progress(r.Progress) == agent.ProgressDone {
			t.Errorf("copied from %+v", foreign)
		}
	}
	// He spends all counters that he can get; alice finds hers.
	named := 0
	for i := range 2 * testNumbers {
		name := fmt.Sprint("n", i)
		if r := d.deploy(order{number: 700_000, by: bob, image: returning(t, 8, 0), name: name}); agent.Progress(r.Progress) == agent.ProgressDone {
			named++
			d.command(remove(bob, 700_001, "event", name))
		}
	}
	if got := others(); got != was {
		t.Errorf("is %s\nwas %s", got, was)
	}
	nonce := d.info().Trust.Nonce
	if got := d.order(verb{by: bob, number: nonce, verb: agent.VerbRead}); got != "done" {
		t.Error("a tenant may read:", got)
	}
	d.must(order{number: 10, image: returning(t, 5, 0), name: "mine"}) // the last of her share
	if named == 0 || named > testNumbers/2 || done[agent.VerbFire] == 0 || done[agent.VerbSet] == 0 {
		t.Errorf("named %d components; done %v", named, done)
	}
	t.Logf("%d commands with a stolen key, of which done by verb: %v", tried, done)
}

// TestRollbackWhileTrialsAreFull: the version before ran already, and needs no
// trial.
func TestRollbackWhileTrialsAreFull(t *testing.T) {
	proving := proving(10, false)
	d := newDevice(t, func(c *agent.Config, e *engine.Config) {
		proving(c, e)
		e.Trials = make([]engine.Trial, 1)
	})
	d.must(order{number: 1, image: returning(t, 1, 0), name: "a"})
	d.must(order{number: 2, image: returning(t, 2, 0), name: "a"})
	d.pass(12) // confirmed, and the version before is kept
	d.must(order{number: 3, image: returning(t, 3, 0), name: "b"})
	d.must(order{number: 4, image: returning(t, 4, 0), name: "b"}) // on trial
	if got := d.order(verb{number: 5, verb: agent.VerbRollback, hook: "event", name: "a"}); got != "done" {
		t.Fatal(got)
	}
	for range 2 {
		if got := d.runs(); got != "event/a=1 event/b=4" && got != "event/b=4 event/a=1" {
			t.Error(got)
		}
		if got := d.stateOf("event", "a"); got != agent.StateRunning {
			t.Errorf("state %v", got)
		}
		d.restart()
	}
}

// TestStoppedDuringTrial: a container that its owner stopped is not started by
// the end of its trial.
func TestStoppedDuringTrial(t *testing.T) {
	for _, confirm := range []bool{false, true} {
		d := newDevice(t, proving(10, confirm))
		d.must(order{number: 1, image: returning(t, 1, 0), name: "a"})
		d.must(order{number: 2, image: returning(t, 2, 0), name: "a"})
		d.order(verb{number: 3, verb: agent.VerbStop, hook: "event", name: "a"})
		d.pass(12)
		for range 2 {
			if got := d.stateOf("event", "a"); got != agent.StateStopped || d.runs() != "event/a" {
				t.Errorf("confirm %v: state %v, %s", confirm, got, d.runs())
			}
			d.restart()
		}
		d.order(verb{number: 4, verb: agent.VerbStart, hook: "event", name: "a"})
		if want := map[bool]string{false: "event/a=2", true: "event/a=1"}[confirm]; d.runs() != want {
			t.Errorf("confirm %v: started, %s", confirm, d.runs())
		}
	}
}
