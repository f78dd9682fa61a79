package agent_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/suit"
)

// occupied returns a device on which alice has event/a at number 10 and bob
// event/bob at number 20.
func occupied(t testing.TB, change func(*agent.Config, *engine.Config)) *device {
	t.Helper()
	d := newDevice(t, change)
	d.must(order{number: 10, image: returning(t, 1, 100), name: "a"})
	d.must(order{number: 20, image: returning(t, 2, 100), name: "bob", by: bob})
	return d
}

// TestRefusedManifests: what is refused says why, changes nothing, and costs no
// flash operation unless a payload had to be fetched to find out.
func TestRefusedManifests(t *testing.T) {
	ok := returning(t, 3, 100)
	printf := program(t, "mov r1, 0\ncall 1\nmov r0, 0\nexit", image.Parts{})
	tests := []struct {
		name  string
		order order
		want  string
		pc    int
	}{
		{"same number, other image", order{number: 10, image: ok, name: "a"},
			"install: not authorised (sequence number is not above 10, which is spent)", 0},
		{"same number, other image by fetching", order{number: 10, image: ok, name: "a"}.fetched(),
			"fetch: not authorised (sequence number is not above 10, which is spent)", 0},
		{"old number", order{number: 9, image: ok, name: "a"},
			"setup: not authorised (sequence number is not above 10, which is spent)", 0},
		{"number 0 of a new component", order{number: 0, image: ok, name: "new"},
			"install: not authorised (sequence number is not above 0, which is spent)", 0},
		{"number too far", order{number: suit.MaxSequence + 1, image: ok, name: "a"}, "setup: unsupported parameter", 0},
		{"stranger's key", order{number: 30, image: ok, by: mallory}, "auth: not authorised", 0},
		{"hook that the tenant has no grant for", order{number: 30, image: ok, by: bob, hook: "timer"},
			"check: component not authorised", 0},
		{"hook that nobody has a grant for", order{number: 30, image: ok, hook: "private"},
			"check: component not authorised", 0},
		{"hook that is not there", order{number: 30, image: ok, hook: "nowhere"}, "check: unsupported component", 0},
		{"another tenant's container", order{number: 30, image: ok, name: "bob"},
			"check: component not authorised (the container belongs to another tenant)", 0},
		{"name too long", order{number: 30, image: ok, name: "12345678901234567"}, "check: unsupported component", 0},
		{"name with a slash", order{number: 30, image: ok, name: "a/b"}, "check: unsupported component", 0},
		{"name with a NUL", order{number: 30, image: ok, name: "a\x00"}, "check: unsupported component", 0},
		{"other class", order{number: 30, image: ok, class: "femto-other"}, "condition: condition failed", 0},
		{"image larger than a slot, fetched", order{number: 30, image: returning(t, 3, testSlot)}.fetched(),
			"fetch: operation failed (the image is too large)", 0},
		{"image invalid", order{number: 30, image: []byte("not an image at all, not at all")},
			"install: operation failed (not an image: magic number differs)", 0},
		{"program refused by the check", order{number: 30, image: program(t, "mov r0, 1\nja -1\nja +8", image.Parts{})},
			"install: operation failed (illegal jump at slot 2)", 2},
		{"helper not granted", order{number: 30, image: printf, by: bob, name: "bob"}, "install: operation failed (it needs helpers printf (0x1))", 1},
		{"helper unknown", order{number: 30, image: program(t, "mov r0, 0\nmov r1, 0\ncall 0xee\nexit", image.Parts{})}, "install: operation failed (", 2},
		{"more .data than there is memory", order{number: 30, image: program(t, "mov r0, 0\nexit", image.Parts{Data: make([]byte, 400)})},
			"install: operation failed (it needs more memory)", 0},
		{"uri with a host name", order{number: 30, image: ok, delivery: author.Reference, uri: "coap://example.org/p"},
			"fetch: unsupported parameter (host names are not resolved)", 0},
		{"uri of another scheme", order{number: 30, image: ok, delivery: author.Reference, uri: "https://10.0.0.9/p"},
			"fetch: unsupported parameter (scheme is not coap)", 0},
		{"a key identifier that is not the signer's", order{number: 30, image: ok, by: mallory, hint: 8}, "auth: not authorised", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := occupied(t, nil)
			d.still(func() {
				r := d.deploy(test.order)
				if got := describe(r); !strings.HasPrefix(got, test.want) || got != test.want && !strings.HasSuffix(test.want, "(") {
					t.Errorf("%s, want %s", got, test.want)
				}
				if r.PC != test.pc {
					t.Errorf("slot %d, want %d", r.PC, test.pc)
				}
			})
			d.restart()
			if got := d.runs(); got != "event/a=1 event/bob=2" {
				t.Error("after a restart:", got)
			}
		})
	}
}

// TestFetchedImageRefused: an image that turns out wrong once it is there.
func TestFetchedImageRefused(t *testing.T) {
	for name, test := range map[string]struct {
		order order
		want  string
	}{
		"invalid": {order{number: 30, image: bytes.Repeat([]byte("x"), 300), name: "a"},
			"install: operation failed (not an image: magic number differs)"},
		"check": {order{number: 30, image: program(t, "mov r0, 1\nja +8", image.Parts{}), name: "a"},
			"install: operation failed (illegal jump at slot 1)"},
		"grant": {order{number: 30, image: program(t, "mov r1, 0\ncall 1\nexit", image.Parts{}), name: "bob", by: bob},
			"install: operation failed (it needs helpers printf (0x1))"},
	} {
		t.Run(name, func(t *testing.T) {
			d := occupied(t, nil)
			if got := describe(d.deploy(test.order.fetched())); got != test.want {
				t.Error(got)
			}
			for range 2 {
				if got := d.runs(); got != "event/a=1 event/bob=2" {
					t.Error(got)
				}
				d.restart()
			}
			if n := d.counter(alice, "event", "a"); n != 10 {
				t.Error("counter", n)
			}
		})
	}
}

// TestAnnouncedSize: a server that says at once that its payload is not what
// the manifest promises costs no flash.
func TestAnnouncedSize(t *testing.T) {
	d := occupied(t, nil)
	o := order{number: 30, image: returning(t, 3, 300), name: "a"}.fetched()
	d.host.files["p"] = returning(t, 3, 500)
	d.still(func() {
		if got := describe(d.deploy(o)); got != "fetch: operation failed (the payload is not of the announced size)" {
			t.Error(got)
		}
	})
}

// TestFailedFetches: whatever a server does, the old container keeps running
// and the number stays unspent.
func TestFailedFetches(t *testing.T) {
	right := returning(t, 3, 300)
	other := returning(t, 4, 300)
	respond := func(code coap.Code, body []byte) func(*coap.Request, *coap.Response) bool {
		return func(req *coap.Request, resp *coap.Response) bool {
			resp.Code, resp.Body = code, body
			return true
		}
	}
	blocks := 0
	tests := []struct {
		name  string
		serve func(*coap.Request, *coap.Response) bool
		drop  func(d *device) func(p *packet) bool
		want  string
	}{
		{"not found", func(req *coap.Request, resp *coap.Response) bool { resp.Fail(coap.NotFound, "nothing"); return true }, nil,
			"fetch: operation failed (the payload could not be fetched)"},
		{"a code of success that is not content", respond(coap.Changed, right), nil,
			"fetch: operation failed (the payload could not be fetched)"},
		{"other bytes of the same size", respond(coap.Content, other), nil, "condition: condition failed"},
		{"one byte less", respond(coap.Content, right[:len(right)-1]), nil,
			"fetch: operation failed (the payload is not of the announced size)"},
		{"one byte more", respond(coap.Content, append(bytes.Clone(right), 0)), nil,
			"fetch: operation failed (the payload is not of the announced size)"},
		{"one block", respond(coap.Content, right[:64]), nil, "fetch: operation failed (the payload is not of the announced size)"},
		{"nothing", respond(coap.Content, nil), nil, "fetch: operation failed (the payload is not of the announced size)"},
		{"changes between blocks", func(req *coap.Request, resp *coap.Response) bool {
			blocks++
			resp.Code, resp.Body = coap.Content, [][]byte{right, other}[min(blocks/3, 1)]
			return true
		}, nil, "fetch: operation failed (content changed during the transfer)"},
		{"silence", nil, func(d *device) func(p *packet) bool {
			return func(p *packet) bool { return p.from == atDevice && p.datagram[1] == byte(coap.GET) }
		}, "fetch: operation failed (no answer)"},
		{"silence in the middle", nil, func(d *device) func(p *packet) bool {
			n := 0
			return func(p *packet) bool {
				if p.from == atDevice && p.datagram[1] == byte(coap.GET) {
					n++
				}
				return n > 3 && p.from == atDevice && p.datagram[1] == byte(coap.GET)
			}
		}, "fetch: operation failed (no answer)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := occupied(t, nil)
			d.host.files["p"] = right
			d.host.serve = test.serve
			if test.drop != nil {
				d.network.drop = test.drop(d)
			}
			o := order{number: 30, image: right, name: "a"}.fetched()
			if got := describe(d.deploy(o)); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			for range 2 {
				if got := d.runs(); got != "event/a=1 event/bob=2" {
					t.Error(got)
				}
				d.restart()
			}
			if n := d.counter(alice, "event", "a"); n != 10 {
				t.Error("counter", n)
			}
			d.host.serve, d.network.drop = nil, nil
			d.must(o)
			if got := d.runs(); got != "event/a=3 event/bob=2" {
				t.Error("tried again:", got)
			}
		})
	}
}

func TestTablesFull(t *testing.T) {
	t.Run("containers", func(t *testing.T) {
		d := newDevice(t, nil)
		for i, name := range []string{"a", "b", "c", "d"} {
			d.must(order{number: 1, image: returning(t, i, 0), name: name})
		}
		o := order{number: 1, image: returning(t, 9, 0), name: "e"}
		d.still(func() {
			if got := describe(d.deploy(o)); got != "check: operation failed (no container is free)" {
				t.Error(got)
			}
		})
		d.must(order{number: 2, image: returning(t, 7, 0), name: "a"})
		d.command(remove(alice, 2, "event", "b"))
		d.must(o)
	})
	t.Run("counters", func(t *testing.T) {
		d := newDevice(t, nil)
		for i := range testNumbers {
			name := string(rune('a' + i))
			d.must(order{number: 1, image: returning(t, i, 0), name: name})
			d.command(remove(alice, 2, "event", name))
		}
		o := order{number: 1, image: returning(t, 9, 0), name: "z"}
		d.still(func() {
			if got := describe(d.deploy(o)); got != "check: operation failed (no counter is free)" {
				t.Error(got)
			}
		})
		d.restart()
		d.must(order{number: 3, image: returning(t, 7, 0), name: "a"})
		if n := d.counter(alice, "event", "h"); n != 2 {
			t.Error(n)
		}
	})
	t.Run("quotas", func(t *testing.T) {
		d := newDevice(t, func(c *agent.Config, _ *engine.Config) {
			grant := engine.Everything()
			grant.Containers = 2
			c.Tenants[0].Grant, c.Tenants[0].Counters = &grant, 3
		})
		install := func(name string) string {
			return describe(d.deploy(order{number: 1, image: returning(t, 1, 0), name: name}))
		}
		const used = "check: operation failed (the tenant's quota is used up)"
		const more = "install: operation failed (it needs one container more than the tenant may have)"
		for _, step := range []struct{ install, remove, want string }{
			{"a", "", "done"}, {"b", "", "done"}, {"c", "", more}, {"", "a", "done"}, {"c", "", "done"}, {"", "c", "done"}, {"d", "", used},
		} {
			got := ""
			if step.remove != "" {
				got = describe(d.command(remove(alice, 2, "event", step.remove)))
			} else {
				got = install(step.install)
			}
			if got != step.want {
				t.Errorf("%+v: %s", step, got)
			}
		}
		// Others do not feel it.
		d.must(order{number: 1, image: returning(t, 1, 0), name: "x", by: bob})
	})
}

func TestCommandsRefused(t *testing.T) {
	o := author.HookID("event")
	payload := func(v ...any) []byte { return alice.sign1("femto command", enc(v), true) }
	flip := remove(alice, 11, "event", "a")
	flip[len(flip)-1] ^= 1
	tests := []struct {
		name    string
		message []byte
		want    string
	}{
		{"stranger", remove(mallory, 11, "event", "a"), "auth: not authorised"},
		{"another tenant's", remove(bob, 11, "event", "a"), "check: component not authorised (the container belongs to another tenant)"},
		{"no grant for the hook", remove(bob, 11, "timer", ""), "check: component not authorised"},
		{"old number", remove(alice, 9, "event", "a"), "setup: not authorised (sequence number is not above 10, which is spent)"},
		{"same number", remove(alice, 10, "event", "a"), "setup: not authorised (sequence number is not above 10, which is spent)"},
		{"number too far", remove(alice, suit.MaxSequence+1, "event", "a"), "setup: unsupported parameter"},
		{"absent", remove(alice, 11, "event", "z"), "execute: unsupported component (there is no such container)"},
		{"flipped bit", flip, "auth: not authorised"},
		{"empty", nil, "cbor: malformed cbor"},
		{"not cose", enc("hello"), "auth: unsupported cose message"},
		{"a manifest's signature", alice.sign1("", enc([]any{11, 1, []any{o[:], []byte("a")}, deviceID[:]}), true), "auth: not authorised"},
		{"no device", payload(11, 1, []any{o[:], []byte("a")}), "cbor: malformed cbor"},
		{"another device", payload(11, 1, []any{o[:], []byte("a")}, make([]byte, 16)), "check: condition failed (the command is for another device)"},
		{"unknown verb", payload(11, 99, []any{o[:], []byte("a")}, deviceID[:]), "execute: unsupported command"},
		{"three segments", payload(11, 1, []any{o[:], []byte("a"), []byte("b")}, deviceID[:]), "cbor: malformed cbor"},
		{"no segment", payload(11, 1, []any{}, deviceID[:]), "check: unsupported component"},
		{"short uuid", payload(11, 1, []any{o[:15], []byte("a")}, deviceID[:]), "check: unsupported component"},
		{"long uuid", payload(11, 1, []any{append(o[:], 0), []byte("a")}, deviceID[:]), "check: unsupported component"},
		{"number below zero", payload(-1, 1, []any{o[:], []byte("a")}, deviceID[:]), "cbor: malformed cbor"},
		{"more after it", payload(11, 1, []any{o[:], []byte("a")}, deviceID[:], 1), "cbor: malformed cbor"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := occupied(t, nil)
			d.still(func() {
				if got := describe(d.command(test.message)); got != test.want {
					t.Errorf("%s, want %s", got, test.want)
				}
			})
		})
	}
}

func TestRequestsRefused(t *testing.T) {
	d := occupied(t, nil)
	d.still(func() {
		for _, test := range []struct {
			code        coap.Code
			path, query string
			body        int
			want        coap.Code
		}{
			{coap.POST, "/suit", "", 1025, coap.RequestEntityTooLarge},
			{coap.POST, "/suit", "", 2000, coap.RequestEntityTooLarge},
			{coap.PUT, "/suit", "", 1, coap.MethodNotAllowed},
			{coap.DELETE, "/suit", "", 0, coap.MethodNotAllowed},
			{coap.GET, "/command", "", 0, coap.MethodNotAllowed},
			{coap.POST, "/info", "", 0, coap.MethodNotAllowed},
			{coap.POST, "/ps", "", 0, coap.MethodNotAllowed},
			{coap.POST, "/counter", "", 0, coap.MethodNotAllowed},
			{coap.GET, "/hook/event", "", 0, coap.MethodNotAllowed},
			{coap.POST, "/hook", "", 0, coap.NotFound},
			{coap.POST, "/hook/event/x", "", 0, coap.NotFound},
			{coap.POST, "/hook/nowhere", "", 0, coap.NotFound},
			{coap.POST, "/hook/timer", "", 0, coap.Forbidden},
			{coap.POST, "/hook/event", "", 65, coap.BadRequest},
			{coap.GET, "/suit/x", "", 0, coap.NotFound},
			{coap.GET, "/counter/x", "", 0, coap.NotFound},
			{coap.GET, "/", "", 0, coap.NotFound},
			{coap.GET, "/counter", "", 0, coap.BadRequest},
			{coap.GET, "/counter", "k=00&h=00", 0, coap.BadRequest},
			{coap.GET, "/counter", "k=0011223344556677&k=0011223344556677", 0, coap.NotFound},
			{coap.GET, "/counter", "k=0011223344556677&h=00112233445566778899aabbccddeeff", 0, coap.NotFound},
			{coap.GET, "/counter", "k=001122334455667g&h=00112233445566778899aabbccddeeff", 0, coap.BadRequest},
		} {
			a := d.host.ask(atDevice, test.code, test.path, test.query, make([]byte, test.body))
			if a.code != test.want {
				t.Errorf("%d %s?%s: %d.%02d, want %d.%02d", test.code, test.path, test.query,
					a.code.Class(), a.code.Detail(), test.want.Class(), test.want.Detail())
			}
		}
	})
}

// TestUnmetNeeds: a refusal names everything that the contract asks for and
// does not get.
func TestUnmetNeeds(t *testing.T) {
	d := newDevice(t, func(c *agent.Config, _ *engine.Config) {
		c.Tenants[0].Grant = &engine.Grant{Budget: 100, Quota: [3]uint16{2, 3}, Memory: 16}
	})
	timer := author.HookID("timer")
	contract := image.Contract{Keys: 1<<image.KeyHook | 1<<image.KeyHelpers | 1<<image.KeyStack | 1<<image.KeyBudget | 1<<image.KeyEntries, Hook: timer[:], Stack: 4096, Budget: 5000, Entries: [3]uint16{3, 4, 100}}
	contract.Helpers.Add(helpers.NowMs)
	raw := program(t, "mov r0, 1\nexit", image.Parts{Data: make([]byte, 32), Contract: &contract})
	d.still(func() {
		got := describe(d.deploy(order{number: 1, image: raw}))
		want := "install: operation failed (it needs the hook, which the tenant may not use or the contract does not name; " +
			"helpers now_ms (0x20); more stack than the device has; a larger budget; more entries in its store; " +
			"more entries in the tenant's store; more entries in the global store; more memory)"
		if got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}
