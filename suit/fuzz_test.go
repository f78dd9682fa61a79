package suit

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzEnvelope feeds whole envelopes, to a device that trusts anybody, so that
// the parsers behind the signature are reached.
func FuzzEnvelope(f *testing.F) {
	f.Add(envelope(manifest(nil), nil))
	f.Add(envelope(install(seq{20, par{21: "#a"}, 21, 2, 3, 15}), map[any]any{"#a": testImage}))
	for _, name := range []string{"p01-ed25519-alg19.suit", "p09-severable-install-present.suit", "n44-try-each-recursion.suit"} {
		if b, err := os.ReadFile(filepath.Join("..", "..", "shared", "vectors", "suit", "edge-cases", name)); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { run(t, b) })
}

// FuzzManifest feeds manifests in good envelopes.
func FuzzManifest(f *testing.F) {
	f.Add(manifest(nil), []byte("#a"), testImage)
	f.Add(manifest(field{
		3:  common(components("a", "b", "c"), shared(12, true)),
		9:  seq{23, 2}.b(),
		20: seq{12, true, 15, array{seq{32, seq{20, par{13: true, 18: testImage}, 18, 2, 14, 15}.b()}.b(), nil}}.b(),
	}), []byte("#a"), testImage)
	f.Add(manifest(field{20: severedBy(wellBehaved)}), []byte("#a"), testImage)
	f.Fuzz(func(t *testing.T, m, key, payload []byte) {
		if len(m) > 8192 {
			return
		}
		run(t, envelope(m, map[any]any{string(key): payload}))
	})
}

// FuzzSequence feeds install sequences in good manifests, where most of the
// code is.
func FuzzSequence(f *testing.F) {
	for _, s := range []seq{
		wellBehaved,
		{20, par{18: testImage}, 18, 2},
		{12, array{0, 1}, 20, par{21: "#a"}, 21, 2, 3, 15},
		{12, true, 15, array{seq{14, 15}.b(), seq{32, seq{20, par{13: true}, 14, 15}.b()}.b(), nil}},
		nest(5, wellBehaved),
	} {
		f.Add(s.b())
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		if len(s) > 8192 {
			return
		}
		m := manifest(field{3: common(components("a", "b", "c"), shared()), 20: s})
		run(t, envelope(m, map[any]any{"#a": testImage}))
	})
}

// run processes an envelope and checks what must hold of any.
func run(t *testing.T, b []byte) {
	device := testBench()
	device.pend = true
	var p Processor
	p.Init(device)
	status := p.Process(b)
	for steps := 0; status == Pending; steps++ {
		if steps > len(b)*MaxComponents {
			t.Fatal("more fetches than commands")
		}
		status = p.Resume(ReasonOK)
	}
	r := p.Report()
	switch status {
	case Done:
		if r.Reason != ReasonOK || r.Stage != StageNone && r.Stage != StageInstall {
			t.Errorf("done with report %+v", r)
		}
		for i := range p.components[:p.count] {
			if p.components[i].unverified {
				t.Errorf("done with component %d unverified", i)
			}
		}
	case Refused:
		if r.Reason == ReasonOK || r.Stage == StageNone {
			t.Errorf("refused with report %+v", r)
		}
	default:
		t.Errorf("status %d", status)
	}
	again := testBench()
	p.Init(again)
	if other := p.Process(b); other != status || p.Report() != r {
		t.Errorf("without pending: status %d, report %+v; with: status %d, report %+v", other, p.Report(), status, r)
	}
}
