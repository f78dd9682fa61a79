package vm_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/femto-containers/femto/vm"
)

// The holes of the published engines (reference: the list of defects in
// docs/spec/vm.md), each as an attack or as a program that must work.

func TestHoleTextLengths(t *testing.T) {
	for _, n := range []int{0, 1, 7, 9, 15} {
		if fault := checkFault(make([]byte, n)); fault != vm.FaultLength {
			t.Errorf("%d bytes: %v", n, fault)
		}
	}
}

func TestHoleSecondSlotOfLddw(t *testing.T) {
	exit := "9500000000000000"
	for name, text := range map[string]string{
		"an instruction with register 15 hides in it": "1800000000000000 bfff000000000000 " + exit,
		"its source field is set":                     "1800000000000000 00f0000000000000 " + exit,
		"its offset is set":                           "1800000000000000 0000010000000000 " + exit,
		"it is another lddw":                          "1800000000000000 1800000000000000 0000000000000000 " + exit,
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if fault := checkFault(b); fault != vm.FaultWide {
			t.Errorf("%s: %v", name, fault)
		}
	}
	for name, source := range map[string]string{
		"jump into it":        "ja +1\nlddw %r0, 1\nexit",
		"condition into it":   "jeq %r0, 0, +1\nlddwd %r0, 1\nexit",
		"back jump into it":   "lddwr %r0, 1\nja -2",
		"ja32 into it":        "ja32 +1\nlddw %r0, 1\nexit",
		"local call into it":  "call local +1\nlddw %r0, 1\nexit",
		"jump to what it was": "lddw %r0, 0x9500000000\nja -2",
	} {
		if fault := checkFault(assemble(t, source)); fault != vm.FaultJump {
			t.Errorf("%s: %v", name, fault)
		}
	}
}

func TestHoleFramePointerWritten(t *testing.T) {
	for _, source := range []string{
		"mov %r10, 0", "add %r10, 8", "sub32 %r10, %r1", "neg %r10", "be16 %r10", "bswap64 %r10",
		"movsx864 %r10, %r1", "lddw %r10, 1", "lddwd %r10, 1", "ldxb %r10, [%r1]", "ldxsw %r10, [%r1]",
		"lock fetch add [%r1], %r10", "lock xchg32 [%r1], %r10",
	} {
		if fault := checkFault(assemble(t, source+"\nexit")); fault != vm.FaultRegister {
			t.Errorf("%s: %v", source, fault)
		}
	}
}

func TestHoleJumpBounds(t *testing.T) {
	for _, tt := range []struct {
		source string
		fault  vm.Fault
	}{
		{"ja +1\nexit", vm.FaultJump}, // the original compared one less and let this run off the end
		{"ja +0\nexit", vm.OK},
		{"exit\nja -2", vm.OK}, // and refused a jump to the first instruction
		{"exit\nja -3", vm.FaultJump},
	} {
		if fault := checkFault(assemble(t, tt.source)); fault != tt.fault {
			t.Errorf("%q: got %v, want %v", tt.source, fault, tt.fault)
		}
	}
}

// memcpy alone defeated the original's sandbox.
func TestHoleHelperPointers(t *testing.T) {
	g := newGateMachine(t, vm.ArgWrite, vm.ArgRead, vm.ArgValue)
	for _, addr := range []uint64{0, 1, 0x20000000 + 32, 0x7fff0000, 0xffffffff, 1 << 40, ^uint64(0)} {
		if fault := g.run(addr, contextAt, 8); fault != vm.FaultMemory || g.called {
			t.Errorf("write to %#x: %v", addr, fault)
		}
		if fault := g.run(contextAt, addr, 8); fault != vm.FaultMemory || g.called {
			t.Errorf("read of %#x: %v", addr, fault)
		}
	}
}

func TestHoleNegEncoding(t *testing.T) {
	m := testMachine(nil)
	text, err := hex.DecodeString("b7000000050000008700000000000000" + "9500000000000000")
	if err != nil {
		t.Fatal(err)
	}
	m.Reset(text, 10)
	if fault := checkFault(text); fault != vm.OK || m.Run() != vm.Done || int64(m.Result()) != -5 {
		t.Errorf("%v, %v: %d", fault, m.Fault(), int64(m.Result()))
	}
}

func TestHoleLddwSignExtends(t *testing.T) {
	for source, want := range map[string]uint64{
		"lddw %r0, 0x80000000":         0x80000000,
		"lddw %r0, 0x00000001ffffffff": 0x1ffffffff,
		"lddw %r0, 0xffffffff00000000": 0xffffffff00000000,
	} {
		m := testMachine(nil)
		m.Reset(assemble(t, source+"\nexit"), 10)
		if m.Run(); m.Result() != want {
			t.Errorf("%s: got %#x", source, m.Result())
		}
	}
}

func TestHoleShiftCounts(t *testing.T) {
	for source, want := range map[string]uint64{
		"lsh %r0, 64": 1 << 31, "lsh %r0, 65": 1 << 32, "rsh %r0, -64": 1 << 31,
		"lsh32 %r0, 32": 1 << 31, "rsh32 %r0, 63": 1, "arsh32 %r0, -1": 0xffffffff,
	} {
		m := testMachine(nil)
		m.Reset(assemble(t, "lddw %r0, 0x80000000\n"+source+"\nexit"), 10)
		if m.Run(); m.Result() != want {
			t.Errorf("%s: got %#x, want %#x", source, m.Result(), want)
		}
	}
}

// The sum of address and size must not wrap, nor the address be cut to 32 bits.
func TestHoleAddressWraps(t *testing.T) {
	for _, addr := range []uint64{1<<64 - 1, 1<<64 - 8, 1<<32 - 1, 1<<32 - 8, 1<<31 - 1, 1 << 31, 1<<32 | 0x20000000, 0xffffffff20000000} {
		m := testMachine(make([]byte, 8))
		text := load(t, m, "ldxdw %r0, [%r3]\nexit")
		m.Reset(text, 10)
		m.SetRegister(3, addr)
		if m.Run(); m.Fault() != vm.FaultMemory || m.FaultAddress() != addr {
			t.Errorf("%#x: %v, %#x", addr, m.Fault(), m.FaultAddress())
		}
	}
}

// The original tested the 64-bit divisor and divided by its low half.
func TestHoleDivisionByLowHalf(t *testing.T) {
	for source, want := range map[string]uint64{
		"div32 %r0, %r1": 0, "mod32 %r0, %r1": 7, "sdiv32 %r0, %r1": 0, "smod32 %r0, %r1": 7,
	} {
		m := testMachine(nil)
		m.Reset(assemble(t, "mov %r0, 7\nlddw %r1, 0x100000000\n"+source+"\nexit"), 10)
		if m.Run() != vm.Done || m.Result() != want {
			t.Errorf("%s: %v, %d", source, m.Fault(), m.Result())
		}
	}
}

// CertrBPF refused the last word of a region and every misaligned access.
func TestHoleLastWordAndAlignment(t *testing.T) {
	m := testMachine(make([]byte, 12))
	for _, source := range []string{"ldxw %r0, [%r1+8]", "ldxdw %r0, [%r1+4]", "ldxh %r0, [%r1+5]", "stxdw [%r1+3], %r0", "ldxb %r0, [%r1+11]", "stdw [%r10-8], 1"} {
		m.Reset(load(t, m, source+"\nexit"), 10)
		if m.Run() != vm.Done {
			t.Errorf("%s: %v", source, m.Fault())
		}
	}
}

// Helper results were cut to 32 bits, arguments too.
func TestHoleHelperResultWidth(t *testing.T) {
	m := testMachine(nil)
	m.Reset(load(t, m, "mov %r1, -1\ncall 5\nexit"), 10)
	if m.Run(); m.Result() != ^uint64(0) {
		t.Errorf("got %#x", m.Result())
	}
}
