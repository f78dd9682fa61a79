package engine_test

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

func TestFletcher32(t *testing.T) {
	b := newBench(t)
	b.install(t, 0, hookContinue, examples.Fletcher32)
	r := b.Fire(0, hookContinue, examples.Fletcher32Input)
	if r.Value != examples.Fletcher32Sum || r.Ran != 1 || r.Faulted != 0 {
		t.Errorf("%+v, want value %#x", r, examples.Fletcher32Sum)
	}
	t.Logf("%d instructions over %d bytes, image of %d bytes", r.Instructions, len(examples.Fletcher32Input), len(examples.Fletcher32))
	if s := b.Container(0).Stats(); s.Activations != 1 || s.Instructions != uint64(r.Instructions) || s.Faults != 0 {
		t.Errorf("stats %+v", s)
	}
	// More than one block of 359 words, which is where the sums are folded.
	long := bytes.Repeat([]byte{0xff, 0xfe}, 1000)
	first, second := uint64(0xffff), uint64(0xffff)
	for i := 0; i < len(long); i += 2 {
		first = (first + uint64(binary.LittleEndian.Uint16(long[i:]))) % 0xffff
		second = (second + first) % 0xffff
	}
	got := uint64(b.value(t, hookContinue, long))
	if got>>16%0xffff != second || got&0xffff%0xffff != first {
		t.Errorf("2000 bytes: %#x, want %#x modulo 65535", got, second<<16|first)
	}
}

func TestOutlawPassesTheCheckAndFaults(t *testing.T) {
	for _, length := range []int{0, 1, 8, 360} {
		for _, hook := range []int{hookContinue, hookWritable} {
			b := newBench(t)
			b.install(t, 0, hook, examples.Outlaw)
			backing := bytes.Repeat([]byte{0x55}, length+8)
			r := b.Fire(0, hook, backing[:length])
			s := b.Container(0).Stats()
			if r.Faulted != 1 || s.Fault != vm.FaultMemory {
				t.Errorf("context of %d: %+v, %+v", length, r, s)
			}
			if want := vm.Address(vm.RegionContext, uint32(length)); length > 0 && s.FaultAddress != want {
				t.Errorf("context of %d: fault at %#x, want %#x", length, s.FaultAddress, want)
			}
			if !bytes.Equal(backing, bytes.Repeat([]byte{0x55}, length+8)) {
				t.Errorf("context of %d: memory changed", length)
			}
		}
	}
}

func TestEmptyHookGivesItsDefault(t *testing.T) {
	b := newBench(t)
	if r := b.Fire(0, hookContinue, nil); r != (engine.Result{Value: defaultResult}) {
		t.Errorf("%+v", r)
	}
	if n := b.Hook(hookContinue).Fired(); n != 1 {
		t.Errorf("fired %d times, want 1", n)
	}
	for _, hook := range []int{-1, hooks} {
		if r := b.Fire(0, hook, nil); r.Err != engine.ErrHook {
			t.Errorf("hook %d: %+v", hook, r)
		}
	}
}

// TestPolicies is papers.md §4: what stops the row of containers, and which
// result counts. "fault" is a container that faults.
func TestPolicies(t *testing.T) {
	const fault = 1 << 40
	tests := []struct {
		name         string
		hook         int
		results      []int64
		value        int64
		ran, faulted uint8
	}{
		{"continue runs all", hookContinue, []int64{1, -1, 5}, 5, 3, 0},
		{"continue skips a fault", hookContinue, []int64{1, fault, 5}, 5, 2, 1},
		{"continue keeps the last result before a fault", hookContinue, []int64{1, 5, fault}, 5, 2, 1},
		{"continue with faults only", hookContinue, []int64{fault, fault}, defaultResult, 0, 2},
		{"stop on negative", hookNegative, []int64{1, -1, 5}, -1, 2, 0},
		{"zero is not negative", hookNegative, []int64{0, 0, 5}, 5, 3, 0},
		{"no negative", hookNegative, []int64{1, 2, 3}, 3, 3, 0},
		{"fault is not negative", hookNegative, []int64{fault, 2, -3}, -3, 2, 1},
		{"stop on positive", hookPositive, []int64{-1, 4, 5}, 4, 2, 0},
		{"zero is not positive", hookPositive, []int64{0, -2, 0}, 0, 3, 0},
		{"single runs the first", hookSingle, []int64{3, 4}, 3, 1, 0},
		{"single skips a fault", hookSingle, []int64{fault, 4, 5}, 4, 1, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			for i, result := range test.results {
				if result == fault {
					b.install(t, i, test.hook, code(t, "ldxdw r0, [r1]"))
				} else {
					b.install(t, i, test.hook, code(t, "mov r0, "+number(result)))
				}
			}
			r := b.Fire(0, test.hook, nil)
			if r.Value != test.value || r.Ran != test.ran || r.Faulted != test.faulted {
				t.Errorf("%+v, want value %d of %d, %d faulted", r, test.value, test.ran, test.faulted)
			}
		})
	}
}

func number(n int64) string {
	if n < 0 {
		return "-" + number(-n)
	}
	return string(rune('0' + n))
}

// appendDigit lets containers write the order in which they run.
func appendDigit(t *testing.T, digit int64) []byte {
	return code(t, `
		mov r6, `+number(digit)+`
		mov r1, 1
		mov r2, r10
		sub r2, 4
		call 0x13
		ldxw r2, [r10-4]
		mul r2, 10
		add r2, r6
		mov r1, 1
		call 0x11
		mov r0, 0`)
}

func TestOrderIsTheOrderOfAttachment(t *testing.T) {
	b := newBench(t)
	order := func() uint32 {
		t.Helper()
		b.Put(engine.Global, 1, 0)
		b.value(t, hookContinue, nil)
		return b.Get(engine.Global, 1)
	}
	for _, i := range []int{2, 0, 3, 1} {
		b.install(t, i, hookContinue, appendDigit(t, int64(i)+1))
	}
	if got := order(); got != 3142 {
		t.Errorf("order %d, want 3142", got)
	}
	b.Remove(0)
	if got := order(); got != 342 {
		t.Errorf("after removal of the second: order %d, want 342", got)
	}
	b.install(t, 0, hookContinue, appendDigit(t, 9))
	if got := order(); got != 3429 {
		t.Errorf("a new container runs last: order %d, want 3429", got)
	}
	b.install(t, 3, hookContinue, appendDigit(t, 7))
	if got := order(); got != 3729 {
		t.Errorf("a replacement keeps the place: order %d, want 3729", got)
	}
	b.Remove(2)
	b.Remove(0)
	if got := order(); got != 72 {
		t.Errorf("without first and last: order %d, want 72", got)
	}
	b.Stop(3)
	if got := order(); got != 2 {
		t.Errorf("with one stopped: order %d, want 2", got)
	}
	b.Start(3)
	if got := order(); got != 72 {
		t.Errorf("started again: order %d, want 72", got)
	}
}

func TestFaultLimit(t *testing.T) {
	b := newBench(t)
	// Faults unless the context has a byte.
	img := code(t, "mov r0, 1\njne r2, 0, out\nldxb r0, [r1]\nout: exit")
	b.install(t, 0, hookContinue, img)
	fire := func(ctx []byte, faulted uint8, state engine.State) {
		t.Helper()
		r := b.Fire(0, hookContinue, ctx)
		if r.Faulted != faulted || b.Container(0).State() != state {
			t.Errorf("%+v in state %d; want %d faults, state %d", r, b.Container(0).State(), faulted, state)
		}
	}
	good := []byte{1}
	fire(nil, 1, engine.Attached)
	fire(nil, 1, engine.Attached)
	fire(good, 0, engine.Attached) // the row of faults ends
	fire(nil, 1, engine.Attached)
	fire(nil, 1, engine.Attached)
	fire(nil, 1, engine.Faulted)
	fire(good, 0, engine.Faulted)
	want := engine.Stats{Activations: 6, Faults: 5, Fault: vm.FaultMemory, FaultPC: 2}
	if s := b.Container(0).Stats(); s.Activations != want.Activations || s.Faults != want.Faults || s.Fault != want.Fault || s.FaultPC != want.FaultPC {
		t.Errorf("stats %+v, want %+v", s, want)
	}
	b.Start(0)
	fire(nil, 1, engine.Attached)
	fire(good, 0, engine.Attached)
}

func TestNoFaultLimit(t *testing.T) {
	b := newBench(t)
	b.config.FaultLimit = 0
	b.Init(&b.config)
	b.install(t, 0, hookContinue, code(t, "ldxdw r0, [r1]"))
	for range 600 {
		b.Fire(0, hookContinue, nil)
	}
	if c := b.Container(0); c.State() != engine.Attached || c.Stats().Faults != 600 {
		t.Errorf("state %d after %d faults", c.State(), c.Stats().Faults)
	}
}

// snapshot is everything the engine's owner can see.
func snapshot(b *bench) any {
	var containers []engine.Container
	for i := range b.Containers() {
		containers = append(containers, *b.Container(i))
	}
	return []any{containers, bytes.Clone(b.config.Memory), append([]engine.Entry(nil), b.config.Entries...), b.MemoryFree()}
}

// TestRefusalsChangeNothing replaces a container by what may not be installed:
// the old one must go on (papers.md §2.8, 14 and 15).
func TestRefusalsChangeNothing(t *testing.T) {
	good := code(t, "mov r0, 1")
	damaged := bytes.Clone(good)
	damaged[28] = 0xff // the first opcode
	long := program(t, "mov r0, 1", image.Parts{Rodata: make([]byte, 1024)})
	lies := bytes.Clone(good)
	binary.LittleEndian.PutUint32(lies[12:], 0xfffffff8)
	const noCalls, storesOnly = 1, 2
	var storeOnly engine.Grant
	storeOnly.Hooks = engine.AllHooks
	storeOnly.Helpers.Add(helpers.StoreLocal)
	storeOnly.Helpers.Add(200) // which this firmware lacks

	tests := []struct {
		name   string
		place  int
		spec   engine.Spec
		reason engine.Error
		fault  vm.Fault
	}{
		{"no such place", 4, engine.Spec{Image: good}, engine.ErrContainer, 0},
		{"negative place", -1, engine.Spec{Image: good}, engine.ErrContainer, 0},
		{"no such hook", 1, engine.Spec{Hook: hooks, Image: good}, engine.ErrHook, 0},
		{"negative hook", 1, engine.Spec{Hook: -1, Image: good}, engine.ErrHook, 0},
		{"place of another hook", 0, engine.Spec{Hook: hookSingle, Image: good}, engine.ErrHook, 0},
		{"no such tenant", 0, engine.Spec{Tenant: 4, Image: good}, engine.ErrTenant, 0},
		{"negative tenant", 0, engine.Spec{Tenant: -2, Image: good}, engine.ErrTenant, 0},
		{"name too long", 0, engine.Spec{Name: []byte("seventeen letters"), Image: good}, engine.ErrName, 0},
		{"no image", 0, engine.Spec{}, engine.ErrImage, 0},
		{"image cut", 0, engine.Spec{Image: good[:len(good)-1]}, engine.ErrImage, 0},
		{"lengths lie", 0, engine.Spec{Image: lies}, engine.ErrImage, 0},
		{"image larger than a slot", 0, engine.Spec{Image: long}, engine.ErrImageSize, 0},
		{"unknown opcode", 0, engine.Spec{Image: damaged}, engine.ErrProgram, vm.FaultInstruction},
		{"no exit", 0, engine.Spec{Image: image.Append(nil, image.Parts{Text: good[28:36]})}, engine.ErrProgram, vm.FaultNoReturn},
		{"unknown helper", 0, engine.Spec{Image: code(t, "call 99")}, engine.ErrNotGranted, vm.FaultNotGranted},
		{"helper not granted", 0, engine.Spec{Image: code(t, "call 1"), Tenant: noCalls}, engine.ErrNotGranted, vm.FaultNotGranted},
		{"another helper granted", 0, engine.Spec{Image: code(t, "call 0x11"), Tenant: storesOnly}, engine.ErrNotGranted, vm.FaultNotGranted},
		{"helper granted but missing", 0, engine.Spec{Image: code(t, "call 200"), Tenant: storesOnly}, engine.ErrNotGranted, vm.FaultNotGranted},
		{"too much .data", 0, engine.Spec{Image: program(t, "mov r0, 1", image.Parts{Data: make([]byte, 65)})}, engine.ErrMemory, 0},
		{"too much .data beside another", 1, engine.Spec{Image: program(t, "mov r0, 1", image.Parts{Data: make([]byte, 64)})}, engine.ErrMemory, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.config.Tenants[noCalls].Grant = engine.Grant{Hooks: engine.AllHooks}
			b.config.Tenants[storesOnly].Grant = storeOnly
			old := program(t, "mov r0, 42", image.Parts{Data: []byte("old data")})
			b.install(t, 0, hookContinue, old)
			b.Put(0, 1, 2)
			b.value(t, hookContinue, nil)
			before := snapshot(b)

			check, install := b.Check(test.place, &test.spec), b.Install(test.place, &test.spec)
			if check != install {
				t.Errorf("Check says %v, Install %v", check, install)
			}
			if install.Reason != test.reason || install.Program.Fault != test.fault {
				t.Errorf("refused with %q (%v), want %q (%v)", install.Reason, install.Program.Fault, test.reason, test.fault)
			}
			if !reflect.DeepEqual(snapshot(b), before) {
				t.Error("the refusal changed something")
			}
			if v := b.value(t, hookContinue, nil); v != 42 {
				t.Errorf("the old container gives %d", v)
			}
		})
	}
}

func TestCheckChangesNothing(t *testing.T) {
	b := newBench(t)
	b.install(t, 0, hookContinue, program(t, "mov r0, 1", image.Parts{Data: make([]byte, 64)}))
	before := snapshot(b)
	// The memory of what is replaced counts as free.
	spec := engine.Spec{Hook: hookContinue, Image: program(t, "mov r0, 2", image.Parts{Data: make([]byte, 64)})}
	if err := b.Check(0, &spec); err.Reason != engine.OK {
		t.Error(err)
	}
	if !reflect.DeepEqual(snapshot(b), before) {
		t.Error("Check changed something")
	}
}

func TestBudgets(t *testing.T) {
	loop := "mov r0, 0\nloop: add r0, 1\njlt r0, 100, loop"
	b := newBench(t)
	b.config.Budget = 1000
	b.Init(&b.config)
	const small, large = 1, 2
	b.config.Tenants[small].Grant.Budget = 50
	b.config.Tenants[large].Grant.Budget = 100_000
	tests := []struct {
		name   string
		hook   int
		tenant int
		fault  bool
	}{
		{"the engine's", hookContinue, 0, false},
		{"the hook's is smaller", hookTight, engine.Owner, true},
		{"the grant's is smaller", hookContinue, small, true},
		{"the grant's is larger", hookContinue, large, false},
		{"the hook's bounds the grant's", hookTight, large, true},
	}
	for _, test := range tests {
		b.Remove(0)
		if err := b.Install(0, &engine.Spec{Hook: test.hook, Image: code(t, loop), Tenant: test.tenant}); err.Reason != engine.OK {
			t.Fatal(err)
		}
		r := b.Fire(0, test.hook, nil)
		if (r.Faulted == 1) != test.fault || (test.fault && b.Container(0).Stats().Fault != vm.FaultBudget) {
			t.Errorf("%s: %+v, %v", test.name, r, b.Container(0).Stats().Fault)
		}
	}
	endless := code(t, "loop: ja loop\nexit")
	b.Remove(0)
	b.install(t, 0, hookContinue, endless)
	if r := b.Fire(0, hookContinue, nil); r.Faulted != 1 || r.Instructions < 1000 || r.Instructions > 1000+4 {
		t.Errorf("an endless loop: %+v", r)
	}
}

func TestNothingFromInsideARun(t *testing.T) {
	b := newBench(t)
	img := program(t, "lddwr r1, 0\ncall 1", image.Parts{Rodata: []byte("x\x00")})
	var got []engine.Error
	b.config.Log = func(c *engine.Container, line []byte) {
		got = append(got, b.Fire(0, hookContinue, nil).Err,
			b.Install(1, &engine.Spec{Image: img}).Reason,
			b.Install(0, &engine.Spec{Image: img}).Reason,
			b.Remove(0), b.Stop(0), b.Start(0))
	}
	b.Init(&b.config)
	b.install(t, 0, hookContinue, img)
	b.value(t, hookContinue, nil)
	if len(got) != 6 {
		t.Fatalf("%d calls", len(got))
	}
	for i, err := range got {
		if err != engine.ErrBusy {
			t.Errorf("call %d: %v, want %v", i, err, engine.ErrBusy)
		}
	}
}

func TestLookups(t *testing.T) {
	b := newBench(t)
	if i := b.FindHook(&[16]byte{15: hookSingle}); i != hookSingle {
		t.Errorf("hook %d", i)
	}
	if i := b.FindHook(&[16]byte{1}); i != -1 {
		t.Errorf("unknown hook is %d", i)
	}
	if b.Free() != 0 {
		t.Errorf("free place %d", b.Free())
	}
	img := code(t, "mov r0, 1")
	install := func(i, hook int, name string) {
		t.Helper()
		if err := b.Install(i, &engine.Spec{Hook: hook, Name: []byte(name), Image: img}); err.Reason != engine.OK {
			t.Fatal(err)
		}
	}
	install(0, hookContinue, "")
	install(1, hookContinue, "a name of 16 chs")
	install(2, hookSingle, "twin")
	install(3, hookContinue, "twin")
	if b.Free() != -1 {
		t.Errorf("free place %d of a full table", b.Free())
	}
	for _, test := range []struct {
		hook int
		name string
		want int
	}{
		{hookContinue, "", 0}, {hookContinue, "a name of 16 chs", 1}, {hookSingle, "twin", 2}, {hookContinue, "twin", 3},
		{hookSingle, "", -1}, {hookContinue, "twi", -1}, {hookContinue, "twins", -1}, {hookContinue, "a name of 16 chsX", -1}, {hookContinue, "twin\x00", 3},
	} {
		if got := b.Find(test.hook, []byte(test.name)); got != test.want {
			t.Errorf("Find(%d, %q) = %d, want %d", test.hook, test.name, got, test.want)
		}
	}
	if name := b.Container(1).Name(); string(name) != "a name of 16 chs" {
		t.Errorf("name %q", name)
	}
	if b.Container(4) != nil || b.Container(-1) != nil || b.Hook(hooks) != nil {
		t.Error("there is something beyond the tables")
	}
	if err := b.Remove(7); err != engine.ErrContainer {
		t.Error(err)
	}
	b.Remove(1)
	if err := b.Remove(1); err != engine.ErrContainer {
		t.Errorf("removed twice: %v", err)
	}
	if b.Free() != 1 {
		t.Errorf("free place %d, want 1", b.Free())
	}
}

func TestConfigLimits(t *testing.T) {
	var e engine.Engine
	for name, config := range map[string]engine.Config{
		"too many hooks":      {Hooks: make([]engine.Hook, engine.MaxTable+1)},
		"too many containers": {Containers: make([]engine.Container, engine.MaxTable+1)},
		"too many tenants":    {Tenants: make([]engine.Tenant, engine.MaxTable+1)},
		"too many entries":    {Entries: make([]engine.Entry, 0x8000)},
		"too many regions":    {Hooks: []engine.Hook{{Regions: make([]vm.Region, 12)}}},
	} {
		if err := e.Init(&config); err != engine.ErrConfig {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := e.Init(&engine.Config{}); err != engine.OK {
		t.Errorf("nothing at all: %v", err)
	}
	if r := e.Fire(0, 0, nil); r.Err != engine.ErrHook {
		t.Errorf("%+v", r)
	}
}

func TestEveryErrorHasWords(t *testing.T) {
	seen := map[string]engine.Error{}
	for e := engine.OK; e <= engine.ErrQueue; e++ {
		text := e.Error()
		if other, double := seen[text]; double || text == engine.Error(255).Error() {
			t.Errorf("error %d says %q, as does %d", e, text, other)
		}
		seen[text] = e
	}
}

func TestFireEachTellsOfEachContainer(t *testing.T) {
	b := newBench(t)
	b.install(t, 2, hookContinue, code(t, "mov r0, -5"))
	b.install(t, 0, hookContinue, code(t, "mov r0, 1\nstb [r1+3], 1"))
	b.install(t, 1, hookContinue, code(t, "mov r0, 1\nmov r0, 7"))
	want := []engine.Outcome{
		{Container: 2, Value: -5, Instructions: 2},
		{Container: 0, Fault: vm.FaultMemory, PC: 1, Address: vm.Address(vm.RegionContext, 3), Instructions: 1},
		{Container: 1, Value: 7, Instructions: 3},
	}
	for room := range 5 {
		b.Start(0) // its faults in a row count anew
		got := make([]engine.Outcome, room)
		r := b.FireEach(0, hookContinue, []byte("ctx"), got)
		if r.Value != 7 || r.Ran != 2 || r.Faulted != 1 || r.Instructions != 6 {
			t.Errorf("room for %d: %+v", room, r)
		}
		for i := range got {
			if i < len(want) && got[i] != want[i] {
				t.Errorf("room for %d: outcome %d is %+v, want %+v", room, i, got[i], want[i])
			} else if i >= len(want) && got[i] != (engine.Outcome{}) {
				t.Errorf("room for %d: outcome %d is %+v, want none", room, i, got[i])
			}
		}
	}
}
