package ed25519

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/internal/vectors"
)

func TestWycheproof(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(vectors.Dir(t, "suit", "wycheproof"), "ed25519_test.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			PublicKey struct{ PK string }
			Tests     []struct {
				TcID              int
				Comment, Msg, Sig string
				Result            string
			}
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, group := range file.TestGroups {
		var public [PublicKeySize]byte
		copy(public[:], unhex(t, group.PublicKey.PK))
		for _, tc := range group.Tests {
			run++
			got := Verify(&public, unhex(t, tc.Msg), nil, unhex(t, tc.Sig))
			if want := tc.Result == "valid"; got != want {
				t.Errorf("case %d (%s): %v, want %v", tc.TcID, tc.Comment, got, want)
			}
		}
	}
	if run == 0 || run != file.NumberOfTests {
		t.Errorf("ran %d cases of %d", run, file.NumberOfTests)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAgainstStandardLibrary also breaks one bit at a time of key, message and
// signature.
func TestAgainstStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for range 60 {
		public, private, err := ed25519.GenerateKey(r)
		if err != nil {
			t.Fatal(err)
		}
		message := make([]byte, 1+r.Intn(200))
		r.Read(message)
		signature := ed25519.Sign(private, message)
		switch target := r.Intn(4); target {
		case 1:
			public[r.Intn(32)] ^= 1 << r.Intn(8)
		case 2:
			message[r.Intn(len(message))] ^= 1 << r.Intn(8)
		case 3:
			signature[r.Intn(64)] ^= 1 << r.Intn(8)
		}
		cut := r.Intn(len(message) + 1)
		got := Verify((*[PublicKeySize]byte)(public), message[:cut], message[cut:], signature)
		if want := ed25519.Verify(public, message, signature); got != want {
			t.Fatalf("%v, standard library %v: key %x message %x signature %x", got, want, public, message, signature)
		}
	}
}

func TestSignatureLength(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(rand.New(rand.NewSource(3)))
	signature := ed25519.Sign(private, nil)
	for n := range signature {
		if Verify((*[PublicKeySize]byte)(public), nil, nil, signature[:n]) {
			t.Errorf("accepted %d bytes", n)
		}
	}
	if Verify((*[PublicKeySize]byte)(public), nil, nil, append(signature, 0)) {
		t.Error("accepted 65 bytes")
	}
}

func TestAllocations(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(rand.New(rand.NewSource(4)))
	message := make([]byte, 60)
	signature := ed25519.Sign(private, message)
	allocs := testing.AllocsPerRun(10, func() {
		if !Verify((*[PublicKeySize]byte)(public), message, nil, signature) {
			t.Fatal("good signature refused")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzVerify(f *testing.F) {
	public, private, _ := ed25519.GenerateKey(rand.New(rand.NewSource(6)))
	f.Add([]byte(public), []byte("message"), ed25519.Sign(private, []byte("message")))
	f.Fuzz(func(t *testing.T, public, message, signature []byte) {
		if len(public) != PublicKeySize {
			return
		}
		got := Verify((*[PublicKeySize]byte)(public), message, nil, signature)
		if want := len(signature) == SignatureSize && ed25519.Verify(public, message, signature); got != want {
			t.Fatalf("%v, standard library %v", got, want)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	public, private, _ := ed25519.GenerateKey(rand.New(rand.NewSource(5)))
	message := make([]byte, 60)
	signature := ed25519.Sign(private, message)
	b.ReportAllocs()
	for b.Loop() {
		Verify((*[PublicKeySize]byte)(public), message, nil, signature)
	}
}
