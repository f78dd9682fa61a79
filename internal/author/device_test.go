package author

import (
	"os"
	"strings"
	"testing"
)

// TestVerifyComponentNames has verify refuse the names that devices refuse.
func TestVerifyComponentNames(t *testing.T) {
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	hook := HookID("event")
	for name, want := range map[string]bool{
		"": true, "a": true, "A-z_0.9": true, strings.Repeat("a", 16): true,
		strings.Repeat("a", 17): false, "a/b": false, "a b": false, "\x00": false,
	} {
		m := Manifest{Sequence: 1, Class: ClassID("femto-sim"), Hook: hook, Container: name, Image: []byte("image")}
		envelope, err := m.Envelope(key)
		if err != nil {
			t.Fatal(err)
		}
		v := Verify(envelope, Checks{Key: key.Public(), Components: [][]byte{hook[:]}})
		if v.Accepted != want || !want && v.Stage != "check" {
			t.Errorf("name %q: accepted %v at stage %s", name, v.Accepted, v.Stage)
		}
	}
}

// TestKeyFileIsBounded reads what never ends.
func TestKeyFileIsBounded(t *testing.T) {
	const endless = "/dev/zero"
	if _, err := os.Stat(endless); err != nil {
		t.Skipf("SKIPPED, no %s here", endless)
	}
	if _, err := LoadPrivate(endless); err == nil || !strings.Contains(err.Error(), "longer than any key") {
		t.Errorf("private key: %v", err)
	}
	if _, err := LoadPublic(endless); err == nil || !strings.Contains(err.Error(), "longer than any key") {
		t.Errorf("public key: %v", err)
	}
}
