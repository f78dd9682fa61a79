package agent_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/internal/powercut"
)

// The tests of this file are named after weak points of the published code
// that femto follows: what was read there must not be so here.

// The original's trigger was unauthenticated, and fetched what it named.
func TestWeakUnauthenticatedTrigger(t *testing.T) {
	d := occupied(t, nil)
	d.host.files["p"] = returning(t, 3, 300)
	good := order{number: 30, image: d.host.files["p"], name: "a"}.fetched().envelope(t)
	d.still(func() {
		for _, trigger := range [][]byte{
			[]byte("coap://10.0.0.9:40000/p"), []byte("coap://10.0.0.9:40000/p\x00"), bytes.Repeat([]byte("a"), 1024), {}, {0},
			order{number: 30, image: d.host.files["p"], name: "a", by: mallory}.fetched().envelope(t),
		} {
			if r := d.post(trigger); agent.Progress(r.Progress) != agent.ProgressRefused {
				t.Errorf("%q: %s", trigger, describe(r))
			}
		}
		for i := range good {
			flipped := bytes.Clone(good)
			flipped[i] ^= 1 << (i % 8)
			if r := d.post(flipped); agent.Progress(r.Progress) != agent.ProgressRefused {
				t.Errorf("byte %d: %s", i, describe(r))
			}
		}
	})
	if d.host.gets != 0 {
		t.Errorf("%d requests for a payload nobody vouches for", d.host.gets)
	}
	d.must(order{number: 30, image: d.host.files["p"], name: "a"}.fetched())
}

// The original wrote a payload straight into the live slot and ran it without
// a lock: here, whenever the hook fires while blocks come in, the old image
// runs, whole.
func TestWeakLiveImageWrittenBeforeVerification(t *testing.T) {
	d := occupied(t, nil)
	next := returning(t, 3, 900)
	fired := 0
	d.host.files["p"] = next
	d.host.serve = func(*coap.Request, *coap.Response) bool {
		fired++
		result := d.engine.Fire(d.network.now, hookEvent, nil)
		if result.Ran != 2 || result.Faulted != 0 || !bytes.Equal(d.engine.Container(0).Image().Bytes(), returning(t, 1, 100)) {
			t.Errorf("block %d: %+v", fired, result)
		}
		return false
	}
	d.must(order{number: 30, image: next, name: "a"}.fetched())
	if fired < 10 {
		t.Error("fired", fired, "times")
	}
	if got := d.runs(); got != "event/a=3 event/bob=2" {
		t.Error(got)
	}
}

// In the original a bad digest erased the previous good container.
func TestWeakBadDigestErasesPrevious(t *testing.T) {
	d := occupied(t, nil)
	o := order{number: 30, image: returning(t, 3, 300), name: "a"}.fetched()
	d.host.files["p"] = returning(t, 4, 300)
	for range 3 {
		if got := describe(d.deploy(o)); got != "condition: condition failed" {
			t.Error(got)
		}
		d.restart()
		if got := d.runs(); got != "event/a=1 event/bob=2" {
			t.Error(got)
		}
	}
}

// The original compared 32 bytes whatever the digest's algorithm and length.
func TestWeakDigestAlgorithmAndLength(t *testing.T) {
	img := returning(t, 3, 100)
	sum := sha256.Sum256(img)
	for name, digest := range map[string]any{
		"sha-512":   []any{-44, sum[:]},
		"shake128":  []any{-18, sum[:]},
		"31 bytes":  []any{cose.AlgSHA256, sum[:31]},
		"33 bytes":  []any{cose.AlgSHA256, append(sum[:], 0)},
		"no bytes":  []any{cose.AlgSHA256, []byte{}},
		"bare":      sum[:],
		"algorithm": []any{cose.AlgSHA256},
	} {
		d := occupied(t, nil)
		d.still(func() {
			s := newSheet(30, map[int]any{3: enc(digest), 14: len(img)})
			s.components = []any{component("event", "a")}
			s.sections[20] = []any{20, map[int]any{21: "#"}, 21, 2, 3, 15}
			s.envelope["#"] = img
			if r := d.post(s.sign(alice)); agent.Progress(r.Progress) != agent.ProgressRefused {
				t.Errorf("%s: %s", name, describe(r))
			}
		})
	}
}

// The original did not check the length of identifiers.
func TestWeakIdentifierLength(t *testing.T) {
	hook, class := author.HookID("event"), author.ClassID(testBoard)
	img := returning(t, 3, 100)
	for name, change := range map[string]func(*sheet){
		"hook of 15 bytes":  func(s *sheet) { s.components = []any{[]any{hook[:15], []byte("a")}} },
		"hook of 17 bytes":  func(s *sheet) { s.components = []any{[]any{append(hook[:], 0), []byte("a")}} },
		"no hook":           func(s *sheet) { s.components = []any{[]any{[]byte{}, []byte("a")}} },
		"three segments":    func(s *sheet) { s.components = []any{[]any{hook[:], []byte("a"), []byte("b")}} },
		"class of 15 bytes": func(s *sheet) { s.shared[1].(map[int]any)[2] = class[:15] },
		"class of 0 bytes":  func(s *sheet) { s.shared[1].(map[int]any)[2] = []byte{} },
	} {
		d := occupied(t, nil)
		d.still(func() {
			s := newSheet(30, nil)
			s.components = []any{component("event", "a")}
			s.sections[20] = []any{20, map[int]any{18: img}, 18, 2}
			change(s)
			if r := d.post(s.sign(alice)); agent.Progress(r.Progress) != agent.ProgressRefused {
				t.Errorf("%s: %s", name, describe(r))
			}
		})
	}
}

// In the original, set-component-index true went past the component array.
func TestWeakComponentIndex(t *testing.T) {
	img := returning(t, 3, 100)
	install := func(select_ any) []any {
		return []any{12, select_, 20, map[int]any{18: img}, 18, 2}
	}
	for name, test := range map[string]struct {
		components []any
		index      any
		want       string
	}{
		"true":              {[]any{component("event", "a")}, true, "done"},
		"0":                 {[]any{component("event", "a")}, 0, "done"},
		"[0]":               {[]any{component("event", "a")}, []any{0}, "done"},
		"1":                 {[]any{component("event", "a")}, 1, "execute: unsupported parameter"},
		"a great index":     {[]any{component("event", "a")}, uint32(1 << 31), "execute: unsupported parameter"},
		"false":             {[]any{component("event", "a")}, false, "execute: unsupported parameter"},
		"several":           {[]any{component("event", "a"), component("event", "b")}, true, "done"},
		"several, foreign":  {[]any{component("event", "a"), component("event", "bob")}, 0, "check: component not authorised (the container belongs to another tenant)"},
		"the same twice":    {[]any{component("event", "a"), component("event", "a")}, 0, "check: unsupported component"},
		"none":              {[]any{}, true, "check: unsupported component"},
		"eight":             {manyComponents(8), true, "check: operation failed (no container is free)"},
		"nine":              {manyComponents(9), true, "check: unsupported component"},
		"without a segment": {[]any{[]any{}}, true, "check: unsupported component"},
	} {
		d := occupied(t, nil)
		s := newSheet(30, nil)
		s.components = test.components
		s.sections[20] = install(test.index)
		if got := describe(d.post(s.sign(alice))); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		want := "event/a=1 event/bob=2"
		if test.want == "done" {
			want = "event/a=3 event/bob=2"
			if len(test.components) > 1 {
				want += " event/b=3"
			}
		}
		if got := d.runs(); got != want {
			t.Errorf("%s: runs %s", name, got)
		}
	}
}

func manyComponents(n int) (list []any) {
	for i := range n {
		list = append(list, component("event", strings.Repeat("x", i+1)))
	}
	return list
}

// In the original, repeated blocks grew the recorded length.
func TestWeakRepeatedBlocks(t *testing.T) {
	d := newDevice(t, nil)
	d.network.duplicate, d.network.spread = 1, 50_000
	img := returning(t, 3, 700)
	d.must(order{number: 1, image: img, name: "a"}.fetched())
	d.must(order{number: 1, image: img, name: "b"})
	for _, c := range d.list() {
		if c.Size != len(img) {
			t.Errorf("%s: %d bytes of %d", c.Name, c.Size, len(img))
		}
	}
}

// In the original any key could write any component.
func TestWeakAnyKeyAnyComponent(t *testing.T) {
	d := occupied(t, nil)
	d.must(order{number: 5, image: returning(t, 7, 0), hook: "timer"})
	d.still(func() {
		for _, by := range []*signer{alice, bob, mallory} {
			for _, hook := range hookNames {
				for _, name := range []string{"", "a", "bob"} {
					may := by == alice && hook != "private" && name != "bob" || by == bob && hook == "event" && name != "a" ||
						by == alice && hook == "timer"
					if may {
						continue
					}
					if r := d.deploy(order{number: 99, image: returning(t, 9, 0), hook: hook, name: name, by: by}); agent.Progress(r.Progress) != agent.ProgressRefused {
						t.Errorf("%v %s/%s: %s", by.id(), hook, name, describe(r))
					}
					if r := d.command(remove(by, 99, hook, name)); agent.Progress(r.Progress) != agent.ProgressRefused {
						t.Errorf("%v removes %s/%s: %s", by.id(), hook, name, describe(r))
					}
				}
			}
		}
	})
}

// The original had one sequence number for all slots and keys, so that one
// tenant's high number locked the others out.
func TestWeakOneSequenceNumberForAll(t *testing.T) {
	d := newDevice(t, nil)
	d.must(order{number: 1000, image: returning(t, 1, 0), name: "a"})
	d.must(order{number: 5, image: returning(t, 2, 0), name: "b"})
	d.must(order{number: 6, image: returning(t, 3, 0), name: "c", by: bob})
	d.command(remove(bob, 7, "event", "c"))
	d.must(order{number: 2, image: returning(t, 4, 0), name: "c"}) // alice's now
	if a, b, c := d.counter(alice, "event", "a"), d.counter(alice, "event", "b"), d.counter(bob, "event", "c"); a != 1000 || b != 5 || c != 7 {
		t.Error(a, b, c)
	}
}

// The original kept the number in RAM: a restart let old manifests in again.
func TestWeakRollbackAfterRestart(t *testing.T) {
	d := newDevice(t, nil)
	old := order{number: 10, image: returning(t, 1, 100)}
	d.must(old)
	d.must(order{number: 11, image: returning(t, 2, 100)})
	d.restart()
	d.still(func() {
		if got := describe(d.deploy(old)); got != "setup: not authorised (sequence number is not above 11, which is spent)" {
			t.Error(got)
		}
	})
	d.command(remove(alice, 12, "event", ""))
	d.restart()
	d.still(func() {
		for _, number := range []uint64{10, 11, 12} {
			if r := d.deploy(order{number: number, image: returning(t, 2, 100)}); agent.Progress(r.Progress) != agent.ProgressRefused {
				t.Error(number, describe(r))
			}
		}
	})
}

// In the original a slot that had been checked once was not checked again when
// its image was replaced (papers.md §2.8, 14).
func TestWeakReplacedImageUnchecked(t *testing.T) {
	bad := program(t, "mov r0, 1\nstxdw [r10-8], r0\nja +8", image.Parts{})
	for _, o := range []order{{number: 30, image: bad, name: "a"}, order{number: 30, image: bad, name: "a"}.fetched()} {
		d := occupied(t, nil)
		if got := describe(d.deploy(o)); got != "install: operation failed (illegal jump at slot 2)" {
			t.Error(got)
		}
		for range 2 {
			if got := d.runs(); got != "event/a=1 event/bob=2" {
				t.Error(got)
			}
			d.restart()
		}
	}
}

// The original did not purge what a failed fetch had left, and kept the length
// of what it erased (papers.md §2.8, 15).
func TestWeakLeftoverOfFailedFetch(t *testing.T) {
	d := occupied(t, nil)
	long, short := returning(t, 5, 900), returning(t, 3, 0)
	d.host.files["p"] = long[:640]
	if r := d.deploy(order{number: 30, image: long, name: "a"}.fetched()); agent.Progress(r.Progress) != agent.ProgressRefused {
		t.Fatal(describe(r))
	}
	delete(d.host.files, "p")
	d.must(order{number: 30, image: short, name: "a"}.fetched())
	for range 2 {
		c := d.list()[0]
		sum := sha256.Sum256(short)
		if c.Size != len(short) || !bytes.Equal(c.Digest, sum[:]) || !bytes.Equal(d.engine.Container(0).Image().Bytes(), short) {
			t.Errorf("%d bytes, %s", c.Size, c.Digest)
		}
		d.restart()
	}
}

// A log whose header is damaged, or flash of somebody else's, is refused as it
// is: formatting it would forget every counter, and let old manifests in.
func TestDamagedLogIsNotFormatted(t *testing.T) {
	for _, damage := range []struct {
		name string
		do   func(data []byte)
	}{
		{"two flipped bits in the header", func(data []byte) { data[13] ^= 3 }},
		{"a header of zeros", func(data []byte) { clear(data[:16]) }},
		{"somebody else's flash", func(data []byte) {
			for i := range data {
				data[i] = byte(i * 7)
			}
		}},
	} {
		d := newDevice(t, nil)
		d.must(order{number: 10, image: returning(t, 1, 100)})
		damage.do(d.flash.Data())
		before := string(d.flash.Data())
		if err := d.start(); err != agent.ErrFlash {
			t.Errorf("%s: %v, want %v", damage.name, err, agent.ErrFlash)
		}
		if string(d.flash.Data()) != before {
			t.Errorf("%s: the flash was changed", damage.name)
		}
	}
}

// TestWeakReplayedFetch: whoever sends an authentic manifest again and again,
// and never its payload, wears no flash out. A device that is left alone takes
// manifests again.
func TestWeakReplayedFetch(t *testing.T) {
	d := occupied(t, nil)
	image := returning(t, 5, 900)
	o := order{number: 30, image: image, name: "a"}.fetched()
	d.host.files["p"] = returning(t, 6, 900) // not what was signed
	before := d.flash.Counts[flash.OpErase]
	for range 100 {
		if r := d.deploy(o); agent.Progress(r.Progress) != agent.ProgressRefused {
			t.Fatal(describe(r))
		}
	}
	if n := d.flash.Counts[flash.OpErase] - before; n > 16*testSlot/testBlock {
		t.Errorf("%d blocks erased", n)
	}
	d.host.files["p"] = image
	if got := describe(d.deploy(o)); got != "fetch: operation failed (too many payloads did not come; try again later)" {
		t.Error(got)
	}
	// An image inside the envelope needs no try.
	d.must(order{number: 31, image: returning(t, 6, 0), name: "a"})
	d.network.run(601*second, nil)
	d.must(order{number: 32, image: image, name: "a"}.fetched())
}

// TestFlippedBitInLog: a bit that flips in the log costs nothing: all that was
// installed runs, nobody who was revoked is back, and no number that was spent is
// good again.
func TestFlippedBitInLog(t *testing.T) {
	base := occupied(t, nil)
	if got := base.trust(chief, 5, tenant("alice", alice, "event", "timer"), tenant("bob", bob, "event")); got != "done" {
		t.Fatal(got)
	}
	base.must(order{number: 40, image: returning(t, 7, 0), name: "c"})
	if got := base.trust(chief, 6, tenant("alice", alice, "event", "timer")); got != "done" {
		t.Fatal(got)
	}
	set := verb{number: 41, verb: agent.VerbSet, hook: "event", name: "a", arg: []int{0, 1, 2}}
	if got := base.order(set); got != "done" { // the newest record is a counter's
		t.Fatal(got)
	}
	want := base.state()
	for at := range testLog {
		memory := powercut.Copy(base.flash)
		if memory.Data()[at] == 0xff {
			continue
		}
		memory.Data()[at] ^= 1 << (at % 8)
		d := &device{tb: t, network: newNetwork(1), flash: memory}
		d.host = d.network.client(t, 9)
		if err := d.start(); err != agent.OK {
			t.Fatalf("byte %d: %v", at, err)
		}
		if got := d.state(); got != want {
			t.Fatalf("byte %d:\n got %v\nwant %v", at, got, want)
		}
		if got := d.order(set); got == "done" {
			t.Fatalf("byte %d: a spent number is good again", at)
		}
		d.must(order{number: 50, image: returning(t, 9, 0), name: "d"})
		d.restart()
		if d.stateOf("event", "d") != agent.StateRunning {
			t.Errorf("byte %d: %s", at, d.runs())
		}
	}
}
