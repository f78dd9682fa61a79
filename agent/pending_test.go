package agent_test

import (
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/remote"
)

// fetching returns a device whose fetch is under way, held up by a network that
// loses its requests until release is called.
func fetching(t *testing.T) (d *device, release func()) {
	t.Helper()
	d = occupied(t, nil)
	held := true
	d.network.drop = func(p *packet) bool {
		return held && p.from == atDevice && p.to == d.host.address && p.datagram[1] == byte(coap.GET)
	}
	d.host.files["p"] = returning(t, 3, 300)
	envelope := order{number: 30, image: d.host.files["p"], name: "a"}.fetched().envelope(t)
	a := d.host.ask(atDevice, coap.POST, "/suit", "", envelope)
	if got := describe(decode[remote.Report](t, a)); got != "fetching" {
		t.Fatal(got)
	}
	return d, func() { held = false }
}

func TestRequestsWhileFetching(t *testing.T) {
	d, release := fetching(t)
	other := d.network.client(t, 77)
	again := order{number: 30, image: d.host.files["p"], name: "a"}.fetched().envelope(t)

	for name, message := range map[string]struct {
		path string
		body []byte
	}{
		"garbage":                {"/suit", []byte("garbage")},
		"another manifest":       {"/suit", order{number: 31, image: returning(t, 4, 0), name: "a"}.envelope(t)},
		"a stranger's":           {"/suit", order{number: 31, image: returning(t, 4, 0), name: "a", by: mallory}.envelope(t)},
		"a command":              {"/command", remove(alice, 31, "event", "a")},
		"a command of somebody":  {"/command", remove(bob, 31, "event", "bob")},
		"another tenant's order": {"/suit", order{number: 31, image: returning(t, 4, 0), name: "bob", by: bob}.envelope(t)},
	} {
		for _, c := range []*client{d.host, other} {
			if a := c.ask(atDevice, coap.POST, message.path, "", message.body); a.code != coap.ServiceUnavailable {
				t.Errorf("%s: %d.%02d", name, a.code.Class(), a.code.Detail())
			}
		}
	}
	// Asking again with the same envelope, whoever does, is asking how far it
	// is.
	for _, c := range []*client{d.host, other} {
		a := c.ask(atDevice, coap.POST, "/suit", "", again)
		if r := decode[remote.Report](t, a); describe(r) != "fetching" || r.Total != 300 || r.Received != 0 {
			t.Errorf("%+v", r)
		}
	}
	if got := d.runs(); got != "event/a=1 event/bob=2" {
		t.Error(got)
	}
	release()
	d.network.run(60*second, nil)
	if got := d.runs(); got != "event/a=3 event/bob=2" {
		t.Error(got)
	}
	if r := decode[remote.Report](t, other.ask(atDevice, coap.GET, "/suit", "", nil)); describe(r) != "done" || r.Received != 300 || r.Sequence != 30 {
		t.Errorf("%+v", r)
	}
}

// A sender that was restarted sends the same manifest from another address. It
// fetches from there when the old one has been silent for long enough.
func TestStalledFetchMoves(t *testing.T) {
	d, _ := fetching(t)
	other := d.network.client(t, 77)
	other.files["p"] = d.host.files["p"]
	again := order{number: 30, image: d.host.files["p"], name: "a"}.fetched().envelope(t)
	for _, wait := range []int64{0, 11 * second} {
		d.network.run(wait, nil)
		a := other.ask(atDevice, coap.POST, "/suit", "", again)
		if got := describe(decode[remote.Report](t, a)); got != "fetching" {
			t.Error(got)
		}
		if got := d.runs(); got != "event/a=1 event/bob=2" {
			t.Error(got)
		}
	}
	d.network.run(5*second, nil)
	if got := d.runs(); got != "event/a=3 event/bob=2" {
		t.Error(got)
	}
}

// A fetch that stands still gives way to whoever comes next, and what it left
// behind on the network does no harm.
func TestStalledFetchGivesWay(t *testing.T) {
	for name, next := range map[string]struct {
		path string
		body func() []byte
		want string
		runs string
	}{
		"manifest": {"/suit", func() []byte { return order{number: 31, image: returning(t, 4, 200), name: "a"}.envelope(t) },
			"done", "event/a=4 event/bob=2"},
		"command": {"/command", func() []byte { return remove(alice, 31, "event", "a") }, "done", "event/bob=2"},
		"garbage": {"/suit", func() []byte { return []byte("garbage") }, "cbor: malformed cbor", "event/a=1 event/bob=2"},
	} {
		t.Run(name, func(t *testing.T) {
			d, release := fetching(t)
			other := d.network.client(t, 77)
			if a := other.ask(atDevice, coap.POST, next.path, "", next.body()); a.code != coap.ServiceUnavailable {
				t.Fatal(a.code)
			}
			d.network.run(11*second, nil)
			a := other.ask(atDevice, coap.POST, next.path, "", next.body())
			if got := describe(decode[remote.Report](t, a)); got != next.want {
				t.Error(got)
			}
			release()
			d.network.run(300*second, nil)
			if got := d.runs(); got != next.runs {
				t.Error(got)
			}
			r := decode[remote.Report](t, other.ask(atDevice, coap.GET, "/suit", "", nil))
			want := next.want
			if name == "garbage" { // nobody's; the last report is the fetch's
				want = "fetch: operation failed (the payload could not be fetched)"
			}
			if got := describe(r); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			d.restart()
			if got := d.runs(); got != next.runs {
				t.Error("after a restart:", got)
			}
		})
	}
}

// Whoever sent an envelope, was killed, and sends it again from another port
// is asked for the payload anew.
func TestStalledFetchStartsAnewForTheSameEnvelope(t *testing.T) {
	d, _ := fetching(t)
	img := d.host.files["p"]
	other := d.network.client(t, 77)
	other.files["p"] = img
	d.network.run(11*second, nil)
	other.ask(atDevice, coap.POST, "/suit", "", order{number: 30, image: img, name: "a"}.fetched().envelope(t))
	d.network.run(10*second, nil)
	if got := d.runs(); got != "event/a=3 event/bob=2" || other.gets == 0 {
		t.Error(got, other.gets)
	}
}

// A server that hands out one block now and then cannot keep the agent for
// longer than the image has blocks.
func TestSlowServerEndsAtLast(t *testing.T) {
	d := occupied(t, nil)
	d.host.files["p"] = returning(t, 3, 300)
	d.network.drop = func(p *packet) bool { return p.from == d.host.address && d.network.random.IntN(3) > 0 }
	a := d.host.start(atDevice, coap.POST, "/suit", "", order{number: 30, image: d.host.files["p"], name: "a"}.fetched().envelope(t))
	d.network.run(1000*second, nil)
	if !a.done {
		t.Fatal("no answer")
	}
	d.network.drop = nil
	r := decode[remote.Report](t, d.host.ask(atDevice, coap.GET, "/suit", "", nil))
	if agent.Progress(r.Progress) == agent.ProgressFetching {
		t.Error(describe(r))
	}
	d.must(order{number: 31, image: returning(t, 4, 0), name: "a"})
}

// A restart forgets a fetch, and with it everything about the update.
func TestRestartWhileFetching(t *testing.T) {
	d, release := fetching(t)
	d.restart()
	release()
	d.network.run(300*second, nil)
	if got := d.runs(); got != "event/a=1 event/bob=2" {
		t.Error(got)
	}
	if r := decode[remote.Report](t, d.host.ask(atDevice, coap.GET, "/suit", "", nil)); describe(r) != "none" {
		t.Error(describe(r))
	}
	d.must(order{number: 31, image: returning(t, 4, 0), name: "a"})
}

// A fetch that gets on, however slowly, is not given up for another one.
func TestSlowFetchIsLeftAlone(t *testing.T) {
	d := occupied(t, nil)
	d.host.files["p"] = returning(t, 3, 300)
	other := d.network.client(t, 77)
	n := 0
	d.network.drop = func(p *packet) bool { // every second datagram of the server
		if p.from == d.host.address {
			n++
		}
		return p.from == d.host.address && n%2 == 0
	}
	d.host.ask(atDevice, coap.POST, "/suit", "", order{number: 30, image: d.host.files["p"], name: "a"}.fetched().envelope(t))
	began, refused := d.network.now, 0
	for describe(decode[remote.Report](t, other.ask(atDevice, coap.GET, "/suit", "", nil))) == "fetching" {
		if a := other.ask(atDevice, coap.POST, "/suit", "", []byte("garbage")); a.code == coap.ServiceUnavailable {
			refused++
		}
		d.network.run(second, nil)
	}
	if took := d.network.now - began; took < 11*second || refused < 10 {
		t.Errorf("%d s, %d refused: too fast to say anything", took/second, refused)
	}
	if got := d.runs(); got != "event/a=3 event/bob=2" {
		t.Error(got, describe(decode[remote.Report](t, other.ask(atDevice, coap.GET, "/suit", "", nil))))
	}
}

// TestSilentFetchesHoldLess: a manifest that was captured, and whose payload never
// comes, is sent all the time, from another port each time. Others have most of the
// time.
func TestSilentFetchesHoldLess(t *testing.T) {
	d := occupied(t, nil)
	thief := d.network.client(t, 66) // which serves nothing
	d.network.drop = func(p *packet) bool {
		return p.from == atDevice && p.to.IP == thief.address.IP && p.datagram[1] == byte(coap.GET)
	}
	captured := order{number: 30, image: returning(t, 3, 300), name: "a"}.fetched().envelope(t)
	const seconds = 200
	held, longest, run := 0, 0, 0
	for i := range seconds * 4 {
		if i%8 == 0 {
			thief = d.network.client(t, 66)
		}
		thief.ask(atDevice, coap.POST, "/suit", "", captured)
		d.network.run(second/4, nil)
		// Whether others are held up: garbage is refused at once if not.
		if a := d.host.ask(atDevice, coap.POST, "/command", "", []byte("garbage")); a.code == coap.ServiceUnavailable {
			held++
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	t.Logf("others were held up for %d of %d tries, %d in a row", held, seconds*4, longest)
	if held > seconds*4/5 || longest > 42 {
		t.Errorf("others were held up for %d of %d tries, %d in a row", held, seconds*4, longest)
	}
	// A sender whose payload comes is heard.
	d.network.run(30*second, nil)
	d.must(order{number: 31, image: returning(t, 4, 300), name: "a"}.fetched())
}
