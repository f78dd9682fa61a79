package agent_test

import (
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/author"
)

func TestDeployEveryDelivery(t *testing.T) {
	for name, o := range map[string]order{
		"content":    {delivery: author.Content},
		"integrated": {delivery: author.Integrated},
		"relative":   order{}.fetched(),
		"absolute":   {delivery: author.Reference, uri: "coap://10.0.0.9:40000/p"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, nil)
			o.number, o.image = 5, returning(t, 11, 300)
			r := d.must(o)
			if r.Sequence != 5 {
				t.Errorf("number %d in the report", r.Sequence)
			}
			if got := d.runs(); got != "event/=11" {
				t.Error(got)
			}
			// The same again, as after a lost answer, and after a restart.
			d.still(func() { d.must(o) })
			d.restart()
			if got := d.runs(); got != "event/=11" {
				t.Error("after a restart:", got)
			}
			d.still(func() { d.must(o) })
			if n := d.counter(alice, "event", ""); n != 5 {
				t.Errorf("counter %d", n)
			}
			o.number, o.image = 6, returning(t, 12, 500)
			d.must(o)
			if got := d.runs(); got != "event/=12" {
				t.Error("replaced:", got)
			}
			d.restart()
			if got := d.runs(); got != "event/=12" {
				t.Error("replaced, after a restart:", got)
			}
			if used := d.info().Containers.Used; used != 1 {
				t.Error(used, "containers")
			}
		})
	}
}

// An absolute URI may name another peer than the one that sent the envelope.
func TestFetchFromAnotherPeer(t *testing.T) {
	d := newDevice(t, nil)
	img := returning(t, 3, 300)
	server := d.network.client(t, 50)
	server.files["images"] = img
	d.must(order{number: 1, image: img, delivery: author.Reference, uri: "coap://10.0.0.50:40000/images"})
	if server.gets == 0 || d.host.gets != 0 {
		t.Errorf("%d requests to the server, %d to the sender", server.gets, d.host.gets)
	}
}

func TestFetchOverBadNetworks(t *testing.T) {
	for seed := range uint64(30) {
		d := newDevice(t, nil)
		d.network = newNetwork(seed)
		d.host = d.network.client(t, 9)
		d.restart()
		d.network.loss, d.network.duplicate, d.network.spread = 0.1, 0.2, 300_000
		d.must(order{number: 1, image: returning(t, 21, 900)}.fetched())
		d.must(order{number: 2, image: returning(t, 22, 700), name: "b"}.fetched())
		d.must(order{number: 3, image: returning(t, 23, 600)}.fetched())
		if got := d.runs(); got != "event/=23 event/b=22" {
			t.Fatalf("seed %d: %s", seed, got)
		}
	}
}

func TestRemove(t *testing.T) {
	d := newDevice(t, nil)
	d.must(order{number: 5, image: returning(t, 1, 0), name: "a"})
	d.must(order{number: 5, image: returning(t, 2, 0), name: "b"})
	message := remove(alice, 6, "event", "a")
	if r := d.command(message); describe(r) != "done" || r.Sequence != 6 {
		t.Fatal(describe(r), r.Sequence)
	}
	if got := d.runs(); got != "event/b=2" {
		t.Error(got)
	}
	d.restart()
	if got := d.runs(); got != "event/b=2" {
		t.Error("after a restart:", got)
	}
	// Neither the command nor the manifests before it work again.
	d.still(func() {
		for _, r := range []string{
			describe(d.command(message)),
			describe(d.deploy(order{number: 5, image: returning(t, 1, 0), name: "a"})),
			describe(d.deploy(order{number: 6, image: returning(t, 1, 0), name: "a"})),
		} {
			if want := "setup: not authorised (sequence number is not above 6, which is spent)"; r != want &&
				r != "install: not authorised (sequence number is not above 6, which is spent)" {
				t.Error(r)
			}
		}
	})
	d.must(order{number: 7, image: returning(t, 3, 0), name: "a"})
	if got := d.runs(); got != "event/a=3 event/b=2" {
		t.Error(got)
	}
}

func TestInfoListAndCounter(t *testing.T) {
	d := newDevice(t, nil)
	img := returning(t, 1, 200)
	d.must(order{number: 9, image: img, name: "one"})
	d.must(order{number: 3, image: returning(t, 2, 0), hook: "timer"})
	d.fire([]byte("x"))
	i := d.info()
	if i.Board != testBoard || i.Wire != agent.WireVersion || i.Containers.Used != 2 || i.Containers.Capacity != testPlaces ||
		len(i.Hooks) != 3 || i.Hooks[0].Attached != 1 || !i.Hooks[0].Remote || i.Hooks[1].Remote ||
		len(i.Tenants) != 2 || i.Tenants[1].Name != "bob" || i.Device != deviceID || i.Envelope != 1024 {
		t.Errorf("%+v", i)
	}
	c := d.list()[0]
	if c.Name != "one" || c.Hook != "event" || c.Tenant != "alice" || c.Size != len(img) || c.Sequence != 9 ||
		c.Activations != 1 || c.Instructions != 2 || c.State.String() != "running" {
		t.Errorf("%+v", c)
	}
	if n := d.counter(alice, "event", "one"); n != 9 {
		t.Error(n)
	}
	if n := d.counter(bob, "event", "one"); n != 0 {
		t.Error(n)
	}
}
