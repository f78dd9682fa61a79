package agent_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/ed25519"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/link"
)

// A hostile host sends a datagram every 4 ms, which is what an IEEE 802.15.4
// link carries, from many ports. What comes back it does not read.
type hostile struct {
	network *network
	random  *rand.Rand
	host    byte
	next    int64
	until   int64
	id      uint16
	sent    [7]int
	forged  [][]byte // envelopes
	replays [][]byte // commands that the device has carried out
}

const hostilePause = 4000

func (h *hostile) Deliver(int64, link.Addr, []byte) {}

func (h *hostile) Poll(now int64) int64 {
	if now >= h.until {
		return never
	}
	if now >= h.next {
		h.next = now + hostilePause
		from := link.IPv4(10, 0, 0, h.host, uint16(1024+h.random.IntN(50000)))
		h.network.send(from, atDevice, h.datagram())
	}
	return h.next
}

// datagram makes the next one.
func (h *hostile) datagram() []byte {
	h.id++
	kind := h.random.IntN(len(h.sent))
	h.sent[kind]++
	buffer := make([]byte, 1400)
	var b coap.Builder
	request := func(path string, more func(), payload []byte) []byte {
		b.Start(buffer, coap.Confirmable, coap.POST, h.id, []byte{byte(h.id >> 8), byte(h.id)})
		b.Option(coap.UriPath, []byte(path))
		more()
		b.Payload(payload)
		datagram, ok := b.Bytes()
		if !ok {
			panic("too long")
		}
		return datagram
	}
	nothing := func() {}
	switch kind {
	case 0: // malformed options, and what is no CoAP at all
		datagram := make([]byte, 1+h.random.IntN(80))
		for i := range datagram {
			datagram[i] = byte(h.random.Uint32())
		}
		if h.random.IntN(4) > 0 {
			datagram[0] = 0x40 | datagram[0]&0x3f
		}
		if len(datagram) > 1 && h.random.IntN(2) > 0 {
			datagram[1] = byte(coap.POST)
		}
		return datagram
	case 1: // a body that stops after its first block
		return request([]string{"suit", "command", "hook"}[h.random.IntN(3)], func() {
			b.Uint(coap.Block1, coap.Block{More: true, SZX: 2}.Value())
			b.Uint(coap.RequestTag, uint32(h.id))
		}, make([]byte, 64))
	case 2: // an answer in blocks that nobody fetches
		return request("suit", func() { b.Uint(coap.Block2, coap.Block{}.Value()) }, []byte("garbage"))
	case 3:
		return request("command", nothing, h.replays[h.random.IntN(len(h.replays))])
	case 4: // a good request but for a byte of its options
		datagram := request("suit", func() {
			b.Uint(coap.ContentFormat, uint32(coap.FormatCBOR))
			b.Uint(coap.Block2, coap.Block{Num: h.random.Uint32() & 0xff, SZX: 6}.Value())
			b.Uint(coap.Block1, coap.Block{Num: h.random.Uint32() & 0xff, More: true, SZX: 1}.Value())
			b.Uint(coap.Size1, h.random.Uint32())
		}, make([]byte, 32))
		datagram[6+h.random.IntN(len(datagram)-6-33)] = byte(h.random.Uint32())
		return datagram
	case 5: // an observer that takes no notice
		b.Start(buffer, coap.Confirmable, coap.GET, h.id, []byte{byte(h.id)})
		b.Uint(coap.Observe, 0)
		b.Option(coap.UriPath, []byte("ps"))
		datagram, _ := b.Bytes()
		return datagram
	}
	forged := bytes.Clone(h.forged[h.random.IntN(len(h.forged))])
	if h.random.IntN(2) > 0 {
		forged[h.random.IntN(len(forged))] ^= 1 << h.random.IntN(8)
	}
	return request("suit", nothing, forged)
}

// A guard is a device that notes whose datagram it is at work on.
type guard struct {
	*device
	from link.Addr
}

func (g *guard) Deliver(now int64, from link.Addr, datagram []byte) {
	g.from = from
	g.device.Deliver(now, from, datagram)
	g.from = link.Addr{}
}

// A visitor is a good client with a request open most of the time.
type visitor struct {
	*client
	tb      testing.TB
	script  func(n int) (code coap.Code, path string, body []byte)
	open    *answer
	n, done int
	busy    int
	changed int
	since   int64
	next    int64
	longest int64
	until   int64
}

// go_ starts the next request, or the same again if the device was busy.
func (v *visitor) Poll(now int64) int64 {
	next := v.client.Poll(now)
	if v.open != nil && v.open.done {
		a := v.open
		v.open = nil
		switch {
		case a.err == coap.ErrChanged && v.changed < 8: // as femto's client does
			v.changed++
			v.next = now
		case a.err != 0:
			v.tb.Errorf("%v: request %d: %v", v.address, v.n, a.err)
			v.n, v.next, v.since, v.changed = v.n+1, now+second, 0, 0
		case a.code == coap.ServiceUnavailable:
			v.busy++
			v.next = now + second/2 // as femto does
		default:
			if !a.code.Success() {
				v.tb.Errorf("%v: request %d: %d.%02d %q", v.address, v.n, a.code.Class(), a.code.Detail(), a.body)
			}
			v.longest = max(v.longest, now-v.since)
			v.done, v.n, v.since, v.changed = v.done+1, v.n+1, 0, 0
			v.next = now + second/3
		}
	}
	if v.open != nil || now >= v.until {
		return next
	}
	if now < v.next {
		return min(next, v.next)
	}
	if v.since == 0 {
		v.since = now
	}
	code, path, body := v.script(v.n)
	v.open = v.start(atDevice, code, path, "", body)
	return v.client.Poll(now)
}

// TestHostileClient has nine clients work with a device while a tenth does its
// worst, for 15 s or as long as FEMTO_HOSTILE says.
//
//	make hostile
func TestHostileClient(t *testing.T) {
	seconds, most := int64(15), 1
	if n, err := strconv.ParseInt(os.Getenv("FEMTO_HOSTILE"), 10, 64); err == nil {
		seconds, most = n, 2
	}
	for transfers := 1; transfers <= most; transfers++ {
		t.Run(fmt.Sprintf("transfers %d", transfers), func(t *testing.T) { besideHostile(t, transfers, seconds*second) })
	}
}

func besideHostile(t *testing.T, transfers int, length int64) {
	d := occupied(t, func(c *agent.Config, _ *engine.Config) {
		c.CoAP.Transfers, c.CoAP.Observers = make([]coap.Transfer, transfers), make([]coap.Observer, 2)
	})
	d.must(order{number: 20, image: returning(t, 5, 100), name: "gone"})
	replay := remove(alice, 30, "event", "gone")
	if got := describe(d.command(replay)); got != "done" {
		t.Fatal(got)
	}
	g := &guard{device: d}
	d.network.add(atDevice, g)
	h := &hostile{network: d.network, random: rand.New(rand.NewPCG(1, 2)), host: 66, until: d.network.now + length + length/4,
		replays: [][]byte{replay, remove(bob, 1, "event", "bob")}}
	for _, o := range []order{
		{number: 99, image: returning(t, 9, 0), name: "a", by: mallory},
		{number: 99, image: returning(t, 9, 0), name: "a", by: mallory, hint: 8},
		{number: 10, image: returning(t, 9, 0), name: "a"}, // spent for another image
	} {
		h.forged = append(h.forged, o.envelope(t))
	}
	d.network.add(link.IPv4(10, 0, 0, 66, 1), h)

	// Alone with the device for a while it has nothing written, neither when its
	// datagrams come nor later.
	d.still(func() { d.network.run(length/4, nil) })
	stranger := 0
	d.flash.Before = func(op flash.Operation, off int, p []byte) bool {
		if sameHost(g.from, link.IPv4(10, 0, 0, 66, 0)) {
			stranger++
		}
		return true
	}

	// Eight read and fire; the ninth, of a tenant, replaces a container again and
	// again, in blocks of 64 bytes.
	var all []*visitor
	reads := func(n int) (coap.Code, string, []byte) {
		switch n % 4 {
		case 0:
			return coap.GET, "/info", nil
		case 1:
			return coap.POST, "/hook/event", []byte("x")
		case 2:
			return coap.GET, "/ps", nil
		}
		return coap.GET, "/.well-known/core", nil
	}
	deploys := func(n int) (coap.Code, string, []byte) {
		return coap.POST, "/suit", order{number: uint64(100 + n), image: returning(t, n%100, 300+n%8), name: "new"}.envelope(t)
	}
	for i := range byte(9) {
		v := &visitor{client: d.network.clientOf(t, 100+i, 64, 4, uint64(i)), tb: t, script: reads, until: h.until}
		if i == 8 {
			v.script = deploys
		}
		d.network.add(v.address, v)
		all = append(all, v)
	}
	ends := h.until + 30*second
	d.network.run(ends-d.network.now, nil)

	var longest int64
	for i, v := range all[:8] {
		longest = max(longest, v.longest)
		if v.done < int(length/second) || v.done != v.n || v.open != nil {
			t.Errorf("client %d: %d of %d requests answered", i, v.done, v.n)
		}
	}
	deployer := all[8]
	hostiles := 0
	for _, n := range h.sent {
		hostiles += n
	}
	t.Logf("%d hostile datagrams; %d reads and firings of each client, answered after %d ms at most; %d deployments after %.1f s at most, %d times told to come back",
		hostiles, all[0].done, longest/1000, deployer.done, float64(deployer.longest)/second, deployer.busy)
	if longest > second {
		t.Errorf("a read took %d ms", longest/1000)
	}
	if deployer.done < int(length/second/11) || deployer.open != nil || deployer.longest > 11*second {
		t.Errorf("%d deployments, the longest took %d ms", deployer.done, deployer.longest/1000)
	}
	if stranger != 0 {
		t.Errorf("%d flash operations for what nobody signed", stranger)
	}
	d.network.add(atDevice, d)
	r := decode[[]remote.Container](t, d.host.ask(atDevice, coap.GET, "/ps", "", nil))
	if len(*r) != 3 {
		t.Errorf("%d containers", len(*r))
	}
}

func sameHost(a, b link.Addr) bool { return a.IP == b.IP }

// TestHostileAllocates nothing: what a stranger sends takes no memory but, on a
// host, that of the library that verifies a signature.
func TestHostileAllocates(t *testing.T) {
	w := newWire(t)
	img := returning(t, 1, 100)
	w.request(coap.POST, "suit", "", "", order{number: 10, image: img, name: "a"}.envelope(t))
	replay := remove(alice, 11, "event", "a")
	w.request(coap.POST, "command", "", "", replay)
	h := &hostile{
		random: rand.New(rand.NewPCG(3, 4)), replays: [][]byte{replay},
		forged: [][]byte{order{number: 99, image: img, name: "a", by: mallory}.envelope(t)},
	}
	key, message := alice.raw(), []byte("message")
	verify := testing.AllocsPerRun(10, func() { ed25519.Verify(&key, message, message, make([]byte, 64)) })
	all := make([][]byte, 2*500)
	for i := range all {
		all[i] = h.datagram()
	}
	n, now := 0, int64(second)
	// All of them at once: of one in a few the average would be rounded to nothing.
	got := testing.AllocsPerRun(1, func() {
		for range len(all) / 2 {
			w.Deliver(now, w.host.address, all[n])
			now += w.Poll(now) & 4095
			n++
		}
	})
	// At most one verification for each of the three keys of the device.
	if got > 3*verify*float64(len(all)/2) {
		t.Errorf("%v allocations for %d datagrams; %v for a verification", got, len(all)/2, verify)
	}
	t.Logf("%v allocations for %d datagrams; %v for a verification", got, len(all)/2, verify)
}
