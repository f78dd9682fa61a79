package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/femto-containers/femto/bench"
	"github.com/femto-containers/femto/vm"
)

// now is the processor time of this thread.
func now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// femto is the interpreter of this project: as it is on hosts, or with the run
// loop of devices.
type femto struct {
	inPlace  bool
	machines map[string]*vm.Machine
	texts    map[string][]byte
}

func newFemto(inPlace bool) *femto {
	return &femto{inPlace: inPlace, machines: map[string]*vm.Machine{}, texts: map[string][]byte{}}
}

func (f *femto) name() string {
	if f.inPlace {
		return "femto device loop"
	}
	return "femto"
}

func (f *femto) time(k *bench.Kernel, repetitions int) (time.Duration, uint64, error) {
	m, text := f.machines[k.Name], f.texts[k.Name]
	if m == nil {
		var err error
		if m, text, err = k.Load(); err != nil {
			return 0, 0, err
		}
		m.InPlace = f.inPlace
		f.machines[k.Name], f.texts[k.Name] = m, text
	}
	start := now()
	for range repetitions {
		m.Reset(text, bench.Budget)
		if m.Run() != vm.Done {
			return 0, 0, fmt.Errorf("%w at %d", m.Fault(), m.PC())
		}
	}
	return now() - start, m.Result(), nil
}

// goNative is the kernels in Go.
type goNative struct{}

func (goNative) name() string { return "Go" }

var memory = make([]byte, bench.MemorySize)

func (goNative) time(k *bench.Kernel, repetitions int) (time.Duration, uint64, error) {
	bench.Fill(memory)
	run, result := k.Native, uint64(0)
	start := now()
	for range repetitions {
		result = run(memory, k.N)
	}
	return now() - start, result, nil
}
