// Package helpers is the standard set of helpers. They have the numbers and
// the meaning of the original's (docs/spec/helpers.md), so that its containers
// run unmodified; unlike the original's they trust no pointer.
package helpers

import (
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/vm"
)

// Numbers of the standard helpers: what a call instruction names.
const (
	Printf      = 0x01
	Memcpy      = 0x02
	StoreLocal  = 0x10
	StoreGlobal = 0x11
	FetchLocal  = 0x12
	FetchGlobal = 0x13
	NowMs       = 0x20
	ZtimerNow   = 0x60
)

// failed is -1 as the original's helpers return it: 32 bits, zero-extended.
const failed = 0xffffffff

// Standard is the table for engine.Config. Costs are in instructions.
var Standard = []vm.Helper{
	{Number: Printf, Name: "printf", Args: [5]vm.Arg{vm.ArgString, vm.ArgValue, vm.ArgValue, vm.ArgValue, vm.ArgValue}, Cost: 64, Call: printf},
	{Number: Memcpy, Name: "memcpy", Args: [5]vm.Arg{vm.ArgWrite, vm.ArgRead, vm.ArgValue}, Cost: 4, Call: memcpy},
	{Number: StoreLocal, Name: "store_local", Args: [5]vm.Arg{vm.ArgValue, vm.ArgValue}, Cost: 16, Call: storeLocal},
	{Number: StoreGlobal, Name: "store_global", Args: [5]vm.Arg{vm.ArgValue, vm.ArgValue}, Cost: 16, Call: storeGlobal},
	{Number: FetchLocal, Name: "fetch_local", Args: [5]vm.Arg{vm.ArgValue, vm.WriteN(4)}, Cost: 16, Call: fetchLocal},
	{Number: FetchGlobal, Name: "fetch_global", Args: [5]vm.Arg{vm.ArgValue, vm.WriteN(4)}, Cost: 16, Call: fetchGlobal},
	{Number: NowMs, Name: "now_ms", Cost: 4, Call: nowMs},
	{Number: ZtimerNow, Name: "ztimer_now", Cost: 4, Call: ztimerNow},
}

func memcpy(c *vm.Call) uint64 {
	copy(c.Mem[0], c.Mem[1])
	return c.R[0]
}

func storeLocal(c *vm.Call) uint64  { return put(c, engine.ScopeLocal) }
func storeGlobal(c *vm.Call) uint64 { return put(c, engine.ScopeGlobal) }
func fetchLocal(c *vm.Call) uint64  { return get(c, engine.ScopeLocal) }
func fetchGlobal(c *vm.Call) uint64 { return get(c, engine.ScopeGlobal) }

func put(c *vm.Call, scope engine.Scope) uint64 {
	if host(c).Store(scope, uint32(c.R[0]), uint32(c.R[1])) != engine.OK {
		return failed
	}
	return 0
}

func get(c *vm.Call, scope engine.Scope) uint64 {
	v := host(c).Fetch(scope, uint32(c.R[0]))
	for i := range c.Mem[1] {
		c.Mem[1][i] = byte(v >> (8 * i))
	}
	return 0
}

func nowMs(c *vm.Call) uint64     { return uint64(uint32(host(c).Now() / 1000)) }
func ztimerNow(c *vm.Call) uint64 { return uint64(uint32(host(c).Now())) }

// host is the engine that Init made the machine's environment.
func host(c *vm.Call) *engine.Engine { return c.Env.(*engine.Engine) }
