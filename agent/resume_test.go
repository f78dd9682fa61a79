package agent_test

import (
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/link"
)

// halfway returns a device that has fetched some blocks of an image when the
// sender fell silent, and the envelope.
func halfway(t *testing.T, image []byte) (d *device, envelope []byte) {
	t.Helper()
	d = occupied(t, nil)
	d.host.files["p"] = image
	envelope = order{number: 30, image: image, name: "a"}.fetched().envelope(t)
	d.network.drop = func(p *packet) bool { return p.from == atDevice && p.datagram[1] == byte(coap.GET) && d.host.gets == 5 }
	if got := describe(decode[remote.Report](t, d.host.ask(atDevice, coap.POST, "/suit", "", envelope))); got != "fetching" {
		t.Fatal(got)
	}
	d.network.run(second, nil)
	if r := d.reported(d.host); describe(r) != "fetching" || r.Received != 5*64 {
		t.Fatal(describe(r), r.Received)
	}
	delete(d.host.files, "p") // it is gone
	return d, envelope
}

func (d *device) reported(by *client) *remote.Report {
	d.tb.Helper()
	return decode[remote.Report](d.tb, by.ask(atDevice, coap.GET, "/suit", "", nil))
}

// A fetch that lost its sender goes on at the next block: for the sender as it
// comes back from another port, at once; for whoever else has the manifest, or a
// newer one about the same image, when the sender has been silent for long
// enough; and after it was given up.
func TestFetchResumes(t *testing.T) {
	image := returning(t, 3, 900)
	blocks := (len(image) + 63) / 64
	newer := order{number: 31, image: image, name: "a"}.fetched().envelope(t)
	for _, test := range []struct {
		name  string
		host  byte
		wait  int64
		newer bool
		gets  int // blocks asked for again
	}{
		{"the sender, at once", 9, 0, false, blocks - 5},
		{"the sender, when it was given up", 9, 100 * second, false, blocks - 5},
		{"the sender, with a newer manifest", 9, 11 * second, true, blocks - 5},
		{"somebody else", 77, 11 * second, false, blocks - 5},
		{"somebody else, with a newer manifest", 77, 100 * second, true, blocks - 5},
	} {
		d, envelope := halfway(t, image)
		if test.newer {
			envelope = newer
		}
		d.network.run(test.wait, nil)
		erased := d.flash.Counts[flash.OpErase]
		other := d.network.client(t, test.host)
		if test.host == 9 {
			other.address = link.IPv4(10, 0, 0, 9, 40001)
			d.network.add(d.host.address, silent{})
			d.network.add(other.address, other)
		}
		other.files["p"] = image
		d.network.drop = nil
		began := d.network.now
		other.ask(atDevice, coap.POST, "/suit", "", envelope)
		d.network.run(second, nil)
		if r := d.reported(other); describe(r) != "done" || r.Received != len(image) || other.gets != test.gets {
			t.Errorf("%s: %s, %d bytes, %d blocks asked for", test.name, describe(r), r.Received, other.gets)
		}
		if took := d.network.now - began; took > 3*second/2 {
			t.Errorf("%s: took %d ms", test.name, took/1000)
		}
		if n := d.flash.Counts[flash.OpErase] - erased; n > (len(image)-5*64+testBlock-1)/testBlock {
			t.Errorf("%s: %d blocks erased", test.name, n)
		}
		d.host = other
		for range 2 {
			if got := d.runs(); got != "event/a=3 event/bob=2" {
				t.Errorf("%s: %s", test.name, got)
			}
			d.restart()
		}
	}
}

type silent struct{}

func (silent) Deliver(int64, link.Addr, []byte) {}
func (silent) Poll(int64) int64                 { return never }

// What was fetched of one image is no part of another one, of another
// component's, of another tenant's, or of one that comes in the envelope.
func TestFetchOfAnotherStartsAnew(t *testing.T) {
	image, longer := returning(t, 3, 900), returning(t, 4, 920)
	for name, o := range map[string]order{
		"another image":     order{number: 31, image: longer, name: "a"}.fetched(),
		"another component": order{number: 31, image: image, name: "b"}.fetched(),
		"another tenant's":  order{number: 31, image: image, name: "bob", by: bob}.fetched(),
		"in the envelope":   {number: 31, image: returning(t, 3, 600), name: "a"},
	} {
		d, _ := halfway(t, image)
		d.network.run(100*second, nil)
		d.network.drop = nil
		d.host.gets = 0
		d.must(o)
		if want := (len(o.image) + 63) / 64; o.uri != "" && d.host.gets != want {
			t.Errorf("%s: %d blocks of %d", name, d.host.gets, want)
		}
		d.restart()
		// Nor does what came between go on where it should not.
		d.must(order{number: 32, image: image, name: "a"}.fetched())
		d.restart()
		if got := d.stateOf("event", "a"); got != agent.StateRunning {
			t.Errorf("%s: %s", name, d.runs())
		}
	}
}

// A sender that comes back with other bytes than before is found out, and the
// next one starts anew.
func TestFetchResumesWithOtherBytes(t *testing.T) {
	image := returning(t, 3, 900)
	d, envelope := halfway(t, image)
	d.network.run(100*second, nil)
	d.network.drop = nil
	d.host.files["p"] = returning(t, 5, 900)
	if got := describe(d.post(envelope)); got != "condition: condition failed" {
		t.Error(got)
	}
	if got := d.runs(); got != "event/a=1 event/bob=2" {
		t.Error(got)
	}
	d.host.files["p"], d.host.gets = image, 0
	if got := describe(d.post(envelope)); got != "done" || d.host.gets != (len(image)+63)/64 {
		t.Error(got, d.host.gets)
	}
}

// A restart of the device forgets how far a fetch was: it starts anew.
func TestFetchStartsAnewAfterRestart(t *testing.T) {
	image := returning(t, 3, 900)
	d, envelope := halfway(t, image)
	d.restart()
	d.network.drop = nil
	d.host.files["p"], d.host.gets = image, 0
	if got := describe(d.post(envelope)); got != "done" || d.host.gets != (len(image)+63)/64 {
		t.Error(got, d.host.gets)
	}
}
