package vm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/femto-containers/femto/vm"
)

func load(tb testing.TB, m *vm.Machine, source string) []byte {
	tb.Helper()
	text := assemble(tb, source)
	need, err := vm.Check(text, allHelpers())
	if err.Fault != vm.OK {
		tb.Fatalf("check: %v at %d", err, err.PC)
	}
	m.Frame = need.Frame
	return text
}

// Each width of access at each edge of a region.
func TestMemoryEdges(t *testing.T) {
	const size = 16
	base := vm.Address(vm.RegionContext, 0)
	widths := map[string]int{"b": 1, "h": 2, "w": 4, "dw": 8}
	access := map[string]string{
		"ldx%s %%r0, [%%r3]": "b h w dw", "ldxs%s %%r0, [%%r3]": "b h w",
		"st%s [%%r3], 1": "b h w dw", "stx%s [%%r3], %%r4": "b h w dw",
		"lock add%s [%%r3], %%r4": "w dw", "lock cmpxchg%s [%%r3], %%r4": "w dw",
	}
	for form, names := range access {
		for _, name := range strings.Fields(names) {
			suffix := name
			if strings.HasPrefix(form, "lock") {
				suffix = map[string]string{"w": "32", "dw": ""}[name]
			}
			source := fmt.Sprintf(form, suffix)
			m := testMachine(make([]byte, size))
			text := load(t, m, source+"\nexit")
			n := widths[name]
			for _, tt := range []struct {
				addr uint64
				ok   bool
			}{
				{base, true}, {base + 1, size > n}, {base + uint64(size-n), true},
				{base + uint64(size-n) + 1, false}, {base + size - 1, n == 1}, {base + size, false},
				{base - 1, false}, {base - uint64(n), false}, {0, false}, {1, false}, {^uint64(0), false},
				{base | 1<<32, false}, {base | 1<<63, false}, {vm.Address(15, 0), false},
				{vm.Address(vm.RegionContext, 1<<28-1), false}, {1<<32 - 1, false},
			} {
				m.Reset(text, 10)
				m.SetRegister(3, tt.addr)
				m.SetRegister(4, 1)
				status := m.Run()
				if tt.ok {
					if status != vm.Done {
						t.Errorf("%s at %#x: %v", source, tt.addr, m.Fault())
					}
				} else if m.Fault() != vm.FaultMemory || m.FaultAddress() != tt.addr || m.PC() != 0 {
					t.Errorf("%s at %#x: got %v at %d, address %#x", source, tt.addr, m.Fault(), m.PC(), m.FaultAddress())
				}
			}
		}
	}
}

// The offset of an instruction is added without a way around the region test.
func TestMemoryOffsets(t *testing.T) {
	base := vm.Address(vm.RegionContext, 0)
	for _, tt := range []struct {
		reg uint64
		off int
		ok  bool
	}{
		{base + 32768, -32768, true}, {base - 32767, 32767, true}, {base + 3, -3, true}, {base + 3, -4, false},
		{base - 5, 4, false}, {1 << 32, -1, false}, {1<<32 + base, 0, false},
		{1<<32 - 4, 8, false}, {^uint64(0), 1, false}, {8, -16, false},
	} {
		m := testMachine(make([]byte, 1))
		text := load(t, m, fmt.Sprintf("mov %%r0, 0\nldxb %%r0, [%%r3%+d]\nexit", tt.off))
		m.Reset(text, 10)
		m.SetRegister(3, tt.reg)
		m.Run()
		want := vm.FaultMemory
		if tt.ok {
			want = vm.OK
		}
		if m.Fault() != want {
			t.Errorf("%#x%+d: got %v, want %v", tt.reg, tt.off, m.Fault(), want)
		}
		if address := tt.reg + uint64(int64(tt.off)); !tt.ok && m.FaultAddress() != address {
			t.Errorf("%#x%+d: fault address %#x, want %#x", tt.reg, tt.off, m.FaultAddress(), address)
		}
	}
}

func TestReadOnlyRegion(t *testing.T) {
	for _, source := range []string{"stb [%r1], 1", "stxdw [%r1], %r1", "lock add [%r1], %r1", "lock fetch or32 [%r1], %r2"} {
		memory := make([]byte, 8)
		m := testMachine(memory)
		m.Region[vm.RegionContext].Writable = false
		text := load(t, m, "ldxdw %r0, [%r1]\n"+source+"\nexit")
		m.Reset(text, 10)
		if m.Run(); m.Fault() != vm.FaultMemory || m.PC() != 1 {
			t.Errorf("%s: %v at %d", source, m.Fault(), m.PC())
		}
		if string(memory) != string(make([]byte, 8)) {
			t.Errorf("%s: wrote %x", source, memory)
		}
	}
}

func TestEntry(t *testing.T) {
	m := testMachine(make([]byte, 24))
	text := load(t, m, "mov %r0, 0\nexit")
	m.Reset(text, 10)
	m.Run()
	for n, want := range map[int]uint64{
		0: 0, 1: vm.Address(vm.RegionContext, 0), 2: 24, 3: 0, 9: 0, 10: vm.Address(vm.RegionStack, 512),
	} {
		if got := m.Register(n); got != want {
			t.Errorf("r%d: got %#x, want %#x", n, got, want)
		}
	}
	m.Region[vm.RegionContext].Bytes = nil
	if m.Reset(text, 10); m.Register(1) != 0 || m.Register(2) != 0 {
		t.Errorf("empty context: r1 %#x, r2 %#x", m.Register(1), m.Register(2))
	}
}

func TestSectionAddresses(t *testing.T) {
	for source, want := range map[string]uint64{
		"lddwd %r0, 0":                  vm.Address(vm.RegionData, 0),
		"lddwd %r0, 24":                 vm.Address(vm.RegionData, 24),
		"lddwr %r0, 8":                  vm.Address(vm.RegionRodata, 8),
		"lddwr %r0, 0x00000001fffffff8": vm.Address(vm.RegionRodata, 0) - 8 + 1<<32,
	} {
		m := testMachine(nil)
		m.Reset(load(t, m, source+"\nexit"), 10)
		if m.Run(); m.Result() != want {
			t.Errorf("%s: got %#x, want %#x", source, m.Result(), want)
		}
	}
}

func TestLocalCalls(t *testing.T) {
	factorial := `
		mov %r1, 8
		call local f
		exit
	f:	mov %r6, %r1
		stxdw [%r10-8], %r6
		mov %r0, 1
		jeq %r6, 1, exit
		sub %r1, 1
		call local f
		ldxdw %r6, [%r10-8]
		mul %r0, %r6
		exit`
	// The suite's label exit is the first one: give the recursion its own.
	factorial = strings.Replace(factorial, "jeq %r6, 1, exit", "jeq %r6, 1, return", 1)
	factorial = strings.Replace(factorial, "mul %r0, %r6\n\t\texit", "mul %r0, %r6\n\treturn:\texit", 1)
	m := testMachine(nil)
	text := load(t, m, factorial)
	m.Reset(text, 1000)
	if m.Run() != vm.Done || m.Result() != 40320 {
		t.Errorf("8!: %v, got %d", m.Fault(), m.Result())
	}
	m.Reset(assemble(t, strings.Replace(factorial, "%r1, 8", "%r1, 9", 1)), 1000)
	if m.Run() != vm.Faulted || m.Fault() != vm.FaultDepth || m.PC() != 8 {
		t.Errorf("9!: %v at %d", m.Fault(), m.PC())
	}
}

// Frames of nested calls do not overlap, and r10 comes back on exit.
func TestFrames(t *testing.T) {
	m := testMachine(nil)
	text := load(t, m, `
		stdw [%r10-24], 1
		mov %r9, %r10
		call local f
		mov %r0, 2
		jne %r9, %r10, out
		ldxdw %r0, [%r10-24]
	out:	exit
	f:	stdw [%r10-8], 7
		stdw [%r10-24], 7
		mov %r9, 0
		exit`)
	m.Reset(text, 100)
	if m.Run() != vm.Done || m.Result() != 1 {
		t.Errorf("%v, got %d, want 1", m.Fault(), m.Result())
	}
}

// A chain of calls that needs more stack than there is faults at the access.
func TestStackOverflow(t *testing.T) {
	for _, frame := range []int{128, 32760} {
		m := testMachine(nil)
		text := load(t, m, fmt.Sprintf("f:\nstdw [%%r10-%d], 7\ncall local f\nexit", frame))
		m.Reset(text, 100)
		wantCalls := 512 / frame
		if m.Run(); m.Fault() != vm.FaultMemory || m.PC() != 0 || int(m.Instructions()) != 2*wantCalls {
			t.Errorf("frame %d: %v at %d after %d", frame, m.Fault(), m.PC(), m.Instructions())
		}
	}
}

func TestRunTwice(t *testing.T) {
	m := testMachine(nil)
	if m.Run() != vm.Faulted || m.Fault() != vm.FaultLength {
		t.Errorf("no program: %v", m.Fault())
	}
	m.Reset(load(t, m, "add %r0, 1\nexit"), 10)
	for range 3 {
		if m.Run() != vm.Done || m.Result() != 1 || m.Instructions() != 2 {
			t.Errorf("got %d after %d", m.Result(), m.Instructions())
		}
	}
}

func TestFaultText(t *testing.T) {
	seen := map[string]bool{}
	for f := vm.OK; f >= vm.FaultArgument; f-- {
		text := f.Error()
		if text == "unknown fault" || seen[text] {
			t.Errorf("fault %d: %q", f, text)
		}
		seen[text] = true
	}
	for _, f := range []vm.Fault{vm.FaultArgument - 1, 1, -128, 127} {
		if f.Error() != "unknown fault" {
			t.Errorf("fault %d: %q", f, f.Error())
		}
	}
}
