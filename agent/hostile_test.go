package agent_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/remote"
)

// A manifest may fetch under one digest and match against another: what the
// device would look for at the next start is not what is in the slot.
func TestDigestOverriddenAfterFetch(t *testing.T) {
	d := occupied(t, nil)
	img := returning(t, 3, 300)
	s := newSheet(30, map[int]any{3: digestOf([]byte("something else")), 14: len(img)})
	s.components = []any{component("event", "a")}
	s.sections[20] = []any{20, map[int]any{21: "/p"}, 21, 2, 20, map[int]any{3: digestOf(img)}, 3, 15}
	d.host.files["p"] = img
	if got := describe(d.post(s.sign(alice))); got != "install: operation failed (the image in flash is not the one announced)" {
		t.Error(got)
	}
	for range 2 {
		if got := d.runs(); got != "event/a=1 event/bob=2" {
			t.Error(got)
		}
		d.restart()
	}
}

// Several payloads in one manifest: the last one that was matched counts.
func TestSeveralPayloadsForOneContainer(t *testing.T) {
	one, two := returning(t, 3, 300), returning(t, 4, 200)
	fetchOne := []any{20, map[int]any{3: digestOf(one), 14: len(one), 21: "/one"}, 21, 2, 3, 15}
	fetchTwo := []any{20, map[int]any{3: digestOf(two), 14: len(two), 21: "/two"}, 21, 2, 3, 15}
	writeTwo := []any{20, map[int]any{3: digestOf(two), 14: len(two), 18: two}, 18, 2}
	keep := returning(t, 1, 100)
	fetchKeep := []any{20, map[int]any{3: digestOf(keep), 14: len(keep), 21: "/keep"}, 21, 2, 3, 15}
	for name, test := range map[string]struct {
		sequence []any
		want     string
		runs     string
	}{
		"fetch, fetch":            {append(append([]any{}, fetchOne...), fetchTwo...), "done", "event/a=4 event/bob=2"},
		"fetch, write":            {append(append([]any{}, fetchOne...), writeTwo...), "done", "event/a=4 event/bob=2"},
		"write, fetch":            {append(append([]any{}, writeTwo...), fetchOne...), "done", "event/a=3 event/bob=2"},
		"fetch, what runs":        {append(append([]any{}, fetchOne...), fetchKeep...), "done", "event/a=1 event/bob=2"},
		"fetch, fetch unmatched":  {append(append([]any{}, fetchOne...), fetchTwo[:4]...), "condition: condition failed", "event/a=1 event/bob=2"},
		"fetch twice, one absent": {append(append([]any{}, fetchOne...), 20, map[int]any{21: "/three"}, 21, 2), "fetch: operation failed (the payload could not be fetched)", "event/a=1 event/bob=2"},
	} {
		t.Run(name, func(t *testing.T) {
			d := occupied(t, nil)
			d.host.files["one"], d.host.files["two"] = one, two
			s := newSheet(30, nil)
			s.components = []any{component("event", "a")}
			s.sections[20] = test.sequence
			before := d.network.carried
			if got := describe(d.post(s.sign(alice))); got != test.want {
				t.Error(got)
			}
			if n := d.network.carried - before; n > 80 {
				t.Errorf("%d datagrams", n)
			}
			for range 2 {
				if got := d.runs(); got != test.runs {
					t.Error(got)
				}
				d.restart()
			}
		})
	}
}

// The second fetch of a manifest starts its retransmissions now, not when the
// envelope came.
func TestSecondFetchUsesTheTimeItStarts(t *testing.T) {
	d := newDevice(t, nil)
	one, two := returning(t, 3, 900), returning(t, 4, 200)
	d.host.files["one"], d.host.files["two"] = one, two
	s := newSheet(30, nil)
	s.sections[20] = []any{20, map[int]any{3: digestOf(one), 14: len(one), 21: "/one"}, 21, 2, 3, 15,
		20, map[int]any{3: digestOf(two), 14: len(two), 21: "/two"}, 21, 2, 3, 15}
	d.network.spread = second // the first fetch takes long
	if got := describe(d.post(s.sign(alice))); got != "done" {
		t.Fatal(got)
	}
	if n := d.Counters().Retransmissions; n != 0 {
		t.Error(n, "retransmissions without a loss")
	}
}

// A manifest that is authentic but does nothing spends no number, so that it
// takes no counter from others.
func TestManifestThatInstallsNothing(t *testing.T) {
	img := returning(t, 1, 100)
	empty := func(number uint64, name string) []byte {
		s := newSheet(number, map[int]any{3: digestOf(img)})
		s.components = []any{component("event", name)}
		return s.sign(alice)
	}
	d := occupied(t, nil)
	d.still(func() {
		for i := range 2 * testNumbers {
			name := string(rune('A' + i))
			if got := describe(d.post(empty(30, name))); got != "install: operation failed (there is no such container)" {
				t.Fatal(got)
			}
			if n := d.counter(alice, "event", name); n != 0 {
				t.Fatal("counter", n)
			}
		}
	})
	// About a container that is there it spends the number and nothing else.
	if got := describe(d.post(empty(30, "a"))); got != "done" {
		t.Error(got)
	}
	d.restart()
	if n := d.counter(alice, "event", "a"); n != 30 {
		t.Error(n)
	}
	if got := d.runs(); got != "event/a=1 event/bob=2" {
		t.Error(got)
	}
	d.still(func() { d.post(empty(30, "a")) })
}

// An install section that is not there installs nothing, and says so.
func TestSeveredInstall(t *testing.T) {
	img := returning(t, 3, 100)
	sequence := enc([]any{20, map[int]any{18: img}, 18, 2})
	wrapped := enc(sequence)
	make := func(there bool) []byte {
		s := newSheet(30, map[int]any{3: digestOf(img)})
		s.components = []any{component("event", "a")}
		var digest []any
		decodeInto(digestOf(wrapped), &digest)
		s.sections[20] = digest
		if there {
			s.envelope[20] = sequence
		}
		return s.sign(alice)
	}
	d := occupied(t, nil)
	d.still(func() {
		if got := describe(d.post(make(false))); got != "install: unsupported severing" {
			t.Error(got)
		}
	})
	if n := d.counter(alice, "event", "a"); n != 10 {
		t.Error(n)
	}
	if got := describe(d.post(make(true))); got != "done" {
		t.Error(got)
	}
	if got := d.runs(); got != "event/a=3 event/bob=2" {
		t.Error(got)
	}
}

// What nobody signed leaves no trace in the report that others read.
func TestStrangersLeaveTheReportAlone(t *testing.T) {
	d := occupied(t, nil)
	want := d.post(order{number: 30, image: returning(t, 3, 300), name: "a"}.envelope(t))
	for _, send := range []func() *remote.Report{
		func() *remote.Report { return d.post([]byte("garbage")) },
		func() *remote.Report { return d.post(nil) },
		func() *remote.Report { return d.deploy(order{number: 99, image: []byte("x"), by: mallory}) },
		func() *remote.Report { return d.command([]byte("garbage")) },
		func() *remote.Report { return d.command(remove(mallory, 99, "event", "a")) },
	} {
		if r := send(); agent.Progress(r.Progress) != agent.ProgressRefused {
			t.Error(describe(r))
		}
		d.host.ask(atDevice, coap.POST, "/suit", "", make([]byte, 1100))
		if got := decode[remote.Report](t, d.host.ask(atDevice, coap.GET, "/suit", "", nil)); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	// An authentic one is told, without anything of the one before it.
	d.host.files["p"] = returning(t, 4, 500)
	d.deploy(order{number: 31, image: d.host.files["p"], name: "a"}.fetched())
	r := d.command(remove(alice, 32, "event", "a"))
	if describe(r) != "done" || r.Received != 0 || r.Total != 0 || r.Sequence != 32 {
		t.Errorf("%+v", r)
	}
}

// The report says which manifest it is about, so that whoever polls does not
// take another one's for his own.
func TestReportNamesTheManifest(t *testing.T) {
	d := newDevice(t, nil)
	manifest := func(o order) []byte {
		a := d.host.ask(atDevice, coap.POST, "/suit", "", o.envelope(t))
		r := *decode[map[int]any](t, a)
		id, _ := r[agent.ReportManifest].([]byte)
		if len(id) != 8 {
			t.Fatalf("%x", id)
		}
		return id
	}
	one := manifest(order{number: 1, image: returning(t, 1, 0)})
	two := manifest(order{number: 2, image: returning(t, 1, 0)})
	if bytes.Equal(one, two) || bytes.Equal(one, make([]byte, 8)) {
		t.Errorf("%x, %x", one, two)
	}
}

// Containers of a hook run in the order in which they came, also after a
// restart, and after the log was compacted.
func TestOrderSurvivesRestart(t *testing.T) {
	d := newDevice(t, nil)
	d.must(order{number: 1, image: returning(t, 1, 0), name: "a"})
	d.must(order{number: 1, image: returning(t, 2, 0), name: "b"})
	d.must(order{number: 1, image: returning(t, 3, 0), name: "c"})
	d.command(remove(alice, 2, "event", "a"))
	d.must(order{number: 1, image: returning(t, 4, 0), name: "d"}) // in the place that a had
	d.must(order{number: 2, image: returning(t, 5, 0), name: "b"})
	order_ := func() (s string) {
		for _, o := range d.fire(nil).Outcomes {
			s += o.Name
		}
		return s
	}
	if got := order_(); got != "bcd" {
		t.Error(got)
	}
	d.restart()
	if got := order_(); got != "bcd" {
		t.Error("after a restart:", got)
	}
	fillLog(d, 10)
	d.must(order{number: 3, image: returning(t, 6, 0), name: "b"})
	d.restart()
	if got := order_(); got != "bcd" {
		t.Error("after a compaction:", got)
	}
}

// trusting makes a device trust these tenants only.
func trusting(names ...string) func(*agent.Config, *engine.Config) {
	return func(c *agent.Config, _ *engine.Config) {
		var kept []agent.Tenant
		for _, t := range c.Tenants {
			for _, name := range names {
				if t.Name == name {
					kept = append(kept, t)
				}
			}
		}
		c.Tenants = kept
	}
}

func TestTrustChangesBetweenStarts(t *testing.T) {
	d := occupied(t, nil)
	d.change = trusting("alice")
	d.restart()
	if got := d.runs(); got != "event/a=1" {
		t.Error("bob is not trusted:", got)
	}
	d.change = nil
	d.restart()
	if got := d.runs(); got != "event/a=1 event/bob=2" {
		t.Error("bob is trusted again:", got)
	}
	// Tenants in another order: each container is still its signer's.
	d.change = func(c *agent.Config, _ *engine.Config) { c.Tenants[0], c.Tenants[1] = c.Tenants[1], c.Tenants[0] }
	d.restart()
	for _, c := range d.list() {
		if want := map[string]string{"a": "alice", "bob": "bob"}[c.Name]; c.Tenant != want {
			t.Errorf("%s is %s's", c.Name, c.Tenant)
		}
	}
	if got := describe(d.command(remove(alice, 40, "event", "bob"))); got != "check: component not authorised (the container belongs to another tenant)" {
		t.Error(got)
	}
	// A grant that was narrowed counts for what is installed already.
	d.must(order{number: 21, image: program(t, "call 0x20\nmov r0, 8\nexit", image.Parts{}), name: "bob", by: bob})
	d.change = func(c *agent.Config, _ *engine.Config) { c.Tenants[1].Grant = &engine.Grant{} }
	d.restart()
	if got := d.runs(); got != "event/a=1" {
		t.Error("helper no longer granted:", got)
	}
	d.change = func(c *agent.Config, _ *engine.Config) { c.Tenants[1].Hooks = 1 << hookTimer }
	d.restart()
	if got := d.runs(); got != "event/a=1" {
		t.Error("hook no longer granted:", got)
	}
}

// While a tenant was not trusted another one took the name of its container,
// in a place before it: when the tenant is trusted again there are not two of
// one name, and the newer one stays.
func TestNameTakenWhileUntrusted(t *testing.T) {
	d := newDevice(t, nil)
	d.must(order{number: 1, image: returning(t, 1, 0), name: "first"})
	d.must(order{number: 1, image: returning(t, 2, 0), name: "x", by: bob})
	d.change = trusting("alice")
	d.restart()
	d.command(remove(alice, 2, "event", "first"))
	d.must(order{number: 1, image: returning(t, 3, 0), name: "x"})
	for range 2 {
		d.change = nil
		d.restart()
		if got := d.runs(); got != "event/x=3" {
			t.Error(got)
		}
	}
	if used := d.info().Containers.Used; used != 1 {
		t.Error(used)
	}
}

func TestConfigurationsThatDoNotFit(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*agent.Config, *engine.Config)
		want   agent.Error
	}{
		"log too small for its state":           {func(c *agent.Config, _ *engine.Config) { c.LogSize = 2 * testBlock }, agent.ErrConfig},
		"log not whole blocks":                  {func(c *agent.Config, _ *engine.Config) { c.LogSize = testLog - 4 }, agent.ErrFlash},
		"slots beyond the flash":                {func(c *agent.Config, _ *engine.Config) { c.SlotSize = 2 * testSlot }, agent.ErrFlash},
		"slot shorter than its header":          {func(c *agent.Config, _ *engine.Config) { c.SlotSize = 64 }, agent.ErrConfig},
		"one key twice":                         {func(c *agent.Config, _ *engine.Config) { c.Tenants[1].Key = c.Tenants[0].Key }, agent.ErrConfig},
		"containers unlike the engine's":        {func(c *agent.Config, _ *engine.Config) { c.Containers = c.Containers[1:] }, agent.ErrConfig},
		"fewer counters than the flash has":     {func(c *agent.Config, _ *engine.Config) { c.Counters = c.Counters[:1] }, agent.ErrCounters},
		"envelope shorter than a command needs": {func(c *agent.Config, _ *engine.Config) { c.Envelope = c.Envelope[:95] }, agent.ErrConfig},
		"datagrams shorter than blocks":         {func(c *agent.Config, _ *engine.Config) { c.CoAP.Datagram = 64 }, agent.ErrConfig},
	} {
		d := occupied(t, nil)
		before := d.operations()
		d.change = test.change
		if got := d.start(); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if n := d.operations() - before; n != 0 {
			t.Errorf("%s: %d flash operations", name, n)
		}
		d.change = nil
		d.restart()
		if got := d.runs(); got != "event/a=1 event/bob=2" {
			t.Errorf("%s: afterwards %s", name, got)
		}
	}
}

// A key identifier is a hint that saves work; it vouches for nothing, and a
// wrong one finds nobody.
func TestKeyIdentifier(t *testing.T) {
	a, b := alice.id(), bob.id()
	for _, test := range []struct {
		name string
		key  *signer
		kid  []byte
		want string
	}{
		{"none", alice, nil, "done"},
		{"empty", alice, []byte{}, "done"},
		{"one byte", alice, a[:1], "done"},
		{"whole", alice, a[:], "done"},
		{"longer", alice, append(a[:], 0), "auth: not authorised"},
		{"another tenant's", alice, b[:4], "auth: not authorised"},
		{"a tenant's, by a stranger", mallory, a[:], "auth: not authorised"},
	} {
		by := *test.key
		by.kid = test.kid
		d := occupied(t, nil)
		s := newSheet(30, nil)
		s.components = []any{component("event", "a")}
		s.sections[20] = []any{20, map[int]any{18: returning(t, 3, 0)}, 18, 2}
		if got := describe(d.post(s.sign(&by))); got != test.want {
			t.Errorf("%s: %s", test.name, got)
		}
		if got := describe(d.command(remove(&by, 31, "event", "a"))); got != test.want {
			t.Errorf("%s, command: %s", test.name, got)
		}
	}
}

// A manifest names whom it is for.
func TestIdentifiersOfTheDevice(t *testing.T) {
	other := make([]byte, 16)
	for name, test := range map[string]struct {
		change func(s *sheet)
		want   string
	}{
		"this device":    {func(s *sheet) { s.shared[1].(map[int]any)[24] = deviceID[:]; s.shared = append(s.shared, 24, 15) }, "done"},
		"another device": {func(s *sheet) { s.shared[1].(map[int]any)[24] = other; s.shared = append(s.shared, 24, 15) }, "condition: condition failed"},
		"another vendor": {func(s *sheet) { s.shared[1].(map[int]any)[1] = other }, "condition: condition failed"},
		"another class":  {func(s *sheet) { s.shared[1].(map[int]any)[2] = other }, "condition: condition failed"},
		"no class":       {func(s *sheet) { s.shared = s.shared[:4] }, "check: condition failed"},
		"another size of what runs": {func(s *sheet) {
			s.sections = map[int]any{7: []any{20, map[int]any{3: digestOf(returning(t, 1, 100)), 14: 99}, 3, 15}}
		}, "condition: condition failed"},
		"another digest than what runs": {func(s *sheet) {
			s.sections = map[int]any{7: []any{20, map[int]any{3: digestOf(returning(t, 2, 100))}, 3, 15}}
		}, "condition: condition failed"},
		"what runs": {func(s *sheet) {
			img := returning(t, 1, 100)
			s.sections = map[int]any{7: []any{20, map[int]any{3: digestOf(img), 14: len(img)}, 3, 15}}
		}, "done"},
	} {
		d := occupied(t, nil)
		s := newSheet(30, nil)
		s.components = []any{component("event", "a")}
		s.sections[20] = []any{20, map[int]any{18: returning(t, 3, 0)}, 18, 2}
		test.change(s)
		if got := describe(d.post(s.sign(alice))); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// The hook's own bounds on its context hold for the network too, beside what
// the agent has room for.
func TestContextOfTheHooksSize(t *testing.T) {
	d := occupied(t, func(_ *agent.Config, e *engine.Config) {
		e.Hooks[hookEvent].ContextMin, e.Hooks[hookEvent].ContextMax = 4, 8
	})
	for n, want := range map[int]coap.Code{0: coap.BadRequest, 3: coap.BadRequest, 4: coap.Changed, 8: coap.Changed, 9: coap.BadRequest} {
		if a := d.host.ask(atDevice, coap.POST, "/hook/event", "", make([]byte, n)); a.code != want {
			t.Errorf("%d bytes: %d.%02d", n, a.code.Class(), a.code.Detail())
		}
	}
}
