package images

import (
	"bytes"
	"crypto/sha256"
	"os"
	"testing"
)

func TestLedger(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	digest := func(s string) []byte {
		if s == "" {
			return nil
		}
		sum := sha256.Sum256([]byte(s))
		return sum[:]
	}
	place := Place{Device: [16]byte{1}, Hook: "event", Name: "a", Key: "k"}
	expect := func(of, want string) {
		t.Helper()
		if got, _ := Before(place, digest(of)); !bytes.Equal(got, digest(want)) {
			t.Errorf("before %s: %x, want %q", of, got, want)
		}
	}
	expect("one", "")
	if _, known := Before(place, digest("one")); known {
		t.Error("known before anything was deployed")
	}
	Deployed(place, digest("zero"), digest("one"))
	if _, known := Before(place, digest("zero")); !known {
		t.Error("not known what was there first")
	}
	Deployed(place, digest("one"), digest("two"))
	Deployed(place, digest("two"), digest("two")) // it ran already
	Deployed(place, digest("two"), digest("three"))
	expect("three", "two")
	expect("two", "one")
	expect("one", "zero")
	expect("zero", "")
	expect("four", "")
	// Going back, and forward again on another way.
	WentBack(place, digest("one"))
	WentBack(place, digest("unknown"))
	expect("three", "")
	Deployed(place, digest("one"), digest("four"))
	expect("four", "one")
	// Somebody else has deployed in between.
	Deployed(place, digest("other's"), digest("five"))
	expect("five", "other's")
	expect("other's", "four")
	for _, other := range []Place{
		{Device: [16]byte{2}, Hook: "event", Name: "a", Key: "k"}, {Device: [16]byte{1}, Hook: "event", Name: "b", Key: "k"},
		{Device: [16]byte{1}, Hook: "timer", Name: "a", Key: "k"}, {Device: [16]byte{1}, Hook: "event", Name: "a", Key: "l"},
	} {
		if _, known := Before(other, digest("five")); known {
			t.Errorf("%v has another's ledger", other)
		}
	}
	for range 3 * mostDeployed {
		Deployed(place, nil, digest("even"))
		Deployed(place, nil, digest("odd"))
	}
	if n := len(place.ledger()); n != mostDeployed {
		t.Error(n, "lines")
	}
	if err := os.WriteFile(place.file(), []byte("zz\n"+"garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("one", "")
	Deployed(place, nil, digest("one"))
	expect("one", "")
}
