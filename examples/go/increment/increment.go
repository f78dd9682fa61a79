// Package increment is the papers' first tutorial: one more than the context.
package increment

// Increment returns it.
//
//femto:hook event
func Increment(context *uint64) int32 { return int32(*context + 1) }
