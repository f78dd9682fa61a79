package bench

import (
	"bytes"
	"testing"

	"github.com/femto-containers/femto/vm"
)

// Each kernel returns and leaves in memory the same as its Go version.
func TestKernels(t *testing.T) {
	for _, k := range Kernels {
		m, text, err := k.Load()
		if err != nil {
			t.Fatal(err)
		}
		m.Reset(text, Budget)
		if m.Run() != vm.Done {
			t.Errorf("%s: %v at %d, address %#x", k.Name, m.Fault(), m.PC(), m.FaultAddress())
			continue
		}
		memory := make([]byte, MemorySize)
		Fill(memory)
		if want := k.Native(memory, k.N); m.Result() != want {
			t.Errorf("%s: got %#x, want %#x", k.Name, m.Result(), want)
		}
		if !bytes.Equal(memory, m.Region[vm.RegionGrant].Bytes) {
			t.Errorf("%s: memory differs", k.Name)
		}
		t.Logf("%-12s %9d instructions, %4d bytes of text", k.Name, m.Instructions(), len(text))
	}
}

func TestSorted(t *testing.T) {
	for _, sort := range []func([]byte, int) uint64{bubble, quick} {
		memory := words(make([]byte, MemorySize))
		sort(memory, 1000)
		for i := 1; i < 1000; i++ {
			if memory.at(i-1) > memory.at(i) {
				t.Fatalf("word %d is greater than the next", i-1)
			}
		}
	}
}

func BenchmarkContainer(b *testing.B) {
	for _, k := range Kernels {
		b.Run(k.Name, func(b *testing.B) {
			m, text, err := k.Load()
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				m.Reset(text, Budget)
				m.Run()
			}
			perRun := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(perRun/float64(m.Instructions()), "ns/instr")
		})
	}
}

func BenchmarkGo(b *testing.B) {
	for _, k := range Kernels {
		b.Run(k.Name, func(b *testing.B) {
			memory := make([]byte, MemorySize)
			Fill(memory)
			for b.Loop() {
				k.Native(memory, k.N)
			}
		})
	}
}

// BenchmarkPrepare decodes a program that the machine has not run before.
func BenchmarkPrepare(b *testing.B) {
	for _, k := range Kernels {
		b.Run(k.Name, func(b *testing.B) {
			_, text, err := k.Load()
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				new(vm.Machine).Prepare(text)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(text)/8), "ns/slot")
		})
	}
}
