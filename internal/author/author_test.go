package author

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/femto-containers/femto/internal/cose"
)

var image = bytes.Repeat([]byte{0x95}, 186)

func testManifest(delivery Delivery) *Manifest {
	return &Manifest{
		Sequence: 1795305600, Class: ClassID("femto-sim"), Hook: HookID("event"),
		Image: image, Delivery: delivery,
	}
}

func testKey(n byte) PrivateKey {
	var seed [32]byte
	for i := range seed {
		seed[i] = n
	}
	return NewPrivateKey(seed)
}

// macEnvelope returns a good envelope with a COSE_Mac0 in place of a signature.
func macEnvelope(t *testing.T, key []byte) []byte {
	t.Helper()
	manifest, err := testManifest(Content).encode()
	if err != nil {
		t.Fatal(err)
	}
	wrapped := encode(manifest)
	digest := encode(digestOf(sha256.Sum256(wrapped)))
	protected := encode(map[int]any{1: cose.AlgHMAC256})
	h := hmac.New(sha256.New, key)
	h.Write(encode([]any{"MAC0", protected, []byte{}, digest}))
	mac := encode(cbor.Tag{Number: cose.TagMac0, Content: []any{protected, map[int]any{}, nil, h.Sum(nil)}})
	return encode(cbor.Tag{Number: 107, Content: map[any]any{
		2: encode([]any{digest, mac}), 3: cbor.RawMessage(wrapped),
	}})
}

// TestEnvelopeOverhead prints what a deployment of a 186 B container costs over
// the air. DESIGN.md §10: at most 260 B, aim 200 B.
func TestEnvelopeOverhead(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Manifest)
		most   int
	}{
		{"content", func(m *Manifest) {}, 200},
		{"content, key hint of 2", func(m *Manifest) { m.KeyHint = 2 }, 200},
		{"content, vendor", func(m *Manifest) { m.Vendor = VendorID() }, 260},
		{"content, container name of 8", func(m *Manifest) { m.Container = "counter1" }, 260},
		{"integrated", func(m *Manifest) { m.Delivery = Integrated }, 260},
		{"integrated, vendor", func(m *Manifest) { m.Delivery = Integrated; m.Vendor = VendorID() }, 260},
		{"reference, uri of 20", func(m *Manifest) { m.Delivery = Reference; m.URI = "coap://[fd00::1]/c/1" }, 260},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := testManifest(Content)
			tc.change(m)
			envelope, err := m.Envelope(testKey(1))
			if err != nil {
				t.Fatal(err)
			}
			overhead := len(envelope)
			if m.Delivery != Reference {
				overhead -= len(image)
			}
			t.Logf("envelope without the image: %d B", overhead)
			if overhead > tc.most {
				t.Errorf("%d B, budget %d B", overhead, tc.most)
			}
			v := Verify(envelope, Checks{Key: testKey(1).Public(), Class: m.Class[:], Components: [][]byte{m.Hook[:]}})
			if !v.Accepted || v.Stage != "-" {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestEnvelopeDeterministic(t *testing.T) {
	one, err := testManifest(Integrated).Envelope(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	two, err := testManifest(Integrated).Envelope(testKey(1))
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("the same manifest twice: %v\n%x\n%x", err, one, two)
	}
}

func TestEnvelopeP256(t *testing.T) {
	key, err := GenerateP256()
	if err != nil {
		t.Fatal(err)
	}
	m := testManifest(Content)
	m.KeyHint = 8
	envelope, err := m.Envelope(key)
	if err != nil {
		t.Fatal(err)
	}
	if v := Verify(envelope, Checks{Key: key.Public()}); !v.Accepted {
		t.Errorf("%+v", v)
	}
	other, err := GenerateP256()
	if err != nil {
		t.Fatal(err)
	}
	if v := Verify(envelope, Checks{Key: other.Public()}); v.Accepted || v.Stage != "auth" {
		t.Errorf("another key: %+v", v)
	}
	if id := key.Public().ID(); !bytes.Contains(envelope, id[:]) {
		t.Error("no key id in the envelope")
	}
}

func TestManifestErrors(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Manifest)
		want   string
	}{
		{"class", func(m *Manifest) { m.Class = uuid.Nil }, "make manifest: no class of device"},
		{"hook", func(m *Manifest) { m.Hook = uuid.Nil }, "make manifest: no hook"},
		{"image", func(m *Manifest) { m.Image = nil }, "make manifest: empty image"},
		{"reference without uri", func(m *Manifest) { m.Delivery = Reference }, "make manifest: a referenced image needs a uri"},
		{"long uri", func(m *Manifest) { m.Delivery = Reference; m.URI = strings.Repeat("a", 129) }, "make manifest: uri is 129 bytes, longer than 128"},
		{"delivery", func(m *Manifest) { m.Delivery = 9 }, "make manifest: unknown delivery 9"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := testManifest(Content)
			tc.change(m)
			if _, err := m.Envelope(testKey(1)); err == nil || err.Error() != tc.want {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
	if _, err := testManifest(Content).Envelope(PrivateKey{}); err == nil {
		t.Error("signed without a key")
	}
}

func TestSignCommand(t *testing.T) {
	key := testKey(1)
	payload := encode([]any{1, "stop"})
	b, err := SignCommand(key, payload)
	if err != nil {
		t.Fatal(err)
	}
	var s cose.Signature
	var scratch [cose.PrefixSize]byte
	if e := cose.ParseCommand(b, &s, &scratch); e != 0 {
		t.Fatal(e)
	}
	raw := [32]byte(key.Public().Raw())
	id := key.Public().ID()
	if !s.VerifyEd25519(&raw) || !bytes.Equal(s.Payload, payload) || !bytes.Equal(s.KeyID, id[:]) {
		t.Errorf("payload %x, key id %x", s.Payload, s.KeyID)
	}
	t.Logf("a command of %d B is %d B signed", len(payload), len(b))
}

func TestIdentifiers(t *testing.T) {
	for _, tc := range []struct {
		name string
		got  uuid.UUID
		want string
	}{
		{"vendor", VendorID(), "be60bdb6-55ac-57ce-b9e5-4c3f44ecd649"},
		{"class femto-sim", ClassID("femto-sim"), "3963ea30-d772-5b8b-a317-5e7184e43e4a"},
		{"hook event", HookID("event"), "ecf290e3-4dc6-5cc8-bc2e-bf0299875038"},
		{"hook timer", HookID("timer"), "b6229686-d948-5147-9c81-f4356c3cc36d"},
	} {
		if tc.got.String() != tc.want {
			t.Errorf("%s is %s, want %s", tc.name, tc.got, tc.want)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	p256, err := GenerateP256()
	if err != nil {
		t.Fatal(err)
	}
	generated, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		kind string
		key  PrivateKey
	}{{"ed25519", generated}, {"p-256", p256}} {
		t.Run(tc.kind, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := tc.key.Save(path); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("private key has mode %v (%v)", info.Mode(), err)
			}
			if err := tc.key.Save(path); !errors.Is(err, fs.ErrExist) {
				t.Errorf("overwrote a key: %v", err)
			}
			private, err := LoadPrivate(path)
			if err != nil {
				t.Fatal(err)
			}
			want := tc.key.Public().ID()
			if private.Public().ID() != want || want == (KeyID{}) {
				t.Errorf("private key has id %v, want %v", private.Public().ID(), want)
			}
			for _, name := range []string{path, path + ".pub"} {
				public, err := LoadPublic(name)
				if err != nil {
					t.Fatal(err)
				}
				if public.ID() != want || public.Kind() != tc.kind {
					t.Errorf("%s: %s key %v, want %v", name, public.Kind(), public.ID(), want)
				}
			}
		})
	}
}

func TestKeyErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tc := range []struct{ name, path, want string }{
		{"no file", filepath.Join(dir, "none"), "no such file"},
		{"garbage", write("garbage", "garbage"), "neither pem nor 64 hex digits"},
		{"63 digits", write("short", strings.Repeat("a", 63)), "neither pem nor 64 hex digits"},
		{"short hmac", write("hmac", "hmac:6161"), "hmac: is not followed by 64 hex digits"},
		{"broken pem", write("pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "asn1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := LoadPublic(tc.path); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.path) {
				t.Errorf("error %v, want %q and the path", err, tc.want)
			}
		})
	}
	if _, err := LoadPrivate(write("public", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")); err == nil ||
		!strings.Contains(err.Error(), "not a pkcs#8 private key") {
		t.Errorf("a public key for a private one: %v", err)
	}
	digits := strings.Repeat("0a", 32)
	if key, err := LoadPublic(write("hex", digits+"\n")); err != nil || key.Kind() != "ed25519" {
		t.Errorf("hex digits in a file: %v", err)
	}
	if key, err := LoadPrivate(write("seed", digits)); err != nil || key.Public().ID() != testKey(10).Public().ID() {
		t.Errorf("seed in a file: %v", err)
	}
}
