package agent_test

import (
	"strings"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/internal/powercut"
	"github.com/femto-containers/femto/internal/remote"
)

// What FuzzAgent does with its bytes.
const (
	fuzzDatagrams = iota // each behind a byte that is its length
	fuzzEnvelope
	fuzzManifest // signed by alice
	fuzzCommand  // signed by alice
	fuzzModes
)

// FuzzAgent sends what a hostile network, and a hostile tenant, may send to a
// device with two tenants' containers. The device answers afterwards, the other
// tenant's container is as it was, no counter has gone back, and a restart
// changes nothing.
func FuzzAgent(f *testing.F) {
	base := newDevice(f, nil)
	base.must(order{number: 10, image: returning(f, 1, 100), name: "a"})
	base.must(order{number: 20, image: returning(f, 2, 100), name: "bob", by: bob})
	was := base.state()

	sheetOf := func(sequence ...any) []byte {
		s := newSheet(30, map[int]any{3: digestOf(returning(f, 3, 100)), 14: 100})
		s.components = []any{component("event", "a")}
		s.sections[20] = sequence
		return enc(s.manifest())
	}
	f.Add(uint8(fuzzManifest), sheetOf(20, map[int]any{18: returning(f, 3, 100)}, 18, 2))
	f.Add(uint8(fuzzManifest), sheetOf(20, map[int]any{21: "/p"}, 21, 2, 3, 15))
	f.Add(uint8(fuzzManifest), sheetOf(15, []any{enc([]any{20, map[int]any{21: "coap://10.0.0.9:40000/p"}, 21, 2, 3, 15}), nil}))
	f.Add(uint8(fuzzCommand), enc([]any{31, agent.VerbRemove, component("event", "a"), deviceID[:]}))
	f.Add(uint8(fuzzEnvelope), order{number: 30, image: returning(f, 3, 0), name: "a"}.envelope(f))
	post := []byte{0x44, 2, 0, 1, 9, 9, 9, 9, 0xb4, 's', 'u', 'i', 't', 0xd1, 3, 0x0a, 0xff}
	post = append(post, make([]byte, 64)...)
	f.Add(uint8(fuzzDatagrams), append([]byte{byte(len(post))}, post...))
	f.Add(uint8(fuzzDatagrams), []byte{7, 0x40, 1, 0, 2, 0xb2, 'p', 's', 7, 0x40, 0, 0, 3, 1, 2, 3})

	f.Fuzz(func(t *testing.T, mode uint8, data []byte) {
		if len(data) > 4096 {
			return
		}
		d := newDeviceOn(t, powercut.Copy(base.flash), nil)
		d.host.files["p"] = returning(t, 3, 100)
		switch mode % fuzzModes {
		case fuzzDatagrams:
			for len(data) > 0 {
				n := min(int(data[0]), len(data)-1)
				d.Deliver(d.network.now, d.host.address, data[1:1+n])
				data = data[1+n:]
				d.network.run(second/100, nil)
			}
		case fuzzEnvelope:
			d.host.ask(atDevice, coap.POST, "/suit", "", data)
		case fuzzManifest:
			d.host.ask(atDevice, coap.POST, "/suit", "", seal(alice, data, nil))
		case fuzzCommand:
			d.host.ask(atDevice, coap.POST, "/command", "", alice.sign1(cose.CommandContext, data, true))
		}
		d.network.run(600*second, nil)
		r := decode[remote.Report](t, d.host.ask(atDevice, coap.GET, "/suit", "", nil))
		if agent.Progress(r.Progress) == agent.ProgressFetching {
			t.Error("still fetching after ten minutes")
		}
		is := d.state()
		for i := range is.counters {
			if is.counters[i] < was.counters[i] {
				t.Errorf("a counter went from %d to %d", was.counters[i], is.counters[i])
			}
		}
		const theirs = "|bob bob "
		if _, kept, _ := strings.Cut(was.containers, theirs); !strings.Contains(is.containers, theirs+kept) {
			t.Errorf("bob's container: %s, was %s", is.containers, was.containers)
		}
		if is.list() != was.list() && is.counters == was.counters {
			t.Errorf("a change without a number: %s", is.containers)
		}
		d.restart()
		if again := d.state(); again.counters != is.counters || again.list() != is.list() {
			t.Errorf("after a restart %v, before %v", again, is)
		}
	})
}

// list leaves out what the containers return, which may depend on anything.
func (s *state) list() string { return s.containers[strings.Index(s.containers, "|"):] }
