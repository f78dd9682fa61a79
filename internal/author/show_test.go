package author

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/vectors"
)

func TestShow(t *testing.T) {
	m := testManifest(Integrated)
	m.Container, m.KeyHint, m.Invoke = "counter", 4, true
	envelope, err := m.Envelope(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Show(&out, envelope); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "show.txt")
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestShowVectors shows every outside envelope: the examples of the draft in
// full, and none of the others with a panic.
func TestShowVectors(t *testing.T) {
	for _, pattern := range []string{"ietf-manifest-37/*.hex", "edge-cases/*.suit"} {
		files, err := filepath.Glob(filepath.Join(vectors.Dir(t, "suit"), pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				hexFile := strings.HasSuffix(file, ".hex")
				if hexFile {
					if b, err = hex.DecodeString(strings.TrimSpace(string(b))); err != nil {
						t.Fatal(err)
					}
				}
				var out strings.Builder
				err = Show(&out, b)
				if !hexFile {
					return
				}
				text := out.String()
				for _, bad := range []string{"malformed", "unknown", "NOT"} {
					if strings.Contains(text, bad) {
						t.Errorf("says %q:\n%s", bad, text)
					}
				}
				if err != nil || !strings.Contains(text, "(of this manifest)") || !strings.Contains(text, "class id (2)") {
					t.Errorf("%v:\n%s", err, text)
				}
			})
		}
	}
}

func FuzzShow(f *testing.F) {
	for _, delivery := range []Delivery{Content, Integrated} {
		if b, err := testManifest(delivery).Envelope(testKey(1)); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out strings.Builder
		Show(&out, b)
		if out.Len() > 1000+400*len(b) {
			t.Errorf("%d bytes shown as %d", len(b), out.Len())
		}
		Verify(b, Checks{Key: testKey(1).Public()})
	})
}
