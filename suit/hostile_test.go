package suit

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// TestStrictEverywhere breaks the rules of the strict subset at every level of
// an envelope, with digests that fit: all are refused at stage cbor.
func TestStrictEverywhere(t *testing.T) {
	breaks := []struct {
		name string
		of   func([]byte) []byte
	}{
		{"trailing byte", func(b []byte) []byte { return append(bytes.Clone(b), 0) }},
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }},
		{"empty", func(b []byte) []byte { return []byte{} }},
		{"long head", func(b []byte) []byte { return append([]byte{b[0]&0xe0 | 24, b[0] & 31}, b[1:]...) }},
		{"indefinite", func(b []byte) []byte { return append(append([]byte{b[0] | 31}, b[1:]...), 0xff) }},
		{"one item too many", func(b []byte) []byte { return append([]byte{b[0] + 1}, b[1:]...) }},
		{"2^64-1 items", func(b []byte) []byte {
			return append(append([]byte{b[0]&0xe0 | 27}, bytes.Repeat([]byte{0xff}, 8)...), b[1:]...)
		}},
		{"a float", func(b []byte) []byte { return append([]byte{b[0] + 1}, append(b[1:len(b):len(b)], 0xf9, 0, 0)...) }},
		{"undefined", func(b []byte) []byte { return append([]byte{b[0] + 1}, append(b[1:len(b):len(b)], 0xf7)...) }},
		{"five deep", func(b []byte) []byte {
			return append([]byte{b[0] + 1}, append(b[1:len(b):len(b)], 0x81, 0x81, 0x81, 0x81, 0)...)
		}},
	}
	same := func(b []byte) []byte { return b }
	levels := map[string]func(broken func([]byte) []byte) []byte{
		"manifest": func(broken func([]byte) []byte) []byte { return envelope(broken(manifest(nil)), nil) },
		"common": func(broken func([]byte) []byte) []byte {
			return envelope(manifest(field{3: broken(common(components("a"), shared()))}), nil)
		},
		"shared sequence": func(broken func([]byte) []byte) []byte {
			return envelope(manifest(field{3: enc(field{2: components("a"), 4: broken(shared().b())})}), nil)
		},
		"install": func(broken func([]byte) []byte) []byte {
			return envelope(manifest(field{20: broken(wellBehaved.b())}), nil)
		},
		"invoke, which runs last": func(broken func([]byte) []byte) []byte {
			return envelope(manifest(field{9: broken(seq{23, 2}.b())}), nil)
		},
		"severed install": func(broken func([]byte) []byte) []byte {
			b := broken(wellBehaved.b())
			return envelope(manifest(field{20: cbor.RawMessage(digestOf(enc(b)))}), map[any]any{20: b})
		},
		"run sequence": func(broken func([]byte) []byte) []byte {
			return envelope(install(append(wellBehaved, 32, broken(seq{3, 15}.b()))), nil)
		},
		"the alternative not taken": func(broken func([]byte) []byte) []byte {
			return envelope(install(append(wellBehaved, 15, array{seq{3, 15}.b(), broken(seq{3, 15}.b())})), nil)
		},
		"authentication": func(broken func([]byte) []byte) []byte {
			m := enc(manifest(nil))
			return enc(cbor.Tag{Number: 107, Content: field{2: broken(enc(array{digestOf(m), anySignature})), 3: cbor.RawMessage(m)}})
		},
		"envelope": func(broken func([]byte) []byte) []byte {
			b := envelope(manifest(nil), nil)
			return append(b[:2:2], broken(b[2:])...)
		},
	}
	for level, build := range levels {
		if _, status := process(t, testBench(), build(same)); status != Done {
			t.Fatalf("%s: the unbroken one has status %d", level, status)
		}
		for _, broken := range breaks {
			t.Run(level+"/"+broken.name, func(t *testing.T) {
				device := testBench()
				p, status := process(t, device, build(broken.of))
				if r := p.Report(); status != Refused || r.Stage != StageCBOR || r.Reason != ReasonCBOR {
					t.Errorf("status %d, report %+v", status, r)
				}
				if len(device.calls) != 0 {
					t.Errorf("asked the platform to %v", device.calls)
				}
			})
		}
	}
}

// TestDuplicateAndUnsortedKeys puts raw maps where the format has maps.
func TestDuplicateAndUnsortedKeys(t *testing.T) {
	twice := func(b []byte, key byte, value ...byte) []byte { // b is a map
		return append(append([]byte{b[0] + 1, key}, value...), b[1:]...)
	}
	swapped := func(pairs ...[]byte) []byte {
		return append([]byte{0xa0 + byte(len(pairs))}, bytes.Join(pairs, nil)...)
	}
	m := manifest(nil)
	c := common(components("a"), shared())
	for name, e := range map[string][]byte{
		"version twice":                 envelope(twice(m, 1, 1), nil),
		"sequence number before":        envelope(append([]byte{m[0] + 1, 2, 9}, m[1:]...), nil),
		"components twice":              envelope(manifest(field{3: twice(c, 2, 0x81, 0x81, 0x41, 'b')}), nil),
		"shared before components":      envelope(manifest(field{3: swapped(append([]byte{4}, enc(shared().b())...), append([]byte{2}, enc(components("a"))...))}), nil),
		"parameter twice":               envelope(install(seq{20, cbor.RawMessage("\xa2\x15\x61a\x15\x61b")}), nil),
		"parameters unsorted":           envelope(install(seq{20, cbor.RawMessage("\xa2\x15\x61a\x0e\x01")}), nil),
		"negative parameter first":      envelope(install(seq{20, cbor.RawMessage("\xa2\x20\x01\x15\x61a")}), nil),
		"an array as parameter's key":   envelope(install(seq{20, cbor.RawMessage("\xa1\x80\x01")}), nil),
		"integrated payload twice":      rawPayloads("#a", "#a"),
		"text that is not utf-8 as key": rawPayloads("\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			device := testBench()
			p, status := process(t, device, e)
			if status != Refused || p.Report().Stage != StageCBOR || len(device.calls) != 0 {
				t.Errorf("status %d, report %+v, calls %v", status, p.Report(), device.calls)
			}
		})
	}
}

// rawPayloads adds integrated payloads byte for byte.
func rawPayloads(keys ...string) []byte {
	e := envelope(manifest(nil), nil)
	e[2] += byte(len(keys))
	for _, key := range keys {
		e = append(append(e, 0x60+byte(len(key))), key...)
		e = append(e, 0x41, 0)
	}
	return e
}

// TestCommandsNotOurs tries every command code there is a specification of, and
// some more, in each kind of section.
func TestCommandsNotOurs(t *testing.T) {
	for code := -300; code <= 300; code++ {
		if code >= 0 && code < len(shapes) && shapes[code] != shapeNone {
			continue
		}
		device := testBench()
		p, status := process(t, device, envelope(install(append(wellBehaved, code, 15)), nil))
		if r := p.Report(); status != Refused || r.Stage != StageExecute || r.Reason != ReasonCommand || int(r.Command) != code || len(device.calls) != 0 {
			t.Errorf("install: command %d: status %d, report %+v, calls %v", code, status, r, device.calls)
		}
		p, status = process(t, testBench(), envelope(manifest(field{3: common(components("a"), shared(code, 15))}), nil))
		if r := p.Report(); status != Refused || r.Stage != StageCheck || r.Reason != ReasonCommand {
			t.Errorf("shared sequence: command %d: status %d, report %+v", code, status, r)
		}
	}
}

// TestParametersNotOurs does the same with parameters.
func TestParametersNotOurs(t *testing.T) {
	for key := -300; key <= 300; key++ {
		if key >= 0 && (index(slots, int32(key)) >= 0 || key == 12) {
			continue
		}
		device := testBench()
		p, status := process(t, device, envelope(install(seq{20, par{key: 1}, 21, 2, 3, 15}), nil))
		if r := p.Report(); status != Refused || r.Stage != StageExecute || r.Reason != ReasonParameter || len(device.calls) != 0 {
			t.Errorf("parameter %d: status %d, report %+v, calls %v", key, status, r, device.calls)
		}
	}
}

// TestHostile is what a signer with a grant might try.
func TestHostile(t *testing.T) {
	other := []byte("another image")
	choice := func(alternatives ...seq) array {
		var list array
		for _, a := range alternatives {
			list = append(list, a.b())
		}
		return list
	}
	inShared := func(s ...any) []byte { return manifest(field{3: common(components("a"), shared(s...))}) }
	onlyShared := func(s seq) []byte { return manifest(field{3: common(components("a"), s)}) }
	class := par{2: testClass, 3: digestOf(testImage), 14: len(testImage)}
	bomb := seq{12, true, 3, 15}
	for range MaxNesting {
		bomb = seq{12, true, 15, choice(seq{14, 15}, bomb)}
	}
	for _, tc := range []struct {
		name     string
		envelope []byte
		stage    Stage
		reason   Reason
		calls    string
	}{
		{"fetch hidden in a run-sequence of the shared sequence", envelope(inShared(32, wellBehaved.b()), nil), StageCheck, ReasonCommand, ""},
		{"fetch hidden in a try-each of the shared sequence", envelope(inShared(15, choice(seq{2, 15}, wellBehaved)), nil), StageCheck, ReasonCommand, ""},
		{"write in the shared sequence", envelope(inShared(18, 2), nil), StageCheck, ReasonCommand, ""},
		{"copy in the shared sequence", envelope(inShared(22, 2), nil), StageCheck, ReasonCommand, ""},
		{"invoke in the shared sequence", envelope(inShared(23, 2), nil), StageCheck, ReasonCommand, ""},
		{"swap in the shared sequence", envelope(inShared(31, 2), nil), StageCheck, ReasonCommand, ""},
		{"image match in the shared sequence", envelope(inShared(3, 15), nil), StageNone, ReasonOK, "match fetch match match match"},
		{"odd shared sequence", envelope(inShared(3), nil), StageExecute, ReasonCommand, ""},

		{"class never checked", envelope(onlyShared(seq{20, class, 1, 15}), nil), StageCondition, ReasonCondition, ""},
		{"class set and never checked", envelope(onlyShared(seq{20, class}), nil), StageCheck, ReasonCondition, ""},
		{"class checked in the alternative not taken", envelope(onlyShared(seq{20, class, 15, choice(seq{12, 0}, seq{2, 15})}), nil), StageCheck, ReasonCondition, ""},
		{"another class, softly", envelope(onlyShared(seq{20, class, 15, array{seq{20, par{2: make([]byte, 16)}, 2, 15}.b(), nil}}), nil), StageCheck, ReasonCondition, ""},
		{"another class, in a soft run-sequence", envelope(onlyShared(seq{20, class, 32, seq{20, par{2: make([]byte, 16), 13: true}, 2, 15}.b()}), nil), StageCheck, ReasonCondition, ""},
		{"one of two classes", envelope(onlyShared(seq{20, class, 15, choice(seq{20, par{2: make([]byte, 16)}, 2, 15}, seq{20, par{2: testClass}, 2, 15})}), nil), StageNone, ReasonOK, "fetch match match"},
		{"class checked by install alone", envelope(manifest(field{3: common(components("a"), seq{20, class, 12, 0}), 20: append(seq{2, 15}, wellBehaved...).b()}), nil), StageCheck, ReasonCondition, ""},

		{"checked, then overwritten by content", envelope(manifest(field{7: nil, 20: append(wellBehaved, 20, par{18: other}, 18, 2).b()}), nil), StageCondition, ReasonCondition, "fetch match"},
		{"checked, then another digest and a fetch", envelope(manifest(field{7: nil, 20: append(wellBehaved, 20, par{3: otherDigest}, 21, 2).b()}), nil), StageCondition, ReasonCondition, "fetch match fetch"},
		{"checked, then another digest, a fetch and invoke", envelope(manifest(field{7: nil, 9: seq{23, 2}.b(), 20: append(wellBehaved, 20, par{3: otherDigest}, 21, 2).b()}), nil), StageCondition, ReasonCondition, "fetch match fetch"},
		{"matched as not what it is", envelope(manifest(field{7: nil, 20: seq{20, par{21: testURI}, 21, 2, 20, par{3: otherDigest}, 25, 15}.b()}), nil), StageCondition, ReasonCondition, "fetch match"},
		{"a digest of nothing", envelope(install(seq{20, par{3: digestOf(nil), 21: "#a"}, 21, 2, 3, 15}), map[any]any{"#a": []byte{}}), StageCondition, ReasonCondition, ""},
		{"an empty payload without a size", envelope(manifest(field{7: nil, 3: common(components("a"), seq{20, par{2: testClass}, 2, 15}), 20: seq{20, par{3: digestOf(nil), 21: "#a"}, 21, 2}.b()}), map[any]any{"#a": []byte{}}), StageCondition, ReasonCondition, "store"},
		{"a payload under a key that is only a beginning", envelope(install(seq{20, par{21: "#ab"}, 21, 2, 3, 15}), map[any]any{"#a": testImage}), StageFetch, ReasonOperation, ""},
		{"a payload that nothing names", envelope(manifest(nil), map[any]any{"#x": other}), StageNone, ReasonOK, "fetch match match"},

		{"try-each bomb", envelope(manifest(field{3: common(components("a", "b", "c"), shared(12, true, 20, par{3: digestOf(testImage)})), 7: nil, 20: bomb.b()}), nil), StageExecute, ReasonCommand, ""},
		{"wide try-each", envelope(install(seq{15, append(make(array, 0), repeated(400, seq{14, 15}.b())...)}), nil), StageCondition, ReasonCondition, ""},
		{"five deep in the alternative not taken", envelope(install(append(wellBehaved, 15, choice(seq{3, 15}, nest(4, seq{3, 15})))), nil), StageExecute, ReasonCommand, ""},
		{"unknown command in the alternative not taken", envelope(install(append(wellBehaved, 15, choice(seq{3, 15}, seq{99, 15}))), nil), StageExecute, ReasonCommand, ""},
		{"component 9 in the alternative not taken", envelope(install(append(wellBehaved, 15, choice(seq{3, 15}, seq{12, 9}))), nil), StageExecute, ReasonParameter, ""},
		{"component 1 of 1 in the shared sequence", envelope(inShared(12, 1), nil), StageExecute, ReasonParameter, ""},
		{"component 256", envelope(install(seq{12, 256}), nil), StageExecute, ReasonParameter, ""},
		{"component 2^64-1", envelope(install(seq{12, uint64(1<<64 - 1)}), nil), StageExecute, ReasonParameter, ""},
		{"a list of 256 components", envelope(install(seq{12, array(repeated(256, 0))}), nil), StageExecute, ReasonParameter, ""},
		{"two nils in try-each", envelope(install(seq{15, array{seq{3, 15}.b(), nil, nil}}), nil), StageExecute, ReasonParameter, ""},
		{"an empty alternative", envelope(install(seq{15, array{seq{}.b(), nil}}), nil), StageExecute, ReasonCommand, ""},
		{"a try-each as a map", envelope(install(seq{15, par{0: 1}}), nil), StageExecute, ReasonParameter, ""},
		{"reporting policy 2^64-1", envelope(install(seq{21, uint64(1<<64 - 1)}), nil), StageExecute, ReasonParameter, ""},
		{"command 2^32+21", envelope(install(seq{uint64(1<<32 + 21), 2}), nil), StageExecute, ReasonCommand, ""},
		{"soft failure that is null", envelope(install(seq{32, seq{20, par{13: nil}}.b()}), nil), StageExecute, ReasonParameter, ""},
		{"soft failure in the shared sequence", envelope(inShared(20, par{13: true}), nil), StageExecute, ReasonParameter, ""},
		{"strict order that is a number", envelope(install(seq{20, par{12: 1}}), nil), StageExecute, ReasonParameter, ""},

		{"vendor of 15 bytes", envelope(inShared(20, par{1: testVendor[:15]}, 1, 15), nil), StageCondition, ReasonCondition, ""},
		{"vendor as a private enterprise number", envelope(inShared(20, par{1: cbor.Tag{Number: 112, Content: []byte{1}}}, 1, 15), nil), StageCondition, ReasonCondition, ""},
		{"device id not set", envelope(inShared(24, 15), nil), StageCondition, ReasonCondition, ""},
		{"component slot not set", envelope(install(append(seq{5, 15}, wellBehaved...)), nil), StageCondition, ReasonCondition, ""},
		{"component slot as bytes", envelope(install(append(seq{20, par{5: []byte{0}}, 5, 15}, wellBehaved...)), nil), StageCondition, ReasonCondition, ""},
		{"another component slot", envelope(install(append(seq{20, par{5: 1}, 5, 15}, wellBehaved...)), nil), StageCondition, ReasonCondition, ""},
		{"the component slot", envelope(install(append(seq{20, par{5: 0}, 5, 15}, wellBehaved...)), nil), StageNone, ReasonOK, "fetch match match"},
		{"a slot or the other", envelope(install(seq{15, choice(append(seq{20, par{5: 1}, 5, 15}, wellBehaved...), append(seq{20, par{5: 0}, 5, 15}, wellBehaved...))}), nil), StageNone, ReasonOK, "fetch match match"},
		{"image match without a digest", envelope(manifest(field{3: common(components("a"), seq{20, par{2: testClass}, 2, 15}), 20: nil}), nil), StageCondition, ReasonParameter, ""},
		{"image not match without a digest", envelope(manifest(field{3: common(components("a"), seq{20, par{2: testClass}, 2, 15}), 7: nil, 20: seq{25, 15}.b()}), nil), StageCondition, ReasonParameter, ""},
		{"image not match of the image", envelope(install(append(seq{25, 15}, wellBehaved...)), nil), StageCondition, ReasonCondition, "match"},
		{"fetched only if it is not there", envelope(install(seq{15, choice(seq{3, 15}, wellBehaved)}), nil), StageNone, ReasonOK, "match match"},
		{"image not match of a bad size", envelope(install(seq{20, par{14: 0}, 25, 15}), nil), StageCondition, ReasonCondition, ""},
		{"check content", envelope(install(append(wellBehaved, 20, par{18: testImage}, 6, 15)), nil), StageNone, ReasonOK, "fetch match match match"},
		{"check content instead of the digest", envelope(manifest(field{7: nil, 20: seq{20, par{18: testImage, 21: testURI}, 21, 2, 6, 15}.b()}), nil), StageNone, ReasonOK, "fetch match"},
		{"check other content", envelope(install(append(wellBehaved, 20, par{18: other}, 6, 15)), nil), StageCondition, ReasonCondition, "fetch match match"},
		{"check content without content", envelope(install(append(wellBehaved, 6, 15)), nil), StageCondition, ReasonCondition, "fetch match"},
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
			if got := strings.Join(calls, " "); got != tc.calls && !strings.HasSuffix(tc.name, "bomb") {
				t.Errorf("calls %q, want %q", got, tc.calls)
			}
			if len(device.calls) > MaxCommands {
				t.Errorf("%d calls", len(device.calls))
			}
		})
	}
}

func repeated(n int, item any) (list []any) {
	for range n {
		list = append(list, item)
	}
	return list
}

// TestCopy copies between components: what arrives must match its digest too.
func TestCopy(t *testing.T) {
	for _, tc := range []struct {
		name   string
		source any
		stage  Stage
		reason Reason
	}{
		{"copy", 0, StageNone, ReasonOK},
		{"from itself", 1, StageInstall, ReasonParameter},
		{"from one beyond", 2, StageInstall, ReasonParameter},
		{"from component 8", 8, StageInstall, ReasonParameter},
		{"from component 2^64-1", uint64(1<<64 - 1), StageInstall, ReasonParameter},
		{"from text", "0", StageInstall, ReasonParameter},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := manifest(field{
				3: common(components("a", "b"), shared(12, 1, 20, par{3: digestOf(testImage)})), 7: nil,
				20: append(wellBehaved, 12, 1, 20, par{22: tc.source}, 22, 2, 3, 15).b(),
			})
			device := testBench()
			p, status := process(t, device, envelope(m, nil))
			if r := p.Report(); (status == Done) != (tc.reason == ReasonOK) || r.Stage != tc.stage || r.Reason != tc.reason {
				t.Errorf("status %d, report %+v", status, r)
			}
			if tc.reason == ReasonOK && !bytes.Equal(device.stored[1], testImage) {
				t.Errorf("stored %x", device.stored)
			}
		})
	}

	unmatched := manifest(field{
		3: common(components("a", "b"), shared()), 7: nil,
		20: append(wellBehaved, 12, 1, 20, par{22: 0}, 22, 2).b(),
	})
	if p, status := process(t, testBench(), envelope(unmatched, nil)); status != Refused || p.Report().Stage != StageCondition || p.Report().Component != 1 {
		t.Errorf("copied and never matched: status %d, report %+v", status, p.Report())
	}
}

// TestOrderOfChecks: what is wrong with an envelope in two ways is refused for
// the one that comes first, so that nothing unauthentic is looked into.
func TestOrderOfChecks(t *testing.T) {
	broken := [][]byte{
		append([]byte{}, manifest(field{1: 2})...),
		install(seq{99, 15}),
		{0xff},
		{},
	}
	for i, m := range broken {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			device := testBench()
			device.anySigner = false
			device.ed25519 = [32]byte(goodKey.Public().(ed25519.PublicKey))
			p, status := process(t, device, envelope(m, nil))
			if r := p.Report(); status != Refused || r.Stage != StageAuth || r.Reason != ReasonUnauthorised {
				t.Errorf("without a valid signature: status %d, report %+v", status, r)
			}
			e := envelope(m, nil)
			e[20] ^= 1 // in the digest
			if p, _ := process(t, testBench(), e); p.Report().Stage != StageDigest {
				t.Errorf("with another digest: report %+v", p.Report())
			}
		})
	}
}
