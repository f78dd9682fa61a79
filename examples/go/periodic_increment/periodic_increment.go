// Package periodic_increment counts seconds in the global store; it never
// returns.
package periodic_increment

import "github.com/femto-containers/femto/sdk/go/femto"

const (
	count  = 0x50    // key
	period = 1000000 // microseconds
)

// Count counts.
//
//femto:hook event
func Count() {
	last := femto.NowUs()
	for {
		femto.PeriodicWakeup(&last, period)
		femto.Global.Set(count, femto.Global.Get(count)+1)
	}
}
