package embedding

import "github.com/femto-containers/femto/vm"

// Lamp is what the helper switches; a firmware has a pin here.
var Lamp func(on bool)

// Blink is a helper of this firmware's own. It declares its arguments, so the
// pattern arrives as memory that was checked; a container that hands over
// anything else is stopped. Numbers from 0xc0 on are the firmware's.
//
//	u64 blink(const char *pattern, u64 length)
var Blink = vm.Helper{
	Number: 0xc0,
	Name:   "blink",
	Cost:   10, // instructions of the budget
	Args:   [5]vm.Arg{vm.ArgRead, vm.ArgValue},
	Call: func(c *vm.Call) uint64 {
		pattern := c.Mem[0]
		for _, b := range pattern {
			Lamp(b == '*')
		}
		return uint64(len(pattern))
	},
}
