package author

import (
	"strings"
	"testing"
)

// TestLint: a good manifest has no findings; each slip has its own.
func TestLint(t *testing.T) {
	const now = 1_800_000_000
	describe := func(t *testing.T, json string) *Parts {
		d, err := ParseDescription([]byte(json))
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.Build("")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const shared = `"shared": [{"override-parameters": {"class-id": "class:femto-sim", "content": "text:image"}}, {"class-id": 15}]`
	of := func(t *testing.T, change func(*Manifest)) *Parts {
		m := testManifest(Content)
		m.Sequence = now
		change(m)
		p, err := m.Parts()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	published, err := parsePrivate([]byte("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
	if err != nil {
		t.Fatal(err)
	}
	p256, err := GenerateP256()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		parts func(t *testing.T) *Parts
		key   PrivateKey // of tests if none
		want  string     // level where: part of what
	}{
		{"good", func(t *testing.T) *Parts { return of(t, func(*Manifest) {}) }, PrivateKey{}, ""},
		{"good by reference", func(t *testing.T) *Parts {
			return of(t, func(m *Manifest) { m.Delivery, m.URI = Reference, "/p" })
		}, PrivateKey{}, ""},
		{"far future", func(t *testing.T) *Parts { return of(t, func(m *Manifest) { m.Sequence = now + 100_000 }) }, PrivateKey{}, "warning sequence number: more than a day ahead"},
		{"no time", func(t *testing.T) *Parts { return of(t, func(m *Manifest) { m.Sequence = 7 }) }, PrivateKey{}, "note sequence number: 7 is no time"},
		{"too high", func(t *testing.T) *Parts { return of(t, func(m *Manifest) { m.Sequence = 1 << 40 }) }, PrivateKey{}, "refused setup: it would lock out"},
		{"text", func(t *testing.T) *Parts { return of(t, func(m *Manifest) { m.Text = "for people" }) }, PrivateKey{}, "note text: devices do not read"},
		{"large", func(t *testing.T) *Parts { return of(t, func(m *Manifest) { m.Image = make([]byte, 2000) }) }, PrivateKey{}, "warning envelope: small devices take 1024"},
		{"http", func(t *testing.T) *Parts {
			return of(t, func(m *Manifest) { m.Delivery, m.URI = Reference, "http://h/p" })
		}, PrivateKey{}, "refused fetch: no uri that a device fetches from"},
		{"bad name", func(t *testing.T) *Parts { return of(t, func(m *Manifest) { m.Container = "a b" }) }, PrivateKey{}, "warning component 0: is not the UUID of a hook"},
		{"published key", func(t *testing.T) *Parts { return of(t, func(*Manifest) {}) }, published, "refused key: test 1 of RFC 8032"},
		{"p-256", func(t *testing.T) *Parts { return of(t, func(*Manifest) {}) }, p256, "warning authentication: not signed with Ed25519"},
		{"two components", func(t *testing.T) *Parts {
			return describe(t, `{"sequence": 1800000000, "components": [["hook:event"], ["hook:timer"]], `+shared+`, "install": [{"write": 2}]}`)
		}, PrivateKey{}, "warning components: about one container"},
		{"no class", func(t *testing.T) *Parts {
			return describe(t, `{"sequence": 1800000000, "components": [["hook:event"]], "shared": [{"override-parameters": {"content": "text:image"}}], "install": [{"write": 2}]}`)
		}, PrivateKey{}, "refused shared sequence: no class condition"},
		{"never matched", func(t *testing.T) *Parts {
			return describe(t, `{"sequence": 1800000000, "components": [["hook:event"]], "shared": [{"override-parameters": {"class-id": "class:femto-sim", "uri": "/p", "image-size": 5, "image-digest": "sha256:`+strings.Repeat("00", 32)+`"}}, {"class-id": 15}], "install": [{"fetch": 2}]}`)
		}, PrivateKey{}, "refused condition: a condition failed"},
		{"unused payload", func(t *testing.T) *Parts {
			return describe(t, `{"sequence": 1800000000, "components": [["hook:event"]], `+shared+`, "install": [{"write": 2}], "payloads": {"#x": "text:y"}}`)
		}, PrivateKey{}, "warning integrated payload #x: nothing vouches"},
		{"unknown command", func(t *testing.T) *Parts {
			return describe(t, `{"sequence": 1800000000, "components": [["hook:event"]], `+shared+`, "install": [{"write": 2}, {"99": 2}]}`)
		}, PrivateKey{}, "refused execute: a command cannot be run"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := tc.parts(t)
			if tc.key.signer == nil {
				tc.key = testKey(1)
			}
			if err := p.Sign(tc.key, 4); err != nil {
				t.Fatal(err)
			}
			findings := Lint(p.Envelope(), tc.key.Public(), now)
			if tc.want == "" {
				if len(findings) != 0 {
					t.Errorf("%+v", findings)
				}
				return
			}
			level, rest, _ := strings.Cut(tc.want, " ")
			where, what, _ := strings.Cut(rest, ": ")
			for _, f := range findings {
				if f.Level == level && f.Where == where && strings.Contains(f.What, what) {
					return
				}
			}
			t.Errorf("%+v, want %s", findings, tc.want)
		})
	}
	unsigned := of(t, func(m *Manifest) { m.Delivery, m.URI = Reference, "http://h/p" })
	if f := Lint(unsigned.Envelope(), PublicKey{}, now); len(f) != 2 || f[0].Where != "fetch" || f[1].What != "no signature" {
		t.Errorf("unsigned: %+v", f)
	}
	for name, b := range outside(t) {
		if f := Lint(b, PublicKey{}, now); len(f) == 0 {
			t.Errorf("%s: nothing to say", name)
		}
	}
}
