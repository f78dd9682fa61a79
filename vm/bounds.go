//go:build !tinygo

package vm

// outside reports whether width bytes at offset at, which is below 1<<28,
// reach beyond length. Of the two equal ways to say so this is the one from
// which Go's compiler proves the accesses that follow.
func outside(at, width, length int) bool { return at > length-width }
