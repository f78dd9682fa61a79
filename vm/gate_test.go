package vm_test

import (
	"fmt"
	"testing"

	"github.com/femto-containers/femto/vm"
)

// gateMachine has a 32-byte context, a 16-byte read-only .rodata and a helper
// 1 with the given arguments that records what it was handed.
type gateMachine struct {
	*vm.Machine
	text           []byte
	context        []byte
	rodata         []byte
	called         bool
	mem            [5][]byte
	lengths, slack [5]int
}

func newGateMachine(tb testing.TB, args ...vm.Arg) *gateMachine {
	g := &gateMachine{Machine: testMachine(make([]byte, 32))}
	g.context = g.Region[vm.RegionContext].Bytes
	g.rodata = append(make([]byte, 0, 64), "0123456789abcde\x00"...)
	g.Region[vm.RegionRodata] = vm.Region{Bytes: g.rodata}
	h := vm.Helper{Number: 1, Name: "probe"}
	copy(h.Args[:], args)
	h.Call = func(c *vm.Call) uint64 {
		g.called = true
		g.mem = c.Mem
		for i, b := range c.Mem {
			g.lengths[i], g.slack[i] = len(b), cap(b)-len(b)
		}
		return 0xfedcba9876543210
	}
	g.Helpers = append(g.Helpers, h)
	g.text = load(tb, g.Machine, "call 1\nexit")
	return g
}

func (g *gateMachine) run(regs ...uint64) vm.Fault {
	g.called = false
	g.Reset(g.text, 1000)
	for i, r := range regs {
		g.SetRegister(i+1, r)
	}
	g.Run()
	return g.Fault()
}

var (
	contextAt = vm.Address(vm.RegionContext, 0)
	rodataAt  = vm.Address(vm.RegionRodata, 0)
)

// Pointer and length pairs: what lies inside is handed on, nothing else is.
func TestGateLengths(t *testing.T) {
	for _, arg := range []vm.Arg{vm.ArgRead, vm.ArgWrite} {
		g := newGateMachine(t, arg, vm.ArgValue)
		for _, tt := range []struct {
			name    string
			addr, n uint64
			ok      bool
		}{
			{"all", contextAt, 32, true},
			{"first byte", contextAt, 1, true},
			{"last byte", contextAt + 31, 1, true},
			{"inside", contextAt + 8, 16, true},
			{"one too many", contextAt, 33, false},
			{"past the end by one", contextAt + 31, 2, false},
			{"at the end", contextAt + 32, 1, false},
			{"beyond the end", contextAt + 33, 1, false},
			{"before the start", contextAt - 1, 1, false},
			{"over the start", contextAt - 1, 2, false},
			{"null", 0, 1, false},
			{"unmapped region", vm.Address(9, 0), 1, false},
			{"last region", vm.Address(15, 1<<28-1), 1, false},
			{"upper half set", contextAt | 1<<32, 1, false},
			{"top bit set", contextAt | 1<<63, 1, false},
			{"length -1", contextAt, ^uint64(0), false},
			{"length that wraps to the start", contextAt + 16, ^uint64(15), false},
			{"length 2^32", contextAt, 1 << 32, false},
			{"length 2^32 + 1", contextAt, 1<<32 + 1, false},
			{"length 2^31", contextAt, 1 << 31, false},
			{"length 2^63", contextAt, 1 << 63, false},
			{"length 2^28", contextAt, 1 << 28, false},
			{"zero bytes", contextAt, 0, true},
			{"zero bytes at null", 0, 0, true},
			{"zero bytes at the end", contextAt + 32, 0, true},
			{"zero bytes anywhere", ^uint64(0), 0, true},
		} {
			t.Run(fmt.Sprintf("%d/%s", arg, tt.name), func(t *testing.T) {
				fault := g.run(tt.addr, tt.n)
				if !tt.ok {
					if fault != vm.FaultMemory || g.called || g.FaultAddress() != tt.addr || g.PC() != 0 {
						t.Errorf("got %v, called %t, address %#x, pc %d", fault, g.called, g.FaultAddress(), g.PC())
					}
					return
				}
				if fault != vm.OK || g.lengths[0] != int(tt.n) || g.slack[0] != 0 {
					t.Errorf("got %v, %d bytes and %d more", fault, g.lengths[0], g.slack[0])
				}
				if tt.n > 0 && &g.mem[0][0] != &g.context[tt.addr-contextAt] {
					t.Error("not the container's memory")
				}
			})
		}
		if fault := g.run(rodataAt, 4); (fault == vm.OK) != (arg == vm.ArgRead) {
			t.Errorf("read-only region, kind %d: %v", arg, fault)
		}
	}
}

func TestGateFixedSizes(t *testing.T) {
	for _, n := range []int{0, 1, 8, 32, 33, 8191} {
		for _, write := range []bool{false, true} {
			arg := vm.ReadN(n)
			if write {
				arg = vm.WriteN(n)
			}
			g := newGateMachine(t, arg)
			for _, addr := range []uint64{contextAt, contextAt + 1, contextAt + 31, contextAt + 32, 0, contextAt | 1<<32, rodataAt} {
				room := int64(0)
				switch {
				case addr >= contextAt && addr < contextAt+32:
					room = int64(contextAt + 32 - addr)
				case addr == rodataAt && !write:
					room = 16
				}
				fault := g.run(addr)
				if ok := int64(n) <= room; ok != (fault == vm.OK) || ok && g.lengths[0] != n {
					t.Errorf("%d bytes at %#x, write %t: %v, %d bytes", n, addr, write, fault, g.lengths[0])
				}
			}
		}
	}
}

func TestGateStrings(t *testing.T) {
	g := newGateMachine(t, vm.ArgString)
	for _, tt := range []struct {
		name, context string
		addr          uint64
		want          string
		ok            bool
	}{
		{"plain", "hello\x00", contextAt, "hello", true},
		{"empty", "\x00", contextAt, "", true},
		{"tail", "hello\x00", contextAt + 3, "lo", true},
		{"terminator in the last byte", "hi\x00", contextAt + 1, "i", true},
		{"no terminator", "hello", contextAt, "", false},
		{"at the end", "hello\x00", contextAt + 6, "", false},
		{"past the end", "hello\x00", contextAt + 7, "", false},
		{"null", "hello\x00", 0, "", false},
		{"upper half set", "hello\x00", contextAt | 1<<32, "", false},
		{"read-only region", "", rodataAt + 10, "abcde", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g.Region[vm.RegionContext].Bytes = []byte(tt.context)
			fault := g.run(tt.addr)
			if (fault == vm.OK) != tt.ok || tt.ok && (string(g.mem[0]) != tt.want || g.slack[0] != 0) {
				t.Errorf("got %v, %q and %d more", fault, g.mem[0], g.slack[0])
			}
		})
	}
}

// memcpy's shape: two pointers share the length after them.
func TestGateSharedLength(t *testing.T) {
	g := newGateMachine(t, vm.ArgWrite, vm.ArgRead, vm.ArgValue)
	if fault := g.run(contextAt+16, rodataAt, 16); fault != vm.OK || g.lengths != [5]int{16, 16} {
		t.Errorf("%v, %v", fault, g.lengths)
	}
	if fault := g.run(contextAt+17, rodataAt, 16); fault != vm.FaultMemory || g.FaultAddress() != contextAt+17 {
		t.Errorf("destination too short: %v", fault)
	}
	if fault := g.run(contextAt, rodataAt+1, 16); fault != vm.FaultMemory || g.FaultAddress() != rodataAt+1 {
		t.Errorf("source too short: %v", fault)
	}
	g = newGateMachine(t, vm.ArgValue, vm.ArgRead)
	if fault := g.run(1, contextAt); fault != vm.FaultArgument || g.called {
		t.Errorf("pointer without a length: %v", fault)
	}
}

// What an earlier call was handed is not left for a later one.
func TestGateForgets(t *testing.T) {
	g := newGateMachine(t, vm.ArgRead, vm.ArgValue)
	g.run(contextAt, 8)
	g.Helpers[1].Args = [5]vm.Arg{vm.ArgValue, vm.ArgNone}
	if g.run(contextAt, 8); !g.called || g.mem[0] != nil {
		t.Errorf("called %t with %x", g.called, g.mem[0])
	}
}

func TestHelperResultAndRegisters(t *testing.T) {
	m := testMachine(nil)
	var got [5]uint64
	m.Env = "mine"
	m.Helpers = []vm.Helper{{Number: 7, Args: [5]vm.Arg{vm.ArgValue}, Call: func(c *vm.Call) uint64 {
		got = c.R
		if c.Env != "mine" {
			t.Errorf("Env is %v", c.Env)
		}
		return 1<<63 | 5
	}}}
	text := load(t, m, "mov %r1, -1\nmov %r2, 2\nmov %r3, 3\nmov %r4, 4\nmov %r5, 5\ncall 7\nexit")
	m.Reset(text, 100)
	if m.Run() != vm.Done || m.Result() != 1<<63|5 || got != [5]uint64{^uint64(0), 2, 3, 4, 5} {
		t.Errorf("%v: result %#x, arguments %v", m.Fault(), m.Result(), got)
	}
}

func TestHelperFaults(t *testing.T) {
	m := testMachine(nil)
	m.Helpers[0].Call = func(c *vm.Call) uint64 { c.Fault = vm.FaultArgument; return 1 }
	text := load(t, m, "mov %r0, 0\ncall 5\nmov %r0, 9\nexit")
	m.Reset(text, 100)
	if m.Run() != vm.Faulted || m.Fault() != vm.FaultArgument || m.PC() != 1 || m.Register(0) != 0 {
		t.Errorf("%v at %d, r0 %d", m.Fault(), m.PC(), m.Register(0))
	}
	m.Helpers = nil
	m.Reset(text, 100)
	if m.Run() != vm.Faulted || m.Fault() != vm.FaultCall || m.PC() != 1 {
		t.Errorf("a helper that went away: %v at %d", m.Fault(), m.PC())
	}
}

func TestCallBytesAndString(t *testing.T) {
	g := newGateMachine(t, vm.ArgValue)
	copy(g.context, "text\x00")
	var ok [5]bool
	var b, s []byte
	g.Helpers[1].Call = func(c *vm.Call) uint64 {
		b, ok[0] = c.Bytes(contextAt+4, 28, true)
		s, ok[1] = c.String(contextAt)
		if c.Fault != vm.OK {
			t.Errorf("fault %v after good accesses", c.Fault)
		}
		_, ok[2] = c.Bytes(contextAt, -1, false)
		_, ok[3] = c.Bytes(rodataAt, 1, true)
		_, ok[4] = c.String(contextAt + 32)
		return 0
	}
	if fault := g.run(); fault != vm.FaultMemory || ok != [5]bool{true, true} || len(b) != 28 || cap(b) != 28 || string(s) != "text" {
		t.Errorf("%v: %v, %d bytes, %q", fault, ok, len(b), s)
	}
	if g.Charged() != 28/8 {
		t.Errorf("charged %d", g.Charged())
	}
}

// Memory handed to helpers is charged, so that a loop of large copies ends.
func TestGateCharges(t *testing.T) {
	m := testMachine(make([]byte, 1<<16))
	calls := 0
	m.Helpers = []vm.Helper{{Number: 5, Args: [5]vm.Arg{vm.ArgRead, vm.ArgValue}, Call: func(*vm.Call) uint64 { calls++; return 0 }}}
	text := load(t, m, "l: call 5\nja l")
	m.Reset(text, 100000)
	if m.Run(); m.Fault() != vm.FaultBudget || calls != 12 {
		t.Errorf("%v after %d calls", m.Fault(), calls)
	}
}
