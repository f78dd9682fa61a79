package cose

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"testing"

	"github.com/fxamacker/cbor/v2"

	device "github.com/femto-containers/femto/internal/ed25519"
)

var encoding = func() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

func enc(v any) []byte {
	b, err := encoding.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func message(tag uint64, items ...any) []byte {
	return enc(cbor.Tag{Number: tag, Content: items})
}

var (
	private = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
	public  = [32]byte(private.Public().(ed25519.PublicKey))
	alg     = func(n int) []byte { return enc(map[int]any{1: n}) }
)

func parse(b []byte) (m Message, e Error) {
	e = Parse(b, &m)
	return m, e
}

func TestParse(t *testing.T) {
	type header = map[int]any
	none, signature := header{}, make([]byte, 64)
	for _, tc := range []struct {
		name string
		in   []byte
		want Error
	}{
		{"detached", message(18, alg(-19), none, nil, signature), 0},
		{"attached", message(18, alg(-19), none, []byte("payload"), signature), 0},
		{"kid", message(18, alg(-19), header{4: []byte("k")}, nil, signature), 0},
		{"kid protected", message(18, enc(header{1: -19, 4: []byte("k")}), none, nil, signature), 0},
		{"mac0", message(17, alg(5), none, nil, signature[:32]), 0},
		{"kid in both", message(18, enc(header{1: -19, 4: []byte("k")}), header{4: []byte("k")}, nil, signature), ErrStructure},
		{"kid as text", message(18, alg(-19), header{4: "k"}, nil, signature), ErrStructure},
		{"algorithm unprotected", message(18, alg(-19), header{1: -19}, nil, signature), ErrUnprotected},
		{"no algorithm", message(18, enc(none), none, nil, signature), ErrAlgorithm},
		{"no protected header", message(18, []byte{}, none, nil, signature), ErrAlgorithm},
		{"algorithm 0", message(18, alg(0), none, nil, signature), ErrAlgorithm},
		{"mac in sign1", message(18, alg(5), none, nil, signature), ErrAlgorithm},
		{"signature in mac0", message(17, alg(-19), none, nil, signature), ErrAlgorithm},
		{"critical", message(18, enc(header{1: -19, 2: []any{4}}), none, nil, signature), ErrStructure},
		{"protected not a map", message(18, enc(1), none, nil, signature), ErrStructure},
		{"protected not cbor", message(18, []byte{0xff}, none, nil, signature), ErrCBOR},
		{"protected not shortest", message(18, []byte{0xa1, 0x18, 0x01, 0x32}, none, nil, signature), ErrCBOR},
		{"protected too long", message(18, enc(header{1: -19, 4: make([]byte, 40)}), none, nil, signature), ErrStructure},
		{"protected not wrapped", message(18, header{1: -19}, none, nil, signature), ErrStructure},
		{"unprotected in bytes", message(18, alg(-19), enc(none), nil, signature), ErrStructure},
		{"unknown unprotected", message(18, alg(-19), header{33: 1}, nil, signature), ErrStructure},
		{"payload as text", message(18, alg(-19), none, "payload", signature), ErrStructure},
		{"no signature", message(18, alg(-19), none, nil, nil), ErrStructure},
		{"three items", message(18, alg(-19), none, nil), ErrStructure},
		{"five items", message(18, alg(-19), none, nil, signature, 1), ErrStructure},
		{"tag of cose-sign", message(98, alg(-19), none, nil, signature), ErrStructure},
		{"no tag", enc([]any{alg(-19), none, nil, signature}), ErrStructure},
		{"two tags", enc(cbor.Tag{Number: 18, Content: cbor.Tag{Number: 18, Content: []any{alg(-19), none, nil, signature}}}), ErrStructure},
		{"trailing byte", append(message(18, alg(-19), none, nil, signature), 0), ErrCBOR},
		{"empty", nil, ErrCBOR},
		{"indefinite", []byte{0xd2, 0x9f, 0x40, 0xa0, 0xf6, 0x40, 0xff}, ErrCBOR},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, got := parse(tc.in); got != tc.want {
				t.Errorf("Parse(%x) = %v, want %v", tc.in, got, tc.want)
			}
		})
	}
}

// TestClaim compares with a Sig_structure that another encoder makes, for
// lengths on both sides of every change in the size of a head.
func TestClaim(t *testing.T) {
	for _, tag := range []uint64{TagSign1, TagMac0} {
		context, algorithm := "Signature1", -19
		if tag == TagMac0 {
			context, algorithm = "MAC0", 5
		}
		for _, n := range []int{0, 1, 23, 24, 255, 256, 65535, 65536} {
			for _, external := range []string{"", "femto command", "thirty-two bytes of external data"[:32]} {
				payload := bytes.Repeat([]byte{0xa5}, n)
				m, e := parse(message(tag, alg(algorithm), map[int]any{}, payload, make([]byte, 64)))
				if e != 0 {
					t.Fatal(e)
				}
				var s Signature
				var scratch [PrefixSize]byte
				if !m.Claim(&s, &scratch, external, m.Payload) {
					t.Fatalf("no claim with %d bytes of external data", len(external))
				}
				want := enc([]any{context, alg(algorithm), []byte(external), payload})
				if got := append(bytes.Clone(s.Prefix), s.Payload...); !bytes.Equal(got, want) {
					t.Errorf("%s, payload of %d, external data of %d: prefix %x", context, n, len(external), s.Prefix)
				}
			}
		}
	}
}

// TestClaimTooLong fills the protected header and gives too much external data.
func TestClaimTooLong(t *testing.T) {
	protected := enc(map[int]any{1: -19, 4: make([]byte, 26)})
	m, e := parse(message(18, protected, map[int]any{}, nil, make([]byte, 64)))
	if e != 0 || len(protected) != maxPart {
		t.Fatalf("%v with a protected header of %d bytes", e, len(protected))
	}
	var s Signature
	var scratch [PrefixSize]byte
	if !m.Claim(&s, &scratch, string(make([]byte, maxPart)), make([]byte, 1<<16)) {
		t.Error("the largest parts do not fit")
	}
	if m.Claim(&s, &scratch, string(make([]byte, PrefixSize)), nil) {
		t.Error("a claim that does not fit")
	}
}

func TestVerifyEd25519(t *testing.T) {
	payload := []byte("payload")
	sign := func(algorithm int, external string) []byte {
		return ed25519.Sign(private, enc([]any{"Signature1", alg(algorithm), []byte(external), payload}))
	}
	for _, tc := range []struct {
		name      string
		algorithm int
		signature []byte
		external  string
		want      bool
	}{
		{"ed25519", -19, sign(-19, ""), "", true},
		{"eddsa", -8, sign(-8, ""), "", true},
		{"external data", -19, sign(-19, "x"), "x", true},
		{"other external data", -19, sign(-19, "x"), "y", false},
		{"another algorithm's signature", -19, sign(-8, ""), "", false},
		{"esp256", -9, sign(-9, ""), "", false},
		{"short", -19, sign(-19, "")[:63], "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, e := parse(message(18, alg(tc.algorithm), map[int]any{}, nil, tc.signature))
			if e != 0 {
				t.Fatal(e)
			}
			var s Signature
			var scratch [PrefixSize]byte
			m.Claim(&s, &scratch, tc.external, payload)
			if got := s.VerifyEd25519(&public); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

// TestNobodysKey finds a signature of zeros that is valid under a key of zeros,
// which takes four tries or so, and that is not accepted.
func TestNobodysKey(t *testing.T) {
	var nobody [32]byte
	found := false
	for i := range 64 {
		s := Signature{Algorithm: AlgEd25519, Payload: []byte{byte(i)}, Bytes: make([]byte, 64)}
		found = found || device.Verify(&nobody, nil, s.Payload, s.Bytes)
		if s.VerifyEd25519(&nobody) {
			t.Fatal("accepted")
		}
	}
	if !found {
		t.Error("no such signature: the test tests nothing")
	}
}

func TestCommand(t *testing.T) {
	payload := enc([]any{1, "stop"})
	sign := func(external string, attached any) []byte {
		signature := ed25519.Sign(private, enc([]any{"Signature1", alg(-19), []byte(external), payload}))
		return message(18, alg(-19), map[int]any{4: []byte("kid")}, attached, signature)
	}
	var s Signature
	var scratch [PrefixSize]byte
	if e := ParseCommand(sign(CommandContext, payload), &s, &scratch); e != 0 {
		t.Fatal(e)
	}
	if !s.VerifyEd25519(&public) || !bytes.Equal(s.Payload, payload) || string(s.KeyID) != "kid" {
		t.Errorf("not verified, payload %x, key id %q", s.Payload, s.KeyID)
	}
	if e := ParseCommand(sign("", payload), &s, &scratch); e != 0 || s.VerifyEd25519(&public) {
		t.Errorf("a signature without the domain of commands is accepted (%v)", e)
	}
	if e := ParseCommand(sign(CommandContext, nil), &s, &scratch); e != ErrStructure {
		t.Errorf("detached payload: %v", e)
	}
	if e := ParseCommand(message(17, alg(5), map[int]any{}, payload, make([]byte, 32)), &s, &scratch); e != ErrStructure {
		t.Errorf("mac0: %v", e)
	}
}

// The signature of example 0 of the manifest draft, whose key is P-256: the
// prefix is what an ESP256 verifier must see.
func TestPrefixOfDraftExample(t *testing.T) {
	b, _ := hex.DecodeString("d28443a10126a0f64101")
	m, e := parse(b)
	if e != 0 {
		t.Fatal(e)
	}
	var s Signature
	var scratch [PrefixSize]byte
	m.Claim(&s, &scratch, "", make([]byte, 36))
	if got := hex.EncodeToString(s.Prefix); got != "846a5369676e61747572653143a10126405824" {
		t.Errorf("prefix %s", got)
	}
}

func TestAllocations(t *testing.T) {
	in := message(18, alg(-19), map[int]any{4: []byte("kid")}, []byte("payload"), make([]byte, 64))
	var s Signature
	var scratch [PrefixSize]byte
	if n := testing.AllocsPerRun(100, func() {
		if e := ParseCommand(in, &s, &scratch); e != 0 {
			t.Fatal(e)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(message(18, alg(-19), map[int]any{4: []byte("kid")}, []byte("payload"), make([]byte, 64)))
	f.Add(message(17, alg(5), map[int]any{}, nil, make([]byte, 32)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, e := parse(b)
		if e != 0 {
			return
		}
		// What is accepted has one encoding: nothing in it goes unread.
		unprotected := map[int]any{}
		if p := (map[int]any{}); cbor.Unmarshal(m.protected, &p) == nil && m.KeyID != nil && p[labelKeyID] == nil {
			unprotected[labelKeyID] = m.KeyID
		}
		var payload any
		if m.Attached {
			payload = m.Payload
		}
		if got := message(uint64(m.Tag), m.protected, unprotected, payload, m.Signature); !bytes.Equal(got, b) {
			t.Errorf("%x reads as %x", b, got)
		}
		var s Signature
		var scratch [PrefixSize]byte
		if !m.Claim(&s, &scratch, CommandContext, m.Payload) {
			t.Error("no claim")
		}
		s.VerifyEd25519(&public)
	})
}
