package vmfuzz_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/vmfuzz"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

func listing(text []byte) string {
	var b strings.Builder
	for _, line := range asm.Disassemble(text) {
		b.WriteString("\n\t" + line.Text)
	}
	return b.String()
}

// seedData returns the bytes from which seed's case is made.
func seedData(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, 100+r.IntN(700))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

var edges = []string{"of the first byte", "of the last byte", "across the end", "behind the end", "across the beginning", "before the beginning"}

// A place is an edge of a region, by its index in edges.
type place struct {
	region, edge int
	write        bool
}

// edgesOf returns the edges of r at which an access lies.
func edgesOf(r vmfuzz.Region, addr uint64, width int) (list []int) {
	at := int64(addr - vm.Address(r.Number, 0))
	end := at + int64(width)
	for edge, is := range []bool{
		at == 0 && end <= int64(r.Size),
		at >= 0 && end == int64(r.Size),
		at >= 0 && at < int64(r.Size) && end > int64(r.Size),
		at == int64(r.Size),
		at < 0 && end > 0,
		end == 0,
	} {
		if is {
			list = append(list, edge)
		}
	}
	return list
}

// TestDifferential compares the interpreter with the reference on the same
// programs each time, and makes sure that they are worth it: each form of
// each instruction runs, every edge of every region is reached from both sides,
// and each ending occurs.
func TestDifferential(t *testing.T) {
	seeds := uint64(12000)
	if testing.Short() {
		seeds = 500
	}
	forms := map[vmfuzz.Form]int{}
	refused, ended := map[vm.Fault]int{}, map[vm.Fault]int{}
	executed, calls, loops := int64(0), 0, 0
	reached := map[place]int{}
	for seed := range seeds {
		k := vmfuzz.Make(seedData(seed))
		var ran []vmfuzz.Form
		out, err := vmfuzz.Compare(k, &vmfuzz.Watch{
			Instruction: func(slot int) { ran = append(ran, vmfuzz.FormOf(isa.Decode(k.Text[slot*8:]))) },
			Access: func(addr uint64, width int, write bool) {
				for _, r := range k.Regions {
					for _, edge := range edgesOf(r, addr, width) {
						reached[place{r.Number, edge, write}]++
					}
				}
			},
		})
		if err != nil {
			t.Errorf("seed %d: %v%s", seed, err, listing(k.Text))
		}
		for _, f := range ran {
			forms[f]++
			if f == (vmfuzz.Form{Opcode: isa.ClassJMP | isa.CALL, Variant: isa.CallLocal}) {
				calls++
			}
		}
		if out.Executed > 2*int64(len(k.Text)/isa.Size) {
			loops++
		}
		if out.Refused {
			refused[out.Fault]++
		} else {
			ended[out.Fault]++
		}
		executed += out.Executed
	}
	t.Logf("%d forms, %d instructions, ended %v, refused %v", len(forms), executed, ended, refused)
	if testing.Short() {
		return
	}
	if len(forms) != vmfuzz.Forms {
		t.Errorf("%d forms ran, want %d", len(forms), vmfuzz.Forms)
	}
	for _, region := range []int{vm.RegionStack, vm.RegionContext, vm.RegionData, vm.RegionRodata, vm.RegionGrant, 15} {
		for edge := range edges {
			for _, write := range []bool{false, true} {
				if n := reached[place{region, edge, write}]; n == 0 {
					t.Errorf("region %d: %d accesses (writing: %t) %s", region, n, write, edges[edge])
				}
			}
		}
	}
	if calls < 1000 || loops < 500 {
		t.Errorf("%d local calls, %d programs that loop", calls, loops)
	}
	for _, f := range []vm.Fault{vm.OK, vm.FaultMemory, vm.FaultBudget, vm.FaultDepth, vm.FaultArgument} {
		if ended[f] < 10 {
			t.Errorf("%d programs ended with: %v", ended[f], f)
		}
	}
	for f := vm.FaultInstruction; f >= vm.FaultNotGranted; f-- {
		if refused[f] == 0 && f != vm.FaultMemory && f != vm.FaultBudget && f != vm.FaultDivision {
			t.Errorf("no program refused with: %v", f)
		}
	}
}

// FuzzDifferential makes cases from what the fuzzer finds.
func FuzzDifferential(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seedData(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k := vmfuzz.Make(data)
		if _, err := vmfuzz.Compare(k, nil); err != nil {
			t.Errorf("%v%s\n%+v", err, listing(k.Text), k)
		}
	})
}

// The bugs that `make seeded` puts into package vm still fit it.
func TestSeededBugsFit(t *testing.T) {
	bugs, err := vmfuzz.SeededBugs("testdata/seeded", "../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(bugs) < 26 {
		t.Errorf("%d bugs, want at least 26", len(bugs))
	}
}
