package agent_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/vectors"
	"github.com/femto-containers/femto/suit"
)

// edgeCases are the public edge cases of SUIT and the device they are for.
type edgeCases struct {
	Cases []struct{ File, Key, Expect, Stage, Why string }
	Keys  map[string]json.RawMessage

	Vendor, Class, HookA, HookB string

	dir    string
	tenant struct {
		Public string
		Seed   string `json:"test_only_seed"`
	}
}

func loadEdgeCases(t *testing.T) *edgeCases {
	file := &edgeCases{dir: vectors.Dir(t, "suit", "edge-cases")}
	raw, err := os.ReadFile(filepath.Join(file.dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, file); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file.Keys["tenant-a"], &file.tenant); err != nil {
		t.Fatal(err)
	}
	return file
}

func unhex[T [16]byte | [32]byte](t *testing.T, digits string) T {
	b, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return T(b)
}

// p256 is the key of the draft's examples.
func (file *edgeCases) p256(t *testing.T) agent.Key {
	public, err := author.LoadPublic(filepath.Join(file.dir, "..", "ietf-manifest-37", "public_key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, ok := public.Device()
	if !ok {
		t.Fatalf("a key of kind %s", public.Kind())
	}
	return key
}

// device returns the device that the cases are for, and whoever has the
// payload.
func (file *edgeCases) device(t *testing.T) *device {
	d := newDevice(t, func(c *agent.Config, e *engine.Config) {
		c.Vendor, c.Class = unhex[[16]byte](t, file.Vendor), unhex[[16]byte](t, file.Class)
		e.Hooks[hookEvent].UUID = unhex[[16]byte](t, file.HookA)
		e.Hooks[hookTimer].UUID = unhex[[16]byte](t, file.HookB)
		c.Tenants[0].Key = agent.Ed25519(unhex[[32]byte](t, file.tenant.Public))
		c.Tenants[1].Key, c.Tenants[1].Hooks = file.p256(t), agent.AllHooks
	})
	payload, err := os.ReadFile(filepath.Join(file.dir, "payload.bin"))
	if err != nil {
		t.Fatal(err)
	}
	var uri coap.URI
	uerr := uri.Parse([]byte("coap://[2001:db8::1]/c"))
	if uerr != 0 {
		t.Fatal(uerr)
	}
	store := d.network.client(t, 8)
	store.address = uri.Peer
	store.files["c"] = payload
	d.network.add(uri.Peer, store)
	return d
}

// TestEdgeCasesOverCoAP has a device decide the public edge cases. Their
// payload is no image: what is to be accepted gets as far as that, with all of
// the payload there.
func TestEdgeCasesOverCoAP(t *testing.T) {
	file := loadEdgeCases(t)
	for _, tc := range file.Cases {
		t.Run(tc.File, func(t *testing.T) {
			envelope, err := os.ReadFile(filepath.Join(file.dir, tc.File))
			if err != nil {
				t.Fatal(err)
			}
			d := file.device(t)
			before := d.operations()
			r := d.post(envelope)
			stage, reason := tc.Stage, suit.ReasonOK
			accepted := tc.Expect == "accept" || tc.Expect == "accept-or-policy"
			switch {
			case accepted:
				stage, reason = suit.StageInstall.String(), suit.ReasonOperation
			case tc.Expect == "accept-no-install":
				// Nothing is installed there that could match its digest.
				stage, reason = suit.StageCondition.String(), suit.ReasonCondition
			}
			if got := suit.Stage(r.Stage).String(); agent.Progress(r.Progress) != agent.ProgressRefused || got != stage || reason != suit.ReasonOK && suit.Reason(r.Reason) != reason {
				t.Errorf("%s; want stage %s: %s", describe(r), stage, tc.Why)
			}
			if accepted != (agent.Detail(r.Detail) == agent.DetailImage) {
				t.Errorf("%s; is the payload the only thing that is wrong? %v", describe(r), accepted)
			}
			if n := d.operations() - before; !accepted && n != 0 {
				t.Errorf("%d flash operations for what is refused", n)
			}
			if len(d.list()) != 0 {
				t.Error("something is installed")
			}
		})
	}
}

// TestEdgeCasesWithAnImage signs the cases that are to be accepted again, for a
// payload that is an image: they are installed, and a severed section leaves
// what runs alone.
func TestEdgeCasesWithAnImage(t *testing.T) {
	file := loadEdgeCases(t)
	key := author.NewPrivateKey(unhex[[32]byte](t, file.tenant.Seed))
	image := returning(t, 7, 0)
	hook := unhex[[16]byte](t, file.HookA)
	d := file.device(t)
	for i, delivery := range []author.Delivery{author.Content, author.Integrated, author.Reference} {
		m := author.Manifest{
			Sequence: uint64(100 + i), Vendor: unhex[[16]byte](t, file.Vendor), Class: unhex[[16]byte](t, file.Class), Hook: hook,
			Image: image, Delivery: delivery, URI: []string{"", "#app", "/p"}[i], Invoke: true,
		}
		d.host.files["p"] = image
		envelope, err := m.Envelope(key)
		if err != nil {
			t.Fatal(err)
		}
		if r := d.post(envelope); agent.Progress(r.Progress) != agent.ProgressDone {
			t.Errorf("delivery %d: %s", delivery, describe(r))
		}
		if len(d.list()) != 1 {
			t.Errorf("delivery %d: %d containers", delivery, len(d.list()))
		}
		// A byte of the signature, and one of the manifest.
		for _, at := range []int{60, 200} {
			broken := append([]byte{}, envelope...)
			broken[at] ^= 0x10
			d.still(func() {
				if r := d.post(broken); agent.Progress(r.Progress) != agent.ProgressRefused {
					t.Errorf("delivery %d with byte %d changed: %s", delivery, at, describe(r))
				}
			})
		}
	}
}
