package agent

import "github.com/femto-containers/femto/internal/sha2"

// Comparisons of their own: under TinyGo, string(b) allocates, also where it is
// only compared.

//go:noinline
func same(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// blank reports whether b is all zeros.
//
//go:noinline
func blank(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

//go:noinline
func equal(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if b[i] != s[i] {
			return false
		}
	}
	return true
}

// digest fills to with the beginning of SHA-256(b).
//
//go:noinline
func digest(to, b []byte) {
	var sum [sha2.Size256]byte
	sha2.Sum256(&sum, b)
	copy(to, sum[:])
}

// hashes reports whether want is SHA-256(b).
//
//go:noinline
func hashes(want, b []byte) bool {
	var sum [sha2.Size256]byte
	digest(sum[:], b)
	return same(want, sum[:])
}
