package author

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/vectors"
)

// outside returns every envelope that others have made, by its file's name.
func outside(t *testing.T) map[string][]byte {
	all := map[string][]byte{}
	for _, pattern := range []string{"ietf-manifest-37/*.hex", "edge-cases/*.suit"} {
		files, err := filepath.Glob(filepath.Join(vectors.Dir(t, "suit"), pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err == nil && strings.HasSuffix(file, ".hex") {
				b, err = hex.DecodeString(strings.TrimSpace(string(b)))
			}
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.Base(file)] = b
		}
	}
	return all
}

// TestDescribe takes every envelope from outside apart, writes its manifest as
// JSON, reads that again and makes the manifest and the envelope of it: byte
// for byte what it was, for all of the draft's examples.
func TestDescribe(t *testing.T) {
	described := 0
	for name, envelope := range outside(t) {
		t.Run(name, func(t *testing.T) {
			p, err := Open(envelope)
			if err != nil {
				if strings.HasPrefix(name, "example") || strings.HasPrefix(name, "p") && !strings.Contains(name, "untagged") {
					t.Fatal(err)
				}
				return
			}
			if again := p.Envelope(); !bytes.Equal(again, envelope) {
				t.Errorf("put together again\n%x\nwas\n%x", again, envelope)
			}
			d, err := Describe(p)
			if err != nil {
				if strings.HasPrefix(name, "example") || strings.HasPrefix(name, "p") {
					t.Fatal(err)
				}
				return
			}
			text, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			if d, err = ParseDescription(text); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			built, err := d.Build("")
			if err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if !bytes.Equal(built.Manifest, p.Manifest) {
				t.Errorf("%s\ngives %x\nwas   %x", text, built.Manifest, p.Manifest)
			}
			built.Signatures = p.Signatures
			if again := built.Envelope(); !bytes.Equal(again, envelope) {
				t.Errorf("%s\ngives the envelope %x\nwas %x", text, again, envelope)
			}
			described++
		})
	}
	if described < 25 {
		t.Errorf("only %d envelopes were described", described)
	}
}

// TestSourcesOfExamples writes the draft's example 1 from the values that its
// source has.
func TestSourcesOfExamples(t *testing.T) {
	d, err := ParseDescription([]byte(`{
		"sequence": 1,
		"components": [["hex:00"]],
		"shared": [
			{"override-parameters": {
				"vendor-id": "uuid:fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe",
				"class-id": "uuid:1492af14-2569-5e48-bf42-9b2d51f2ab45",
				"image-digest": "sha256:00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210",
				"image-size": 34768}},
			{"vendor-id": 15}, {"class-id": 15}],
		"validate": [{"image-match": 15}],
		"install": [{"override-parameters": {"uri": "http://example.com/file.bin"}}, {"fetch": 2}, {"image-match": 15}]
	}`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := d.Build("")
	if err != nil {
		t.Fatal(err)
	}
	if want := outside(t)["example1.unsigned.hex"]; !bytes.Equal(p.Envelope(), want) {
		t.Errorf("got\n%x\nwant\n%x", p.Envelope(), want)
	}
}

func TestDescriptionErrors(t *testing.T) {
	for name, tc := range map[string]struct{ json, want string }{
		"unknown field":     {`{"sequense": 1}`, "unknown field"},
		"not json":          {`{`, "unexpected EOF"},
		"unknown command":   {`{"shared": [{"fech": 2}]}`, `no command is called "fech"`},
		"two commands":      {`{"shared": [{"fetch": 2, "write": 2}]}`, "not one command"},
		"unknown parameter": {`{"shared": [{"override-parameters": {"url": "x"}}]}`, `no parameter is called "url"`},
		"bytes of no kind":  {`{"components": [["00"]]}`, "write hex:"},
		"bytes of bad hex":  {`{"components": [["hex:0"]]}`, "odd length"},
		"no such file":      {`{"components": [["file:none"]]}`, "no such file"},
		"argument of text":  {`{"shared": [{"fetch": "2"}]}`, "want a number"},
		"bad cbor":          {`{"shared": [{"fetch": "cbor:82"}]}`, "is not cbor"},
		"bad digest":        {`{"shared": [{"override-parameters": {"image-digest": "sha256:00"}}]}`, "want 64 hexadecimal digits"},
		"nested":            {`{"install": [{"try-each": [[{"run-sequence": [{"x": 1}]}], null]}]}`, `no command is called "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseDescription([]byte(tc.json))
			if err == nil {
				_, err = d.Build(t.TempDir())
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestSign(t *testing.T) {
	ed, p256 := testKey(1), PrivateKey{}
	p256, err := GenerateP256()
	if err != nil {
		t.Fatal(err)
	}
	shared, err := parsePrivate([]byte("hmac:" + strings.Repeat("61", 32) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	for kind, key := range map[string]PrivateKey{"ed25519": ed, "p-256": p256, "hmac-sha256": shared} {
		t.Run(kind, func(t *testing.T) {
			m := testManifest(Content)
			parts, err := m.Parts()
			if err != nil {
				t.Fatal(err)
			}
			if err := parts.Sign(key, 4); err != nil {
				t.Fatal(err)
			}
			if got := key.Public().Kind(); got != kind {
				t.Errorf("kind %s", got)
			}
			envelope := parts.Envelope()
			if v := Verify(envelope, Checks{Key: key.Public()}); !v.Accepted {
				t.Errorf("%+v", v)
			}
			for other, stranger := range map[string]PrivateKey{"ed25519": testKey(9), "p-256": p256, "hmac-sha256": shared} {
				if v := Verify(envelope, Checks{Key: stranger.Public()}); v.Accepted != (other == kind && kind != "ed25519") {
					t.Errorf("with a %s key: %+v", other, v)
				}
			}
			if err := parts.Sign(testKey(2), 0); err != nil {
				t.Fatal(err)
			}
			if v := Verify(parts.Envelope(), Checks{Key: testKey(2).Public()}); !v.Accepted {
				t.Errorf("second signature: %+v", v)
			}
			if err := parts.Sign(testKey(3), 0); err == nil {
				t.Error("a third signature")
			}
		})
	}
}

// TestSever takes out a text and an install section: the signature stays good.
func TestSever(t *testing.T) {
	m := testManifest(Content)
	m.Text = "reads the sensor twice a minute"
	parts, err := m.Parts()
	if err != nil {
		t.Fatal(err)
	}
	if err := parts.Sign(testKey(1), 0); err != nil {
		t.Fatal(err)
	}
	whole := parts.Envelope()
	if got := parts.Severable(); len(got) != 1 || got[0] != "text" {
		t.Errorf("severable: %v", got)
	}
	for _, name := range []string{"install", "validate", ""} {
		if err := parts.Sever(name); err == nil {
			t.Errorf("severed %q", name)
		}
	}
	if err := parts.Sever("text"); err != nil {
		t.Fatal(err)
	}
	for _, e := range [][]byte{whole, parts.Envelope()} {
		if v := Verify(e, Checks{Key: testKey(1).Public()}); !v.Accepted || v.Stage != "-" {
			t.Errorf("%+v", v)
		}
	}
	if len(parts.Envelope()) >= len(whole) {
		t.Error("no shorter")
	}

	ietf := outside(t)
	p, err := Open(ietf["example2.signed.hex"])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range p.Severable() {
		if err := p.Sever(name); err != nil {
			t.Fatal(err)
		}
	}
	// The draft's two files have two signatures of the same manifest.
	severed, err := Open(ietf["example2.signed-severed.hex"])
	if err != nil {
		t.Fatal(err)
	}
	p.Signatures = severed.Signatures
	if !bytes.Equal(p.Envelope(), ietf["example2.signed-severed.hex"]) {
		t.Errorf("severed %x", sha256.Sum256(p.Envelope()))
	}
}

func FuzzOpen(f *testing.F) {
	m := testManifest(Integrated)
	parts, err := m.Parts()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(parts.Envelope())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Open(b)
		if err != nil {
			return
		}
		if cbor.Valid(p.Envelope(), cbor.MaxDepth) != 0 {
			t.Error("not deterministic")
		}
		if d, err := Describe(p); err == nil {
			if _, err := json.Marshal(d); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzDescription: what can be read and built is a manifest that describes
// itself again.
func FuzzDescription(f *testing.F) {
	f.Add([]byte(`{"sequence": 1, "components": [["hook:event"]], "shared": [{"class-id": 15}], "install": [{"try-each": [[{"fetch": 2}], null]}]}`))
	f.Add([]byte(`{"install": {"severed": "sha256:00"}, "text": {"content": "text:x", "beside": true}, "payloads": {"#": "hex:00"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.Contains(b, []byte("file")) {
			return // no reading of files
		}
		d, err := ParseDescription(b)
		if err != nil {
			return
		}
		p, err := d.Build(t.TempDir())
		if err != nil {
			return
		}
		if _, err := Open(p.Envelope()); err == nil {
			Lint(p.Envelope(), PublicKey{}, 0)
		}
	})
}
