// Package thread_counter is of tenant A, on the hook thread: it counts in the
// global store how often each thread was switched to. The key is the thread's
// number.
package thread_counter

import "github.com/femto-containers/femto/sdk/go/femto"

// Count counts the thread that runs next, if any does.
//
//femto:hook thread
//femto:name thread_counter
//femto:global 8
func Count(ctx *femto.ThreadContext) int64 {
	if ctx.Next == 0 {
		return 0
	}
	thread := uint32(ctx.Next)
	femto.Global.Set(thread, femto.Global.Get(thread)+1)
	return 0
}
