// Package outlaw stores past the end of its context. No check before the run can
// see that, for only the hook knows how long the context will be: the store
// must fault.
package outlaw

// Outlaw never returns.
//
//femto:hook event
func Outlaw(context []byte) int64 {
	context[len(context)] = 0xff
	return 1
}
