package author

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/vectors"
	"github.com/femto-containers/femto/suit"
)

// TestDraftExamples judges the 13 examples of the draft with their P-256 key,
// for a device of any kind. Every signature is good; where one is refused all
// the same, detail says what for.
func TestDraftExamples(t *testing.T) {
	key, err := LoadPublic(filepath.Join(vectors.Dir(t, "suit", "ietf-manifest-37"), "public_key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		stage  string
		reason suit.Reason
		detail string
	}{
		"example0.signed.hex":         {"-", suit.ReasonOK, "accepted"},
		"example1.signed.hex":         {"fetch", suit.ReasonParameter, `"http://example.com/file.bin" is no uri that a device fetches from`},
		"example2.signed.hex":         {"fetch", suit.ReasonParameter, `"http://example.com/very/long/path/to/file/file.bin" is no uri that a device fetches from`},
		"example2.signed-severed.hex": {"install", suit.ReasonOK, "the install section is severed"},
		"example3.signed.hex":         {"fetch", suit.ReasonParameter, "is no uri that a device fetches from"},
		"example4.signed.hex":         {"fetch", suit.ReasonParameter, "a payload cannot be fetched (payload fetch section, fetch (21)"},
		"example5.signed.hex":         {"fetch", suit.ReasonParameter, "is no uri that a device fetches from"},
	}
	seen := 0
	for name, envelope := range outside(t) {
		if !strings.HasPrefix(name, "example") {
			continue
		}
		seen++
		t.Run(name, func(t *testing.T) {
			v := Verify(envelope, Checks{Key: key})
			w, signed := want[name]
			if !signed {
				w.stage, w.reason, w.detail = "auth", suit.ReasonUnauthorised, "no valid signature"
			}
			if v.Stage != w.stage || v.Report.Reason != w.reason || !strings.Contains(v.Detail, w.detail) || v.Accepted != (w.reason == suit.ReasonOK) {
				t.Errorf("%+v; want %+v", v, w)
			}
			if other := Verify(envelope, Checks{Key: testKey(1).Public()}); other.Accepted || other.Stage != "auth" {
				t.Errorf("with another key: %+v", other)
			}
			for i := range envelope {
				changed := append([]byte{}, envelope...)
				changed[i] ^= 4
				if signed && Verify(changed, Checks{Key: key}).Stage == w.stage && w.stage != "fetch" {
					t.Errorf("the same verdict with byte %d changed", i)
				}
			}
		})
	}
	if seen != 13 {
		t.Errorf("%d examples", seen)
	}
}
