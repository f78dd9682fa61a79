package suit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/vectors"
)

// An original is an envelope that a device accepts.
type original struct {
	name     string
	envelope []byte
	device   func() *bench
}

// originals are all accepted envelopes from outside, and one of ours of every
// kind.
func originals(t *testing.T) (list []original) {
	dir, file := loadEdgeCases(t)
	for _, tc := range file.Cases {
		if !strings.HasPrefix(tc.Expect, "accept") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, tc.File))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, original{tc.File, b, func() *bench { return file.device(t, tc.Key) }})
	}
	ietf := vectors.Dir(t, "suit", "ietf-manifest-37")
	pem, err := os.ReadFile(filepath.Join(ietf, "public_key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"example0.signed.hex", "example2.signed-severed.hex"} {
		text, err := os.ReadFile(filepath.Join(ietf, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, original{name, b, func() *bench { return &bench{p256: parseP256(pem)} }})
	}
	ours := func() *bench {
		device := testBench()
		device.anySigner = false
		copy(device.ed25519[:], goodKey.Public().(ed25519.PublicKey))
		return device
	}
	two := manifest(field{
		3: common(components("a", "b"), seq{12, true, 20, par{2: testClass, 3: digestOf(testImage), 14: len(testImage)}, 2, 15}),
		7: nil, 20: seq{12, true, 15, array{seq{20, par{18: []byte("no")}, 6, 15}.b(), wellBehaved.b()}}.b(),
	})
	return append(list,
		original{"fetched", signedBy(manifest(nil), block{}), ours},
		original{"content", signedBy(install(seq{20, par{18: testImage}, 18, 2}), block{}), ours},
		original{"two components and a choice", signedBy(two, block{}), ours},
		original{"kid protected", signedBy(manifest(nil), block{protected: enc(field{1: -19, 4: []byte("kid")})}), ours},
	)
}

// TestMutations changes every byte of every accepted envelope, or takes one out,
// or puts one in. None may panic, and none may be accepted: each of these bytes
// is vouched for by the signature, or is the signature, or the one form in
// which the format may be written. In the short form a byte is changed in nine
// ways; with FEMTO_MUTATE set (make mutate) in all 255, and two in a row in 64.
func TestMutations(t *testing.T) {
	all := os.Getenv("FEMTO_MUTATE") != ""
	flips := []byte{0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}
	if all {
		flips = nil
		for flip := 1; flip < 256; flip++ {
			flips = append(flips, byte(flip))
		}
	}
	for _, o := range originals(t) {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			var p Processor
			p.Init(o.device())
			if p.Process(o.envelope) != Done {
				t.Fatalf("the original is refused: %+v", p.Report())
			}
			was, tried := p.Report().Stage, 0
			try := func(at int, e []byte) {
				tried++
				if p.Process(e) == Done && p.Report().Stage == was {
					t.Errorf("accepted with byte %d changed: %x", at, e)
				}
			}
			n := len(o.envelope)
			for i := range n {
				for _, flip := range flips {
					e := bytes.Clone(o.envelope)
					e[i] ^= flip
					try(i, e)
				}
				for bits := byte(0); all && i+1 < n && bits < 64; bits++ {
					e := bytes.Clone(o.envelope)
					e[i] ^= 1 << (bits & 7)
					e[i+1] ^= 1 << (bits >> 3)
					try(i, e)
				}
				try(i, o.envelope[:i])
				try(i, append(bytes.Clone(o.envelope[:i]), o.envelope[i+1:]...))
				try(i, append(append(bytes.Clone(o.envelope[:i]), 0), o.envelope[i:]...))
				try(i, append(append(bytes.Clone(o.envelope[:i]), o.envelope[i]), o.envelope[i:]...))
			}
			t.Logf("%d bytes, %d changes, none accepted", n, tried)
		})
	}
}

// TestMutationsOutsideTheSignature: a kid in the unprotected header is a hint
// that nobody vouches for. It may be changed; nothing else may.
func TestMutationsOutsideTheSignature(t *testing.T) {
	e := signedBy(manifest(nil), block{unprotected: field{4: []byte("kid")}})
	at := bytes.Index(e, []byte("kid"))
	device := testBench()
	device.anySigner = false
	copy(device.ed25519[:], goodKey.Public().(ed25519.PublicKey))
	var p Processor
	p.Init(device)
	for i := range e {
		changed := bytes.Clone(e)
		changed[i] ^= 1
		if accepted := p.Process(changed) == Done; accepted != (i >= at && i < at+3) {
			t.Errorf("byte %d changed: accepted %v", i, accepted)
		}
	}
}
