package vm_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/internal/vectors"
	"github.com/femto-containers/femto/vm"
)

// fletcher32 is the papers' benchmark: r1 points to u64 address of the data and
// u32 number of 16-bit words; sums start at 0xffff, blocks of 359 words.
const fletcher32 = `
	ldxw %r3, [%r1+8]	# words left
	ldxdw %r1, [%r1]	# next word
	mov %r0, 0xffff		# first sum
	mov %r2, 0xffff		# second sum
	jeq %r3, 0, done
blocks:
	mov %r4, %r3
	jle %r4, 359, sized
	mov %r4, 359
sized:
	sub %r3, %r4
words:
	ldxh %r5, [%r1]
	add %r1, 2
	add %r0, %r5
	add %r2, %r0
	add %r4, -1
	jne %r4, 0, words
	mov %r5, %r0
	rsh %r5, 16
	and %r0, 0xffff
	add %r0, %r5
	mov %r5, %r2
	rsh %r5, 16
	and %r2, 0xffff
	add %r2, %r5
	jne %r3, 0, blocks
done:
	mov %r5, %r0
	rsh %r5, 16
	and %r0, 0xffff
	add %r0, %r5
	mov %r5, %r2
	rsh %r5, 16
	and %r2, 0xffff
	add %r2, %r5
	lsh %r2, 16
	or %r0, %r2
	exit`

func fletcherMachine(tb testing.TB) (*vm.Machine, []byte) {
	tb.Helper()
	input, err := os.ReadFile(filepath.Join(vectors.Dir(tb, "fletcher32"), "input.txt"))
	if err != nil || len(input) < 360 {
		tb.Fatalf("%d bytes: %v", len(input), err)
	}
	context := make([]byte, 16)
	address := vm.Address(vm.RegionGrant, 0)
	for i := range 8 {
		context[i] = byte(address >> (8 * i))
	}
	context[8] = 180
	m := testMachine(context)
	m.Region[vm.RegionGrant] = vm.Region{Bytes: input[:360]}
	return m, load(tb, m, fletcher32)
}

func TestFletcher32(t *testing.T) {
	m, text := fletcherMachine(t)
	m.Reset(text, 10000)
	if m.Run() != vm.Done || m.Result() != 0x5bac8c3d {
		t.Errorf("%v at %d: got %#x, want 0x5bac8c3d", m.Fault(), m.PC(), m.Result())
	}
	t.Logf("%d instructions", m.Instructions())
}

func BenchmarkFletcher32(b *testing.B) {
	m, text := fletcherMachine(b)
	for b.Loop() {
		m.Reset(text, 10000)
		if m.Run() != vm.Done {
			b.Fatal(m.Fault())
		}
	}
	perRun := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(perRun/float64(m.Instructions()), "ns/instr")
	b.ReportMetric(float64(m.Instructions()), "instr")
}

func BenchmarkCheckFletcher32(b *testing.B) {
	text := assemble(b, fletcher32)
	granted := allHelpers()
	for b.Loop() {
		if _, err := vm.Check(text, granted); err.Fault != vm.OK {
			b.Fatal(err)
		}
	}
}

func BenchmarkEmpty(b *testing.B) {
	m := testMachine(nil)
	text := load(b, m, "exit")
	for b.Loop() {
		m.Reset(text, 10000)
		m.Run()
	}
}

func BenchmarkHelperCall(b *testing.B) {
	m := testMachine(nil)
	text := load(b, m, "mov %r6, 1000\nl: call 5\nadd %r6, -1\njne %r6, 0, l\nexit")
	for b.Loop() {
		m.Reset(text, 10000)
		m.Run()
	}
}

func TestNoAllocations(t *testing.T) {
	m := testMachine(make([]byte, 64))
	m.Helpers[0].Args = [5]vm.Arg{vm.ArgWrite, vm.ArgValue}
	text := assemble(t, "mov %r2, 8\ncall 5\ncall local f\nldxdw %r0, [%r9]\nexit\nf: stdw [%r10-8], 1\nlock add [%r10-8], %r2\nexit")
	granted := allHelpers()
	m.Quantum = 2
	faulted := 0
	allocs := testing.AllocsPerRun(100, func() {
		need, err := vm.Check(text, granted)
		if err.Fault != vm.OK {
			t.Fatal(err)
		}
		m.Frame = need.Frame
		m.Reset(text, 1000)
		for m.Run() == vm.Suspended {
		}
		if m.Fault() == vm.FaultMemory {
			faulted++
		}
	})
	if allocs != 0 || faulted == 0 {
		t.Errorf("%v allocations, %d faults", allocs, faulted)
	}
}
