// Package multiply_add is the papers' second tutorial: a * b + 5.
package multiply_add

// Numbers is the context.
type Numbers struct{ A, B uint64 }

// MultiplyAdd returns it.
//
//femto:hook event
func MultiplyAdd(context *Numbers) uint64 { return context.A*context.B + 5 }
