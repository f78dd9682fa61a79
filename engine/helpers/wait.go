package helpers

import "github.com/femto-containers/femto/vm"

// ztimerPeriodicWakeup keeps a period free of drift: what counts is when the
// container should have woken, not when it did.
func ztimerPeriodicWakeup(c *vm.Call) uint64 {
	now := host(c).Now()
	period := uint32(c.R[1])
	last := c.Mem[0]
	target := get32(last, 0) + period
	sleep := target - uint32(now)
	if sleep > period {
		// Target has passed: sleeping until it comes round again takes an hour.
		put32(last, 0, uint32(now))
		return 0
	}
	put32(last, 0, target)
	suspend(c, now+int64(sleep))
	return 0
}
