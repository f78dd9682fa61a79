package engine_test

import (
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/internal/size32"
)

// TestStateSizes holds a container to its budget (DESIGN §6, §10).
func TestStateSizes(t *testing.T) {
	for _, test := range []struct {
		name        string
		size, limit int
	}{
		{"container", size32.Of[engine.Container](), 88},
		{"entry of a store", size32.Of[engine.Entry](), 8},
		{"event", size32.Of[engine.Event](), 24},
		{"trial", size32.Of[engine.Trial](), 32},
		{"grant", size32.Of[engine.Grant](), 64},
		{"tenant", size32.Of[engine.Tenant](), 104},
		{"hook", size32.Of[engine.Hook](), 88},
		{"engine with its machine", size32.Of[engine.Engine](), 1264},
	} {
		t.Logf("%s: %d bytes on 32 bits", test.name, test.size)
		if test.size > test.limit {
			t.Errorf("%s takes %d bytes, want at most %d", test.name, test.size, test.limit)
		}
	}
}

func TestRunsDoNotAllocate(t *testing.T) {
	b := newBench(t)
	b.config.Log = nil
	b.Init(&b.config)
	busy := code(t, `
		stdw [r10-8], 0x64256425
		mov r1, r10
		sub r1, 8
		mov r2, 7
		call 1
		mov r1, 3
		mov r2, 4
		call 0x10
		mov r1, 3
		mov r2, r10
		sub r2, 4
		call 0x12
		ldxw r0, [r10-4]`)
	data := counter(t, 1, 16)
	specs := []engine.Spec{
		{Hook: hookContinue, Name: []byte("fletcher32"), Image: examples.Fletcher32},
		{Hook: hookContinue, Image: busy},
		{Hook: hookContinue, Image: data},
		{Hook: hookSingle, Image: examples.Outlaw},
	}
	checks := map[string]func(){
		"install, fire, replace, remove": func() {
			for i := range specs {
				if b.Install(i, &specs[i]).Reason != engine.OK {
					t.Fatal("install")
				}
			}
			if r := b.Fire(1, hookContinue, examples.Fletcher32Input); r.Ran != 3 {
				t.Fatalf("%+v", r)
			}
			if r := b.Fire(2, hookSingle, examples.Fletcher32Input); r.Faulted != 1 {
				t.Fatalf("%+v", r)
			}
			for i := range specs {
				b.Install(i, &specs[i])
				b.Remove(i)
			}
		},
		"refuse": func() {
			if b.Check(0, &engine.Spec{Image: examples.Fletcher32Input}).Reason != engine.ErrImage {
				t.Fatal("check")
			}
		},
		"empty hook": func() { b.Fire(0, hookPositive, nil) },
	}
	for name, f := range checks {
		if n := testing.AllocsPerRun(50, f); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

func BenchmarkEmptyHook(b *testing.B) {
	k := newBench(b)
	for b.Loop() {
		k.Fire(0, hookContinue, nil)
	}
}

func BenchmarkFletcher32(b *testing.B) {
	k := newBench(b)
	k.install(b, 0, hookContinue, examples.Fletcher32)
	for b.Loop() {
		k.Fire(0, hookContinue, examples.Fletcher32Input)
	}
}

func BenchmarkInstall(b *testing.B) {
	k := newBench(b)
	spec := engine.Spec{Hook: hookContinue, Image: examples.Fletcher32}
	for b.Loop() {
		k.Install(0, &spec)
	}
}

func BenchmarkCheck(b *testing.B) {
	k := newBench(b)
	spec := engine.Spec{Hook: hookContinue, Image: examples.Fletcher32}
	for b.Loop() {
		k.Check(0, &spec)
	}
}
