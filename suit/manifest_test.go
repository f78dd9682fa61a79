package suit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// severedBy returns what stands in a manifest for a severed section.
func severedBy(s seq) array {
	var digest array
	if err := cbor.Unmarshal(digestOf(enc(s.b())), &digest); err != nil {
		panic(err)
	}
	return digest
}

func nest(depth int, innermost seq) seq {
	s := innermost
	for range depth {
		s = seq{32, s.b()}
	}
	return s
}

var wellBehaved = seq{20, par{21: testURI}, 21, 2, 3, 15}

// TestProcess goes through the profile: what is accepted, and at which stage
// and for which reason everything else is refused. calls is what the platform
// was asked to do before.
func TestProcess(t *testing.T) {
	good := manifest(nil)
	noSize := seq{20, par{2: testClass, 3: digestOf(testImage)}, 2, 15}
	for _, tc := range []struct {
		name     string
		envelope []byte
		stage    Stage
		reason   Reason
		calls    string
	}{
		{"fetch", envelope(good, nil), StageNone, ReasonOK, "fetch match match"},
		{"integrated", envelope(install(seq{20, par{21: "#a"}, 21, 2, 3, 15}), map[any]any{"#a": testImage}), StageNone, ReasonOK, "store match match"},
		{"prefetched under its uri", envelope(good, map[any]any{testURI: testImage}), StageNone, ReasonOK, "store match match"},
		{"content", envelope(install(seq{20, par{18: testImage}, 18, 2}), nil), StageNone, ReasonOK, "store match"},
		{"payload fetch section", envelope(manifest(field{16: wellBehaved.b(), 20: nil}), nil), StageNone, ReasonOK, "fetch match match"},
		{"invoke", envelope(manifest(field{9: seq{23, 2}.b()}), nil), StageNone, ReasonOK, "fetch match match invoke"},
		{"load", envelope(manifest(field{8: seq{3, 15}.b()}), nil), StageNone, ReasonOK, "fetch match match match"},
		{"no section at all", envelope(manifest(field{7: nil, 20: nil}), nil), StageNone, ReasonOK, ""},
		{"severed install present", envelope(manifest(field{20: severedBy(wellBehaved)}), map[any]any{20: wellBehaved.b()}), StageNone, ReasonOK, "fetch match match"},
		{"severed install absent", envelope(manifest(field{20: severedBy(wellBehaved)}), nil), StageInstall, ReasonOK, "match"},
		{"severed text present", envelope(manifest(field{23: severedBy(seq{1})}), map[any]any{23: seq{1}.b()}), StageNone, ReasonOK, "fetch match match"},
		{"reference uri", envelope(manifest(field{4: "coap://h/m"}), nil), StageNone, ReasonOK, "fetch match match"},
		{"integrated without size", envelope(manifest(field{3: common(components("a"), noSize)}), map[any]any{testURI: testImage}), StageNone, ReasonOK, "store match match"},

		{"truncated", envelope(good, nil)[:100], StageCBOR, ReasonCBOR, ""},
		{"trailing byte", append(envelope(good, nil), 0), StageCBOR, ReasonCBOR, ""},
		{"depth bomb", bytes.Repeat([]byte{0x81}, 4000), StageCBOR, ReasonCBOR, ""},
		{"tag bomb", bytes.Repeat([]byte{0xd8, 107}, 4000), StageCBOR, ReasonCBOR, ""},
		{"indefinite envelope", append(append([]byte{0xd8, 107, 0xbf}, envelope(good, nil)[3:]...), 0xff), StageCBOR, ReasonCBOR, ""},
		{"not an envelope", enc("text"), StageEnvelope, ReasonCBOR, ""},
		{"other tag", enc(cbor.Tag{Number: 1070, Content: field{}}), StageEnvelope, ReasonCBOR, ""},
		{"empty envelope", enc(cbor.Tag{Number: 107, Content: field{}}), StageEnvelope, ReasonCBOR, ""},
		{"no authentication", enc(cbor.Tag{Number: 107, Content: field{3: good}}), StageEnvelope, ReasonCBOR, ""},
		{"no manifest", enc(cbor.Tag{Number: 107, Content: field{2: good}}), StageEnvelope, ReasonCBOR, ""},
		{"unknown element", envelope(good, map[any]any{99: []byte{}}), StageEnvelope, ReasonCBOR, ""},
		{"delegation", envelope(good, map[any]any{1: []byte{}}), StageEnvelope, ReasonCBOR, ""},
		{"element not a byte string", envelope(good, map[any]any{20: 1}), StageEnvelope, ReasonCBOR, ""},
		{"payload not a byte string", envelope(good, map[any]any{"#a": "text"}), StageEnvelope, ReasonCBOR, ""},
		{"severable element that nothing names", envelope(manifest(field{20: nil}), map[any]any{20: wellBehaved.b()}), StageEnvelope, ReasonSevering, ""},
		{"severable element beside the inline one", envelope(good, map[any]any{20: wellBehaved.b()}), StageEnvelope, ReasonSevering, ""},
		{"severed install with other bytes", envelope(manifest(field{20: severedBy(wellBehaved)}), map[any]any{20: seq{3, 15}.b()}), StageDigest, ReasonUnauthorised, ""},
		{"severed text with other bytes", envelope(manifest(field{23: severedBy(wellBehaved)}), map[any]any{23: seq{3, 15}.b()}), StageDigest, ReasonUnauthorised, ""},
		{"severed by sha-512", envelope(manifest(field{20: array{-44, make([]byte, 64)}}), nil), StageDigest, ReasonAlgorithm, ""},
		{"install not wrapped", envelope(manifest(field{20: wellBehaved}), nil), StageSetup, ReasonCBOR, ""},
		{"install of two items not wrapped", envelope(manifest(field{20: seq{3, 15}}), nil), StageDigest, ReasonAlgorithm, ""},

		{"manifest not a map", envelope(enc(array{}), nil), StageSetup, ReasonCBOR, ""},
		{"manifest with trailing byte", envelope(append(manifest(nil), 0), nil), StageCBOR, ReasonCBOR, ""},
		{"empty manifest", envelope([]byte{}, nil), StageCBOR, ReasonCBOR, ""},
		{"manifest nested deep", envelope(append([]byte{0xa1, 0x01}, bytes.Repeat([]byte{0x81}, 4000)...), nil), StageCBOR, ReasonCBOR, ""},
		{"version 0", envelope(manifest(field{1: 0}), nil), StageSetup, ReasonParameter, ""},
		{"no version", envelope(manifest(field{1: nil}), nil), StageSetup, ReasonCBOR, ""},
		{"no sequence number", envelope(manifest(field{2: nil}), nil), StageSetup, ReasonCBOR, ""},
		{"sequence number as text", envelope(manifest(field{2: "7"}), nil), StageSetup, ReasonCBOR, ""},
		{"sequence number too low", envelope(manifest(field{2: 4}), nil), StageSetup, ReasonCondition, ""},
		{"sequence number equal", envelope(manifest(field{2: 5}), nil), StageNone, ReasonOK, "fetch match match"},
		{"sequence number 2^40", envelope(manifest(field{2: uint64(1) << 40}), nil), StageSetup, ReasonParameter, ""},
		{"sequence number 2^64-1", envelope(manifest(field{2: uint64(1<<64 - 1)}), nil), StageSetup, ReasonParameter, ""},
		{"sequence number a bignum", envelope(manifest(field{2: cbor.Tag{Number: 2, Content: []byte{7}}}), nil), StageSetup, ReasonCBOR, ""},
		{"no common", envelope(manifest(field{3: nil}), nil), StageSetup, ReasonCBOR, ""},
		{"common not wrapped", envelope(manifest(field{3: field{2: components("a")}}), nil), StageSetup, ReasonCBOR, ""},
		{"reference uri not text", envelope(manifest(field{4: 1}), nil), StageSetup, ReasonCBOR, ""},
		{"unknown field", envelope(manifest(field{99: []byte{}}), nil), StageSetup, ReasonCommand, ""},
		{"dependency resolution", envelope(manifest(field{15: wellBehaved.b()}), nil), StageSetup, ReasonCommand, ""},
		{"manifest component id", envelope(manifest(field{5: array{[]byte("a")}}), nil), StageSetup, ReasonCommand, ""},
		{"validate severed", envelope(manifest(field{7: severedBy(wellBehaved)}), nil), StageSetup, ReasonCBOR, ""},
		{"dependencies", envelope(manifest(field{3: enc(field{1: field{}, 2: components("a"), 4: shared().b()})}), nil), StageSetup, ReasonCommand, ""},

		{"no components", envelope(manifest(field{3: enc(field{4: shared().b()})}), nil), StageCheck, ReasonComponent, ""},
		{"empty component list", envelope(manifest(field{3: common(array{}, shared())}), nil), StageCheck, ReasonComponent, ""},
		{"nine components", envelope(manifest(field{3: common(components("a", "b", "c", "d", "e", "f", "g", "h", "i"), shared())}), nil), StageCheck, ReasonComponent, ""},
		{"unknown component", envelope(manifest(field{3: common(components("x"), shared())}), nil), StageCheck, ReasonComponent, ""},
		{"component twice", envelope(manifest(field{3: common(components("a", "a"), shared())}), nil), StageCheck, ReasonComponent, ""},
		{"empty component id", envelope(manifest(field{3: common(array{array{}}, shared())}), nil), StageCheck, ReasonComponent, ""},
		{"component id of text", envelope(manifest(field{3: common(array{array{"a"}}, shared())}), nil), StageCheck, ReasonComponent, ""},
		{"component id not an array", envelope(manifest(field{3: common(array{[]byte("a")}, shared())}), nil), StageCheck, ReasonComponent, ""},
		{"no shared sequence", envelope(manifest(field{3: enc(field{2: components("a")})}), nil), StageCheck, ReasonCommand, ""},
		{"no class condition", envelope(manifest(field{3: common(components("a"), seq{20, par{1: testVendor}, 1, 15})}), nil), StageCheck, ReasonCondition, ""},
		{"class condition only inside install", envelope(manifest(field{3: common(components("a"), seq{20, par{2: testClass}}), 20: seq{2, 15, 21, 2}.b()}), nil), StageCheck, ReasonCondition, ""},
		{"write in shared", envelope(manifest(field{3: common(components("a"), shared(18, 2))}), nil), StageCheck, ReasonCommand, ""},
		{"invoke in shared", envelope(manifest(field{3: common(components("a"), shared(23, 2))}), nil), StageCheck, ReasonCommand, ""},
		{"fetch nested in shared", envelope(manifest(field{3: common(components("a"), shared(32, seq{21, 2}.b()))}), nil), StageCheck, ReasonCommand, ""},
		{"custom command in shared", envelope(manifest(field{3: common(components("a"), shared(-257, 2))}), nil), StageCheck, ReasonCommand, ""},

		{"wrong vendor", envelope(manifest(field{3: common(components("a"), seq{20, par{1: testClass, 2: testClass}, 1, 15, 2, 15})}), nil), StageCondition, ReasonCondition, ""},
		{"wrong class", envelope(manifest(field{3: common(components("a"), seq{20, par{2: testVendor}, 2, 15})}), nil), StageCondition, ReasonCondition, ""},
		{"wrong class and no section", envelope(manifest(field{7: nil, 20: nil, 3: common(components("a"), seq{20, par{2: testVendor}, 2, 15})}), nil), StageCondition, ReasonCondition, ""},
		{"class id of 15 bytes", envelope(manifest(field{3: common(components("a"), seq{20, par{2: testClass[:15]}, 2, 15})}), nil), StageCondition, ReasonCondition, ""},
		{"class id as text", envelope(manifest(field{3: common(components("a"), seq{20, par{2: string(testClass)}, 2, 15})}), nil), StageCondition, ReasonCondition, ""},
		{"class condition without its parameter", envelope(manifest(field{3: common(components("a"), seq{2, 15})}), nil), StageCondition, ReasonCondition, ""},
		{"abort", envelope(install(seq{14, 15}), nil), StageCondition, ReasonCondition, ""},
		{"another image than fetched", envelope(install(seq{20, par{3: otherDigest, 21: testURI}, 21, 2, 3, 15}), nil), StageCondition, ReasonCondition, "fetch match"},
		{"another integrated image", envelope(install(seq{20, par{21: "#a"}, 21, 2, 3, 15}), map[any]any{"#a": []byte("another image")}), StageCondition, ReasonCondition, ""},
		{"integrated image of another size", envelope(install(seq{20, par{14: 5, 21: "#a"}, 21, 2, 3, 15}), map[any]any{"#a": testImage}), StageCondition, ReasonCondition, ""},
		{"content with another digest", envelope(install(seq{20, par{3: otherDigest, 18: testImage}, 18, 2}), nil), StageCondition, ReasonCondition, ""},
		{"digest of sha-512", envelope(install(seq{20, par{3: enc(array{-44, make([]byte, 64)}), 21: testURI}, 21, 2, 3, 15}), nil), StageCondition, ReasonAlgorithm, ""},
		{"digest not wrapped", envelope(install(seq{20, par{3: array{-16, make([]byte, 32)}, 21: testURI}, 21, 2, 3, 15}), nil), StageCondition, ReasonParameter, ""},
		{"digest of 33 bytes", envelope(install(seq{20, par{3: enc(array{-16, make([]byte, 33)}), 21: testURI}, 21, 2, 3, 15}), nil), StageCondition, ReasonParameter, ""},
		{"digest with a third item", envelope(install(seq{20, par{3: enc(array{-16, make([]byte, 32), 1}), 21: testURI}, 21, 2, 3, 15}), nil), StageCondition, ReasonParameter, ""},
		{"no digest", envelope(manifest(field{3: common(components("a"), seq{20, par{2: testClass}, 2, 15})}), nil), StageCondition, ReasonParameter, ""},
		{"fetched and never matched", envelope(manifest(field{7: nil, 20: seq{20, par{21: testURI}, 21, 2}.b()}), nil), StageCondition, ReasonCondition, "fetch"},
		{"matched, then fetched again", envelope(manifest(field{7: nil, 20: seq{20, par{21: testURI}, 21, 2, 3, 15, 21, 2}.b()}), nil), StageCondition, ReasonCondition, "fetch match fetch"},
		{"invoked before it is matched", envelope(manifest(field{7: nil, 20: seq{20, par{21: testURI}, 21, 2, 23, 2}.b()}), nil), StageCondition, ReasonCondition, "fetch"},
		{"digest changed after the fetch", envelope(install(seq{20, par{21: testURI}, 21, 2, 20, par{3: otherDigest}, 3, 15}), nil), StageCondition, ReasonCondition, "fetch match"},
		{"digest changed by install alone", envelope(install(seq{20, par{3: otherDigest, 21: "#a"}, 21, 2, 3, 15}), map[any]any{"#a": []byte("another image")}), StageCondition, ReasonCondition, ""},

		{"section not an array", envelope(manifest(field{20: enc(field{})}), nil), StageExecute, ReasonCommand, ""},
		{"empty section", envelope(install(seq{}), nil), StageExecute, ReasonCommand, ""},
		{"section of no bytes", envelope(manifest(field{20: []byte{}}), nil), StageCBOR, ReasonCBOR, ""},
		{"unknown command after a fetch", envelope(install(seq{20, par{21: testURI}, 21, 2, 99, 15}), nil), StageExecute, ReasonCommand, ""},
		{"unknown command in a later section", envelope(manifest(field{9: seq{99, 15}.b()}), nil), StageExecute, ReasonCommand, ""},
		{"copy from nowhere", envelope(install(seq{22, 2}), nil), StageInstall, ReasonParameter, ""},
		{"command as text", envelope(install(seq{"21", 2}), nil), StageExecute, ReasonCommand, ""},
		{"policy 16", envelope(install(seq{3, 16}), nil), StageExecute, ReasonParameter, ""},
		{"policy -1", envelope(install(seq{3, -1}), nil), StageExecute, ReasonParameter, ""},
		{"policy null", envelope(install(seq{3, nil}), nil), StageExecute, ReasonParameter, ""},
		{"parameters in an array", envelope(install(seq{20, array{21, testURI}}), nil), StageExecute, ReasonParameter, ""},
		{"no parameters", envelope(install(seq{20, par{}}), nil), StageExecute, ReasonParameter, ""},
		{"unknown parameter", envelope(install(seq{20, par{99: 1}}), nil), StageExecute, ReasonParameter, ""},
		{"custom parameter", envelope(install(seq{20, par{-257: 1}}), nil), StageExecute, ReasonParameter, ""},
		{"text parameter", envelope(install(seq{20, map[any]any{"uri": 1}}), nil), StageExecute, ReasonParameter, ""},
		{"soft failure at the top", envelope(install(seq{20, par{13: true}}), nil), StageExecute, ReasonParameter, ""},
		{"soft failure as a number", envelope(install(seq{32, seq{20, par{13: 1}}.b()}), nil), StageExecute, ReasonParameter, ""},
		{"component 1 of 1", envelope(install(seq{12, 1}), nil), StageExecute, ReasonParameter, ""},
		{"component 2^32", envelope(install(seq{12, uint64(1) << 32}), nil), StageExecute, ReasonParameter, ""},
		{"component -1", envelope(install(seq{12, -1}), nil), StageExecute, ReasonParameter, ""},
		{"component false", envelope(install(seq{12, false}), nil), StageExecute, ReasonParameter, ""},
		{"component null", envelope(install(seq{12, nil}), nil), StageExecute, ReasonParameter, ""},
		{"components []", envelope(install(seq{12, array{}}), nil), StageExecute, ReasonParameter, ""},
		{"components [0, 0]", envelope(install(seq{12, array{0, 0}}), nil), StageExecute, ReasonParameter, ""},
		{"components [0, 1] of 1", envelope(install(seq{12, array{0, 1}}), nil), StageExecute, ReasonParameter, ""},
		{"components [true]", envelope(install(seq{12, array{true}}), nil), StageExecute, ReasonParameter, ""},
		{"try-each of nothing", envelope(install(seq{15, array{}}), nil), StageExecute, ReasonParameter, ""},
		{"try-each of one", envelope(install(seq{15, array{seq{3, 15}.b()}}), nil), StageExecute, ReasonParameter, ""},
		{"try-each of null first", envelope(install(seq{15, array{nil, seq{3, 15}.b()}}), nil), StageExecute, ReasonParameter, ""},
		{"try-each not wrapped", envelope(install(seq{15, array{seq{3, 15}, nil}}), nil), StageExecute, ReasonParameter, ""},
		{"run-sequence not wrapped", envelope(install(seq{32, array{3, 15}}), nil), StageExecute, ReasonParameter, ""},
		{"run-sequence of an odd one", envelope(install(seq{32, seq{3, 15, 3}.b()}), nil), StageExecute, ReasonCommand, ""},
		{"run-sequence five deep", envelope(install(nest(5, wellBehaved)), nil), StageExecute, ReasonCommand, ""},
		{"run-sequence of cut cbor", envelope(install(seq{32, []byte{0x82, 3}}), nil), StageCBOR, ReasonCBOR, ""},

		{"no uri", envelope(install(seq{21, 2}), nil), StageFetch, ReasonParameter, ""},
		{"empty uri", envelope(install(seq{20, par{21: ""}, 21, 2}), nil), StageFetch, ReasonParameter, ""},
		{"uri as bytes", envelope(install(seq{20, par{21: []byte(testURI)}, 21, 2}), nil), StageFetch, ReasonParameter, ""},
		{"uri of 129 bytes", envelope(install(seq{20, par{21: "coap://" + strings.Repeat("a", 122)}, 21, 2}), nil), StageFetch, ReasonParameter, ""},
		{"no size", envelope(manifest(field{3: common(components("a"), noSize)}), nil), StageFetch, ReasonParameter, ""},
		{"integrated payload missing", envelope(install(seq{20, par{21: "#a"}, 21, 2}), nil), StageFetch, ReasonOperation, ""},
		{"size 2^31", envelope(install(seq{20, par{14: uint64(1) << 31, 21: testURI}, 21, 2}), nil), StageFetch, ReasonParameter, ""},
		{"size beyond storage", envelope(install(seq{20, par{14: 4096, 21: testURI}, 21, 2}), nil), StageFetch, ReasonOperation, "fetch"},
		{"size -1", envelope(install(seq{20, par{14: -1, 21: testURI}, 21, 2}), nil), StageFetch, ReasonParameter, ""},
		{"size as text", envelope(install(seq{20, par{14: "1", 21: testURI}, 21, 2}), nil), StageFetch, ReasonParameter, ""},
		{"no content", envelope(install(seq{18, 2}), nil), StageInstall, ReasonParameter, ""},
		{"empty content", envelope(install(seq{20, par{18: []byte{}}, 18, 2}), nil), StageInstall, ReasonParameter, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			device := testBench()
			p, status := process(t, device, tc.envelope)
			r := p.Report()
			want := Refused
			if tc.reason == ReasonOK {
				want = Done
			}
			if status != want || r.Stage != tc.stage || r.Reason != tc.reason {
				t.Errorf("status %d, stage %v, %v (section %d, %d at %d); want status %d, stage %v, %v",
					status, r.Stage, r.Reason, r.Section, r.Command, r.Offset, want, tc.stage, tc.reason)
			}
			var calls []string
			for _, call := range device.calls {
				calls = append(calls, strings.Fields(call)[0])
			}
			if got := strings.Join(calls, " "); got != tc.calls {
				t.Errorf("calls %q, want %q", got, tc.calls)
			}
		})
	}
}

// TestControlFlow checks which commands a control structure lets run, told by
// the payloads that they store.
func TestControlFlow(t *testing.T) {
	mark := func(s string, more ...any) seq {
		return append(seq{20, par{18: []byte(s), 3: digestOf([]byte(s)), 14: len(s)}, 18, 2}, more...)
	}
	fails := func(s string) seq { return mark(s, 14, 15) }
	soft := seq{20, par{13: true}}
	hard := seq{20, par{13: false}}
	for _, tc := range []struct {
		name    string
		install seq
		stored  string
		stage   Stage
	}{
		{"try-each takes the first", seq{15, array{mark("1").b(), mark("2").b()}}, "1", StageNone},
		{"try-each takes the second", seq{15, array{fails("1").b(), mark("2").b()}}, "1 2", StageNone},
		{"try-each with nothing left", seq{15, array{fails("1").b(), fails("2").b()}}, "1 2", StageCondition},
		{"try-each with null left", append(seq{15, array{fails("1").b(), nil}}, mark("3")...), "1 3", StageNone},
		{"try-each with null after success", seq{15, array{mark("1").b(), nil}}, "1", StageNone},
		{"try-each made hard", seq{15, array{append(hard, fails("1")...).b(), mark("2").b()}}, "1", StageCondition},
		{"run-sequence", append(seq{32, mark("1").b()}, mark("2")...), "1 2", StageNone},
		{"run-sequence fails", append(seq{32, fails("1").b()}, mark("2")...), "1", StageCondition},
		{"run-sequence fails softly", append(seq{32, append(soft, fails("1")...).b()}, mark("2")...), "1 2", StageNone},
		{"soft failure ends with its sequence", append(seq{32, append(append(soft, seq{32, mark("1").b()}...), fails("2")...).b()}, fails("3")...), "1 2 3", StageCondition},
		{"soft failure is not inherited", seq{32, append(soft, append(seq{32, fails("1").b()}, mark("2")...)...).b()}, "1", StageNone},
		{"a failing run-sequence fails its alternative", seq{15, array{append(seq{32, fails("1").b()}, mark("2")...).b(), mark("3").b()}}, "1 3", StageNone},
		{"try-each in try-each", seq{15, array{seq{15, array{fails("1").b(), fails("2").b()}}.b(), mark("3").b()}}, "1 2 3", StageNone},
		{"four deep", nest(4, mark("1")), "1", StageNone},
		{"a directive's failure is never soft", seq{15, array{seq{20, par{21: "#no"}, 21, 2}.b(), mark("2").b()}}, "", StageFetch},
		{"an unknown command is never soft", seq{15, array{seq{99, 15}.b(), mark("2").b()}}, "", StageExecute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			device := &recorder{bench: testBench()}
			var p Processor
			p.Init(device)
			status := p.Process(envelope(manifest(field{7: nil, 20: tc.install.b()}), nil))
			r := p.Report()
			if (status == Done) != (tc.stage == StageNone) || r.Stage != tc.stage {
				t.Errorf("status %d, stage %v (%v), want stage %v", status, r.Stage, r.Reason, tc.stage)
			}
			if got := strings.Join(device.payloads, " "); got != tc.stored {
				t.Errorf("stored %q, want %q", got, tc.stored)
			}
		})
	}
}

type recorder struct {
	*bench
	payloads []string
}

func (r *recorder) Store(component int, payload []byte) Reason {
	r.payloads = append(r.payloads, string(payload))
	return r.bench.Store(component, payload)
}

// TestComponentIndex stores by index, by list and for all.
func TestComponentIndex(t *testing.T) {
	write := seq{20, par{18: testImage}, 18, 2}
	for _, tc := range []struct {
		name    string
		install seq
		want    string
	}{
		{"default", write, "0"},
		{"one", append(seq{12, 2}, write...), "2"},
		{"list", append(seq{12, array{0, 2}}, write...), "0 2"},
		{"all", append(seq{12, true}, write...), "0 1 2"},
		{"run-sequence for all runs one at a time", seq{12, true, 32, write.b()}, "0 1 2"},
		{"try-each for a list", seq{12, array{1, 2}, 15, array{seq{14, 15}.b(), write.b()}}, "1 2"},
		{"a nested choice ends with its sequence", append(seq{12, 1, 32, seq{12, 0, 20, par{18: testImage}}.b()}, write...), "1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			device := &indexer{bench: testBench()}
			var p Processor
			p.Init(device)
			m := manifest(field{3: common(components("a", "b", "c"), shared()), 7: nil,
				20: append(seq{12, true, 20, par{3: digestOf(testImage), 14: len(testImage)}, 12, 0}, tc.install...).b()})
			if status := p.Process(envelope(m, nil)); status != Done {
				t.Fatalf("status %d, report %+v", status, p.Report())
			}
			if got := strings.Join(device.indexes, " "); got != tc.want {
				t.Errorf("stored for %q, want %q", got, tc.want)
			}
			if p.Components() != 3 || p.Component(2) != 2 {
				t.Errorf("%d components, the last is %d", p.Components(), p.Component(2))
			}
		})
	}
}

type indexer struct {
	*bench
	indexes []string
}

func (r *indexer) Store(component int, payload []byte) Reason {
	r.indexes = append(r.indexes, fmt.Sprint(component))
	return ReasonOK
}

// TestParametersPerComponent sets two digests and fetches both images.
func TestParametersPerComponent(t *testing.T) {
	one, two := []byte("image one"), []byte("image two, longer")
	m := manifest(field{
		3: common(components("a", "b"), seq{
			12, true, 20, par{2: testClass}, 2, 15,
			12, 0, 20, par{3: digestOf(one), 14: len(one), 21: "#1"},
			12, 1, 20, par{3: digestOf(two), 14: len(two), 21: "#2"},
		}),
		7:  seq{12, true, 3, 15}.b(),
		20: seq{12, true, 21, 2}.b(),
	})
	device := testBench()
	p, status := process(t, device, envelope(m, map[any]any{"#1": one, "#2": two}))
	if status != Done || !bytes.Equal(device.stored[0], one) || !bytes.Equal(device.stored[1], two) {
		t.Errorf("status %d, report %+v, stored %x", status, p.Report(), device.stored)
	}
	// The images the wrong way round.
	device = testBench()
	if p, status = process(t, device, envelope(m, map[any]any{"#1": two, "#2": one})); status != Refused || p.Report().Stage != StageCondition || len(device.stored) != 0 {
		t.Errorf("status %d, report %+v, stored %x", status, p.Report(), device.stored)
	}
}

// TestCommandLimit nests sequences that each run for all components.
func TestCommandLimit(t *testing.T) {
	s := seq{12, true, 3, 15}
	for range MaxNesting {
		s = seq{12, true, 32, s.b()}
	}
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	device := testBench()
	device.ids = nil
	m := manifest(field{3: common(components(names...), seq{20, par{2: testClass}, 2, 15, 12, true, 20, par{3: digestOf(testImage)}}), 7: nil, 20: s.b()})
	p, status := process(t, device, envelope(m, nil))
	if status != Refused || p.Report().Stage != StageExecute || len(device.calls) > MaxCommands {
		t.Errorf("status %d, report %+v after %d calls", status, p.Report(), len(device.calls))
	}
}

// TestReportPlace names section, command, byte and component of a failure.
func TestReportPlace(t *testing.T) {
	m := manifest(field{
		3:  common(components("a", "b"), shared()),
		20: seq{12, 1, 32, seq{14, 15}.b()}.b(),
	})
	p, _ := process(t, testBench(), envelope(m, nil))
	want := Report{Stage: StageCondition, Reason: ReasonCondition, Section: SectionInstall, Component: 1, Offset: 7, Command: CommandAbort}
	if got := p.Report(); got != want {
		t.Errorf("report %+v, want %+v", got, want)
	}
}
