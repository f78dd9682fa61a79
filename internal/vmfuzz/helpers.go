package vmfuzz

import (
	"github.com/femto-containers/femto/internal/refvm"
	"github.com/femto-containers/femto/vm"
)

const helpers = 9

// A helperPair is one helper written twice: against the gate of vm, and
// against refvm by hand.
type helperPair struct {
	takes string // for the generator: value, length, pointer to read or write, string
	gated vm.Helper
	plain refvm.Helper
}

// helperPairs are helpers 1 to 9.
var helperPairs = [helpers]helperPair{
	{ // mixes its arguments
		takes: "vvvvv",
		gated: vm.Helper{Number: 1, Args: [5]vm.Arg{vm.ArgValue, vm.ArgValue, vm.ArgValue, vm.ArgValue, vm.ArgValue},
			Call: func(c *vm.Call) uint64 { return mix(c.R) }},
		plain: refvm.Helper{
			Call: func(_ *refvm.Machine, r [5]uint64) (uint64, vm.Fault) { return mix(r), vm.OK }},
	},
	{ // sums bytes
		takes: "rn",
		gated: vm.Helper{Number: 2, Args: [5]vm.Arg{vm.ArgRead, vm.ArgValue},
			Call: func(c *vm.Call) uint64 { return sum(c.Mem[0]) }},
		plain: refvm.Helper{
			Prepare: func(m *refvm.Machine, r [5]uint64) vm.Fault {
				_, fault := reach(m, r[0], r[1], false)
				return fault
			},
			Call: func(m *refvm.Machine, r [5]uint64) (uint64, vm.Fault) {
				b, _ := look(m, r[0], r[1], false)
				return sum(b), vm.OK
			}},
	},
	{ // fills bytes
		takes: "wnv",
		gated: vm.Helper{Number: 3, Args: [5]vm.Arg{vm.ArgWrite, vm.ArgValue, vm.ArgValue}, Cost: 5,
			Call: func(c *vm.Call) uint64 { return fill(c.Mem[0], byte(c.R[2])) + slack(c.Mem[0]) }},
		plain: refvm.Helper{Cost: 5,
			Prepare: func(m *refvm.Machine, r [5]uint64) vm.Fault {
				_, fault := reach(m, r[0], r[1], true)
				return fault
			},
			Call: func(m *refvm.Machine, r [5]uint64) (uint64, vm.Fault) {
				b, _ := look(m, r[0], r[1], true)
				return fill(b, byte(r[2])), vm.OK
			}},
	},
	{ // copies bytes, also onto themselves
		takes: "wrn",
		gated: vm.Helper{Number: 4, Args: [5]vm.Arg{vm.ArgWrite, vm.ArgRead, vm.ArgValue}, Cost: 2,
			Call: func(c *vm.Call) uint64 { return uint64(copy(c.Mem[0], c.Mem[1])) }},
		plain: refvm.Helper{Cost: 2,
			Prepare: func(m *refvm.Machine, r [5]uint64) vm.Fault {
				if _, fault := reach(m, r[0], r[2], true); fault != vm.OK {
					return fault
				}
				_, fault := reach(m, r[1], r[2], false)
				return fault
			},
			Call: func(m *refvm.Machine, r [5]uint64) (uint64, vm.Fault) {
				to, _ := look(m, r[0], r[2], true)
				from, _ := look(m, r[1], r[2], false)
				return uint64(copy(to, from)), vm.OK
			}},
	},
	{ // measures a string
		takes: "s",
		gated: vm.Helper{Number: 5, Args: [5]vm.Arg{vm.ArgString},
			Call: func(c *vm.Call) uint64 { return uint64(len(c.Mem[0])) + slack(c.Mem[0]) }},
		plain: refvm.Helper{
			Prepare: func(m *refvm.Machine, r [5]uint64) vm.Fault {
				_, fault := reachString(m, r[0])
				return fault
			},
			Call: func(m *refvm.Machine, r [5]uint64) (uint64, vm.Fault) {
				n, _ := length(m, r[0])
				return uint64(n), vm.OK
			}},
	},
	{ // writes a structure
		takes: "vw",
		gated: vm.Helper{Number: 6, Args: [5]vm.Arg{vm.ArgValue, vm.WriteN(8)}, Cost: 7,
			Call: func(c *vm.Call) uint64 { return fill(c.Mem[1], byte(c.R[0])) }},
		plain: refvm.Helper{Cost: 7,
			Prepare: func(m *refvm.Machine, r [5]uint64) vm.Fault {
				_, fault := reach(m, r[1], 8, true)
				return fault
			},
			Call: func(m *refvm.Machine, r [5]uint64) (uint64, vm.Fault) {
				b, _ := look(m, r[1], 8, true)
				return fill(b, byte(r[0])), vm.OK
			}},
	},
	{ // refuses numbers ending in three bits of ones, after writing
		takes: "vw",
		gated: vm.Helper{Number: 7, Args: [5]vm.Arg{vm.ArgValue, vm.WriteN(3)},
			Call: func(c *vm.Call) uint64 {
				fill(c.Mem[1], 0x77)
				if c.R[0]&7 == 7 {
					c.Fault = vm.FaultArgument
				}
				return 0x7777777777777777
			}},
		plain: refvm.Helper{
			Prepare: func(m *refvm.Machine, r [5]uint64) vm.Fault {
				_, fault := reach(m, r[1], 3, true)
				return fault
			},
			Call: func(m *refvm.Machine, r [5]uint64) (uint64, vm.Fault) {
				b, _ := look(m, r[1], 3, true)
				fill(b, 0x77)
				if r[0]%8 == 7 {
					return 0, vm.FaultArgument
				}
				return 0x7777777777777777, vm.OK
			}},
	},
	{ // follows pointers by itself, as printf does
		takes: "rns",
		gated: vm.Helper{Number: 8, Args: [5]vm.Arg{vm.ArgValue, vm.ArgValue, vm.ArgValue}, Cost: 100,
			Call: func(c *vm.Call) uint64 {
				b, ok := c.Bytes(c.R[0], int(c.R[1]&63), false)
				if !ok {
					return 0
				}
				s, ok := c.String(c.R[2])
				if !ok {
					return 0
				}
				return sum(b)<<32 | uint64(len(s))
			}},
		plain: refvm.Helper{Cost: 100,
			Call: func(m *refvm.Machine, r [5]uint64) (uint64, vm.Fault) {
				b, fault := reach(m, r[0], r[1]%64, false)
				if fault != vm.OK {
					return 0, fault
				}
				n, fault := reachString(m, r[2])
				return sum(b)<<32 | uint64(n), fault
			}},
	},
	{ // waits, where the run may be cut into pieces
		takes: "v",
		gated: vm.Helper{Number: 9, Args: [5]vm.Arg{vm.ArgValue}, Cost: 1,
			Call: func(c *vm.Call) uint64 {
				if c.Env.(bool) {
					c.Suspend()
				}
				return double(c.R)
			}},
		plain: refvm.Helper{Cost: 1,
			Call: func(_ *refvm.Machine, r [5]uint64) (uint64, vm.Fault) { return double(r), vm.OK }},
	},
}

func double(r [5]uint64) uint64 { return 2 * r[0] }

func mix(r [5]uint64) uint64 {
	h := uint64(14695981039346656037)
	for _, v := range r {
		h = (h ^ v) * 1099511628211
	}
	return h
}

func sum(b []byte) (n uint64) {
	for _, v := range b {
		n += uint64(v)
	}
	return n
}

// slack is what the gate hands out beyond what it was asked for.
func slack(b []byte) uint64 { return uint64(cap(b)-len(b)) << 32 }

func fill(b []byte, v byte) uint64 {
	for i := range b {
		b[i] = v
	}
	return uint64(len(b))
}

// look returns the n bytes at addr. No bytes are allowed at any address.
func look(m *refvm.Machine, addr, n uint64, write bool) ([]byte, vm.Fault) {
	if n == 0 {
		return nil, vm.OK
	}
	const longer = 1 << 28 // than any region
	b, ok := m.Memory(addr, int(min(n, longer)), write)
	if !ok {
		return nil, vm.FaultMemory
	}
	return b, vm.OK
}

// reach is look with its charge: an instruction for eight bytes.
func reach(m *refvm.Machine, addr, n uint64, write bool) ([]byte, vm.Fault) {
	b, fault := look(m, addr, n, write)
	m.Charged += int64(len(b) / 8)
	return b, fault
}

// length is that of the NUL-terminated string at addr.
func length(m *refvm.Machine, addr uint64) (int, vm.Fault) {
	for n := 0; ; n++ {
		b, ok := m.Memory(addr+uint64(n), 1, false)
		if !ok {
			m.Address = addr
			return 0, vm.FaultMemory
		}
		if b[0] == 0 {
			return n, vm.OK
		}
	}
}

func reachString(m *refvm.Machine, addr uint64) (int, vm.Fault) {
	n, fault := length(m, addr)
	m.Charged += int64(n / 8)
	return n, fault
}
