package author

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/vectors"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVerifyEdgeCases gives the command's verdict on every edge case: with all
// checks, and with the key alone.
func TestVerifyEdgeCases(t *testing.T) {
	dir := vectors.Dir(t, "suit", "edge-cases")
	raw, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases                       []struct{ File, Key, Expect, Stage, Why string }
		Keys                        map[string]json.RawMessage
		Vendor, Class, HookA, HookB string
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	// What the profile does where the cases leave a choice.
	policy := map[string]struct {
		accepted bool
		stage    string
	}{
		"p02-eddsa-alg8.suit":                {true, "-"},
		"p04-es256.suit":                     {true, "-"},
		"p07-untagged-envelope.suit":         {false, "envelope"},
		"p10-severable-install-severed.suit": {true, "install"},
		"n18-noncanonical-int.suit":          {false, "cbor"},
	}
	for _, tc := range file.Cases {
		t.Run(tc.File, func(t *testing.T) {
			envelope, err := os.ReadFile(filepath.Join(dir, tc.File))
			if err != nil {
				t.Fatal(err)
			}
			var key PublicKey
			if tc.Key == "ietf-p256" {
				key, err = LoadPublic(filepath.Join(dir, "..", "ietf-manifest-37", "public_key.pem"))
			} else {
				var public struct{ Public string }
				if err := json.Unmarshal(file.Keys[tc.Key], &public); err != nil {
					t.Fatal(err)
				}
				key, err = LoadPublic(public.Public)
			}
			if err != nil {
				t.Fatal(err)
			}
			accepted, stage := tc.Expect == "accept", tc.Stage
			if choice, ok := policy[tc.File]; ok {
				accepted, stage = choice.accepted, choice.stage
			}
			v := Verify(envelope, Checks{
				Key: key, Vendor: unhex(t, file.Vendor), Class: unhex(t, file.Class),
				Components: [][]byte{unhex(t, file.HookA)}, MinSequence: 1,
			})
			if v.Accepted != accepted || v.Stage != stage || v.Detail == "" {
				t.Errorf("%+v; want accepted %v at stage %s: %s", v, accepted, stage, tc.Why)
			}
			v = Verify(envelope, Checks{Key: key})
			if tc.File == "n30-wrong-class.suit" { // nothing to compare with
				accepted, stage = true, "-"
			}
			if v.Accepted != accepted || v.Stage != stage {
				t.Errorf("key alone: %+v; want accepted %v at stage %s: %s", v, accepted, stage, tc.Why)
			}
			if other := Verify(envelope, Checks{Key: testKey(9).Public()}); other.Accepted {
				t.Errorf("another key: %+v", other)
			}
		})
	}
}

// TestVerifyDetail is about what a person reads.
func TestVerifyDetail(t *testing.T) {
	m := testManifest(Reference)
	m.URI = "coap://[fd00::1]/c"
	envelope, err := m.Envelope(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	key := testKey(1).Public()
	http := *m
	http.URI = "http://example.com/c"
	httpEnvelope, err := http.Envelope(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	huge := *m
	huge.Sequence = 1 << 62
	hugeEnvelope, err := huge.Envelope(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name     string
		envelope []byte
		checks   Checks
		stage    string
		detail   string
	}{
		{"accepted", envelope, Checks{Key: key}, "-", "accepted up to the fetch of coap://[fd00::1]/c"},
		{"another key", envelope, Checks{Key: testKey(2).Public()}, "auth",
			"no valid signature of the ed25519 key " + testKey(2).Public().ID().String() + " (the envelope is signed with ed25519 (-19))"},
		{"old", envelope, Checks{Key: key, MinSequence: 1795305601}, "setup",
			"sequence number 1795305600 is lower than 1795305601: an older manifest"},
		{"far ahead", hugeEnvelope, Checks{Key: key}, "setup",
			"sequence number 4611686018427387904 is higher than 1099511627775: it would lock out every later manifest"},
		{"wrong class", envelope, Checks{Key: key, Class: make([]byte, 16)}, "condition",
			"the manifest is for class 3963ea30d7725b8ba3175e7184e43e4a, not 00000000000000000000000000000000 (shared section, condition class id (2) at byte 63)"},
		{"wrong component", envelope, Checks{Key: key, Components: [][]byte{{1}}}, "check",
			"component ecf290e34dc65cc8bc2ebf0299875038 is not one of the device's"},
		{"not coap", httpEnvelope, Checks{Key: key}, "fetch",
			"\"http://example.com/c\" is no uri that a device fetches from: scheme is not coap (install section, fetch (21) at byte 25)"},
		{"garbage", []byte("garbage"), Checks{Key: key}, "cbor",
			"not deterministic cbor: truncated, trailing bytes, a duplicate key, an indefinite length or not the shortest form"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := Verify(tc.envelope, tc.checks)
			if v.Stage != tc.stage || v.Detail != tc.detail || v.Accepted != (tc.stage == "-") {
				t.Errorf("stage %s, %q\nwant  %s, %q", v.Stage, v.Detail, tc.stage, tc.detail)
			}
		})
	}
}

// TestVerifyHMAC makes sure that a shared key is a key of its own kind: the
// bytes of a public key never verify a mac.
func TestVerifyHMAC(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "shared.key")
	text := "hmac:" + strings.Repeat("61", 32)
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := LoadPublic(path)
	if err != nil {
		t.Fatal(err)
	}
	// A manifest with a mac of a key of 32 times 'a'.
	envelope := macEnvelope(t, unhex(t, strings.Repeat("61", 32)))
	if v := Verify(envelope, Checks{Key: key}); !v.Accepted {
		t.Errorf("with the shared key: %+v", v)
	}
	asEd25519, err := LoadPublic(strings.Repeat("61", 32))
	if err != nil {
		t.Fatal(err)
	}
	if v := Verify(envelope, Checks{Key: asEd25519}); v.Accepted || v.Stage != "auth" {
		t.Errorf("with the same bytes as a public key: %+v", v)
	}
	public := testKey(1).Public()
	if v := Verify(macEnvelope(t, public.Raw()), Checks{Key: public}); v.Accepted || v.Stage != "auth" {
		t.Errorf("mac with a public key: %+v", v)
	}
}
