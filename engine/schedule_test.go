package engine_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

const (
	never  = 1<<63 - 1
	second = 1_000_000

	helperSend = 0xf0
)

// long is a contract for a long-running container.
func long(stack uint16) *image.Contract {
	return &image.Contract{Flags: image.LongRunning, Stack: stack}
}

// newScheduler is a bench with more room, helpers that wait and send, and a
// quantum of 100.
func newScheduler(tb testing.TB) *bench {
	tb.Helper()
	b := newBench(tb)
	b.config.Containers = make([]engine.Container, 8)
	b.config.Memory = make([]byte, 8<<10)
	b.config.Events = make([]engine.Event, 10)
	b.config.Quantum = 100
	b.config.Budget = 10_000
	b.config.Hooks[hookSingle].Period = second
	b.config.Hooks[hookWritable].Events = true
	sender := vm.Helper{Number: helperSend, Name: "send", Args: [5]vm.Arg{vm.ArgValue, vm.ArgValue}, Cost: 8,
		Call: func(c *vm.Call) uint64 { return uint64(b.Send(uint32(c.R[0]), uint32(c.R[1]))) }}
	b.config.Helpers = append([]vm.Helper{sender}, b.config.Helpers...)
	if err := b.Init(&b.config); err != engine.OK {
		tb.Fatal(err)
	}
	return b
}

func (b *bench) mustInstall(tb testing.TB, i int, spec engine.Spec) {
	tb.Helper()
	if err := b.Install(i, &spec); err.Reason != engine.OK {
		tb.Fatalf("install at %d: %v (unmet %#x)", i, err, err.Unmet)
	}
}

// periodic adds 1 to global key each period, with a local call open while it
// waits.
func periodic(tb testing.TB, key int, period int) []byte {
	return program(tb, fmt.Sprintf(`
		stw [r10-4], 0
		call 0x60
		stxw [r10-4], r0
		mov r6, 0
	loop:
		add r6, 1
		mov r1, r10
		sub r1, 4
		mov r2, %d
		call wait
		mov r1, %d
		mov r2, r6
		call 0x11
		ja loop
		exit
	wait:
		mov r6, 77
		call 0x61
		exit`, period, key), image.Parts{Contract: long(64)})
}

// TestPeriodicWakeup lets three containers wait for different times.
func TestPeriodicWakeup(t *testing.T) {
	b := newScheduler(t)
	for i, period := range []int{second, 250_000, 3 * second} {
		b.mustInstall(t, i, engine.Spec{Hook: hookContinue, Image: periodic(t, i, period)})
	}
	now, polls := int64(5*second), 0
	for now < 15*second+10 {
		next := b.Poll(now)
		polls++
		if next < now {
			t.Fatalf("at %d the next poll is at %d", now, next)
		}
		now = max(next, now+1)
	}
	for i, want := range []uint32{10, 40, 3} {
		if got := b.Get(engine.Global, uint32(i)); got != want {
			t.Errorf("container %d counted %d, want %d", i, got, want)
		}
		if c := b.Container(i); c.State() != engine.Suspended || c.Stats().Activations != 1 || c.Stats().Faults != 0 {
			t.Errorf("container %d: state %d, %+v", i, c.State(), c.Stats())
		}
	}
	// Three start, 53 wake, and the periodic hook fires ten times.
	if polls > 3+3+53+11 {
		t.Errorf("%d polls", polls)
	}
	t.Logf("%d polls; a container takes %d bytes of memory", polls, b.Container(0).Memory())
}

// spin counts in .data and never waits.
func spin(tb testing.TB) []byte {
	return program(tb, "lddwd r1, 0\nloop: ldxdw r2, [r1]\nadd r2, 1\nstxdw [r1], r2\nja loop\nexit",
		image.Parts{Data: make([]byte, 8), Contract: long(16)})
}

func TestQuantum(t *testing.T) {
	b := newScheduler(t)
	b.mustInstall(t, 0, engine.Spec{Hook: hookContinue, Image: spin(t)})
	for i := range int64(50) {
		if next := b.Poll(i); next != i {
			t.Fatalf("next poll at %d, want %d", next, i)
		}
	}
	s := b.Container(0).Stats()
	if s.Longest < 100 || s.Longest > 100+8 || s.Instructions < 50*100 || s.Faults != 0 || s.Activations != 1 {
		t.Errorf("%+v", s)
	}
	if counted := binary.LittleEndian.Uint64(b.config.Memory); counted < 50*100/4-2 || counted > s.Instructions/4 {
		t.Errorf("counted to %d in %d instructions", counted, s.Instructions)
	}
}

// TestTenantsTakeTurns has one tenant with one container that spins and another
// one with three.
func TestTenantsTakeTurns(t *testing.T) {
	b := newScheduler(t)
	b.mustInstall(t, 0, engine.Spec{Hook: hookContinue, Tenant: 1, Image: spin(t)})
	for i := 1; i < 4; i++ {
		b.mustInstall(t, i, engine.Spec{Hook: hookContinue, Tenant: 2, Image: spin(t)})
	}
	b.mustInstall(t, 4, engine.Spec{Hook: hookContinue, Tenant: engine.Owner, Image: spin(t)})
	for i := range int64(900) {
		b.Poll(i)
	}
	for i, want := range []uint64{300, 100, 100, 100, 300} {
		if got := b.Container(i).Stats().Instructions / 100; got < want || got > want*105/100 {
			t.Errorf("container %d had %d turns, want %d", i, got, want)
		}
	}
}

// TestRates holds tenants to their instructions per second, in Poll and in
// hooks.
func TestRates(t *testing.T) {
	b := newScheduler(t)
	rates := []int32{0, 1000, 20_000, 0}
	for i, rate := range rates {
		b.config.Tenants[i].Grant.Rate = rate
	}
	b.mustInstall(t, 1, engine.Spec{Hook: hookContinue, Tenant: 1, Image: spin(t)})
	b.mustInstall(t, 2, engine.Spec{Hook: hookContinue, Tenant: 2, Image: spin(t)})
	b.mustInstall(t, 3, engine.Spec{Hook: hookContinue, Tenant: 2, Image: spin(t)})
	const start, seconds = 1000 * second, 20
	for now := int64(start); now < start+seconds*second; {
		now = max(b.Poll(now), now+50)
	}
	one, two := b.Container(1).Stats().Instructions, b.Container(2).Stats().Instructions+b.Container(3).Stats().Instructions
	// What is kept of a rate comes on top once, as does the last slice.
	for i, got := range []uint64{one, two} {
		rate := uint64(rates[i+1])
		if got < rate*seconds || got > rate*(seconds+1)+110 {
			t.Errorf("tenant %d had %d instructions in %d s at %d a second", i+1, got, seconds, rate)
		}
	}
	// A hook skips whom it cannot afford, and goes on with the others.
	b.mustInstall(t, 4, engine.Spec{Hook: hookNegative, Tenant: 1, Image: code(t, "mov r0, 1")})
	b.mustInstall(t, 5, engine.Spec{Hook: hookNegative, Tenant: 3, Image: code(t, "mov r0, 5")})
	now := int64(start + seconds*second)
	b.Poll(now)
	if r := b.Fire(now, hookNegative, nil); r.Skipped != 1 || r.Ran != 1 || r.Value != 5 {
		t.Errorf("%+v", r)
	}
	b.Stop(1)
	if r := b.Fire(now+second, hookNegative, nil); r.Skipped != 0 || r.Ran != 2 {
		t.Errorf("a second later: %+v", r)
	}
}

func TestRateDoesNotOverflow(t *testing.T) {
	b := newScheduler(t)
	b.config.Tenants[1].Grant.Rate = 1<<31 - 1
	b.mustInstall(t, 0, engine.Spec{Hook: hookContinue, Tenant: 1, Image: spin(t)})
	for _, now := range []int64{0, 1, 1 << 40, 1<<62 - 1, 1 << 62} {
		before := b.Container(0).Stats().Instructions
		b.Poll(now)
		if now > 0 && b.Container(0).Stats().Instructions == before {
			t.Errorf("did not run at %d", now)
		}
	}
}

// TestPeriodicHook is about a hook that Poll fires.
func TestPeriodicHook(t *testing.T) {
	b := newScheduler(t)
	b.mustInstall(t, 0, engine.Spec{Hook: hookSingle, Image: code(t, "ldxdw r2, [r1+8]\nldxdw r3, [r1]\nmov r1, 1\ncall 0x11\nmov r0, 0")})
	if next := b.Poll(100); next != 100+second {
		t.Errorf("first firing at %d", next)
	}
	for _, step := range []struct {
		now, next int64
		fired     uint32
	}{
		{second, second + 100, 0},
		{second + 100, 2*second + 100, 1},
		{2*second + 200, 3*second + 100, 2}, // late, but the next one is not
		{7 * second, 7*second + 1, 3},       // what was missed is not made up for
		{7*second + 1, 8*second + 1, 4},
	} {
		if next := b.Poll(step.now); next != step.next || b.Hook(hookSingle).Fired() != step.fired {
			t.Errorf("at %d: next %d after %d firings, want %d after %d", step.now, next, b.Hook(hookSingle).Fired(), step.next, step.fired)
		}
		if step.fired > 0 && b.Get(engine.Global, 1) != step.fired-1 {
			t.Errorf("at %d: the container was told of %d firings before", step.now, b.Get(engine.Global, 1))
		}
	}
}

// TestLongRunningHook: the firing of its hook begins a container that has
// ended, and does nothing to one that is under way.
func TestLongRunningHook(t *testing.T) {
	b := newScheduler(t)
	img := program(t, "mov r1, 1\nmov r2, r10\nsub r2, 4\ncall 0x13\nldxw r2, [r10-4]\nadd r2, 1\nmov r1, 1\ncall 0x11\nmov r0, 0",
		image.Parts{Contract: long(32)})
	b.mustInstall(t, 0, engine.Spec{Hook: hookContinue, Image: img})
	count := func(want uint32) {
		t.Helper()
		if got := b.Get(engine.Global, 1); got != want {
			t.Errorf("ran %d times, want %d", got, want)
		}
	}
	b.Poll(1)
	count(1)
	if next := b.Poll(2); next != second+1 {
		t.Errorf("next poll at %d, want that of the periodic hook", next)
	}
	count(1)
	if r := b.Fire(3, hookContinue, []byte("context")); r.Ran != 0 || r.Value != defaultResult {
		t.Errorf("%+v", r)
	}
	count(1)
	b.Poll(4)
	b.Poll(5)
	count(2)
}

// TestOwnStack lets two containers wait with something on their stacks, while
// others use the stack of all, and their memory moves.
func TestOwnStack(t *testing.T) {
	b := newScheduler(t)
	keeper := func(value int) []byte {
		return program(t, fmt.Sprintf(`
			stdw [r10-16], %d
			stw [r10-4], 0
		loop:
			mov r1, r10
			sub r1, 4
			mov r2, 1000
			call 0x61
			ldxdw r2, [r10-16]
			mov r1, %d
			call 0x11
			ldxdw r2, [r10-16]
			add r2, 1
			stxdw [r10-16], r2
			ja loop
			exit`, value, value), image.Parts{Contract: long(40)})
	}
	b.mustInstall(t, 0, engine.Spec{Hook: hookContinue, Image: counter(t, 0, 64)})
	b.mustInstall(t, 1, engine.Spec{Hook: hookContinue, Image: keeper(100)})
	b.mustInstall(t, 2, engine.Spec{Hook: hookContinue, Image: keeper(200)})
	now := int64(0)
	run := func() {
		for range 8 {
			now = max(b.Poll(now), now+1)
			b.Fire(now, hookContinue, nil)
		}
	}
	run()
	b.Remove(0)
	run()
	b.mustInstall(t, 0, engine.Spec{Hook: hookContinue, Image: counter(t, 0, 8)})
	run()
	b.mustInstall(t, 1, engine.Spec{Hook: hookContinue, Image: counter(t, 0, 8)})
	frozen := b.Get(engine.Global, 100)
	run()
	if got := b.Get(engine.Global, 100); got != frozen || got < 105 {
		t.Errorf("the replaced container is at %d, was at %d", got, frozen)
	}
	if got := b.Get(engine.Global, 200); got < 210 {
		t.Errorf("the other one is at %d", got)
	}
	// Beyond an own stack there is nothing.
	b.mustInstall(t, 3, engine.Spec{Hook: hookContinue, Image: program(t, "stb [r10-41], 1\nmov r0, 0", image.Parts{Contract: long(40)})})
	run()
	if s := b.Container(3).Stats(); s.Fault != vm.FaultMemory || s.FaultAddress != vm.Address(vm.RegionStack, 0)-1 {
		t.Errorf("%+v", s)
	}
}

// TestSuspendedContainers stops, detaches, replaces and removes a container
// that waits.
func TestSuspendedContainers(t *testing.T) {
	key := uint32(0)
	for name, test := range map[string]struct {
		do    func(b *bench) engine.Error
		state engine.State
		goes  bool // on, after Start or Attach
	}{
		"stop, start":     {func(b *bench) engine.Error { return b.Stop(0) }, engine.Stopped, true},
		"detach, attach":  {func(b *bench) engine.Error { return b.Detach(0) }, engine.Installed, true},
		"remove":          {func(b *bench) engine.Error { return b.Remove(0) }, engine.Removed, false},
		"another version": {func(b *bench) engine.Error { return b.Install(0, &engine.Spec{Image: periodic(t, 9, 500)}).Reason }, engine.Attached, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newScheduler(t)
			b.mustInstall(t, 0, engine.Spec{Image: periodic(t, int(key), 1000)})
			b.mustInstall(t, 1, engine.Spec{Image: periodic(t, 1, 1000)})
			now := int64(0)
			pass := func() {
				for until := now + 10_000; now < until; {
					now = max(min(b.Poll(now), until), now+1)
				}
			}
			pass()
			before := b.Get(engine.Global, key)
			if before < 8 || b.Container(0).State() != engine.Suspended {
				t.Fatalf("at %d in state %d", before, b.Container(0).State())
			}
			if err := test.do(b); err != engine.OK || b.Container(0).State() != test.state {
				t.Fatalf("%v, state %d", err, b.Container(0).State())
			}
			pass()
			if got := b.Get(engine.Global, key); got != before {
				t.Errorf("it goes on: %d after %d", got, before)
			}
			if test.goes {
				if b.Start(0) != engine.OK && b.Attach(0) != engine.OK {
					t.Error("does not start")
				}
				pass()
				// From the beginning, as its registers are gone.
				if got := b.Get(engine.Global, key); got == 0 || got > before+1 {
					t.Errorf("begun again it is at %d", got)
				}
			}
			if got := b.Get(engine.Global, 1); got < 15 {
				t.Errorf("the other container is at %d", got)
			}
		})
	}
}

// TestFaultsOfLongRunningContainers: begun again after a second, detached
// after the limit.
func TestFaultsOfLongRunningContainers(t *testing.T) {
	b := newScheduler(t)
	var changes []string
	b.config.Notify = func(i int, what engine.Change) { changes = append(changes, fmt.Sprint(i, what)) }
	b.Init(&b.config)
	b.mustInstall(t, 0, engine.Spec{Image: program(t, "mov r0, 1\nldxb r0, [r1]", image.Parts{Contract: long(32)})})
	for i := range int64(5) {
		b.Poll(10 + i*second)
		b.Poll(20 + i*second)
		if got, want := b.Container(0).Stats().Faults, uint32(min(i+1, 3)); got != want {
			t.Errorf("after %d s: %d faults, want %d", i, got, want)
		}
	}
	if s := b.Container(0).State(); s != engine.Faulted || fmt.Sprint(changes) != fmt.Sprint([]string{fmt.Sprint(0, engine.Detached)}) {
		t.Errorf("state %d, changes %v", s, changes)
	}
}

// TestWaitingNeedsAStack: who runs to completion cannot wait.
func TestWaitingNeedsAStack(t *testing.T) {
	b := newScheduler(t)
	// Version 0 cannot say that it is long-running, but calls what waits.
	b.mustInstall(t, 0, engine.Spec{Image: code(t, "stw [r10-4], 0\nmov r1, r10\nsub r1, 4\nmov r2, 9\ncall 0x61")})
	if c := b.Container(0); !c.LongRunning() || c.Memory() < 512 {
		t.Errorf("long-running %v with %d bytes", c.LongRunning(), c.Memory())
	}
	if err := b.Sleep(nil, 1); err != engine.ErrContainer {
		t.Errorf("Sleep outside a run: %v", err)
	}
	if err := b.Send(1, 1); err != engine.ErrContainer {
		t.Errorf("Send outside a run: %v", err)
	}
}

// TestEvents sends within and across tenants.
func TestEvents(t *testing.T) {
	b := newScheduler(t)
	// Stores the value under the kind plus what distinguishes the receiver.
	receiver := func(n int) []byte {
		return code(t, fmt.Sprintf("ldxw r2, [r1+4]\nldxw r1, [r1]\nadd r1, %d\ncall 0x11\nmov r0, 0", n))
	}
	send := code(t, fmt.Sprintf("ldxw r2, [r1+4]\nldxw r1, [r1]\ncall %#x", helperSend))
	b.mustInstall(t, 0, engine.Spec{Hook: hookWritable, Tenant: 1, Image: receiver(1000)})
	b.mustInstall(t, 1, engine.Spec{Hook: hookWritable, Tenant: 1, Image: receiver(2000)})
	b.mustInstall(t, 2, engine.Spec{Hook: hookWritable, Tenant: 2, Image: receiver(3000)})
	b.mustInstall(t, 3, engine.Spec{Hook: hookContinue, Tenant: 1, Image: send})
	b.mustInstall(t, 4, engine.Spec{Hook: hookNegative, Tenant: 2, Image: send})
	event := func(kind, value uint32) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, kind), value)
	}
	b.Fire(1, hookContinue, event(5, 50))
	b.Fire(1, hookContinue, event(6, 60))
	b.Fire(1, hookNegative, event(7, 70))
	for now := int64(2); b.Poll(now) == now; now++ {
	}
	want := map[uint32]uint32{1005: 50, 2005: 50, 1006: 60, 2006: 60, 3007: 70}
	for _, e := range b.Pairs(engine.Global) {
		if want[e.Key] != e.Value {
			t.Errorf("%d has %d, want %d", e.Key, e.Value, want[e.Key])
		}
		delete(want, e.Key)
	}
	if len(want) > 0 {
		t.Errorf("not delivered: %v", want)
	}
	// Ten places, five shares: two for each tenant and the owner.
	for i, err := range []engine.Error{engine.OK, engine.OK, engine.ErrQueue, engine.ErrQueue} {
		if r := b.Fire(9, hookContinue, event(8, uint32(i))); r.Value != int64(err) {
			t.Errorf("event %d of one tenant: %v, want %v", i, engine.Error(r.Value), err)
		}
	}
	if r := b.Fire(9, hookNegative, event(9, 1)); r.Value != int64(engine.OK) {
		t.Errorf("the other tenant: %v", engine.Error(r.Value))
	}
	// Nobody gets what it sends itself.
	b.mustInstall(t, 5, engine.Spec{Hook: hookWritable, Tenant: 3, Image: code(t, fmt.Sprintf("mov r1, 1\nmov r2, 1\ncall %#x", helperSend))})
	fired := b.Hook(hookWritable).Fired()
	b.Fire(10, hookWritable, event(0, 0))
	for now := int64(11); now < 20; now++ {
		b.Poll(now)
	}
	if got := b.Hook(hookWritable).Fired() - fired; got != 1+3+1 {
		t.Errorf("the hook fired %d times, want 5", got)
	}
	if s := b.Container(5).Stats(); s.Activations != 1 {
		t.Errorf("the sender ran %d times", s.Activations)
	}
}

func TestPollDoesNotAllocate(t *testing.T) {
	b := newScheduler(t)
	b.config.Log = nil
	b.Init(&b.config)
	b.mustInstall(t, 0, engine.Spec{Image: periodic(t, 0, 100)})
	b.mustInstall(t, 1, engine.Spec{Image: spin(t), Tenant: 1})
	b.mustInstall(t, 2, engine.Spec{Hook: hookWritable, Tenant: 2, Image: code(t, "mov r0, 0")})
	b.mustInstall(t, 3, engine.Spec{Hook: hookSingle, Tenant: 2, Image: code(t, fmt.Sprintf("mov r1, 1\nmov r2, 1\ncall %#x", helperSend))})
	now := int64(0)
	if n := testing.AllocsPerRun(1000, func() { now += 1000; b.Poll(now) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if b.Get(engine.Global, 0) == 0 || b.Container(2).Stats().Activations == 0 {
		t.Error("nothing ran")
	}
}

// TestTimers: what is sent for a time to come arrives then, in the order of the
// times, at the sender too.
func TestTimers(t *testing.T) {
	b := newScheduler(t)
	b.config.Helpers[0].Args[2] = vm.ArgValue
	b.config.Helpers[0].Call = func(c *vm.Call) uint64 {
		return uint64(b.SendAt(b.Now()+int64(c.R[2]), uint32(c.R[0]), uint32(c.R[1])))
	}
	if err := b.Init(&b.config); err != engine.OK {
		t.Fatal(err)
	}
	// Keeps when kind came, and at kind 9 has 1 and 2 come in 300 and 200 µs.
	receiver := code(t, fmt.Sprintf(`ldxw r6, [r1]
		ldxdw r2, [r1+8]
		mov r1, r6
		call 0x10
		jne r6, 9, done
		mov r1, 1
		mov r2, 0
		mov r3, 300
		call %[1]d
		mov r1, 2
		mov r2, 0
		mov r3, 200
		call %[1]d
	done:
		mov r0, 0`, helperSend))
	b.mustInstall(t, 0, engine.Spec{Hook: hookWritable, Tenant: 1, Image: receiver})
	b.mustInstall(t, 1, engine.Spec{Hook: hookWritable, Tenant: 2, Image: receiver})
	nine := make([]byte, 16)
	nine[0] = 9
	b.FireOne(100, 0, nine)
	var polls []int64
	for now := int64(100); now < 1000; {
		next := b.Poll(now)
		polls = append(polls, now)
		now = max(next, now+1)
	}
	want := map[uint32]uint32{9: 0, 2: 300, 1: 400}
	for _, e := range b.Pairs(0) {
		if at, ok := want[e.Key]; !ok || at != e.Value {
			t.Errorf("%d came at %d, want %d", e.Key, e.Value, want[e.Key])
		}
		delete(want, e.Key)
	}
	if len(want) > 0 || len(b.Pairs(1)) > 0 || len(polls) > 6 {
		t.Errorf("never came: %v; another tenant got %v; polls at %v", want, b.Pairs(1), polls)
	}
	if err := b.SendAt(1, 1, 1); err != engine.ErrContainer {
		t.Errorf("outside a run: %v", err)
	}
}

// TestFireOne fires a hook for one of its containers.
func TestFireOne(t *testing.T) {
	b := newScheduler(t)
	for i := range 3 {
		b.mustInstall(t, i, engine.Spec{Hook: hookContinue, Tenant: 1, Image: code(t, fmt.Sprintf("mov r0, %d", 10+i))})
	}
	if r := b.FireOne(1, 1, nil); r.Value != 11 || r.Ran != 1 || r.Err != engine.OK {
		t.Errorf("%+v", r)
	}
	for i, want := range []uint32{0, 1, 0} {
		if got := b.Container(i).Stats().Activations; got != want {
			t.Errorf("container %d ran %d times", i, got)
		}
	}
	for _, i := range []int{-1, 3, 8, 300} {
		if r := b.FireOne(1, i, nil); r.Err != engine.ErrContainer {
			t.Errorf("place %d: %+v", i, r)
		}
	}
}

// TestTenantsByRate has containers that never yield on a device that is too
// slow for all of them: tenants come on by their rates, and those without one
// as the heaviest.
func TestTenantsByRate(t *testing.T) {
	const perSecond = 1_000_000 // of the device, as a slice of 100 takes 100 µs
	for name, test := range map[string]struct {
		rates [3]int32 // -1: has no container
		want  [3]int   // parts of what the device executes
	}{
		"one to three":        {[3]int32{1_000_000, 3_000_000, -1}, [3]int{1, 3, 0}},
		"far apart":           {[3]int32{10_000, 2_000_000, -1}, [3]int{1, 200, 0}},
		"beyond any device":   {[3]int32{4_000_000, 12_000_000, -1}, [3]int{1, 3, 0}},
		"without a rate":      {[3]int32{0, 0, 0}, [3]int{1, 1, 1}},
		"one without":         {[3]int32{1_000_000, 3_000_000, 0}, [3]int{1, 3, 3}},
		"rates that are kept": {[3]int32{100_000, 200_000, 0}, [3]int{1, 2, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newScheduler(t)
			var last [3]int64
			var waited [3]int64
			for i, rate := range test.rates {
				if rate >= 0 {
					b.config.Tenants[i].Grant.Rate = rate
					b.mustInstall(t, i, engine.Spec{Tenant: i, Image: spin(t)})
				}
			}
			const start, seconds = 1000 * second, 12
			now := int64(start)
			before := [3]uint64{}
			for now < start+seconds*second {
				b.Poll(now)
				now += 100
				for i := range before {
					if n := b.Container(i).Stats().Instructions; n != before[i] || test.rates[i] < 0 {
						before[i], last[i] = n, now
					}
					waited[i] = max(waited[i], now-max(last[i], start))
				}
			}
			sum := 0
			for _, parts := range test.want {
				sum += parts
			}
			for i, n := range before {
				want := perSecond * seconds / sum * test.want[i]
				if got := int(n); got < want*94/100 || got > want*109/100 {
					t.Errorf("tenant %d executed %d instructions, want %d", i, got, want)
				}
				if most := int64(100 * (2 + 2*sum/max(1, test.want[i]))); waited[i] > most && test.rates[i] >= 0 {
					t.Errorf("tenant %d waited %d µs, want at most %d", i, waited[i], most)
				}
			}
		})
	}
}

// TestNoClaimOnThePast: a tenant that had nothing to run does not make up for it.
func TestNoClaimOnThePast(t *testing.T) {
	b := newScheduler(t)
	for i := range 2 {
		b.mustInstall(t, i, engine.Spec{Tenant: i, Image: spin(t)})
	}
	b.Stop(1)
	now := int64(1)
	for ; now < 1000; now++ {
		b.Poll(now)
	}
	b.Start(1)
	before := b.Container(0).Stats().Instructions
	for ; now < 1100; now++ {
		b.Poll(now)
	}
	if got := b.Container(0).Stats().Instructions - before; got < 4900 {
		t.Errorf("the one that ran all the time had %d instructions of 10,000", got)
	}
}

// TestEventsWait: what comes for a tenant that has used up its rate is delivered,
// whole and in order, when there is some again.
func TestEventsWait(t *testing.T) {
	b := newScheduler(t)
	b.config.Tenants[1].Grant.Rate = 1000
	// Counts the events, and keeps the last one's value.
	receiver := code(t, `
		ldxw r6, [r1+4]
		mov r1, 1
		mov r2, r10
		sub r2, 4
		call 0x12
		ldxw r2, [r10-4]
		add r2, 1
		mov r1, 1
		call 0x10
		mov r1, 2
		mov r2, r6
		call 0x10
		mov r0, 0`)
	for i := range 2 {
		b.mustInstall(t, i, engine.Spec{Hook: hookWritable, Tenant: 1, Name: []byte{byte(i)}, Image: receiver})
	}
	b.mustInstall(t, 2, engine.Spec{Hook: hookContinue, Tenant: 1, Image: code(t, fmt.Sprintf("ldxw r2, [r1+4]\nldxw r1, [r1]\ncall %#x", helperSend))})
	b.mustInstall(t, 3, engine.Spec{Hook: hookNegative, Tenant: 1, Image: program(t, "mov r1, 3000\nloop: sub r1, 1\njne r1, 0, loop\nmov r0, 0", image.Parts{})})
	event := func(value byte) []byte { return []byte{8, 0, 0, 0, value, 0, 0, 0} }
	const start = 100 * second
	for i := range byte(3) {
		b.Fire(start, hookContinue, event(i+1)) // the third one finds the share full
	}
	if got := b.Tenant(1).Dropped(); got != 1 {
		t.Errorf("%d events were dropped, want 1", got)
	}
	b.FireOne(start, 3, nil) // spends 6,000
	counts := func() string { return pairs(b, 0) + pairs(b, 1) }
	first := int64(0)
	for now := int64(start); now < start+10*second; {
		next := b.Poll(now)
		if first == 0 && counts() != "[][]" {
			first = now
		}
		now = max(next, now+1)
	}
	if first < start+4*second || first > start+7*second {
		t.Errorf("the first one came after %d µs", first-start)
	}
	if got := counts(); got != "[{1 2} {2 2}][{1 2} {2 2}]" {
		t.Errorf("in the end: %s", got)
	}
}

// TestEventsOfSlices: an event that a long-running container sends does not
// wait for its next turn.
func TestEventsOfSlices(t *testing.T) {
	b := newScheduler(t)
	b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: program(t, fmt.Sprintf(`
		call 0x60
		stxw [r10-4], r0
		mov r1, 1
		mov r2, 1
		call %d
		mov r1, r10
		sub r1, 4
		mov r2, 900000
		call 0x61
		mov r0, 0`, helperSend), image.Parts{Contract: long(16)})})
	b.mustInstall(t, 1, engine.Spec{Hook: hookWritable, Tenant: 1, Image: code(t, "mov r0, 0")})
	if next := b.Poll(5); next != 5 {
		t.Errorf("next poll at %d", next)
	}
	b.Poll(5)
	if s := b.Container(1).Stats(); s.Activations != 1 {
		t.Errorf("%+v", s)
	}
}

// TestDismiss: whoever gets a tenant's place has nothing of it.
func TestDismiss(t *testing.T) {
	b := newScheduler(t)
	b.config.Tenants[1].Grant.Rate = 1000
	send := code(t, fmt.Sprintf("mov r1, 1\nmov r2, 1\ncall %#x", helperSend))
	for i := range 2 {
		b.mustInstall(t, i, engine.Spec{Tenant: i + 1, Image: send})
		b.Put(engine.TenantStore(i+1), 5, 6)
		b.Put(engine.GlobalStore(i+1), uint32(i), 6)
	}
	const now = 100 * second
	b.mustInstall(t, 2, engine.Spec{Hook: hookSingle, Tenant: 1, Image: program(t, "mov r1, 3000\nloop: sub r1, 1\njne r1, 0, loop\nmov r0, 0", image.Parts{})})
	b.FireOne(now, 0, nil)
	b.FireOne(now, 1, nil)
	b.FireOne(now, 2, nil) // a debt of some 5,000 instructions
	b.Remove(0)
	b.Remove(2)
	b.Dismiss(1)
	if g := b.Tenant(1).Grant; g != (engine.Grant{}) {
		t.Errorf("the grant stays: %+v", g)
	}
	b.Tenant(1).Grant = engine.Everything()
	b.Tenant(1).Grant.Rate = 1000
	receiver := code(t, "ldxw r2, [r1+4]\nmov r1, 1\ncall 0x10\nmov r0, 0")
	for i := range 2 {
		b.mustInstall(t, 3+i, engine.Spec{Hook: hookWritable, Tenant: i + 1, Image: receiver})
	}
	b.mustInstall(t, 0, engine.Spec{Hook: hookPositive, Tenant: 1, Image: code(t, "mov r0, 1")})
	if r := b.Fire(now, hookPositive, nil); r.Ran != 1 {
		t.Errorf("the next tenant pays for the one before: %+v", r)
	}
	for range 4 {
		b.Poll(now)
	}
	if got := pairs(b, 3) + pairs(b, 4) + pairs(b, engine.TenantStore(1)) + pairs(b, engine.TenantStore(2)) + pairs(b, engine.Global); got != "[][{1 1}][][{5 6}][{1 6}]" {
		t.Error(got)
	}
}

func pairs(b *bench, owner int) string { return fmt.Sprint(b.Pairs(owner)) }

// TestEventsEndWithTheirContainer: what a container has sent, timers among it,
// neither arrives after it is gone nor takes the place of what its successor sends.
func TestEventsEndWithTheirContainer(t *testing.T) {
	timers := func(value int) []byte { // as many as there is room for
		return code(t, fmt.Sprintf("mov r6, 0\nloop: mov r1, 1000\nmov r2, r6\nmov r3, %d\ncall 0xa1\nadd r6, 1\njlt r6, 9, loop\nmov r0, 0", value))
	}
	receiver := code(t, "ldxw r2, [r1+4]\nldxw r1, [r1]\ncall 0x10\nmov r0, 0")
	for name, end := range map[string]func(b *bench){
		"removed": func(b *bench) {
			b.Remove(0)
			b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: timers(7)})
		},
		"replaced": func(b *bench) { b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: timers(7)}) },
		"reverted": func(b *bench) {
			b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: timers(8)})
			b.FireOne(0, 0, nil)
			if err := b.Revert(0); err != engine.OK {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newScheduler(t)
			b.config.Trials, b.config.Events = make([]engine.Trial, 1), make([]engine.Event, 20)
			b.Init(&b.config)
			b.config.Tenants[1].Grant.Trial = 10
			first := 5
			if name == "reverted" {
				first = 7
			}
			b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: timers(first)})
			b.mustInstall(t, 1, engine.Spec{Hook: hookWritable, Tenant: 1, Image: receiver})
			b.mustInstall(t, 2, engine.Spec{Hook: hookPositive, Tenant: 1, Image: code(t, "mov r1, 1000\nmov r2, 77\nmov r3, 9\ncall 0xa1\nmov r0, 0")})
			b.FireOne(0, 2, nil)
			b.FireOne(0, 0, nil)
			end(b)
			b.FireOne(second/2, 0, nil)
			for now := int64(0); now <= 2*second; now += second / 4 {
				for b.Poll(now) == now {
				}
			}
			want := "[{77 9} {0 7} {1 7} {2 7}]"
			if got := pairs(b, 1); got != want {
				t.Errorf("arrived: %s, want %s", got, want)
			}
		})
	}
}
