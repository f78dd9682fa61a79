package agent_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/replay"
	"github.com/femto-containers/femto/vm"
)

// observing gives a device a recorder.
func (d *device) observing(size int) *device {
	d.tb.Helper()
	if err := d.engine.SetRecorder(&engine.Recorder{Buffer: make([]byte, size), Helpers: make([]vm.Helper, len(helpers.Standard)),
		Calls: make([]engine.OpenCalls, testPlaces)}); err != engine.OK {
		d.tb.Fatal(err)
	}
	return d
}

func record(by *signer, number uint64, name string, mode, count any) verb {
	return verb{by: by, number: number, verb: agent.VerbRecord, hook: "event", name: name, arg: []any{mode, count}}
}

// recorded reads a page of the recording.
func (d *device) recorded(query string) *remote.Recording {
	d.tb.Helper()
	return decode[remote.Recording](d.tb, d.host.ask(atDevice, coap.GET, "/rec", query, nil))
}

// TestRecordCommand: who may record what.
func TestRecordCommand(t *testing.T) {
	d := occupied(t, nil)
	unknown := "execute: unsupported command"
	if got := d.order(record(nil, 30, "a", 1, 1)); got != unknown {
		t.Errorf("without a recorder: %s", got)
	}
	if a := d.host.ask(atDevice, coap.GET, "/rec", "", nil); a.code != coap.NotFound {
		t.Errorf("without a recorder: %d.%02d", a.code.Class(), a.code.Detail())
	}
	d.observing(1024)
	if r := d.recorded(""); r.State != engine.RecordNone || r.End != 0 {
		t.Errorf("%+v", r)
	}
	const done = "done"
	for i, tc := range []struct {
		name  string
		verb  verb
		want  string
		state engine.RecordState
	}{
		{"a tenant", record(nil, 31, "a", 1, 5), done, engine.RecordGoing},
		{"another one meanwhile", record(bob, 32, "bob", 1, 5), "execute: operation failed (another tenant's container is being recorded)", engine.RecordGoing},
		{"another one ends it", record(bob, 33, "bob", 0, 0), "execute: operation failed (another tenant's container is being recorded)", engine.RecordGoing},
		{"the same number", record(nil, 31, "a", 0, 0), "setup: not authorised (sequence number is not above 31, which is spent)", engine.RecordGoing},
		{"he himself ends it", record(nil, 34, "a", 0, 0), done, engine.RecordEnded},
		{"another one then", record(bob, 35, "bob", 4, 65535), done, engine.RecordGoing},
		{"the owner", record(chief, 36, "a", 3, 5), done, engine.RecordGoing},
		{"somebody else's container", record(bob, 37, "a", 1, 5), "check: component not authorised (the container belongs to another tenant)", engine.RecordGoing},
		{"a stranger", record(mallory, 38, "a", 1, 5), "auth: not authorised", engine.RecordGoing},
		{"no container", record(nil, 39, "x", 1, 5), "execute: unsupported component (there is no such container)", engine.RecordGoing},
		{"none", record(nil, 40, "a", 1, 0), "cbor: malformed cbor", engine.RecordGoing},
		{"too many", record(nil, 41, "a", 1, 65536), "cbor: malformed cbor", engine.RecordGoing},
		{"no such mode", record(nil, 42, "a", 2, 1), "cbor: malformed cbor", engine.RecordGoing},
		{"no such mode", record(nil, 43, "a", 257, 1), "cbor: malformed cbor", engine.RecordGoing},
		{"no number", record(nil, 44, "a", "1", 1), "cbor: malformed cbor", engine.RecordGoing},
		{"too long", verb{number: 45, verb: agent.VerbRecord, hook: "event", name: "a", arg: []any{1, 1, 1}}, "cbor: malformed cbor", engine.RecordGoing},
		{"no argument", verb{number: 46, verb: agent.VerbRecord, hook: "event", name: "a"}, "cbor: malformed cbor", engine.RecordGoing},
		{"the device", verb{number: 47, verb: agent.VerbRecord, arg: []any{1, 1}}, "check: unsupported component", engine.RecordGoing},
	} {
		if got := d.order(tc.verb); got != tc.want {
			t.Errorf("%d, %s: %s, want %s", i, tc.name, got, tc.want)
		}
		if state := d.recorded("").State; state != tc.state {
			t.Errorf("%d, %s: state %d, want %d", i, tc.name, state, tc.state)
		}
	}
	if a := d.host.ask(atDevice, coap.POST, "/rec", "", nil); a.code != coap.MethodNotAllowed {
		t.Errorf("POST: %d.%02d", a.code.Class(), a.code.Detail())
	}
	if a := d.host.ask(atDevice, coap.GET, "/rec/x", "", nil); a.code != coap.NotFound {
		t.Errorf("a path below: %d.%02d", a.code.Class(), a.code.Detail())
	}
}

// TestRecordingIsRead: in pages, whole, and executed again.
func TestRecordingIsRead(t *testing.T) {
	raw := program(t, "ldxb r0, [r1]\nlddwd r3, 0\nldxdw r4, [r3]\nadd r4, 1\nstxdw [r3], r4\nadd r1, r4\nldxb r0, [r1+1]\nexit",
		image.Parts{Data: make([]byte, 8)})
	d := newDevice(t, nil)
	d.must(order{number: 1, image: raw, name: "a"})
	d.observing(4000)
	if got := d.order(record(nil, 2, "a", 1, 30)); got != "done" {
		t.Fatal(got)
	}
	for range 40 {
		d.fire(bytes.Repeat([]byte{7}, 60))
	}
	first := d.recorded("")
	if first.State != engine.RecordDone || first.Hook != "event" || first.Name != "a" || first.Activations.Done != 30 ||
		first.Mode != engine.RecordInputs || first.End < 1280 || int(first.End) <= len(first.Items) {
		t.Fatalf("%+v", first)
	}
	var items []byte
	for at := 0; at < int(first.End); at = len(items) {
		page := d.recorded(fmt.Sprintf("i=%016x&n=%08x", first.ID, at))
		if page.ID != first.ID || int(page.From) != at || len(page.Items) == 0 {
			t.Fatalf("at %d: %+v", at, page)
		}
		items = append(items, page.Items...)
	}
	for _, query := range []string{"i=00&n=00000010", "n=00000010", fmt.Sprintf("i=%016x&n=00000010", first.ID+1),
		fmt.Sprintf("i=%016x&n=ffffffff", first.ID), "i", "n=", "x=1"} {
		if page := d.recorded(query); page.From != 0 {
			t.Errorf("%s: from %d", query, page.From)
		}
	}
	f := &replay.File{Format: first.Format, Digest: first.Digest, Items: items}
	b, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if f, err = replay.Parse(b); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 30; n++ {
		if o, err := f.Run(raw, n, nil); err != nil || o.Status != vm.Done || o.Value != 7 {
			t.Fatalf("activation %d: %v, %v", n, o, err)
		}
	}
	// Another one has another identity, also after a restart.
	d.order(record(nil, 3, "a", 1, 1))
	if r := d.recorded(""); r.ID == first.ID || r.End != 0 {
		t.Errorf("%+v", r)
	}
	// A new version ends it.
	d.must(order{number: 4, image: returning(t, 1, 0), name: "a"})
	d.fire(nil)
	if r := d.recorded(""); r.State != engine.RecordWithout || r.End != 0 || !bytes.Equal(r.Digest, first.Digest) {
		t.Errorf("%+v", r)
	}
}

// TestRecordingIsClosed: it is read like everything else.
func TestRecordingIsClosed(t *testing.T) {
	d := occupied(t, nil).observing(512)
	if got := d.trustOf(chief, chief, 10, agent.TrustClosed, tenant("alice", alice, "event")); got != "done" {
		t.Fatal(got)
	}
	if a := d.host.ask(atDevice, coap.GET, "/rec", "", nil); a.code != coap.Unauthorized {
		t.Errorf("%d.%02d", a.code.Class(), a.code.Detail())
	}
	d.order(verb{number: d.info().Trust.Nonce, verb: agent.VerbRead})
	d.recorded("")
}

// TestFaultCalls: the list has what was open at the last fault.
func TestFaultCalls(t *testing.T) {
	d := newDevice(t, nil)
	d.must(order{number: 1, image: program(t, "call f\nexit\nf: call g\nexit\ng: ldxb r0, [r1]\nexit", image.Parts{}), name: "a"})
	d.observing(10)
	if calls := d.list()[0].FaultCalls; calls == nil || len(calls) != 0 {
		t.Error(calls)
	}
	d.fire(nil)
	if calls := d.list()[0].FaultCalls; fmt.Sprint(calls) != "[1 3]" {
		t.Error(calls)
	}
}
