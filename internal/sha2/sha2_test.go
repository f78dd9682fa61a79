package sha2

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"math/rand"
	"testing"
)

// The examples of FIPS 180-4 (csrc.nist.gov, "Examples with Intermediate Values").
func TestKnownAnswers(t *testing.T) {
	for _, tc := range []struct{ name, in, want256, want512 string }{
		{"empty", "",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
		{"abc", "abc",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var d256 [Size256]byte
			Sum256(&d256, []byte(tc.in))
			if got := hex.EncodeToString(d256[:]); got != tc.want256 {
				t.Errorf("SHA-256 = %s, want %s", got, tc.want256)
			}
			var d512 [Size512]byte
			Sum512(&d512, []byte(tc.in))
			if got := hex.EncodeToString(d512[:]); got != tc.want512 {
				t.Errorf("SHA-512 = %s, want %s", got, tc.want512)
			}
		})
	}
}

func TestAgainstStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	message := make([]byte, 600)
	r.Read(message)
	for n := range message {
		m := message[:n]
		cut := r.Intn(n + 1)
		var d256 [Size256]byte
		Sum256(&d256, m[:cut], m[cut:])
		if want := sha256.Sum256(m); d256 != want {
			t.Fatalf("SHA-256 of %d bytes split at %d = %x, want %x", n, cut, d256, want)
		}
		var d512 [Size512]byte
		Sum512(&d512, m[:cut], m[cut:])
		if want := sha512.Sum512(m); d512 != want {
			t.Fatalf("SHA-512 of %d bytes split at %d = %x, want %x", n, cut, d512, want)
		}
	}
}

func TestReuse(t *testing.T) {
	var s SHA256
	var first, second [Size256]byte
	s.Reset()
	s.Write(bytes.Repeat([]byte{7}, 100))
	s.Sum(&first)
	s.Reset()
	s.Write(bytes.Repeat([]byte{7}, 100))
	s.Sum(&second)
	if first != second {
		t.Error("a second message of the same bytes has another digest")
	}
}

func TestAllocations(t *testing.T) {
	message := make([]byte, 1000)
	var d256 [Size256]byte
	var d512 [Size512]byte
	if n := testing.AllocsPerRun(100, func() {
		Sum256(&d256, message, message)
		Sum512(&d512, message, message)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzAgainstStandardLibrary(f *testing.F) {
	f.Add([]byte("abc"), uint(1))
	f.Add(make([]byte, 119), uint(64))
	f.Fuzz(func(t *testing.T, m []byte, cut uint) {
		at := int(cut % uint(len(m)+1))
		var d256 [Size256]byte
		Sum256(&d256, m[:at], m[at:])
		if d256 != sha256.Sum256(m) {
			t.Error("SHA-256 differs")
		}
		var d512 [Size512]byte
		Sum512(&d512, m[:at], m[at:])
		if d512 != sha512.Sum512(m) {
			t.Error("SHA-512 differs")
		}
	})
}

func BenchmarkSHA256(b *testing.B) {
	message := make([]byte, 1024)
	b.SetBytes(int64(len(message)))
	var d [Size256]byte
	for b.Loop() {
		Sum256(&d, message)
	}
}
