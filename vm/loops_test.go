package vm_test

import (
	"math/rand/v2"
	"testing"

	"github.com/femto-containers/femto/internal/vmfuzz"
	"github.com/femto-containers/femto/vm"
)

// A host runs a loop of its own. What the other tests say of it must hold of
// the loop of small processors, too.
func TestDeviceLoop(t *testing.T) {
	vm.DeviceLoop(true)
	defer vm.DeviceLoop(false)
	for name, test := range map[string]func(*testing.T){
		"Conformance": TestConformance, "Vectors": TestVectors, "Hostile": TestHostile, "Canaries": TestCanaries,
		"MemoryEdges": TestMemoryEdges, "MemoryOffsets": TestMemoryOffsets, "ReadOnlyRegion": TestReadOnlyRegion,
		"LocalCalls": TestLocalCalls, "Frames": TestFrames, "StackOverflow": TestStackOverflow,
		"InstructionsAreExact": TestInstructionsAreExact, "BudgetBounds": TestBudgetBounds,
		"EndlessProgramsEnd": TestEndlessProgramsEnd, "Quantum": TestQuantum, "NoAllocations": TestNoAllocations,
		"Fletcher32": TestFletcher32, "HelperCost": TestHelperCost, "BudgetLimits": TestBudgetLimits,
		"HoleNegEncoding": TestHoleNegEncoding, "HoleLddwSignExtends": TestHoleLddwSignExtends,
		"HoleShiftCounts": TestHoleShiftCounts, "HoleAddressWraps": TestHoleAddressWraps,
		"HoleDivisionByLowHalf": TestHoleDivisionByLowHalf, "HoleLastWordAndAlignment": TestHoleLastWordAndAlignment,
		"HoleHelperPointers": TestHoleHelperPointers, "HoleHelperResultWidth": TestHoleHelperResultWidth,
		"HoleHelperArguments": TestHoleHelperArguments, "HoleSectionsBehindTheHeader": TestHoleSectionsBehindTheHeader,
		"HoleTwoListsOfHelpers": TestHoleTwoListsOfHelpers,
	} {
		t.Run(name, test)
	}
}

func loopData(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, 100+r.IntN(600))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

// compareLoops compares both loops with the reference interpreter.
func compareLoops(t *testing.T, data []byte) {
	k := vmfuzz.Make(data)
	defer vm.DeviceLoop(false)
	for _, device := range []bool{true, false} {
		vm.DeviceLoop(device)
		if _, err := vmfuzz.Compare(k, nil); err != nil {
			t.Errorf("device loop %v: %v\n%+v", device, err, k)
		}
	}
}

func TestLoopsAgree(t *testing.T) {
	for seed := range uint64(3000) {
		compareLoops(t, loopData(seed))
	}
}

func FuzzLoops(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(loopData(seed))
	}
	f.Fuzz(compareLoops)
}
