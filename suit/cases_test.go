package suit

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/internal/vectors"
)

type edgeCases struct {
	Cases []struct{ File, Key, Expect, Stage, Why string }
	Keys  map[string]json.RawMessage

	Vendor, Class, HookA, HookB string
}

func loadEdgeCases(t testing.TB) (string, edgeCases) {
	t.Helper()
	dir := vectors.Dir(t, "suit", "edge-cases")
	raw, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file edgeCases
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

// device returns the device that the edge cases are made for.
func (file edgeCases) device(t testing.TB, key string) *bench {
	t.Helper()
	b := &bench{
		vendor: unhex(t, file.Vendor), class: unhex(t, file.Class),
		ids:   [][]byte{unhex(t, file.HookA), unhex(t, file.HookB)},
		limit: 2048,
	}
	if key == "ietf-p256" {
		raw, err := os.ReadFile(filepath.Join(vectors.Dir(t, "suit", "ietf-manifest-37"), "public_key.pem"))
		if err != nil {
			t.Fatal(err)
		}
		if b.p256 = parseP256(raw); b.p256 == nil {
			t.Fatal("public_key.pem holds no P-256 key")
		}
		return b
	}
	var public struct{ Public string }
	if err := json.Unmarshal(file.Keys[key], &public); err != nil {
		t.Fatal(err)
	}
	copy(b.ed25519[:], unhex(t, public.Public))
	return b
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// policy is what this profile does where the cases leave a choice.
var policy = map[string]struct {
	status Status
	stage  Stage
}{
	"p02-eddsa-alg8.suit":                {Done, StageNone},
	"p04-es256.suit":                     {Done, StageNone},
	"p07-untagged-envelope.suit":         {Refused, StageEnvelope},
	"p10-severable-install-severed.suit": {Done, StageInstall},
	"n18-noncanonical-int.suit":          {Refused, StageCBOR},
}

func TestEdgeCases(t *testing.T) {
	dir, file := loadEdgeCases(t)
	payload, err := os.ReadFile(filepath.Join(dir, "payload.bin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range file.Cases {
		t.Run(tc.File, func(t *testing.T) {
			envelope, err := os.ReadFile(filepath.Join(dir, tc.File))
			if err != nil {
				t.Fatal(err)
			}
			status, stage := Refused, tc.Stage
			if tc.Expect == "accept" {
				status = Done
			}
			if choice, ok := policy[tc.File]; ok {
				status, stage = choice.status, choice.stage.String()
			} else if tc.Expect != "accept" && tc.Expect != "reject" {
				t.Fatalf("no policy for %q (%s)", tc.Expect, tc.Why)
			}
			for _, pend := range []bool{false, true} {
				device := file.device(t, tc.Key)
				device.payload, device.pend = payload, pend
				var p Processor
				p.Init(device)
				got := p.Process(envelope)
				if got == Pending {
					if !pend {
						t.Fatal("pending, though no fetch was")
					}
					got = p.Resume(ReasonOK)
				}
				r := p.Report()
				if got != status || r.Stage.String() != stage {
					t.Errorf("status %d at stage %v (%v, section %d, command %d, offset %d), want status %d at stage %s: %s",
						got, r.Stage, r.Reason, r.Section, r.Command, r.Offset, status, stage, tc.Why)
				}
				if got == Refused && r.Reason == ReasonOK {
					t.Error("refused without a reason")
				}
			}
		})
	}
}
