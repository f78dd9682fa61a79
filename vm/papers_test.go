package vm_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// The holes of the published engines (reference: the list of defects in
// docs/spec/vm.md), each as an attack or as a program that must work.

// The lengths in the header were trusted: a long .data granted the host's
// memory, a long .rodata led the text pointer back around 2^32.
func TestHoleHeaderLengths(t *testing.T) {
	const lengths, most = 12, 1 << 32
	exit := assemble(t, "exit")
	for at, name := range []string{".data", ".rodata", ".text", "functions"} {
		// Around 0 and 2^32, around the halves that two sections add up to it
		// from, and around what times 6 or 8 wraps to something small.
		for _, near := range []uint64{0, 40, 1 << 16, 1 << 31, most / 8, most / 6, most / 3, most - 28, most - 36, most} {
			for by := range uint64(49) {
				value := uint32(near + by - 24)
				for _, other := range []uint32{0, 8, 1<<31 - 8, 1 << 31, 1<<32 - 8, 1<<32 - 36} {
					b := image.Append(nil, image.Parts{Text: exit})
					binary.LittleEndian.PutUint32(b[lengths+4:], other)
					binary.LittleEndian.PutUint32(b[lengths+4*at:], value)
					m, err := image.Parse(b)
					if err != image.OK {
						continue
					}
					if len(m.Data())+len(m.Rodata())+len(m.Text()) != len(b)-28 || !bytes.Equal(m.Text(), exit) {
						t.Fatalf("%s of %#x, .rodata of %#x: accepted, text %x", name, value, other, m.Text())
					}
				}
			}
		}
	}
}

// .data and .rodata were looked for behind another structure than the header:
// constants read wrong, and the regions lay elsewhere.
func TestHoleSectionsBehindTheHeader(t *testing.T) {
	text := assemble(t, "lddwd %r1, 0\nlddwr %r2, 0\nldxdw %r0, [%r1]\nldxdw %r3, [%r2]\nlsh %r0, 8\nor %r0, %r3\nexit")
	b := image.Append(nil, image.Parts{Data: []byte{0x11, 0, 0, 0, 0, 0, 0, 0}, Rodata: []byte{0x22, 0, 0, 0, 0, 0, 0, 0}, Text: text})
	parsed, err := image.Parse(b)
	if err != image.OK {
		t.Fatal(err)
	}
	if &parsed.Data()[0] != &b[28] || &parsed.Rodata()[0] != &b[36] || &parsed.Text()[0] != &b[44] {
		t.Error("a section does not begin where the one before ends")
	}
	m := testMachine(nil)
	m.Region[vm.RegionData] = vm.Region{Bytes: bytes.Clone(parsed.Data()), Writable: true}
	m.Region[vm.RegionRodata] = vm.Region{Bytes: parsed.Rodata()}
	m.Reset(parsed.Text(), 100)
	if m.Run() != vm.Done || m.Result() != 0x1122 {
		t.Errorf("%v, got %#x, want 0x1122", m.Fault(), m.Result())
	}
}

// Helpers read r0 to r2 in place of r1 to r3.
func TestHoleHelperArguments(t *testing.T) {
	m := testMachine(nil)
	var got [5]uint64
	m.Helpers[0].Args = [5]vm.Arg{vm.ArgValue, vm.ArgValue, vm.ArgValue, vm.ArgValue, vm.ArgValue}
	m.Helpers[0].Call = func(c *vm.Call) uint64 { got = c.R; return 7 }
	text := load(t, m, "mov %r0, 100\nmov %r1, 1\nmov %r2, 2\nlddw %r3, 0x300000003\nmov %r4, 4\nmov %r5, 5\nmov %r6, 6\ncall 5\nexit")
	m.Reset(text, 100)
	if m.Run() != vm.Done || got != [5]uint64{1, 2, 0x300000003, 4, 5} || m.Result() != 7 {
		t.Errorf("%v: the helper got %x, r0 is %d", m.Fault(), got, m.Result())
	}
}

// The check knew a shorter list of helpers than the run: here both ask for the
// same numbers, all 256 of them.
func TestHoleTwoListsOfHelpers(t *testing.T) {
	for n := range 256 {
		m := testMachine(nil)
		m.Helpers = []vm.Helper{{Number: uint8(n), Call: func(*vm.Call) uint64 { return 1 }}}
		var granted vm.HelperSet
		granted.Add(uint8(n))
		for call := range 256 {
			text := assemble(t, "exit")
			text = append([]byte{0x85, 0, 0, 0, byte(call), 0, 0, 0}, text...)
			_, refusal := vm.Check(text, &granted)
			m.Reset(text, 10)
			runs := m.Run() == vm.Done
			if accepted := refusal.Fault == vm.OK; accepted != runs || accepted != (call == n) {
				t.Fatalf("helper %d is granted: a call of %d is accepted: %t, runs: %t", n, call, accepted, runs)
			}
		}
	}
}

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
