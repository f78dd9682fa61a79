package cbor

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"math/rand"
	"reflect"
	"testing"
	"time"

	peer "github.com/fxamacker/cbor/v2"
)

var peerDecode = func() peer.DecMode {
	mode, err := peer.DecOptions{
		DupMapKey:             peer.DupMapKeyEnforcedAPF,
		IndefLength:           peer.IndefLengthForbidden,
		MaxNestedLevels:       MaxDepth,
		UTF8:                  peer.UTF8RejectInvalid,
		DefaultByteStringType: reflect.TypeFor[peer.ByteString](),
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

var peerEncode = func() peer.EncMode {
	mode, err := peer.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

// peerAccepts reports whether another implementation, at its strictest, takes
// b and encodes it deterministically to the same bytes. known is false for what
// that one gives a meaning of its own (times and big numbers).
func peerAccepts(b []byte) (accepts, known bool) {
	var v any
	if err := peerDecode.Unmarshal(b, &v); err != nil {
		return false, true
	}
	subset, known := inSubset(v)
	if !subset || !known {
		return false, known
	}
	again, err := peerEncode.Marshal(v)
	return err == nil && bytes.Equal(again, b), true
}

func inSubset(v any) (subset, known bool) {
	switch v := v.(type) {
	case nil, bool, uint64, int64, string, peer.ByteString:
		return true, true
	case big.Int: // an integer below -2^63, or tag 2 or 3
		return true, v.IsInt64() || v.Cmp(minusTwo64) >= 0 && v.Sign() < 0
	case []any:
		for _, item := range v {
			if s, k := inSubset(item); !s || !k {
				return s, k
			}
		}
		return true, true
	case map[any]any:
		for key, item := range v {
			switch key.(type) {
			case uint64, int64, string, peer.ByteString, big.Int:
			default:
				return false, true
			}
			if s, k := inSubset(item); !s || !k {
				return s, k
			}
		}
		return true, true
	case peer.Tag:
		return inSubset(v.Content)
	case time.Time:
		return true, false
	}
	return false, true // floats and other simple values
}

var minusTwo64 = new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 64))

// special reports whether a document that we take holds tags that the other
// implementation gives a meaning, and so refuses some contents of, or numbers
// that it cannot have for map keys.
func special(b []byte) bool {
	d := New(b)
	for d.More() {
		switch d.Type() {
		case Tag:
			if n := d.Tag(); n < 4 {
				return true
			}
		case Array:
			d.Array()
		case Map:
			d.Map()
		case Nint:
			if raw := d.Raw(0); len(raw) == 9 && raw[1] >= 0x80 {
				return true
			}
		default:
			d.Skip(0)
		}
	}
	return false
}

// tagged reports whether some byte of b may be the head of a tag.
func tagged(b []byte) bool {
	for _, c := range b {
		if Type(c>>5) == Tag {
			return true
		}
	}
	return false
}

func compare(t *testing.T, b []byte) {
	t.Helper()
	ours := Valid(b, MaxDepth)
	theirs, known := peerAccepts(b)
	if !known || ours == 0 && special(b) {
		return
	}
	if ours == ErrDepth && tagged(b) {
		return // the other one counts a run of tags as one level
	}
	if (ours == 0) != theirs {
		t.Errorf("%x: ours says %v, the other one accepts: %v", b, ours, theirs)
	}
}

// TestDifferentialRandom grows random documents and breaks some of them.
func TestDifferentialRandom(t *testing.T) {
	r := rand.New(rand.NewSource(6))
	accepted := 0
	for range 30000 {
		b := grow(r, nil, 0)
		for k := r.Intn(3); k > 0 && len(b) > 0; k-- {
			b[r.Intn(len(b))] = byte(r.Intn(256))
		}
		if Valid(b, MaxDepth) == 0 {
			accepted++
		}
		compare(t, b)
	}
	if accepted < 1000 || accepted > 29000 {
		t.Errorf("%d of 30000 accepted: the test sees one side only", accepted)
	}
}

// grow appends a random item that is often, but not always, in the subset.
func grow(r *rand.Rand, b []byte, depth int) []byte {
	head := func(t Type, v uint64) {
		var buffer [9]byte
		e := NewEncoder(buffer[:])
		e.Head(t, v)
		b = append(b, e.Bytes()...)
	}
	kind := r.Intn(8)
	if depth > 5 {
		kind = r.Intn(4)
	}
	switch kind {
	case 0, 1:
		head(Type(kind), r.Uint64()>>uint(r.Intn(64)))
	case 2:
		n := r.Intn(30)
		head(Bytes, uint64(n))
		b = append(b, make([]byte, n)...)
	case 3:
		s := []string{"", "a", "text", "über", "\xff", "日本"}[r.Intn(6)]
		head(Text, uint64(len(s)))
		b = append(b, s...)
	case 4:
		n := r.Intn(4)
		head(Array, uint64(n))
		for range n {
			b = grow(r, b, depth+1)
		}
	case 5:
		n := r.Intn(4)
		head(Map, uint64(n))
		key := uint64(r.Intn(3))
		for range n {
			head(Uint, key)
			key += uint64(r.Intn(20))
			b = grow(r, b, depth+1)
		}
	case 6:
		head(Tag, uint64(4+r.Intn(200)))
		b = grow(r, b, depth+1)
	case 7:
		b = append(b, []byte{0xf4, 0xf5, 0xf6, 0xf7, 0xe3, 0xf9}[r.Intn(6)])
	}
	return b
}

func FuzzDifferential(f *testing.F) {
	for _, seed := range []string{"a201020304", "d86b8218186161f6", "a201020103", "1801", "818181818181818100", "a1410101"} {
		b, _ := hex.DecodeString(seed)
		f.Add(b)
	}
	f.Fuzz(compare)
}
