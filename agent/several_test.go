package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
)

// A piece is what a manifest has for one of several components.
type piece struct {
	hook, name string // event
	image      []byte
	fetched    string // name of the sender's file; "": inside
}

// together is a manifest that installs pieces.
func together(number uint64, pieces ...piece) *sheet {
	s := newSheet(number, nil)
	s.components = nil
	var install []any
	for i, p := range pieces {
		if p.hook == "" {
			p.hook = "event"
		}
		s.components = append(s.components, component(p.hook, p.name))
		install = append(install, 12, i)
		if p.fetched != "" {
			install = append(install, 20, map[int]any{21: "/" + p.fetched, 3: digestOf(p.image), 14: len(p.image)}, 21, 2, 3, 15)
		} else {
			install = append(install, 20, map[int]any{18: p.image}, 18, 2)
		}
	}
	s.sections[20] = install
	// Which class a device has does not depend on the component.
	s.shared = append([]any{12, true}, s.shared...)
	return s
}

// TestSeveralComponents: all of a manifest's containers are installed, or none.
func TestSeveralComponents(t *testing.T) {
	d := occupied(t, nil)
	one, two, three := returning(t, 3, 200), returning(t, 4, 300), returning(t, 5, 0)
	d.host.files["two"] = two
	envelope := together(30, piece{name: "a", image: one}, piece{name: "b", image: two, fetched: "two"}, piece{hook: "timer", image: three}).sign(alice)
	if got := describe(d.post(envelope)); got != "done" {
		t.Fatal(got)
	}
	check := func(want string) {
		t.Helper()
		for range 2 {
			if got := d.runs(); got != want {
				t.Errorf("runs %s, want %s", got, want)
			}
			d.restart()
		}
	}
	check("event/a=3 event/bob=2 event/b=4 timer/")
	for hook, name := range map[string]string{"event": "a", "timer": ""} {
		if n := d.counter(alice, hook, name); n != 30 {
			t.Errorf("counter of %s/%s: %d", hook, name, n)
		}
	}
	d.still(func() {
		if got := describe(d.post(envelope)); got != "done" {
			t.Error("again:", got)
		}
	})
	// Each component's counter is its own.
	d.must(order{number: 40, image: one, name: "b"})
	d.still(func() {
		if got := describe(d.post(together(35, piece{name: "a", image: two}, piece{name: "b", image: two}).sign(alice))); got != "setup: not authorised (sequence number is not above 40, which is spent)" {
			t.Error(got)
		}
	})
	if got := describe(d.post(together(41, piece{name: "a", image: three}, piece{name: "b", image: two}).sign(alice))); got != "done" {
		t.Error(got)
	}
	check("event/a=5 event/bob=2 event/b=4 timer/")
}

// TestSeveralRefused: if one of the components is refused none is touched, and the
// report says which it was.
func TestSeveralRefused(t *testing.T) {
	ok := returning(t, 3, 100)
	printf := program(t, "mov r1, 0\ncall 1\nmov r0, 0\nexit", image.Parts{})
	data := func(n int) []byte { return program(t, "mov r0, 9\nexit", image.Parts{Data: make([]byte, n)}) }
	var many []piece
	for i := range 9 {
		many = append(many, piece{name: fmt.Sprint("n", i), image: returning(t, 3, 0)})
	}
	tests := []struct {
		name   string
		pieces []piece
		by     *signer
		change func(*agent.Config, *engine.Config)
		want   string
		at     int
	}{
		{"one of another tenant's", []piece{{name: "a", image: ok}, {name: "bob", image: ok}}, alice, nil, "check: component not authorised (the container belongs to another tenant)", 0},
		{"one on a hook without a grant", []piece{{name: "bob", image: ok}, {hook: "timer", image: ok}}, bob, nil, "check: component not authorised", 0},
		{"one on no hook", []piece{{name: "a", image: ok}, {hook: "none", image: ok}}, alice, nil, "check: unsupported component", 0},
		{"one twice", []piece{{name: "a", image: ok}, {name: "a", image: ok}}, alice, nil, "check: unsupported component", 0},
		{"a new one twice", []piece{{name: "n", image: ok}, {name: "n", image: ok}}, alice, nil, "check: unsupported component", 0},
		{"more than there are places for", many[:3], alice, nil, "check: operation failed (no container is free)", 0},
		{"nine", many, alice, nil, "check: unsupported component", 0},
		{"a helper that is not granted", []piece{{name: "bob", image: ok}, {name: "b", image: printf}}, bob, nil, "install: operation failed (it needs helpers printf (0x1))", 1},
		{"memory for one of them", []piece{{name: "a", image: data(200)}, {name: "b", image: data(100)}}, alice, nil, "install: operation failed (it needs more memory)", 1},
		{"one container more than granted", []piece{{name: "b", image: ok}, {name: "c", image: ok}}, alice, func(c *agent.Config, _ *engine.Config) {
			grant := engine.Everything()
			grant.Containers = 2
			c.Tenants[0].Grant = &grant
		}, "install: operation failed (it needs one container more than the tenant may have)", 1},
		{"one counter more than granted", []piece{{name: "b", image: ok}, {name: "c", image: ok}}, alice,
			func(c *agent.Config, _ *engine.Config) { c.Tenants[0].Counters = 2 }, "check: operation failed (the tenant's quota is used up)", 0},
		{"one trial more than there is room for", []piece{{name: "a", image: ok}, {name: "b", image: ok}}, alice, func(c *agent.Config, e *engine.Config) {
			proving(10, true)(c, e)
			e.Trials = make([]engine.Trial, 1)
		}, "", 1},
		{"firmware without room for several", []piece{{name: "a", image: ok}, {name: "b", image: ok}}, alice,
			func(c *agent.Config, _ *engine.Config) { c.Several = nil }, "check: unsupported component", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := occupied(t, test.change)
			if strings.Contains(test.name, "trial") {
				d.must(order{number: 10, image: returning(t, 7, 0), name: "b"})
			}
			runs := d.runs()
			r := d.post(together(50, test.pieces...).sign(test.by))
			if got := describe(r); test.want != "" && got != test.want || agent.Progress(r.Progress) != agent.ProgressRefused {
				t.Errorf("%s, want %s", got, test.want)
			}
			raw := *decode[map[int]any](t, d.host.ask(atDevice, coap.GET, "/suit", "r", nil))
			result, _ := raw[4].(map[any]any)
			if record, _ := result[uint64(6)].([]any); len(record) != 5 || fmt.Sprint(record[3]) != fmt.Sprint(test.at) {
				t.Errorf("report %v, want component %d", result, test.at)
			}
			for range 2 {
				if got := d.runs(); got != runs {
					t.Errorf("runs %s, before %s", got, runs)
				}
				d.restart()
			}
			for _, name := range []string{"a", "b", "n0"} {
				if n := d.counter(alice, "event", name); n > 10 {
					t.Errorf("counter of %s: %d", name, n)
				}
			}
			// What was not installed has left no counter behind.
			d.change = test.change
			d.must(order{number: 51, image: returning(t, 6, 0), name: "a"})
		})
	}
}

// TestSeveralOnTrial: each of them is on a trial of its own.
func TestSeveralOnTrial(t *testing.T) {
	d := occupied(t, proving(10, true))
	d.must(order{number: 10, image: returning(t, 7, 0), name: "b"})
	if got := describe(d.post(together(50, piece{name: "a", image: returning(t, 3, 0)}, piece{name: "b", image: returning(t, 4, 0)}).sign(alice))); got != "done" {
		t.Fatal(got)
	}
	if d.stateOf("event", "a") != agent.StateTrial || d.stateOf("event", "b") != agent.StateTrial {
		t.Error(d.list())
	}
	if got := d.order(verb{number: 51, verb: agent.VerbConfirm, hook: "event", name: "a"}); got != "done" {
		t.Error(got)
	}
	d.pass(12) // b is not confirmed
	for range 2 {
		if got := d.runs(); got != "event/a=3 event/bob=2 event/b=7" {
			t.Error(got)
		}
		d.restart()
	}
}

// TestCopyBetweenComponents: what one component holds, installed for another.
func TestCopyBetweenComponents(t *testing.T) {
	d := occupied(t, nil)
	s := together(30, piece{name: "a", image: returning(t, 1, 100)}, piece{name: "b"})
	s.sections[20] = []any{12, 1, 20, map[int]any{22: 0, 3: digestOf(returning(t, 1, 100))}, 22, 2, 3, 15}
	if got := describe(d.post(s.sign(alice))); got != "done" {
		t.Fatal(got)
	}
	for range 2 {
		if got := d.runs(); got != "event/a=1 event/bob=2 event/b=1" {
			t.Error(got)
		}
		d.restart()
	}
}

// TestShareOfCounters: a tenant whose grant does not say how many components it may
// name can name its share, so that others find counters too.
func TestShareOfCounters(t *testing.T) {
	d := newDevice(t, func(c *agent.Config, _ *engine.Config) { c.Tenants[0].Counters, c.Tenants[1].Counters = 0, 0 })
	for i := range testNumbers {
		name := fmt.Sprint("n", i)
		got := describe(d.deploy(order{number: 1, image: returning(t, i, 0), name: name}))
		want := "done"
		if i >= testNumbers/2 {
			want = "check: operation failed (the tenant's quota is used up)"
		}
		if got != want {
			t.Fatalf("%d: %s", i, got)
		}
		d.command(remove(alice, 2, "event", name))
	}
	d.restart()
	d.must(order{number: 3, image: returning(t, 1, 0), name: "n0"}) // one that it has named
	for i := range testNumbers / 2 {
		d.must(order{number: 1, image: returning(t, i, 0), name: fmt.Sprint("b", i), by: bob})
		d.command(remove(bob, 2, "event", fmt.Sprint("b", i)))
	}
}

// TestSignedFiring: the owner can have hooks fired by signed commands alone.
func TestSignedFiring(t *testing.T) {
	d := occupied(t, nil)
	if got := d.trustOf(chief, chief, 5, agent.TrustSigned, tenant("alice", alice, "event"), tenant("bob", bob, "event")); got != "done" {
		t.Fatal(got)
	}
	for range 2 {
		if a := d.host.ask(atDevice, coap.POST, "/hook/event", "", nil); a.code != coap.Forbidden {
			t.Errorf("%d.%02d", a.code.Class(), a.code.Detail())
		}
		if d.info().Trust.Flags&agent.InfoSigned == 0 {
			t.Error("the info does not say so")
		}
		d.restart()
	}
	if a := d.host.ask(atDevice, coap.POST, "/command", "", verb{number: 100, verb: agent.VerbFire, hook: "event", arg: []byte{}}.message(t)); a.code != coap.Changed {
		t.Errorf("signed: %d.%02d", a.code.Class(), a.code.Detail())
	}
	if got := d.trustOf(chief, chief, 200, 0, tenant("alice", alice, "event"), tenant("bob", bob, "event")); got != "done" {
		t.Fatal(got)
	}
	d.fire(nil)
}
