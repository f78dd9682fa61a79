package vm_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/vm"
)

// Programs in testdata/hostile try to escape. Each file names in its first
// line the hole it aims at, and says what comes of it in the suite's format:
// "-- error" with "refused at SLOT: FAULT" (load time) or "stopped at SLOT:
// FAULT" (run time), or "-- result" where it does no harm.
//
// What they find: helpers 1 to 9 without 6, which is not granted, and 7, which
// does not exist; a stack of 64 bytes, a context of 24, .data of 16, a
// read-only .rodata of 32, a writable region 5 of 9 and a read-only region 15
// of 8 bytes; a budget of 1000 unless a line says otherwise.
var prisonRegions = []struct {
	number, size int
	writable     bool
}{
	{vm.RegionStack, 64, true}, {vm.RegionContext, 24, true}, {vm.RegionData, 16, true},
	{vm.RegionRodata, 32, false}, {vm.RegionGrant, 9, true}, {15, 8, false},
}

// A prison lays all regions into one block, between bytes that nobody may
// change; each slice reaches to the end of the block in its capacity.
type prison struct {
	vm.Machine
	block, before []byte
	owned         []bool // bytes of writable regions
}

const canary = 64

func newPrison(t testing.TB) *prison {
	p := &prison{}
	grow := func(n int, owned bool) {
		for range n {
			p.block = append(p.block, byte(0xc0+len(p.block)%7))
			p.owned = append(p.owned, owned)
		}
	}
	var at []int
	grow(canary, false)
	for _, r := range prisonRegions {
		at = append(at, len(p.block))
		grow(r.size, r.writable)
		grow(canary, false)
	}
	for i, r := range prisonRegions {
		p.Region[r.number] = vm.Region{Bytes: p.block[at[i] : at[i]+r.size], Writable: r.writable}
	}
	p.before = bytes.Clone(p.block)

	fill := func(c *vm.Call) uint64 {
		for i := range c.Mem[0] {
			c.Mem[0][i] = 0xee
		}
		if cap(c.Mem[0]) != len(c.Mem[0]) {
			t.Errorf("a helper was handed %d bytes with a capacity of %d", len(c.Mem[0]), cap(c.Mem[0]))
		}
		return uint64(len(c.Mem[0]))
	}
	p.Helpers = []vm.Helper{
		{Number: 1, Args: [5]vm.Arg{vm.ArgWrite, vm.ArgValue}, Call: fill},
		{Number: 2, Args: [5]vm.Arg{vm.ArgWrite, vm.ArgRead, vm.ArgValue},
			Call: func(c *vm.Call) uint64 { return uint64(copy(c.Mem[0], c.Mem[1])) }},
		{Number: 3, Args: [5]vm.Arg{vm.WriteN(8)}, Call: fill},
		{Number: 4, Args: [5]vm.Arg{vm.ArgValue}, Cost: 3, Call: func(*vm.Call) uint64 { return 0xfedcba9876543210 }},
		{Number: 5, Args: [5]vm.Arg{vm.ArgString}, Call: func(c *vm.Call) uint64 {
			if cap(c.Mem[0]) != len(c.Mem[0]) {
				t.Errorf("a helper was handed a string of %d bytes with a capacity of %d", len(c.Mem[0]), cap(c.Mem[0]))
			}
			return uint64(len(c.Mem[0]))
		}},
		{Number: 6, Call: func(*vm.Call) uint64 { t.Error("a helper that is not granted was called"); return 0 }},
		{Number: 8, Args: [5]vm.Arg{vm.ArgValue, vm.ArgValue}, Call: func(c *vm.Call) uint64 {
			b, _ := c.Bytes(c.R[0], int(c.R[1]), true)
			for i := range b {
				b[i] = 0xee
			}
			return uint64(len(b))
		}},
		{Number: 9, Args: [5]vm.Arg{vm.ArgWrite, vm.ArgValue}, Cost: 60000, Call: func(c *vm.Call) uint64 {
			t.Error("a helper ran that the budget did not cover")
			return fill(c)
		}},
	}
	return p
}

// serve runs text to its end and says what came of it. It fails the test if
// any byte changed that the program does not own.
func (p *prison) serve(t *testing.T, text []byte, budget, quantum int32) string {
	t.Helper()
	var granted vm.HelperSet
	for _, n := range []uint8{1, 2, 3, 4, 5, 7, 8, 9} {
		granted.Add(n)
	}
	kept := bytes.Clone(text)
	need, refusal := vm.Check(text, &granted)
	if refusal.Fault != vm.OK {
		return fmt.Sprintf("refused at %d: %v", refusal.PC, refusal)
	}
	regions := p.Region
	p.Frame, p.Quantum = need.Frame, quantum
	p.Reset(text, budget)
	status := p.Run()
	for pieces := int32(0); status == vm.Suspended && pieces <= budget; pieces++ {
		status = p.Run()
	}
	p.verify(t)
	for i := range regions {
		if len(regions[i].Bytes) != len(p.Region[i].Bytes) || regions[i].Writable != p.Region[i].Writable {
			t.Fatalf("region %d changed", i)
		}
	}
	if !bytes.Equal(kept, text) {
		t.Fatal("the text changed")
	}
	if n := int(p.Instructions()); n > int(budget)+len(text)/8 {
		t.Fatalf("%d instructions of a budget of %d", n, budget)
	}
	switch status {
	case vm.Done:
		return fmt.Sprintf("%#x", p.Result())
	case vm.Faulted:
		return fmt.Sprintf("stopped at %d: %v", p.PC(), p.Fault())
	}
	return fmt.Sprintf("status %d", status)
}

// verify fails the test if any byte changed that the program does not own.
func (p *prison) verify(t *testing.T) {
	t.Helper()
	for i, b := range p.block {
		if b != p.before[i] && !p.owned[i] {
			t.Fatalf("byte %d of the block changed from %#x to %#x", i, p.before[i], b)
		}
	}
}

var budgetLine = regexp.MustCompile(`(?m)^# budget: (\d+)$`)

func TestHostile(t *testing.T) {
	files, err := filepath.Glob("testdata/hostile/*.data")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d programs: %v", len(files), err)
	}
	harmless := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".data"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(b, []byte("# ")) {
				t.Error("does not say which hole it aims at")
			}
			c, err := asm.ParseCase(string(b))
			if err != nil {
				t.Fatal(err)
			}
			want := c.Error
			if c.HasResult {
				harmless++
				want = fmt.Sprintf("%#x", c.Result)
			}
			budget := int32(1000)
			if m := budgetLine.FindSubmatch(b); m != nil {
				n, _ := strconv.Atoi(string(m[1]))
				budget = int32(n)
			}
			for _, quantum := range []int32{0, 1, 3} {
				if got := newPrison(t).serve(t, c.Program, budget, quantum); got != want {
					t.Errorf("quantum %d: got %q, want %q", quantum, got, want)
				}
			}
		})
	}
	if harmless > len(files)/4 {
		t.Errorf("%d of %d programs are harmless", harmless, len(files))
	}
}

// The canaries would tell: a helper of the host that breaks its own rules.
func TestCanariesTell(t *testing.T) {
	p := newPrison(t)
	p.Region[vm.RegionContext].Bytes[0] = 1
	text := assemble(t, "mov %r2, 1\ncall 1\nmov %r0, 0\nexit")
	p.Helpers[0].Call = func(*vm.Call) uint64 { p.block[canary-1]++; return 0 }
	inner := &testing.T{}
	done := make(chan bool)
	go func() {
		defer close(done)
		p.serve(inner, text, 100, 0)
	}()
	<-done
	if !inner.Failed() {
		t.Error("a changed canary went unnoticed")
	}
}
