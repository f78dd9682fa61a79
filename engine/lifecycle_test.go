package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// TestLifecycle asks for everything in every state that is seen from outside.
func TestLifecycle(t *testing.T) {
	ask := []struct {
		name string
		do   func(b *bench) engine.Error
	}{
		{"install", func(b *bench) engine.Error { return b.Install(0, &engine.Spec{Image: periodic(t, 0, 1000)}).Reason }},
		{"attach", func(b *bench) engine.Error { return b.Attach(0) }},
		{"detach", func(b *bench) engine.Error { return b.Detach(0) }},
		{"stop", func(b *bench) engine.Error { return b.Stop(0) }},
		{"start", func(b *bench) engine.Error { return b.Start(0) }},
		{"remove", func(b *bench) engine.Error { return b.Remove(0) }},
		{"confirm", func(b *bench) engine.Error { return b.Confirm(0) }},
		{"revert", func(b *bench) engine.Error { return b.Revert(0) }},
	}
	const gone, no, trial = engine.ErrContainer, engine.ErrState, engine.ErrTrial
	const r, i, a, u, s, f = engine.Removed, engine.Installed, engine.Attached, engine.Suspended, engine.Stopped, engine.Faulted
	install := func(b *bench) { b.mustInstall(t, 0, engine.Spec{Image: periodic(t, 0, 1000)}) }
	for _, test := range []struct {
		name  string
		reach func(b *bench)
		state engine.State
		// What comes of asking: the error, and the state after it.
		err [8]engine.Error
		to  [8]engine.State
	}{
		{"removed", func(b *bench) {}, r,
			[8]engine.Error{0, gone, gone, gone, gone, gone, trial, trial}, [8]engine.State{a, r, r, r, r, r, r, r}},
		{"installed", func(b *bench) { install(b); b.Detach(0) }, i,
			[8]engine.Error{0, 0, no, no, no, 0, trial, trial}, [8]engine.State{a, a, i, i, i, r, i, i}},
		{"attached", install, a,
			[8]engine.Error{0, no, 0, 0, 0, 0, trial, trial}, [8]engine.State{a, a, i, s, a, r, a, a}},
		{"suspended", func(b *bench) { install(b); b.Poll(1) }, u,
			[8]engine.Error{0, no, 0, 0, 0, 0, trial, trial}, [8]engine.State{a, u, i, s, u, r, u, u}},
		{"stopped", func(b *bench) { install(b); b.Stop(0) }, s,
			[8]engine.Error{0, no, 0, 0, 0, 0, trial, trial}, [8]engine.State{a, s, i, s, a, r, s, s}},
		{"faulted", func(b *bench) {
			b.mustInstall(t, 0, engine.Spec{Image: code(t, "mov r1, 0\nldxb r0, [r1]")})
			for range 3 {
				b.Fire(1, 0, nil)
			}
		}, f,
			[8]engine.Error{0, no, 0, 0, 0, 0, trial, trial}, [8]engine.State{a, f, i, s, a, r, f, f}},
	} {
		for n, a := range ask {
			t.Run(test.name+", "+a.name, func(t *testing.T) {
				b := newScheduler(t)
				test.reach(b)
				if got := b.state(0); got != test.state {
					t.Fatalf("state %d, want %d", got, test.state)
				}
				if err := a.do(b); err != test.err[n] {
					t.Errorf("%v, want %v", err, test.err[n])
				}
				if got := b.state(0); got != test.to[n] {
					t.Errorf("state %d after it, want %d", got, test.to[n])
				}
			})
		}
	}
}

func (b *bench) state(i int) engine.State { return b.Container(i).State() }

func (b *bench) order(hook int) (order []int) {
	for n := 0; b.Order(hook, n) >= 0; n++ {
		order = append(order, b.Order(hook, n))
	}
	return order
}

// TestRunningIsSeenFromHelpers also finds everything refused meanwhile.
func TestRunningIsSeenFromHelpers(t *testing.T) {
	b := newScheduler(t)
	var state engine.State
	var errs []engine.Error
	b.config.Helpers = append([]vm.Helper{{Number: 0xee, Call: func(*vm.Call) uint64 {
		state = b.state(0)
		errs = []engine.Error{b.Stop(0), b.Start(0), b.Attach(0), b.Detach(0), b.Detach(1), b.Remove(1)}
		if next := b.Poll(77); next != 77 {
			t.Errorf("Poll in a run returns %d", next)
		}
		return 0
	}}}, b.config.Helpers...)
	b.Init(&b.config)
	b.mustInstall(t, 0, engine.Spec{Image: code(t, "call 0xee")})
	b.mustInstall(t, 1, engine.Spec{Image: code(t, "mov r0, 0")})
	b.value(t, 0, nil)
	if state != engine.Running || len(errs) != 6 {
		t.Errorf("state %d", state)
	}
	for i, err := range errs {
		if err != engine.ErrBusy {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// TestOrder keeps containers in the order in which they were attached.
func TestOrder(t *testing.T) {
	b := newScheduler(t)
	img := func(n int) []byte { return code(t, fmt.Sprintf("mov r0, %d", n)) }
	for _, i := range []int{3, 1, 0, 2} {
		b.mustInstall(t, i, engine.Spec{Hook: hookContinue, Name: []byte{byte('a' + i)}, Image: img(i)})
	}
	want := func(order ...int) {
		t.Helper()
		if got := b.order(hookContinue); !slices.Equal(got, order) {
			t.Errorf("order %v, want %v", got, order)
		}
		var ran []int
		outcomes := make([]engine.Outcome, 8)
		r := b.FireEach(0, hookContinue, nil, outcomes)
		for _, o := range outcomes[:r.Ran] {
			ran = append(ran, o.Container)
		}
		stopped := slices.DeleteFunc(slices.Clone(order), func(i int) bool { return b.state(i) != engine.Attached })
		if !slices.Equal(ran, stopped) {
			t.Errorf("ran %v, want %v", ran, stopped)
		}
		for i := range 4 {
			if got, want := b.Position(i), slices.Index(order, i)+1; got != want {
				t.Errorf("position of %d: %d, want %d", i, got, want)
			}
		}
	}
	want(3, 1, 0, 2)
	b.mustInstall(t, 1, engine.Spec{Hook: hookContinue, Image: img(11)}) // keeps its place
	want(3, 1, 0, 2)
	b.Stop(0)
	want(3, 1, 0, 2)
	b.Detach(3)
	want(1, 0, 2)
	b.Start(0)
	b.Attach(3)
	want(1, 0, 2, 3)
	b.Detach(1)
	b.mustInstall(t, 1, engine.Spec{Hook: hookContinue, Image: img(12)}) // a new version attaches
	want(0, 2, 3, 1)
	b.Remove(2)
	want(0, 3, 1)
	b.Detach(0)
	b.Remove(0)
	want(3, 1)
	if b.Order(hooks, 0) != -1 || b.Order(hookNegative, 0) != -1 {
		t.Error("order of a hook that has none")
	}
}

// TestDetachKeepsWhatIsThere: store and .data.
func TestDetachKeepsWhatIsThere(t *testing.T) {
	b := newScheduler(t)
	b.mustInstall(t, 0, engine.Spec{Image: counter(t, 0, 8)})
	b.Put(0, 1, 2)
	b.value(t, 0, nil)
	b.Detach(0)
	if r := b.Fire(0, 0, nil); r.Ran != 0 {
		t.Errorf("%+v", r)
	}
	b.Attach(0)
	if v := b.value(t, 0, nil); v != 2 || b.Get(0, 1) != 2 {
		t.Errorf("counter at %d, store has %d", v, b.Get(0, 1))
	}
}

// trialBench has tenants with trials of ten seconds; tenant 2's must be
// confirmed.
func trialBench(t *testing.T) (b *bench, changes *[]engine.Change) {
	b = newScheduler(t)
	changes = new([]engine.Change)
	b.config.Trials = make([]engine.Trial, 2)
	b.config.Tenants[1].Grant.Trial = 10
	b.config.Tenants[2].Grant.Trial = 10
	b.config.Tenants[2].Grant.Confirm = true
	b.config.Notify = func(i int, what engine.Change) { *changes = append(*changes, what) }
	b.Init(&b.config)
	return b, changes
}

func TestTrials(t *testing.T) {
	old := func(t *testing.T) []byte { return program(t, "mov r0, 1", image.Parts{Data: make([]byte, 32)}) }
	good := func(t *testing.T) []byte { return code(t, "mov r0, 2") }
	bad := func(t *testing.T) []byte { return code(t, "mov r1, 0\nldxb r0, [r1]") }
	pass := func(b *bench, from, seconds int64) {
		for now := from * second; now < (from+seconds)*second; now += second / 2 {
			b.Poll(now)
		}
	}
	for name, test := range map[string]struct {
		tenant  int
		next    func(*testing.T) []byte
		do      func(b *bench) engine.Error
		value   int64
		changes []engine.Change
		trial   bool
	}{
		"behaves for a time":       {1, good, func(b *bench) engine.Error { pass(b, 100, 11); return 0 }, 2, []engine.Change{engine.Confirmed}, false},
		"is not confirmed in time": {2, good, func(b *bench) engine.Error { pass(b, 100, 11); return 0 }, 1, []engine.Change{engine.Reverted}, false},
		"time is not up":           {2, good, func(b *bench) engine.Error { pass(b, 100, 9); return 0 }, 2, nil, true},
		"is confirmed": {2, good, func(b *bench) engine.Error {
			pass(b, 100, 9)
			defer pass(b, 109, 20)
			return b.Confirm(0)
		}, 2, nil, false},
		"is reverted by hand": {1, good, func(b *bench) engine.Error { return b.Revert(0) }, 1, nil, false},
		"faults": {1, bad, func(b *bench) engine.Error {
			for range 3 {
				b.Fire(0, 0, nil)
			}
			return 0
		}, 1, []engine.Change{engine.Reverted}, false},
		"a third version is on trial for the first": {2, bad, func(b *bench) engine.Error {
			pass(b, 100, 9)
			b.mustInstall(t, 0, engine.Spec{Name: []byte("c"), Tenant: 2, Image: code(t, "mov r0, 3")})
			pass(b, 109, 9)
			if v := b.value(t, 0, nil); v != 3 {
				t.Errorf("the third version gives %d", v)
			}
			pass(b, 118, 2)
			return 0
		}, 1, []engine.Change{engine.Reverted}, false},
		"a grant is taken back": {1, good, func(b *bench) engine.Error {
			b.config.Tenants[1].Grant.Hooks = 0
			if err := b.Revert(0); err != engine.ErrUnmet {
				t.Errorf("reverted: %v", err)
			}
			if b.state(0) != engine.Stopped {
				t.Errorf("state %d", b.state(0))
			}
			return b.Start(0)
		}, 2, nil, false},
		"another tenant takes the place": {1, good, func(b *bench) engine.Error {
			b.mustInstall(t, 0, engine.Spec{Name: []byte("c"), Tenant: 3, Image: code(t, "mov r0, 5")})
			pass(b, 100, 20)
			return 0
		}, 5, nil, false},
		"removed": {1, good, func(b *bench) engine.Error {
			b.Remove(0)
			b.mustInstall(t, 0, engine.Spec{Name: []byte("c"), Tenant: 1, Image: code(t, "mov r0, 6")})
			pass(b, 100, 20)
			return 0
		}, 6, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, changes := trialBench(t)
			first := old(t)
			b.mustInstall(t, 0, engine.Spec{Name: []byte("c"), Tenant: test.tenant, Image: first})
			if b.Trial(0) != nil {
				t.Error("the first version is on trial")
			}
			b.Put(0, 7, 8)
			b.mustInstall(t, 0, engine.Spec{Name: []byte("c"), Tenant: test.tenant, Image: test.next(t)})
			if !slices.Equal(b.Trial(0), first) || b.Container(0).Memory() != 32 {
				t.Errorf("trial for %d bytes, %d bytes kept for it", len(b.Trial(0)), b.Container(0).Memory())
			}
			if err := test.do(b); err != engine.OK {
				t.Error(err)
			}
			if v := b.value(t, 0, nil); v != test.value {
				t.Errorf("version gives %d, want %d", v, test.value)
			}
			if (b.Trial(0) != nil) != test.trial || !slices.Equal(*changes, test.changes) {
				t.Errorf("on trial %v, changes %v, want %v, %v", b.Trial(0) != nil, *changes, test.trial, test.changes)
			}
			if want := map[bool]int{true: 32, false: 0}[test.trial || test.value == 1]; b.Container(0).Memory() != want {
				t.Errorf("%d bytes of memory, want %d", b.Container(0).Memory(), want)
			}
			if name := string(b.Container(0).Name()); name != "c" {
				t.Errorf("called %q", name)
			}
			if kept := b.Get(0, 7); test.value < 5 && kept != 8 {
				t.Errorf("the store has %d", kept)
			}
		})
	}
}

func TestTrialsNeedRoom(t *testing.T) {
	b, _ := trialBench(t)
	for i := range 3 {
		b.mustInstall(t, i, engine.Spec{Tenant: 1, Name: []byte{byte(i)}, Image: code(t, "mov r0, 0")})
	}
	for i, want := range []engine.Error{engine.OK, engine.OK, engine.ErrTrial} {
		spec := engine.Spec{Tenant: 1, Name: []byte{byte(i)}, Image: code(t, "mov r0, 1")}
		if check, got := b.Check(i, &spec).Reason, b.Install(i, &spec).Reason; got != want || check != want {
			t.Errorf("trial %d: %v, %v, want %v", i, check, got, want)
		}
	}
	// No trial counts while a container is there no more.
	b.Remove(0)
	b.mustInstall(t, 2, engine.Spec{Tenant: 1, Name: []byte{2}, Image: code(t, "mov r0, 1")})
}

// TestTrialsLeaveStopped: what comes back at the end of a trial is stopped or
// detached if its owner had put the new version so.
func TestTrialsLeaveStopped(t *testing.T) {
	for name, test := range map[string]struct {
		do    func(b *bench) engine.Error
		state engine.State
	}{
		"stopped":  {func(b *bench) engine.Error { return b.Stop(0) }, engine.Stopped},
		"detached": {func(b *bench) engine.Error { return b.Detach(0) }, engine.Installed},
		"neither":  {func(b *bench) engine.Error { return engine.OK }, engine.Attached},
	} {
		for how, end := range map[string]func(b *bench){
			"by its time": func(b *bench) { b.Poll(1); b.Poll(1 + 11*second) },
			"by hand":     func(b *bench) { b.Revert(0) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				b, _ := trialBench(t)
				for i := range 2 {
					b.mustInstall(t, 0, engine.Spec{Tenant: 2, Image: code(t, fmt.Sprintf("mov r0, %d", i))})
				}
				test.do(b)
				end(b)
				if got := b.state(0); got != test.state || b.Trial(0) != nil {
					t.Errorf("state %d, want %d; on trial %v", got, test.state, b.Trial(0) != nil)
				}
				if want := map[bool][]int{true: {0}}[test.state != engine.Installed]; !slices.Equal(b.order(0), want) {
					t.Errorf("on the hook: %v, want %v", b.order(0), want)
				}
				b.Start(0)
				b.Attach(0)
				if v := b.value(t, 0, nil); v != 0 {
					t.Errorf("version %d came back", v)
				}
			})
		}
	}
}

// TestProvenNeedsNoTrial, also while there is no room for one.
func TestProvenNeedsNoTrial(t *testing.T) {
	b, _ := trialBench(t)
	for i := range 3 {
		b.mustInstall(t, i, engine.Spec{Tenant: 1, Name: []byte{byte(i)}, Image: code(t, "mov r0, 0")})
	}
	for i := range 2 {
		b.mustInstall(t, i, engine.Spec{Tenant: 1, Name: []byte{byte(i)}, Image: code(t, "mov r0, 1")})
	}
	spec := engine.Spec{Tenant: 1, Name: []byte{2}, Image: code(t, "mov r0, 2"), Proven: true}
	if err := b.Check(2, &spec); err.Reason != engine.OK {
		t.Error(err)
	}
	b.mustInstall(t, 2, spec)
	if v := b.value(t, 0, nil); v != 2 || b.Trial(2) != nil {
		t.Errorf("version %d, on trial %v", v, b.Trial(2) != nil)
	}
}
