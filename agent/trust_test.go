package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
)

// tenant is one whom a document trusts with hooks and no helper.
func tenant(name string, by *signer, hooks ...string) author.Tenant {
	t := author.Tenant{Name: name, Keys: [][]byte{by.Public().Raw()}}
	for _, hook := range hooks {
		id := author.HookID(hook)
		t.Hooks.List = append(t.Hooks.List, id[:])
	}
	return t
}

// trust sends a trust store and describes what the device says.
func (d *device) trust(by *signer, number uint64, tenants ...author.Tenant) string {
	d.tb.Helper()
	return d.trustOf(by, chief, number, 0, tenants...)
}

func (d *device) trustOf(by, owner *signer, number, flags uint64, tenants ...author.Tenant) string {
	d.tb.Helper()
	t := author.Trust{Owner: owner.Public().Raw(), Flags: flags, Tenants: tenants}
	message, err := t.Sign(by.PrivateKey, number, uuid.UUID(deviceID))
	if err != nil {
		d.tb.Fatal(err)
	}
	return describe(d.command(message))
}

func (d *device) tenants() string {
	var names []string
	for _, t := range d.info().Tenants {
		names = append(names, t.Name)
	}
	return strings.Join(names, " ")
}

// TestTrust: who the owner no longer names is gone with all that was his, and
// nobody else notices; after a restart it is the same.
func TestTrust(t *testing.T) {
	d := occupied(t, nil) // alice's a, bob's bob
	if got := d.tenants(); got != "alice bob" {
		t.Fatal(got)
	}
	check := func(want, tenants string) {
		t.Helper()
		for range 2 {
			if got := d.runs(); got != want {
				t.Errorf("runs %q, want %q", got, want)
			}
			if got := d.tenants(); got != tenants {
				t.Errorf("tenants %q, want %q", got, tenants)
			}
			d.restart()
		}
	}
	clockReader := tenant("bob", bob, "event")
	clockReader.Helpers.List = []uint8{helpers.NowMs}
	if got := d.trust(chief, 100, clockReader, tenant("alice", alice, "event", "timer")); got != "done" {
		t.Fatal(got)
	}
	check("event/a=1 event/bob=2", "alice bob")
	if got := d.trust(chief, 101, tenant("alice", alice, "event")); got != "done" {
		t.Fatal(got)
	}
	check("event/a=1", "alice")
	if got := describe(d.deploy(order{number: 900, image: returning(t, 1, 0), by: bob})); got != "auth: not authorised" {
		t.Error(got)
	}
	// A hook that is taken back.
	if got := d.trust(chief, 102, tenant("alice", alice, "timer"), tenant("mallory", mallory, "event")); got != "done" {
		t.Fatal(got)
	}
	check("", "alice mallory")
	d.must(order{number: 1, image: returning(t, 6, 0), by: mallory})
	check("event/=6", "alice mallory")
	// The document can be had as it was sent.
	a := d.host.ask(atDevice, coap.GET, "/trust", "", nil)
	got, err := author.ParseTrust(a.body)
	if err != nil || len(got.Tenants) != 2 || got.Find("mallory") == nil || string(got.Owner) != string(enc(chief.raw())[2:]) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTrustRefused(t *testing.T) {
	key := alice.raw()
	good := tenant("alice", alice, "event")
	with := func(change func(*author.Tenant)) []author.Tenant {
		other := good
		change(&other)
		return []author.Tenant{other}
	}
	owner := chief.raw()
	for _, test := range []struct {
		name    string
		by      *signer
		number  uint64
		tenants []author.Tenant
		want    string
	}{
		{"a tenant's", alice, 100, []author.Tenant{good}, "check: not authorised (only the owner may do that)"},
		{"a stranger's", mallory, 100, []author.Tenant{good}, "auth: not authorised"},
		{"number 0", chief, 0, []author.Tenant{good}, "setup: not authorised (sequence number is not above 50, which is spent)"},
		{"the same number", chief, 50, []author.Tenant{good}, "setup: not authorised (sequence number is not above 50, which is spent)"},
		{"a number far ahead", chief, 1 << 39, []author.Tenant{good}, "setup: not authorised (the number is too far ahead)"},
		{"too many", chief, 100, []author.Tenant{good, tenant("b", bob), tenant("c", mallory), tenant("d", newSigner(9)), tenant("e", newSigner(10))},
			"check: unsupported parameter (too many tenants)"},
		{"one key twice", chief, 100, []author.Tenant{good, tenant("b", alice)}, "check: unsupported parameter (two tenants have one key)"},
		{"one identity twice", chief, 100, append(with(func(t *author.Tenant) { t.ID = []byte("12345678") }),
			author.Tenant{Name: "b", Keys: tenant("", bob).Keys, ID: []byte("12345678")}), "check: unsupported parameter (two tenants have one key)"},
		{"no name", chief, 100, with(func(t *author.Tenant) { t.Name = "" }), "cbor: malformed cbor"},
		{"a long name", chief, 100, with(func(t *author.Tenant) { t.Name = strings.Repeat("x", 17) }), "cbor: malformed cbor"},
		{"no key", chief, 100, with(func(t *author.Tenant) { t.Keys = [][]byte{} }), "cbor: malformed cbor"},
		{"a key of zeros", chief, 100, with(func(t *author.Tenant) { t.Keys = [][]byte{make([]byte, 32)} }), "cbor: malformed cbor"},
		{"three keys", chief, 100, with(func(t *author.Tenant) { t.Keys = [][]byte{key[:], key[:], key[:]} }), "cbor: malformed cbor"},
		{"a short key", chief, 100, with(func(t *author.Tenant) { t.Keys = [][]byte{key[:31]} }), "cbor: malformed cbor"},
		{"a short identity", chief, 100, with(func(t *author.Tenant) { t.ID = []byte("1234567") }), "cbor: malformed cbor"},
		{"a short hook", chief, 100, with(func(t *author.Tenant) { t.Hooks.List = [][]byte{{1}} }), "cbor: malformed cbor"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := occupied(t, nil)
			if got := d.order(verb{by: chief, number: 50, verb: agent.VerbStop, hook: "event", name: "bob"}); got != "done" {
				t.Fatal(got)
			}
			d.still(func() {
				if got := d.trust(test.by, test.number, test.tenants...); got != test.want {
					t.Errorf("%s, want %s", got, test.want)
				}
			})
		})
	}
	for name, arg := range map[string]any{
		"unknown key": []any{owner[:], 0, []any{map[int]any{1: "a", 2: []any{key[:]}, 99: 1}}},
		"key 0":       []any{owner[:], 0, []any{map[int]any{0: 1, 1: "a", 2: []any{key[:]}}}},
		"text limit":  []any{owner[:], 0, []any{map[int]any{1: "a", 2: []any{key[:]}, 6: "x"}}},
		"helper 256":  []any{owner[:], 0, []any{map[int]any{1: "a", 2: []any{key[:]}, 5: []int{256}}}},
		"a flag":      []any{owner[:], 4, []any{}},
		"no tenants":  []any{owner[:], 0},
		"one more":    []any{owner[:], 0, []any{}, 1},
		"no map":      []any{owner[:], 0, []any{1}},
		"no owner":    []any{make([]byte, 32), 0, []any{}},
		"short owner": []any{owner[:31], 0, []any{}},
		"a number":    7,
	} {
		t.Run(name, func(t *testing.T) {
			d := occupied(t, nil)
			d.still(func() {
				if got := d.order(verb{by: chief, number: 100, verb: agent.VerbTrust, arg: arg}); got != "cbor: malformed cbor" {
					t.Error(got)
				}
			})
		})
	}
}

// TestOwnersKeyChanges: the old owner names the new one.
func TestOwnersKeyChanges(t *testing.T) {
	d := newDevice(t, nil)
	next := newSigner(20)
	if got := d.trustOf(chief, next, 10, 0, tenant("alice", alice, "event")); got != "done" {
		t.Fatal(got)
	}
	for range 2 {
		if got := d.trust(chief, 11); got != "auth: not authorised" {
			t.Error(got)
		}
		d.restart()
	}
	if got := d.trustOf(next, chief, 11, 0); got != "done" || d.tenants() != "" {
		t.Error(got, d.tenants())
	}
}

// TestRotation: a tenant changes keys; containers and numbers stay, and what the
// old key signed before cannot come back with it.
func TestRotation(t *testing.T) {
	d := newDevice(t, nil)
	next := newSigner(21)
	d.must(order{number: 10, image: returning(t, 1, 0), name: "a"})
	alices := tenant("alice", alice, "event")
	alices.Rotate(next.Public().Raw())
	if got := d.trust(chief, 100, alices); got != "done" {
		t.Fatal(got)
	}
	d.must(order{number: 11, image: returning(t, 2, 0), name: "a"})
	d.must(order{number: 12, image: returning(t, 3, 0), name: "a", by: next})
	d.restart()
	if got := describe(d.deploy(order{number: 12, image: returning(t, 4, 0), name: "a"})); !strings.Contains(got, "not above 12") {
		t.Error(got)
	}
	if err := alices.Retire(); err != nil {
		t.Fatal(err)
	}
	if got := d.trust(chief, 101, alices); got != "done" {
		t.Fatal(got)
	}
	for range 2 {
		if got := describe(d.deploy(order{number: 20, image: returning(t, 4, 0), name: "a"})); got != "auth: not authorised" {
			t.Error(got)
		}
		if got := d.runs(); got != "event/a=3" {
			t.Error(got)
		}
		d.restart()
	}
	if n := d.counter(next, "event", "a"); n != 12 {
		t.Error(n)
	}
}

// TestP256: owners and tenants with keys of P-256, which are known by their
// compressed points.
func TestP256(t *testing.T) {
	generate := func() *signer {
		key, err := author.GenerateP256()
		if err != nil {
			t.Fatal(err)
		}
		return &signer{PrivateKey: key}
	}
	owner, holder := generate(), generate()
	d := newDevice(t, func(c *agent.Config, _ *engine.Config) { c.Owner, c.Tenants, c.Enroll = agent.Key{}, nil, true })
	if got := d.trustOf(owner, owner, 10, 0, tenant("alice", alice, "event"), tenant("holder", holder, "event")); got != "done" {
		t.Fatal(got)
	}
	for restart := range uint64(2) {
		number := 10 * (restart + 1)
		d.must(order{number: number, image: returning(t, int(number), 0), name: "a", by: holder})
		if got := describe(d.deploy(order{number: number + 1, image: returning(t, 2, 0), name: "a", by: generate()})); got != "auth: not authorised" {
			t.Errorf("another key: %s", got)
		}
		if got := d.order(verb{by: holder, number: number + 1, verb: agent.VerbStop, hook: "event", name: "a"}); got != "done" {
			t.Errorf("command: %s", got)
		}
		if n := d.counter(holder, "event", "a"); n != number+1 {
			t.Errorf("counter %d", n)
		}
		d.restart()
	}
	if got := d.trust(chief, 11); got != "auth: not authorised" {
		t.Errorf("another owner: %s", got)
	}

	// What is no point is refused, and a key is no other one's for having the
	// same 32 bytes.
	for name, key := range map[string][]byte{
		"uncompressed":       append([]byte{4}, make([]byte, 64)...),
		"another form":       append([]byte{4}, holder.Public().Raw()[1:]...),
		"ed25519 with a 0":   append([]byte{0}, alice.Public().Raw()...),
		"x alone":            holder.Public().Raw()[1:],
		"the other y":        append([]byte{holder.Public().Raw()[0] ^ 1}, holder.Public().Raw()[1:]...),
		"ed25519 as a point": append([]byte{2}, alice.Public().Raw()...),
	} {
		t.Run(name, func(t *testing.T) {
			number := d.info().Trust.Number + 1
			other := tenant("other", alice, "event")
			other.Keys = [][]byte{key}
			got := d.trustOf(owner, owner, number, 0, other)
			if readable := len(key) == 32 || len(key) == 33 && key[0]&^1 == 2; readable != (got == "done") {
				t.Fatal(got)
			} else if !readable {
				return
			}
			for _, by := range []*signer{alice, holder} {
				if got := describe(d.deploy(order{number: 99, image: returning(t, 1, 0), name: "b", by: by})); got != "auth: not authorised" {
					t.Errorf("somebody else's signature: %s", got)
				}
			}
		})
	}
}

// TestEnrolment: a device without an owner takes the first one, once.
func TestEnrolment(t *testing.T) {
	open := func(c *agent.Config, _ *engine.Config) { c.Owner, c.Tenants, c.Enroll = agent.Key{}, nil, true }
	d := newDevice(t, open)
	if got := d.trustOf(mallory, chief, 10, 0); got != "auth: not authorised" {
		t.Errorf("for somebody else: %s", got)
	}
	if got := d.order(verb{by: chief, number: 10, verb: agent.VerbReboot}); got != "auth: not authorised" {
		t.Errorf("another command: %s", got)
	}
	if d.info().Trust.Flags != agent.InfoEnrolls|agent.InfoP256 {
		t.Error("does not tell that it waits for an owner")
	}
	if got := d.trust(chief, 10, tenant("alice", alice, "event")); got != "done" {
		t.Fatal(got)
	}
	for range 2 {
		if got := d.trustOf(mallory, mallory, 20, 0); got != "auth: not authorised" {
			t.Errorf("a second one: %s", got)
		}
		d.restart()
	}
	d.must(order{number: 1, image: returning(t, 1, 0)})

	closed := newDevice(t, func(c *agent.Config, _ *engine.Config) { c.Owner = agent.Key{} })
	closed.still(func() {
		if got := closed.trust(chief, 10); got != "auth: not authorised" {
			t.Errorf("where nobody said that it may be enrolled: %s", got)
		}
	})
}

// TestNumbersThatTheOwnerBounds: expiry, numbers taken as spent, and the far
// future.
func TestNumbersThatTheOwnerBounds(t *testing.T) {
	const now = 1_800_000_000
	d := newDevice(t, nil)
	alices, bobs := tenant("alice", alice, "event"), tenant("bob", bob, "event")
	alices.Spent, alices.Until = now, now+1000
	if got := d.trust(chief, now, alices, bobs); got != "done" {
		t.Fatal(got)
	}
	deploy := func(by *signer, number uint64) string {
		return describe(d.deploy(order{number: number, image: returning(t, int(number%1000), 0), name: "n", by: by}))
	}
	for _, test := range []struct {
		by     *signer
		number uint64
		want   string
	}{
		{alice, now, "install: not authorised (sequence number is not above 1800000000, which is spent)"},
		{alice, now - 1, "setup: not authorised (sequence number is not above 1800000000, which is spent)"},
		{alice, now + 1001, "setup: not authorised (the tenant's time is up)"},
		{bob, now + 11*365*86400, "setup: not authorised (the number is too far ahead)"},
		{alice, now + 1, "done"},
	} {
		if got := deploy(test.by, test.number); got != test.want {
			t.Errorf("%d: %s, want %s", test.number, got, test.want)
		}
		if got := d.order(verb{by: test.by, number: test.number, verb: agent.VerbSet, arg: []any{agent.ScopeTenant, 1, 2}}); test.want != "done" && got == "done" {
			t.Errorf("command %d: %s", test.number, got)
		}
	}
	if n := d.counter(alice, "event", "z"); n != now {
		t.Errorf("a counter that was never used: %d", n)
	}
	// What the owner says tells the device the time.
	if got := d.trust(chief, now+2000, alices, bobs); got != "done" {
		t.Fatal(got)
	}
	if got := deploy(alice, now+2); got != "setup: not authorised (the tenant's time is up)" {
		t.Error(got)
	}
}

func TestDevelopmentKeys(t *testing.T) {
	dev := tenant("alice", alice, "event")
	dev.Development = 1
	d := newDevice(t, func(c *agent.Config, _ *engine.Config) { c.Production = true })
	d.still(func() {
		if got := d.trust(chief, 10, dev); got != "check: unsupported parameter (keys for development are not taken here)" {
			t.Error(got)
		}
	})
	if got := newDevice(t, nil).trust(chief, 10, dev); got != "done" {
		t.Error(got)
	}
}

// TestCountersOfRevoked: the places of those who are gone are free again, also
// after a restart, and no number of those who stayed is lost.
func TestCountersOfRevoked(t *testing.T) {
	d := newDevice(t, nil)
	d.must(order{number: 77, image: returning(t, 1, 0), name: "mine"})
	for i := range testNumbers - 1 {
		name := fmt.Sprint(i)
		d.must(order{number: 1, image: returning(t, 1, 0), name: name, by: bob})
		d.command(remove(bob, 2, "event", name))
	}
	alices := tenant("alice", alice, "event")
	for round := range 3 {
		if got := describe(d.deploy(order{number: uint64(round + 1), image: returning(t, 1, 0), name: fmt.Sprint("m", round)})); round == 0 && !strings.Contains(got, "no counter is free") {
			t.Fatal(got)
		}
		if got := d.trust(chief, uint64(100+round), alices); got != "done" {
			t.Fatal(got)
		}
		d.restart()
		d.must(order{number: uint64(round + 10), image: returning(t, 1, 0), name: fmt.Sprint("m", round)})
		if n := d.counter(alice, "event", "mine"); n != 77 {
			t.Fatal(n)
		}
	}
}

// TestDamagedTrustStore: then nobody is trusted, and the device still answers.
func TestDamagedTrustStore(t *testing.T) {
	d := occupied(t, nil)
	if got := d.trust(chief, 10, tenant("alice", alice, "event")); got != "done" {
		t.Fatal(got)
	}
	d.flash.Data()[testLog+2*testPlaces*testSlot+testTrust+200] ^= 1 // the second slot comes first
	d.restart()
	if got := d.tenants(); got != "" {
		t.Error(got)
	}
	for _, by := range []*signer{alice, bob, chief} {
		if got := d.trust(by, 20); got != "auth: not authorised" {
			t.Error(got)
		}
	}
}

// TestClosedReading: nobody reads but whoever has a session, which ends.
func TestClosedReading(t *testing.T) {
	d := occupied(t, nil)
	if got := d.trustOf(chief, chief, 10, agent.TrustClosed, tenant("alice", alice, "event")); got != "done" {
		t.Fatal(got)
	}
	reads := func(c *client) (n int) {
		for _, path := range []string{"/ps", "/suit", "/trust", "/kv"} {
			if a := c.ask(atDevice, coap.GET, path, "", nil); a.code == coap.Content {
				n++
			} else if a.code != coap.Unauthorized {
				t.Errorf("%s: %d.%02d", path, a.code.Class(), a.code.Detail())
			}
		}
		return n
	}
	other := d.network.client(t, 10)
	if n := reads(d.host) + reads(other); n != 0 {
		t.Error(n, "resources could be read")
	}
	info := d.info()
	if info.Trust.Flags != agent.InfoClosed|agent.InfoP256 || len(info.Tenants) != 0 || info.Board != "" {
		t.Errorf("%+v", info)
	}
	session := verb{number: info.Trust.Nonce, verb: agent.VerbRead}
	operations := d.operations()
	if got := d.order(session); got != "done" {
		t.Fatal(got)
	}
	if d.operations() != operations {
		t.Error("a session writes flash")
	}
	if n := reads(d.host); n != 4 {
		t.Error(n, "resources can be read")
	}
	if n := reads(other); n != 0 {
		t.Error(n, "resources can be read by others")
	}
	if got := d.order(session); got != "setup: not authorised (the nonce is spent)" {
		t.Error("again:", got)
	}
	if got := d.order(verb{by: mallory, number: info.Trust.Nonce + 1, verb: agent.VerbRead}); got != "auth: not authorised" {
		t.Error("a stranger:", got)
	}
	d.network.run(301*second, nil)
	if n := reads(d.host); n != 0 {
		t.Error(n, "resources can be read after the session")
	}
}

// TestExpiredReaders: whose time is up opens no session to read, either.
func TestExpiredReaders(t *testing.T) {
	d := occupied(t, nil)
	late := tenant("alice", alice, "event")
	late.Until = 5000
	if got := d.trustOf(chief, chief, 6000, agent.TrustClosed, late); got != "done" {
		t.Fatal(got)
	}
	if got := d.order(verb{number: d.info().Trust.Nonce, verb: agent.VerbRead}); !strings.Contains(got, agent.ErrExpired.Error()) {
		t.Errorf("session: %s", got)
	}
	if a := d.host.ask(atDevice, coap.GET, "/ps", "", nil); a.code == coap.Content {
		t.Error("the list is read")
	}
	if got := d.order(verb{by: chief, number: d.info().Trust.Nonce, verb: agent.VerbRead}); got != "done" {
		t.Errorf("the owner: %s", got)
	}
}

// A new trust store leaves alone what it does not name, also while no further
// version can go on trial.
func TestTrustWhileTrialsAreFull(t *testing.T) {
	proving := proving(10, false)
	d := newDevice(t, func(c *agent.Config, e *engine.Config) {
		proving(c, e)
		e.Trials = make([]engine.Trial, 1)
	})
	d.must(order{number: 1, image: returning(t, 1, 0), name: "a"})
	d.must(order{number: 2, image: returning(t, 2, 0), name: "b"})
	d.must(order{number: 3, image: returning(t, 3, 0), name: "a"}) // on trial
	before := d.runs()
	trusted := tenant("alice", alice, "event", "timer")
	trusted.Helpers.All = true
	trusted.Trial = 10
	if got := d.trust(chief, 100, trusted); got != "done" {
		t.Fatal(got)
	}
	if got := d.runs(); got != before {
		t.Errorf("runs %q, before %q", got, before)
	}
}

// What a revoked tenant's containers sent does not reach whoever gets its place.
func TestEventsOfTheRevoked(t *testing.T) {
	d := newDevice(t, func(c *agent.Config, e *engine.Config) {
		e.Events = make([]engine.Event, 10)
		e.Hooks[hookTimer].Events = true
		everything := engine.Everything()
		c.Tenants[0].Grant = &everything
	})
	d.must(order{number: 1, name: "a", image: program(t, "mov r1, 5000\nmov r2, 7\nmov r3, 4242\ncall 0xa1\nexit", image.Parts{})})
	d.fire(nil)
	next := tenant("mallory", mallory, "event", "timer")
	next.Helpers.All = true
	if got := d.trust(chief, 100, next); got != "done" {
		t.Fatal(got)
	}
	d.must(order{number: 1, by: mallory, name: "m", hook: "timer", image: program(t, "ldxw r2, [r1+4]\nmov r1, 1\ncall 0x10\nexit", image.Parts{})})
	d.engine.Poll(d.network.now + 10_000_000)
	if got := pairs(&d.engine, d.engine.Find(hookTimer, []byte("m"))); got != "[]" {
		t.Errorf("mallory's container heard from alice's: %s", got)
	}
}

// What stays trusted keeps its containers over a restart, whichever place of the
// configuration's table those have who do not.
func TestRestartAfterRevoking(t *testing.T) {
	for _, test := range []struct {
		by   *signer
		name string
		runs string
	}{{alice, "alice", "event/a=1"}, {bob, "bob", "event/b=2"}} {
		d := newDevice(t, nil)
		d.must(order{number: 1, image: returning(t, 1, 0), name: "a"})
		d.must(order{number: 1, image: returning(t, 2, 0), name: "b", by: bob})
		if got := d.trust(chief, 10, tenant(test.name, test.by, "event")); got != "done" {
			t.Fatal(got)
		}
		for range 3 {
			if got := d.runs(); got != test.runs {
				t.Errorf("%s is trusted: %q, want %q", test.name, got, test.runs)
			}
			d.restart()
		}
	}
}
