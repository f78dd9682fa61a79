// Package helpers is the standard set of helpers. They have the numbers and
// the meaning of the original's (docs/spec/helpers.md), so that its containers
// run unmodified; unlike the original's they trust no pointer.
//
// The helpers come in tables: a firmware takes those it wants, and what it
// leaves out is not linked. A firmware that wants all takes Standard.
package helpers

//go:generate go run ../../internal/sdkgen/cmd ../..

import (
	"encoding/binary"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/vm"
)

// failed is -1 as the original's helpers return it: 32 bits, zero-extended.
const failed = 0xffffffff

func memcpy(c *vm.Call) uint64 {
	copy(c.Mem[0], c.Mem[1])
	return c.R[0]
}

func storeLocal(c *vm.Call) uint64  { return store(c, engine.ScopeLocal) }
func storeGlobal(c *vm.Call) uint64 { return store(c, engine.ScopeGlobal) }
func storeTenant(c *vm.Call) uint64 { return store(c, engine.ScopeTenant) }
func fetchLocal(c *vm.Call) uint64  { return fetch(c, engine.ScopeLocal) }
func fetchGlobal(c *vm.Call) uint64 { return fetch(c, engine.ScopeGlobal) }

func fetchTenant(c *vm.Call) uint64 { return fetch(c, engine.ScopeTenant) }

func store(c *vm.Call, scope engine.Scope) uint64 {
	if host(c).Store(scope, uint32(c.R[0]), uint32(c.R[1])) != engine.OK {
		return failed
	}
	return 0
}

func fetch(c *vm.Call, scope engine.Scope) uint64 {
	v := host(c).Fetch(scope, uint32(c.R[0]))
	put32(c.Mem[1], 0, v)
	return 0
}

// scope returns whose store r1 means, and whether there is such a scope.
func scope(c *vm.Call) (engine.Scope, bool) {
	n := uint32(c.R[0])
	return engine.Scope(n), n <= uint32(engine.ScopeGlobal)
}

func storeDelete(c *vm.Call) uint64 {
	if s, ok := scope(c); !ok || !host(c).Erase(s, uint32(c.R[1])) {
		return failed
	}
	return 0
}

func storeEntry(c *vm.Call) uint64 {
	if s, ok := scope(c); ok {
		if entry, ok := host(c).Entry(s, uint32(c.R[1])); ok {
			put32(c.Mem[2], 0, entry.Key)
			put32(c.Mem[2], 4, entry.Value)
			return 0
		}
	}
	return failed
}

func nowMs(c *vm.Call) uint64     { return uint64(uint32(host(c).Now() / 1000)) }
func ztimerNow(c *vm.Call) uint64 { return uint64(uint32(host(c).Now())) }

func put32(b []byte, at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }

func get32(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }

// host is the engine that Init made the machine's environment.
//
//go:noinline
func host(c *vm.Call) *engine.Engine { return c.Env.(*engine.Engine) }

// Join fills table with tables and returns the part that they took, for
// engine.Config. What does not fit is left out.
//
// A firmware joins them in a declaration: then TinyGo does it while it compiles,
// and the table lies in flash, where its section says:
//
//	//go:section .rodata.helpers
//	var table [8]vm.Helper
//	var wanted = helpers.Join(table[:], helpers.Core, helpers.Log)
func Join(table []vm.Helper, tables ...[]vm.Helper) []vm.Helper {
	n := 0
	for _, t := range tables {
		for i := range t { // copy would have to run on the device
			if n < len(table) {
				table[n] = t[i]
				n++
			}
		}
	}
	return table[:n]
}
