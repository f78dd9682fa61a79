package agent_test

import (
	"fmt"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/ed25519"
	"github.com/femto-containers/femto/link"
)

// A wire is the other end of a device's link without a network: it hands over
// requests and, as a server, the blocks of one file, and allocates nothing.
type wire struct {
	*device
	id     uint16
	buffer [1400]byte
	sent   [1400]byte
	size   int
	parsed coap.Message
	code   coap.Code // of the last response
	file   []byte
}

const wireBlock = 1024

func newWire(tb testing.TB) *wire {
	w := &wire{}
	w.device = newDevice(tb, func(c *agent.Config, _ *engine.Config) {
		c.CoAP.BlockSize, c.CoAP.Datagram = wireBlock, 1200
		c.CoAP.Send = func(to *link.Addr, datagram []byte) { w.size = copy(w.sent[:], datagram) }
	})
	return w
}

// request delivers one request. Its response stays in parsed.
func (w *wire) request(code coap.Code, path, name, query string, body []byte) {
	w.id++
	var b coap.Builder
	b.Start(w.buffer[:], coap.Confirmable, code, w.id, nil)
	b.Option(coap.UriPath, []byte(path))
	if name != "" {
		b.Option(coap.UriPath, []byte(name))
	}
	for i := 0; i < len(query); {
		end := i
		for end < len(query) && query[end] != '&' {
			end++
		}
		b.Option(coap.UriQuery, []byte(query[i:end]))
		i = end + 1
	}
	b.Payload(body)
	datagram, ok := b.Bytes()
	if !ok {
		panic("request does not fit")
	}
	w.size = 0
	w.Deliver(second, w.host.address, datagram)
	if w.size > 0 && coap.Parse(w.sent[:w.size], &w.parsed) == 0 {
		w.code = w.parsed.Code
	}
}

// serve answers the device's request for the next block of the file and
// reports whether there was one. The device sends its request before its
// response, so the request is found by polling: it is repeated.
func (w *wire) serve(now int64) bool {
	w.size = 0
	w.Poll(now)
	for n := 0; ; n++ {
		if w.size == 0 || coap.Parse(w.sent[:w.size], &w.parsed) != 0 || w.parsed.Code != coap.GET {
			return n > 0
		}
		number := uint32(0)
		for o := w.parsed.Options(); o.Next(); {
			if o.Number == coap.Block2 {
				number = coap.DecodeBlock(o.Uint()).Num
			}
		}
		const block = 256
		from := int(number) * block
		to := min(from+block, len(w.file))
		var b coap.Builder
		b.Start(w.buffer[:], coap.Acknowledgement, coap.Content, w.parsed.ID, w.parsed.Token)
		b.Uint(coap.Block2, coap.Block{Num: number, More: to < len(w.file), SZX: 4}.Value())
		b.Payload(w.file[from:to])
		datagram, _ := b.Bytes()
		w.size = 0
		w.Deliver(now, w.host.address, datagram)
	}
}

// TestAllocations: nothing but the verification of a signature allocates.
func TestAllocations(t *testing.T) {
	const runs = 20
	a, b := returning(t, 1, 300), returning(t, 2, 400)
	claim := alice.sign1("", []byte("payload"), false)
	key, message := alice.raw(), []byte("payload")
	verify := testing.AllocsPerRun(runs, func() { ed25519.Verify(&key, message, message, claim[len(claim)-64:]) })
	t.Logf("one Ed25519 verification: %v allocations", verify)

	w := newWire(t)
	var envelopes, fetches, commands [][]byte
	for i := range runs + 2 {
		number := uint64(100 + 10*i)
		img := [][]byte{a, b}[i%2]
		envelopes = append(envelopes, order{number: number, image: img, name: "a"}.envelope(t))
		fetches = append(fetches, order{number: number + 1, image: [][]byte{b, a}[i%2], name: "f"}.fetched().envelope(t))
		commands = append(commands, remove(alice, number+2, "event", "a"))
	}
	flippedSignature := append([]byte(nil), envelopes[0]...)
	flippedSignature[30+len("signature")+50] ^= 1
	alien := order{number: 99, image: a, name: "a", by: mallory, hint: 8}.envelope(t)
	old := order{number: 1, image: a, name: "a"}.envelope(t)
	bad := order{number: 5000, image: []byte("no image"), name: "z"}.envelope(t)
	foreign := remove(bob, 5000, "event", "a")
	id, hook := alice.id(), author.HookID("event")
	query := fmt.Sprintf("k=%x&h=%x&n=a", id[:], hook[:])

	w.request(coap.POST, "suit", "", "", envelopes[0])
	n := 1
	context := []byte("context")
	tests := []struct {
		name   string
		verify float64 // signatures verified
		code   coap.Code
		f      func()
	}{
		{"hook", 0, coap.Changed, func() { w.request(coap.POST, "hook", "event", "", context) }},
		{"info", 0, coap.Content, func() { w.request(coap.GET, "info", "", "", nil) }},
		{"ps", 0, coap.Content, func() { w.request(coap.GET, "ps", "", "", nil) }},
		{"counter", 0, coap.Content, func() { w.request(coap.GET, "counter", "", query, nil) }},
		{"report", 0, coap.Content, func() { w.request(coap.GET, "suit", "", "", nil) }},
		{"core", 0, coap.Content, func() { w.request(coap.GET, ".well-known", "core", "", nil) }},
		{"not found", 0, coap.NotFound, func() { w.request(coap.GET, "nothing", "", "", nil) }},
		{"garbage for a manifest", 0, coap.BadRequest, func() { w.request(coap.POST, "suit", "", "", context) }},
		{"garbage for a command", 0, coap.BadRequest, func() { w.request(coap.POST, "command", "", "", context) }},
		{"manifest with a stranger's key identifier", 0, coap.Unauthorized, func() { w.request(coap.POST, "suit", "", "", alien) }},
		{"manifest with an old number", 1, coap.Forbidden, func() { w.request(coap.POST, "suit", "", "", old) }},
		{"manifest with a bad image", 1, coap.Code(4<<5 | 9), func() { w.request(coap.POST, "suit", "", "", bad) }},
		{"manifest accepted", 1, coap.Changed, func() { w.request(coap.POST, "suit", "", "", envelopes[n]); n++ }},
		{"manifest repeated", 1, coap.Changed, func() { w.request(coap.POST, "suit", "", "", envelopes[n-1]) }},
		{"command refused", 2, coap.Forbidden, func() { w.request(coap.POST, "command", "", "", foreign) }},
	}
	for _, test := range tests {
		// AllocsPerRun rounds down to whole allocations a run, warm-up apart.
		got := testing.AllocsPerRun(runs, test.f)
		if got != test.verify*verify {
			t.Errorf("%s: %v allocations, want %v", test.name, got, test.verify*verify)
		}
		if w.code != test.code {
			t.Errorf("%s: answered %d.%02d, want %d.%02d", test.name, w.code.Class(), w.code.Detail(), test.code.Class(), test.code.Detail())
		}
	}

	// Removing needs something to remove: one pair is two signatures.
	w = newWire(t)
	n = 0
	got := testing.AllocsPerRun(runs, func() {
		w.request(coap.POST, "suit", "", "", envelopes[n])
		w.request(coap.POST, "command", "", "", commands[n])
		n++
	})
	if got != 2*verify || w.code != coap.Changed || n != runs+1 {
		t.Errorf("install and remove: %v allocations, want %v; %d.%02d", got, 2*verify, w.code.Class(), w.code.Detail())
	}

	// Every other command, and reading what they are about.
	w = newWire(t)
	w.request(coap.POST, "suit", "", "", envelopes[0])
	var orders [][]byte
	for i := range runs + 1 {
		number := uint64(1000 + 10*i)
		tenants := []author.Tenant{tenant("alice", alice, "event"), tenant("bob", bob, "event", "timer")}
		tenants[0].Helpers.All = true
		owner := chief.raw()
		doc := author.Trust{Owner: owner[:], Tenants: tenants}
		message, err := doc.Sign(chief.PrivateKey, number, deviceID)
		if err != nil {
			t.Fatal(err)
		}
		orders = append(orders, message,
			verb{number: number, verb: agent.VerbStop, hook: "event", name: "a"}.message(t),
			verb{number: number + 1, verb: agent.VerbStart, hook: "event", name: "a"}.message(t),
			verb{number: number + 2, verb: agent.VerbFire, hook: "event", arg: []byte{1}}.message(t),
			verb{number: number + 3, verb: agent.VerbSet, hook: "event", name: "a", arg: []int{0, 1, i}}.message(t),
			verb{number: number + 4, verb: agent.VerbUnset, hook: "event", name: "a", arg: []int{0, 1}}.message(t))
	}
	n = 0
	got = testing.AllocsPerRun(runs, func() {
		for range 6 {
			w.request(coap.POST, "command", "", "", orders[n])
			if n++; w.code != coap.Changed {
				panic("refused")
			}
		}
		for _, path := range []string{"kv", "trust", "info"} {
			w.request(coap.GET, path, "", "", nil)
			if w.code != coap.Content {
				panic(path)
			}
		}
	})
	if got < 6*verify || got > 11*verify { // the owner's key is tried before a tenant's
		t.Errorf("six commands: %v allocations with %v for a signature", got, verify)
	}

	w = newWire(t)
	n = 0
	now := int64(second)
	got = testing.AllocsPerRun(runs, func() {
		w.file = [][]byte{b, a}[n%2]
		w.request(coap.POST, "suit", "", "", fetches[n])
		now += 10 * second
		if !w.serve(now) {
			panic("nothing was fetched")
		}
		n++
	})
	if got != verify {
		t.Errorf("manifest with a fetch: %v allocations, want %v", got, verify)
	}
	if c := w.counterInRAM(query); c != 100+10*runs+1 {
		t.Errorf("after %d fetches the counter is %d", n, c)
	}
}

// counterInRAM asks for a counter over the wire.
func (w *wire) counterInRAM(query string) uint64 {
	w.request(coap.GET, "counter", "", query[:len(query)-1]+"f", nil)
	return *decode[uint64](w.tb, &answer{body: w.parsed.Payload})
}
