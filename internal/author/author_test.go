package author

import (
	"bytes"
	"testing"
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
		{"content, container name of 8, invoke", func(m *Manifest) { m.Container = "counter1"; m.Invoke = true }, 260},
		{"integrated", func(m *Manifest) { m.Delivery = Integrated }, 260},
		{"integrated, vendor", func(m *Manifest) { m.Delivery = Integrated; m.Vendor = VendorID() }, 270},
		{"reference, uri of 19", func(m *Manifest) { m.Delivery = Reference; m.URI = "coap://[fd00::1]/c/1" }, 260},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := testManifest(Content)
			tc.change(m)
			envelope, err := m.Envelope(testKey(1))
			if err != nil {
				t.Fatal(err)
			}
			overhead := len(envelope) - len(image)
			if m.Delivery == Reference {
				overhead = len(envelope)
			}
			t.Logf("%-40s %d B", tc.name, overhead)
			if overhead > tc.most {
				t.Errorf("overhead is %d B, budget %d B", overhead, tc.most)
			}
			v := Verify(envelope, Checks{Key: testKey(1).Public(), Class: m.Class[:], Vendor: m.Vendor[:0], Components: [][]byte{m.Hook[:]}})
			if !v.Accepted || v.Stage != "-" {
				t.Errorf("%+v", v)
			}
		})
	}
}
