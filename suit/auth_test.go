package suit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/femto-containers/femto/internal/vectors"
)

var (
	goodKey  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	otherKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
)

// A block is a COSE message to be made, good but for what is set.
type block struct {
	key         ed25519.PrivateKey
	tag         uint64
	protected   any
	unprotected any
	payload     any
	context     string
	signature   func([]byte) []byte
	short       bool // leave the signature out
}

func (b block) encode(digest []byte) []byte {
	if b.key == nil {
		b.key = goodKey
	}
	if b.tag == 0 {
		b.tag = 18
	}
	if b.protected == nil {
		b.protected = enc(field{1: -19})
	}
	if b.unprotected == nil {
		b.unprotected = field{}
	}
	if b.context == "" {
		b.context = "Signature1"
	}
	signature := ed25519.Sign(b.key, enc(array{b.context, b.protected, []byte{}, digest}))
	if b.signature != nil {
		signature = b.signature(signature)
	}
	items := array{b.protected, b.unprotected, b.payload, signature}
	if b.short {
		items = items[:3]
	}
	return enc(cbor.Tag{Number: b.tag, Content: items})
}

func signedBy(manifest []byte, blocks ...block) []byte {
	wrapped := enc(manifest)
	digest := digestOf(wrapped)
	var signatures [][]byte
	for _, b := range blocks {
		signatures = append(signatures, b.encode(digest))
	}
	return sealed(wrapped, signatures, nil)
}

func TestAuthentication(t *testing.T) {
	good := manifest(nil)
	digest := digestOf(enc(good))
	wrapper := func(items ...any) []byte {
		return enc(cbor.Tag{Number: 107, Content: field{2: enc(array(items)), 3: cbor.RawMessage(enc(good))}})
	}
	raw := func(digest any) []byte { return wrapper(enc(digest), block{}.encode(enc(digest))) }
	sum := sha256.Sum256(enc(good))
	bare := sha256.Sum256(good)

	for _, tc := range []struct {
		name     string
		envelope []byte
		stage    Stage
		reason   Reason
	}{
		{"good", signedBy(good, block{}), StageNone, ReasonOK},
		{"eddsa (-8)", signedBy(good, block{protected: enc(field{1: -8})}), StageNone, ReasonOK},
		{"kid unprotected", signedBy(good, block{unprotected: field{4: []byte("kid")}}), StageNone, ReasonOK},
		{"kid protected", signedBy(good, block{protected: enc(field{1: -19, 4: []byte("kid")})}), StageNone, ReasonOK},
		{"a second signer", signedBy(good, block{key: otherKey}, block{}), StageNone, ReasonOK},
		{"a second signer, broken", signedBy(good, block{}, block{short: true}), StageNone, ReasonOK},
		{"a first signer of another kind", signedBy(good, block{protected: enc(field{1: -7})}, block{}), StageNone, ReasonOK},

		{"another key", signedBy(good, block{key: otherKey}), StageAuth, ReasonUnauthorised},
		{"two other keys", signedBy(good, block{key: otherKey}, block{key: otherKey}), StageAuth, ReasonUnauthorised},
		{"three signatures", signedBy(good, block{}, block{}, block{}), StageAuth, ReasonUnauthorised},
		{"no signature", signedBy(good), StageAuth, ReasonUnauthorised},
		{"signature cut", signedBy(good, block{signature: func(s []byte) []byte { return s[:63] }}), StageAuth, ReasonUnauthorised},
		{"signature longer", signedBy(good, block{signature: func(s []byte) []byte { return append(s, 0) }}), StageAuth, ReasonUnauthorised},
		{"signature empty", signedBy(good, block{signature: func([]byte) []byte { return []byte{} }}), StageAuth, ReasonUnauthorised},
		{"algorithm unknown", signedBy(good, block{protected: enc(field{1: -257})}), StageAuth, ReasonUnauthorised},
		{"algorithm of p-256", signedBy(good, block{protected: enc(field{1: -9})}), StageAuth, ReasonUnauthorised},
		{"algorithm as text", signedBy(good, block{protected: enc(field{1: "EdDSA"})}), StageAuth, ReasonCOSE},
		{"no algorithm", signedBy(good, block{protected: enc(field{})}), StageAuth, ReasonAlgorithm},
		{"empty protected header", signedBy(good, block{protected: []byte{}}), StageAuth, ReasonAlgorithm},
		{"algorithm unprotected", signedBy(good, block{protected: []byte{}, unprotected: field{1: -19}}), StageAuth, ReasonCOSE},
		{"algorithm in both headers", signedBy(good, block{unprotected: field{1: -19}}), StageAuth, ReasonCOSE},
		{"critical header", signedBy(good, block{protected: enc(field{1: -19, 2: array{99}, 99: 1})}), StageAuth, ReasonCOSE},
		{"unknown unprotected header", signedBy(good, block{unprotected: field{99: 1}}), StageAuth, ReasonCOSE},
		{"payload attached", signedBy(good, block{payload: digest}), StageAuth, ReasonCOSE},
		{"empty payload attached", signedBy(good, block{payload: []byte{}}), StageAuth, ReasonCOSE},
		{"tag of a mac with ed25519", signedBy(good, block{tag: 17}), StageAuth, ReasonAlgorithm},
		{"mac of the public key", signedBy(good, block{tag: 17, protected: enc(field{1: 5}), context: "MAC0"}), StageAuth, ReasonUnauthorised},
		{"hmac in a sign1", signedBy(good, block{protected: enc(field{1: 5})}), StageAuth, ReasonAlgorithm},
		{"tag of cose-sign", signedBy(good, block{tag: 98}), StageAuth, ReasonCOSE},
		{"context of cose-sign", signedBy(good, block{context: "Signature"}), StageAuth, ReasonUnauthorised},
		{"three items", signedBy(good, block{short: true}), StageAuth, ReasonCOSE},
		{"not cbor", wrapper(digest, []byte{0xff}), StageAuth, ReasonCOSE},
		{"an empty block", wrapper(digest, []byte{}), StageAuth, ReasonCOSE},

		{"block not wrapped", wrapper(digest, cbor.RawMessage(block{}.encode(digest))), StageEnvelope, ReasonCBOR},
		{"digest not wrapped", wrapper(cbor.RawMessage(digest), block{}.encode(digest)), StageEnvelope, ReasonCBOR},
		{"no digest", wrapper(), StageEnvelope, ReasonCBOR},
		{"a signature for a digest", wrapper(block{}.encode(digest)), StageEnvelope, ReasonCBOR},
		{"digest with a third item", raw(array{-16, sum[:], 1}), StageEnvelope, ReasonCBOR},
		{"wrapper not an array", enc(cbor.Tag{Number: 107, Content: field{2: enc(field{}), 3: enc(good)}}), StageEnvelope, ReasonCBOR},
		{"wrapper not cbor", enc(cbor.Tag{Number: 107, Content: field{2: []byte{0xff}, 3: enc(good)}}), StageCBOR, ReasonCBOR},
		{"digest not cbor", wrapper([]byte{0xff}, block{}.encode(digest)), StageCBOR, ReasonCBOR},
		{"digest of the manifest without its wrapping", raw(array{-16, bare[:]}), StageDigest, ReasonUnauthorised},
		{"sha-512", raw(array{-44, make([]byte, 64)}), StageDigest, ReasonAlgorithm},
		{"digest of 16 bytes", raw(array{-16, sum[:16]}), StageDigest, ReasonParameter},
		{"digest as text", raw(array{-16, "digest"}), StageDigest, ReasonParameter},
	} {
		t.Run(tc.name, func(t *testing.T) {
			device := testBench()
			device.anySigner = false
			copy(device.ed25519[:], goodKey.Public().(ed25519.PublicKey))
			p, status := process(t, device, tc.envelope)
			r := p.Report()
			want := Refused
			if tc.reason == ReasonOK {
				want = Done
			}
			if status != want || r.Stage != tc.stage || r.Reason != tc.reason {
				t.Errorf("status %d, stage %v, %v; want status %d, stage %v, %v", status, r.Stage, r.Reason, want, tc.stage, tc.reason)
			}
			if want == Refused && len(device.calls) != 0 {
				t.Errorf("asked the platform to %v", device.calls)
			}
		})
	}
}

// The examples of the draft, in the state in which our profile leaves them on
// a device that takes any component.
func TestIETFExamples(t *testing.T) {
	dir := vectors.Dir(t, "suit", "ietf-manifest-37")
	key, err := os.ReadFile(filepath.Join(dir, "public_key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		status Status
		stage  Stage
		why    string
	}
	unsigned := outcome{Refused, StageAuth, "has no signature"}
	notCoAP := outcome{Refused, StageFetch, "its uri is not coap"}
	notSize := outcome{Refused, StageFetch, "the payload that it fetches first has no size"}
	want := map[string]outcome{
		"example0.signed.hex":           {Done, StageNone, "validate and invoke"},
		"example1.signed.hex":           notCoAP,
		"example2.signed.hex":           notCoAP,
		"example2.signed-severed.hex":   {Done, StageInstall, "the install section is severed"},
		"example3.signed.hex":           notCoAP,
		"example4.signed.hex":           notSize,
		"example5.signed.hex":           notCoAP,
		"example0.unsigned.hex":         unsigned,
		"example1.unsigned.hex":         unsigned,
		"example2.unsigned.hex":         unsigned,
		"example2.unsigned-severed.hex": unsigned,
		"example3.unsigned.hex":         unsigned,
		"example4.unsigned.hex":         unsigned,
		"example5.unsigned.hex":         unsigned,
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.hex"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			e, err := hex.DecodeString(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			w, ok := want[name]
			if !ok {
				t.Fatal("an example that the table lacks")
			}
			p, status := process(t, &bench{p256: parseP256(key)}, e)
			r := p.Report()
			if status != w.status || r.Stage != w.stage {
				t.Errorf("status %d, stage %v (%v, section %d, command %d at %d); want status %d, stage %v: %s",
					status, r.Stage, r.Reason, r.Section, r.Command, r.Offset, w.status, w.stage, w.why)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	device := &quiet{testBench()}
	e := envelope(manifest(field{9: seq{23, 2}.b(), 20: seq{15, array{seq{14, 15}.b(), seq{20, par{21: "#a"}, 21, 2, 3, 15}.b()}}.b()}), map[any]any{"#a": testImage})
	var p Processor
	p.Init(device)
	if n := testing.AllocsPerRun(100, func() {
		if p.Process(e) != Done {
			t.Fatalf("report %+v", p.Report())
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// quiet is a bench that allocates nothing itself.
type quiet struct{ *bench }

func (q *quiet) Store(int, []byte) Reason           { return ReasonOK }
func (q *quiet) ImageMatch(int, []byte, int32) bool { return true }
func (q *quiet) Invoke(int) Reason                  { return ReasonOK }

func TestPending(t *testing.T) {
	device := testBench()
	device.pend = true
	var p Processor
	p.Init(device)
	if got := p.Resume(ReasonOK); got != Idle {
		t.Errorf("resume before process: %d", got)
	}
	e := envelope(manifest(nil), nil)
	if got := p.Process(e); got != Pending {
		t.Fatalf("status %d, report %+v", got, p.Report())
	}
	if r := p.Report(); r.Section != SectionInstall || r.Command != CommandFetch || r.Stage != StageNone {
		t.Errorf("waits at %+v", r)
	}
	if got := p.Resume(ReasonOK); got != Done || p.Report() != (Report{}) {
		t.Errorf("status %d, report %+v", got, p.Report())
	}
	if got := p.Resume(ReasonOK); got != Done {
		t.Errorf("resume after done: %d", got)
	}
	if p.Sequence() != 7 || p.Signer() != 1 {
		t.Errorf("sequence %d, signer %d", p.Sequence(), p.Signer())
	}

	p.Process(e)
	if got := p.Resume(ReasonOperation); got != Refused || p.Report().Stage != StageFetch || p.Report().Reason != ReasonOperation {
		t.Errorf("failed fetch: status %d, report %+v", got, p.Report())
	}
	if got := p.Resume(ReasonOK); got != Refused {
		t.Errorf("resume after refusal: %d", got)
	}

	p.Process(e)
	if got := p.Process(e); got != Pending {
		t.Errorf("a new envelope while pending: status %d", got)
	}

	// What was fetched is not what the manifest says.
	device.payload = []byte("another image")
	p.Process(e)
	if got := p.Resume(ReasonOK); got != Refused || p.Report().Stage != StageCondition {
		t.Errorf("wrong payload: status %d, report %+v", got, p.Report())
	}
}

// TestPendingTwice fetches for two components, one after the other.
func TestPendingTwice(t *testing.T) {
	device := testBench()
	device.pend = true
	m := manifest(field{
		3:  common(components("a", "b"), seq{12, true, 20, par{2: testClass, 3: digestOf(testImage), 14: len(testImage), 21: testURI}, 2, 15}),
		7:  nil,
		20: seq{12, true, 32, seq{21, 2, 3, 15}.b()}.b(),
	})
	var p Processor
	p.Init(device)
	if got := p.Process(envelope(m, nil)); got != Pending || p.Report().Component != 0 {
		t.Fatalf("status %d, report %+v", got, p.Report())
	}
	if got := p.Resume(ReasonOK); got != Pending || p.Report().Component != 1 {
		t.Fatalf("status %d, report %+v", got, p.Report())
	}
	if got := p.Resume(ReasonOK); got != Done {
		t.Fatalf("status %d, report %+v", got, p.Report())
	}
	if got := strings.Join(device.calls, ","); got != "fetch "+testURI+",match,fetch "+testURI+",match" {
		t.Errorf("calls %s", got)
	}
}
