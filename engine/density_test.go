package engine_test

import (
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/size32"
	"github.com/femto-containers/femto/vm"
)

// TestDensity counts how many containers fit 64 KiB of a microcontroller's
// RAM, with all that the engine needs, and runs so many.
func TestDensity(t *testing.T) {
	const (
		ram   = 64 << 10
		hooks = 8
		line  = 96
		data  = 16
	)
	for _, test := range []struct {
		name    string
		stack   int // own; 0: one of 512 bytes for all
		entries int // of a local store
		want    int // containers
	}{
		{"short, on one stack of 512 bytes", 0, 2, engine.MaxTable},
		{"long-running, stack of 64 bytes", 64, 2, 180},
		{"long-running, stack of 128 bytes", 128, 2, 150},
		{"long-running, stack of 512 bytes", 512, 2, 80},
	} {
		t.Run(test.name, func(t *testing.T) {
			fixed := size32.Of[engine.Engine]() + hooks*size32.Of[engine.Hook]() + 4*size32.Of[engine.Tenant]() + 512 + line
			memory := data
			parts := image.Parts{Data: make([]byte, data)}
			if test.stack > 0 {
				memory += test.stack + vm.SavedSize(0)
				parts.Contract = long(uint16(test.stack))
			}
			each := size32.Of[engine.Container]() + memory + test.entries*size32.Of[engine.Entry]()
			n := min((ram-fixed)/each, engine.MaxTable)
			t.Logf("%d containers: %d B for all, %d B each, %d B together", n, fixed, each, fixed+n*each)
			if n < test.want {
				t.Errorf("%d containers fit, want %d", n, test.want)
			}

			b := newBench(t)
			b.config.Containers = make([]engine.Container, n)
			b.config.Memory = make([]byte, n*memory)
			b.config.Entries = make([]engine.Entry, n*test.entries)
			b.Init(&b.config)
			// Counts in .data and in its store, and waits if it can.
			source := "lddwd r6, 0\nloop: ldxdw r7, [r6]\nadd r7, 1\nstxdw [r6], r7\nmov r1, 1\nmov r2, r7\ncall 0x10\nmov r1, 2\nmov r2, r7\ncall 0x10\n"
			if test.stack > 0 {
				source += "mov r1, r10\nsub r1, 4\ncall 0x60\nstxw [r10-4], r0\nmov r1, r10\nsub r1, 4\nmov r2, 1000\ncall 0x61\nja loop\n"
			}
			img := program(t, source+"mov r0, 0\nexit", parts)
			for i := range n {
				b.mustInstall(t, i, engine.Spec{Tenant: i % 4, Image: img})
			}
			for now := int64(1); now < 3; now++ {
				b.Fire(now, 0, nil)
				for b.Poll(now) == now {
				}
			}
			for i := range n {
				if got := b.Get(i, 2); got == 0 || b.Container(i).Stats().Faults > 0 {
					t.Fatalf("container %d counted to %d: %+v", i, got, b.Container(i).Stats())
				}
			}
			if b.MemoryFree() != 0 {
				t.Errorf("%d bytes left", b.MemoryFree())
			}
		})
	}
}
