package engine_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
)

// A device of one instruction a microsecond, on which one tenant's containers
// work and another's do their worst. Its hook fires every tick, as does the
// attackers'.
const (
	ifBudget  = 2000
	ifQuantum = 500
	ifTick    = 10_000
	ifWakeup  = 25_000
	ifTicks   = 300

	// How much more than its budget, or a quantum, a container may execute:
	// its text (budgets are spent on jumps back) and one call of a helper.
	ifOver = 40 + 64 + 16
)

// observed is all that the working tenant sees and does.
type observed struct {
	Values  []int64 // results of its hook
	Stores  [][]engine.Entry
	Log     string
	Wakeups uint64
}

type interference struct {
	seen observed
	late int64 // greatest delay of the working tenant's hook, instructions
	hold int64 // greatest time a container was late to wake
	slow uint32
}

func interfere(t *testing.T, attack func(b *bench)) (x interference) {
	b := newBench(t)
	b.config.Containers = make([]engine.Container, 10)
	b.config.Memory = make([]byte, 4<<10)
	b.config.Entries = make([]engine.Entry, 40)
	for i := range b.config.Tenants {
		b.config.Tenants[i].Grant.Entries = 0 // a share
	}
	b.config.Events = make([]engine.Event, 10)
	b.config.Budget, b.config.Quantum, b.config.FaultLimit = ifBudget, ifQuantum, 0
	b.config.Hooks[hookWritable].Events = true
	b.config.Log = func(c *engine.Container, line []byte) {
		if c.Tenant() == 1 {
			b.log.Write(line)
		}
	}
	if err := b.Init(&b.config); err != engine.OK {
		t.Fatal(err)
	}
	attack(b)

	// Counts in .data and in all stores it has, prints, uses the whole stack,
	// and sends.
	worker := program(t, `
		lddwd r6, 0
		ldxdw r7, [r6]
		add r7, 1
		stxdw [r6], r7
		ldxdw r0, [r10-512]
		jne r0, 0, out
		stdw [r10-512], 0
		mov r1, 1
		mov r2, r7
		call 0x10
		mov r8, r0
		mov r1, 2
		mov r2, r7
		call 0x14
		or r8, r0
		mov r1, 5000
		mov r2, r7
		call 0x11
		or r8, r0
		lddwr r1, 0
		mov r2, r7
		call 1
		mov r1, 3
		mov r2, r7
		call 0xa0
		or r8, r0
		mov r0, r7
		jeq r8, 0, out
		mov r0, -1
	out:
		exit`, image.Parts{Data: make([]byte, 8), Rodata: []byte("%d ")})
	// Counts what the worker sends.
	receiver := program(t, "lddwd r6, 0\nldxdw r7, [r6]\nadd r7, 1\nstxdw [r6], r7\nmov r1, 1\nmov r2, r7\ncall 0x10\nmov r0, r7", image.Parts{Data: make([]byte, 8)})
	b.mustInstall(t, 7, engine.Spec{Hook: hookContinue, Tenant: 1, Name: []byte("worker"), Image: worker})
	b.mustInstall(t, 8, engine.Spec{Hook: hookWritable, Tenant: 1, Name: []byte("receiver"), Image: receiver})
	b.mustInstall(t, 9, engine.Spec{Hook: hookSingle, Tenant: 1, Name: []byte("periodic"), Image: periodicProgram(t)})

	total := func() (n int64) {
		for i := range b.Containers() {
			n += int64(b.Container(i).Stats().Instructions)
		}
		return n
	}
	now := int64(ifTick)
	outcomes := make([]engine.Outcome, 10)
	wokeAt := int64(0)
	// After the last tick there is time to do what waits.
	const end = (ifTicks+1)*ifTick + 12_000
	for tick := int64(1); now < end; {
		woke := b.Get(9, 1)
		spent := total()
		next := b.Poll(now)
		took := total() - spent
		x.slow = max(x.slow, uint32(took))
		if b.Get(9, 1) != woke {
			if wokeAt > 0 {
				x.hold = max(x.hold, now-wokeAt-ifWakeup)
			}
			wokeAt = now - (now-ifTick)%ifWakeup
		}
		now += took
		due := int64(end)
		if tick <= ifTicks {
			due = tick*ifTick + ifTick
		}
		if now >= due && tick <= ifTicks {
			spent = total()
			late := now - due
			r := b.FireEach(now, hookContinue, nil, outcomes)
			for _, o := range outcomes[:int(r.Ran)+int(r.Faulted)] {
				if o.Container == 7 {
					x.seen.Values = append(x.seen.Values, o.Value)
					break
				}
				late += int64(o.Instructions) // ran before the worker
			}
			x.late = max(x.late, late)
			now += total() - spent
			spent = total()
			b.Fire(now, hookNegative, nil)
			now += total() - spent
			tick++
			continue
		}
		now = max(now, min(next, due))
	}
	for _, owner := range []int{7, 8, engine.TenantStore(1), engine.GlobalStore(1)} {
		x.seen.Stores = append(x.seen.Stores, append([]engine.Entry(nil), b.Part(owner)...))
	}
	x.seen.Log = b.log.String()
	x.seen.Wakeups = uint64(b.Get(9, 1))
	for i := 7; i < 10; i++ {
		if s := b.Container(i).Stats(); s.Faults > 0 {
			t.Errorf("%s: %+v", b.Container(i).Name(), s)
		}
	}
	return x
}

// periodicProgram wakes up periodically and counts in its local store.
func periodicProgram(t *testing.T) []byte {
	return program(t, strings.ReplaceAll(fmt.Sprintf(`
		stw [r10-4], %d
		mov r6, 0
	loop:
		mov r1, r10
		sub r1, 4
		mov r2, %d
		call 0x61
		add r6, 1
		mov r1, 1
		mov r2, r6
		call 0x10
		ja loop
		exit`, ifTick, ifWakeup), "\t\t", ""), image.Parts{Contract: long(64)})
}

// TestInterference: whatever a tenant does, the other one's containers give
// the same results, and its hook fires no later than stated.
func TestInterference(t *testing.T) {
	calm := interfere(t, func(*bench) {})
	if n := len(calm.seen.Values); n != ifTicks || calm.seen.Values[n-1] != ifTicks || calm.seen.Wakeups < ifTicks*ifTick/ifWakeup-2 {
		t.Fatalf("alone: %d values, %d wakeups", n, calm.seen.Wakeups)
	}
	if got := calm.seen.Stores[1]; len(got) != 1 || got[0].Value < ifTicks-1 {
		t.Fatalf("alone: the receiver stored %v", got)
	}
	t.Logf("alone: hook late by %d instructions, a waking container by %d", calm.late, calm.hold)
	attacks := map[string]struct {
		source string
		parts  image.Parts
	}{
		"loops":           {"loop: ja loop\nexit", image.Parts{}},
		"faults":          {"mov r1, 0\nldxb r0, [r1]", image.Parts{}},
		"fills its store": {"mov r6, 1000\nloop: mov r1, r6\nmov r2, r6\ncall 0x10\nmov r1, r6\nmov r2, r6\ncall 0x11\nmov r1, r6\nmov r2, r6\ncall 0x14\nsub r6, 1\njne r6, 0, loop\nmov r0, 0", image.Parts{}},
		"floods the log":  {"loop: lddwr r1, 0\ncall 1\nja loop\nexit", image.Parts{Rodata: []byte("flood flood flood")}},
		"floods others":   {"loop: mov r1, 1\nmov r2, 2\ncall 0xa0\nja loop\nexit", image.Parts{}},
		"hostile pointers": {`
			mov r6, 16
			lddw r7, 0x10000000
		loop:
			mov r1, r7
			mov r2, r7
			mov r3, -1
			call 2
			exit`, image.Parts{}},
		"hostile strings":         {"lddw r1, 0xfffffffffffffff0\ncall 1\nexit", image.Parts{}},
		"hostile results":         {"mov r1, 1\nlddw r2, 0x3ffffffe\ncall 0x12\nexit", image.Parts{}},
		"overwrites the stack":    {"mov r1, r10\nloop: sub r1, 8\nstdw [r1], -1\nja loop\nexit", image.Parts{}},
		"writes behind its .data": {"lddwd r1, 8\nloop: stxdw [r1], r1\nadd r1, 8\nja loop\nexit", image.Parts{Data: make([]byte, 8)}},
		"calls without end":       {"call f\nexit\nf: call f\nexit", image.Parts{}},
		"never yields":            {"loop: ja loop\nexit", image.Parts{Contract: long(64)}},
		"yields and floods":       {"loop: mov r1, 1\nmov r2, 2\ncall 0xa0\nlddwr r1, 0\ncall 1\nja loop\nexit", image.Parts{Rodata: []byte("flood"), Contract: long(64)}},
		"faults as it goes":       {"mov r1, 0\nldxb r0, [r1]", image.Parts{Contract: long(64)}},
		"waits for no time":       {"stw [r10-4], 0\nloop: mov r1, r10\nsub r1, 4\nmov r2, 0\ncall 0x61\nja loop\nexit", image.Parts{Contract: long(64)}},
		"takes all memory":        {"mov r0, 0", image.Parts{Data: make([]byte, 512)}},
		"clobbers what it gets":   {"mov r1, -1\nmov r2, -1\nmov r3, -1\nmov r4, -1\nmov r5, -1\nmov r6, -1\nmov r7, -1\nmov r8, -1\nmov r9, -1\nmov r0, -1", image.Parts{}},
	}
	// A Poll comes before it, and ahead of it on its hook two containers run, but
	// for long-running ones.
	const (
		slice = ifQuantum + ifOver
		whole = ifBudget + ifOver
	)
	for name, a := range attacks {
		t.Run(name, func(t *testing.T) {
			x := interfere(t, func(b *bench) {
				img := program(t, a.source, a.parts)
				// Ahead of the others on their hooks, and on a hook of its own.
				for i, hook := range []int{hookContinue, hookContinue, hookWritable, hookSingle, hookNegative} {
					b.mustInstall(t, i, engine.Spec{Hook: hook, Tenant: 2, Name: []byte{byte(i)}, Image: img})
				}
			})
			if !reflect.DeepEqual(x.seen, calm.seen) {
				t.Errorf("stores %v, alone %v", x.seen.Stores, calm.seen.Stores)
				t.Errorf("%d wakeups, alone %d; log %q", x.seen.Wakeups, calm.seen.Wakeups, x.seen.Log)
				t.Errorf("results %v", x.seen.Values)
			}
			late, slow := int64(slice+2*whole), uint32(slice+whole) // an event for one container, and a slice
			if a.parts.Contract != nil {
				late, slow = slice, slice+ifOver // an event for the receiver
			}
			if x.late > late {
				t.Errorf("the hook fired %d instructions late, want at most %d", x.late, late)
			}
			if x.slow > slow {
				t.Errorf("a Poll took %d instructions, want at most %d", x.slow, slow)
			}
			t.Logf("hook late by %d, waking by %d, longest Poll %d instructions", x.late, x.hold, x.slow)
		})
	}
}
