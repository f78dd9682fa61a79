package helpers

import (
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/vm"
)

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
	// The engine keeps containers that may call this suspendable.
	if host(c).Sleep(c, now+int64(sleep)) != engine.OK {
		c.Fault = vm.FaultCall
	}
	return 0
}

// eventSend reaches the other containers of the tenant at the next Poll.
func eventSend(c *vm.Call) uint64 {
	if host(c).Send(uint32(c.R[0]), uint32(c.R[1])) != engine.OK {
		return failed
	}
	return 0
}

// timerSet is eventSend for later, and for the caller too.
func timerSet(c *vm.Call) uint64 {
	due := host(c).Now() + 1000*int64(uint32(c.R[0]))
	if host(c).SendAt(due, uint32(c.R[1]), uint32(c.R[2])) != engine.OK {
		return failed
	}
	return 0
}
