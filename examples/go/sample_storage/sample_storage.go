// Package sample_storage counts in three keys of its own store: 1, 2, 3 after
// the first run; 2, 6, 8 after the second.
package sample_storage

import "github.com/femto-containers/femto/sdk/go/femto"

// Keys.
const (
	keyA = 5
	keyB = 15
	keyC = 3
)

// Count returns 0.
//
//femto:hook event
func Count() int32 {
	a := femto.Local.Get(keyA) + 1
	b := (femto.Local.Get(keyB) + 1) * 2
	femto.Local.Set(keyA, a)
	femto.Local.Set(keyB, b)
	femto.Local.Set(keyC, a+b)
	return 0
}
