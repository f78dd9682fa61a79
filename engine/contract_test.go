package engine_test

import (
	"strings"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

func set(numbers ...uint8) (s vm.HelperSet) {
	for _, n := range numbers {
		s.Add(n)
	}
	return s
}

// TestContracts holds what images need against what tenant 1 is granted.
func TestContracts(t *testing.T) {
	granted := engine.Grant{Hooks: 1<<hookContinue | 1<<hookTight, Helpers: set(1, 0x11, 200), Budget: 5000,
		Entries: 11, Quota: [3]uint16{4, 3, 7}, Flash: 1200, Memory: 256, Containers: 2}
	uuid := func(hook int) []byte { u := [16]byte{15: byte(hook)}; return u[:] }
	for name, test := range map[string]struct {
		hook     int
		source   string
		data     int
		contract *image.Contract
		before   func(b *bench)
		reason   engine.Error
		unmet    engine.Unmet
		helpers  vm.HelperSet
	}{
		"nothing":             {contract: &image.Contract{}},
		"version 0":           {source: "call 0x11\nmov r0, 0"},
		"all that is granted": {contract: &image.Contract{Hook: uuid(hookContinue), Helpers: set(1, 0x11), Stack: 512, Budget: 5000, Entries: [3]uint16{4, 3, 7}}},
		"hook of another name": {contract: &image.Contract{Hook: uuid(hookSingle)},
			reason: engine.ErrUnmet, unmet: engine.UnmetHook},
		"hook not granted": {hook: hookSingle, reason: engine.ErrUnmet, unmet: engine.UnmetHook},
		"helper not granted": {contract: &image.Contract{Helpers: set(1, 0x10)},
			reason: engine.ErrNotGranted, unmet: engine.UnmetHelpers, helpers: set(0x10)},
		"helper granted but missing": {contract: &image.Contract{Helpers: set(200)},
			reason: engine.ErrNotGranted, unmet: engine.UnmetHelpers, helpers: set(200)},
		"helper called but not in the contract": {source: "call 0x11\nmov r0, 0", contract: &image.Contract{Helpers: set(1)},
			reason: engine.ErrNotGranted, unmet: engine.UnmetHelpers, helpers: set(0x11)},
		"helpers called, not granted, not in the contract": {source: "call 0x10\nmov r1, 0\nmov r2, 0\ncall 2\nmov r0, 0", contract: &image.Contract{Stack: 8},
			reason: engine.ErrNotGranted, unmet: engine.UnmetHelpers, helpers: set(0x10, 2)},
		"contract without a helper": {source: "call 0x11\nmov r0, 0", contract: &image.Contract{Keys: 1 << image.KeyHelpers},
			reason: engine.ErrNotGranted, unmet: engine.UnmetHelpers, helpers: set(0x11)},
		"stack": {contract: &image.Contract{Stack: 513}, reason: engine.ErrUnmet, unmet: engine.UnmetStack},
		"stack of its own": {contract: &image.Contract{Flags: image.LongRunning, Stack: 136, Helpers: set(1)},
			reason: engine.OK},
		"stack of its own, too large": {contract: &image.Contract{Flags: image.LongRunning, Stack: 0xffff},
			reason: engine.ErrMemory, unmet: engine.UnmetMemory},
		"budget":             {contract: &image.Contract{Budget: 5001}, reason: engine.ErrUnmet, unmet: engine.UnmetBudget},
		"budget of the hook": {hook: hookTight, contract: &image.Contract{Budget: 21}, reason: engine.ErrUnmet, unmet: engine.UnmetBudget},
		"local entries":      {contract: &image.Contract{Entries: [3]uint16{5, 0, 0}}, reason: engine.ErrUnmet, unmet: engine.UnmetLocal},
		"tenant's entries":   {contract: &image.Contract{Entries: [3]uint16{0, 4, 0}}, reason: engine.ErrUnmet, unmet: engine.UnmetTenant},
		"global entries":     {contract: &image.Contract{Entries: [3]uint16{0, 0, 8}}, reason: engine.ErrUnmet, unmet: engine.UnmetGlobal},
		"local entries beside its others": {contract: &image.Contract{Entries: [3]uint16{3, 0, 0}}, before: func(b *bench) {
			for k := range uint32(13) {
				b.Put([]int{engine.GlobalStore(1), engine.TenantStore(1), 2}[k/6], k, k)
			}
		}, reason: engine.ErrUnmet, unmet: engine.UnmetLocal},
		"local entries that others have": {contract: &image.Contract{Entries: [3]uint16{3, 0, 0}}, before: func(b *bench) {
			for k := range uint32(14) {
				b.Put(engine.Global, k, k)
			}
		}, reason: engine.ErrUnmet, unmet: engine.UnmetLocal},
		"memory": {data: 257, reason: engine.ErrMemory, unmet: engine.UnmetMemory},
		"memory beside another container": {data: 128, before: func(b *bench) {
			b.mustInstall(t, 2, engine.Spec{Tenant: 1, Image: program(t, "mov r0, 0", image.Parts{Data: make([]byte, 136)})})
		}, reason: engine.ErrMemory, unmet: engine.UnmetMemory},
		"containers": {before: func(b *bench) {
			b.mustInstall(t, 2, engine.Spec{Tenant: 1, Image: code(t, "mov r0, 0")})
			b.mustInstall(t, 3, engine.Spec{Tenant: 1, Image: code(t, "mov r0, 0")})
		}, reason: engine.ErrUnmet, unmet: engine.UnmetContainers},
		"flash beside another container": {source: strings.Repeat("mov r0, 0\n", 60), before: func(b *bench) {
			b.mustInstall(t, 2, engine.Spec{Tenant: 1, Image: code(t, strings.Repeat("mov r0, 0\n", 90))})
		}, reason: engine.ErrUnmet, unmet: engine.UnmetFlash},
		"everything at once": {hook: hookTight, data: 300,
			contract: &image.Contract{Hook: uuid(0), Helpers: set(2, 3), Stack: 1000, Budget: 1 << 20, Entries: [3]uint16{99, 98, 97}},
			before: func(b *bench) {
				b.mustInstall(t, 2, engine.Spec{Tenant: 1, Image: code(t, "mov r0, 0")})
				b.mustInstall(t, 3, engine.Spec{Tenant: 1, Image: code(t, strings.Repeat("mov r0, 0\n", 100))})
			},
			reason: engine.ErrNotGranted, helpers: set(2, 3),
			unmet: engine.UnmetHook | engine.UnmetHelpers | engine.UnmetStack | engine.UnmetBudget | engine.UnmetLocal | engine.UnmetTenant |
				engine.UnmetGlobal | engine.UnmetMemory | engine.UnmetContainers | engine.UnmetFlash},
	} {
		t.Run(name, func(t *testing.T) {
			b := newScheduler(t)
			b.config.Tenants[1].Grant = granted
			if test.before != nil {
				test.before(b)
			}
			if test.source == "" {
				test.source = "mov r0, 0"
			}
			img := program(t, test.source, image.Parts{Data: make([]byte, test.data), Contract: test.contract})
			err := b.Install(1, &engine.Spec{Hook: test.hook, Tenant: 1, Image: img})
			if err.Reason != test.reason || err.Unmet != test.unmet || err.Helpers != test.helpers {
				t.Errorf("%v, unmet %#x, helpers %x; want %v, %#x, %x", err.Reason, err.Unmet, err.Helpers, test.reason, test.unmet, test.helpers)
			}
			// The owner gets what the device has.
			owner := b.Check(1, &engine.Spec{Hook: test.hook, Tenant: engine.Owner, Image: img})
			if owner.Unmet&(engine.UnmetContainers|engine.UnmetFlash) != 0 || owner.Reason != engine.OK && test.reason == engine.OK {
				t.Errorf("the owner is refused: %v, unmet %#x", owner.Reason, owner.Unmet)
			}
		})
	}
}

func TestMalformedContract(t *testing.T) {
	b := newScheduler(t)
	img := program(t, "mov r0, 0", image.Parts{Contract: &image.Contract{Stack: 8}})
	for name, change := range map[string]struct {
		at   int
		to   byte
		want image.Error
	}{
		"another ABI": {2, 2, image.ErrABI},
		"no map":      {0, 0x80, image.ErrContract},
	} {
		bad := append([]byte(nil), img...)
		bad[len(img)-5+change.at] = change.to
		if err := b.Check(0, &engine.Spec{Image: bad}); err.Reason != engine.ErrImage || err.Image != change.want {
			t.Errorf("%s: %v, %v", name, err.Reason, err.Image)
		}
	}
}

// TestTwoTenantsOnOneHook have different privileges there, which the papers
// say cannot be.
func TestTwoTenantsOnOneHook(t *testing.T) {
	b := newScheduler(t)
	b.config.Tenants[1].Grant.Helpers = set(0x11)
	b.config.Tenants[2].Grant.Helpers = set(0x10)
	global, local := code(t, "mov r1, 1\nmov r2, 2\ncall 0x11"), code(t, "mov r1, 1\nmov r2, 2\ncall 0x10")
	b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: global})
	b.mustInstall(t, 1, engine.Spec{Tenant: 2, Image: local})
	if r := b.Fire(0, 0, nil); r.Ran != 2 || b.Get(engine.Global, 1) != 2 || b.Get(1, 1) != 2 {
		t.Errorf("%+v", r)
	}
	for tenant, img := range map[int][]byte{1: local, 2: global} {
		if err := b.Check(2, &engine.Spec{Tenant: tenant, Image: img}); err.Reason != engine.ErrNotGranted {
			t.Errorf("tenant %d: %v", tenant, err)
		}
	}
}

// TestPromisedEntries: what a contract was promised nobody else can take.
func TestPromisedEntries(t *testing.T) {
	b := newScheduler(t)
	b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: program(t, "mov r0, 0", image.Parts{Contract: &image.Contract{Entries: [3]uint16{5}}})})
	b.mustInstall(t, 1, engine.Spec{Tenant: 2, Image: code(t, "mov r0, 0")})
	stored := 0
	for k := range uint32(16) {
		if b.Put(1, k, k) == engine.OK {
			stored++
		}
		b.Put(engine.Global, k, k)
		b.Put(engine.TenantStore(2), k, k)
	}
	if n := stored + len(b.Pairs(engine.Global)) + len(b.Pairs(engine.TenantStore(2))); n != 16-5 {
		t.Errorf("others have %d entries of 16, want 11", n)
	}
	for k := range uint32(6) {
		want := engine.OK
		if k == 5 {
			want = engine.ErrStore
		}
		if err := b.Put(0, k, k); err != want {
			t.Errorf("entry %d: %v, want %v", k, err, want)
		}
	}
}

// TestShares: what a grant does not say is an equal share among those who may
// use a hook.
func TestShares(t *testing.T) {
	b := newScheduler(t) // 8 places, 8 KiB, 16 entries
	shared := engine.Everything()
	shared.Entries, shared.Memory, shared.Containers = 0, 0, 0
	hookless := shared
	hookless.Hooks = 0
	b.config.Tenants[0].Grant, b.config.Tenants[1].Grant = shared, hookless
	b.config.Tenants[2].Grant, b.config.Tenants[3].Grant = engine.Grant{}, engine.Grant{}
	install := func(i, tenant, data, entries int) engine.Unmet {
		img := program(t, "mov r0, 0", image.Parts{Data: make([]byte, data), Contract: &image.Contract{Entries: [3]uint16{uint16(entries)}}})
		err := b.Install(i, &engine.Spec{Tenant: tenant, Image: img})
		if err.Reason != engine.OK && err.Unmet == 0 {
			t.Fatal(err)
		}
		return err.Unmet
	}
	for i := range 5 {
		entries := 0
		if i == 0 {
			entries = 12
		}
		if unmet := install(i, 0, 904, entries); unmet != 0 {
			t.Fatalf("one that is alone does not get its container %d: %#x", i, unmet)
		}
	}
	// Then there is another one.
	b.config.Tenants[1].Grant = shared
	const all = engine.UnmetContainers | engine.UnmetMemory | engine.UnmetLocal
	if unmet := install(5, 0, 8, 9); unmet != all {
		t.Errorf("a container beyond the share: %#x, want %#x", unmet, all)
	}
	// What it has stays its, also over a restart.
	again := engine.Spec{Tenant: 0, Image: b.Container(0).Image().Bytes(), Kept: true}
	if err := b.Check(0, &again); err.Reason != engine.OK {
		t.Errorf("what was there before is refused: unmet %#x", err.Unmet)
	}
	again.Kept = false
	if err := b.Check(0, &again); err.Unmet != all {
		t.Errorf("a new version of it: unmet %#x, want %#x", err.Unmet, all)
	}
	for i := range 3 {
		if unmet := install(5+i, 1, 8, 0); unmet != 0 {
			t.Errorf("the other one does not get its container %d: %#x", i, unmet)
		}
	}
	if unmet := install(1, engine.Owner, 904, 0); unmet != 0 {
		t.Errorf("the owner is refused: %#x", unmet)
	}
	// Shares of entries hold while containers run.
	b.config.Tenants[1].Grant.Entries = 0
	put := func(owner int) (n int) {
		for b.Put(owner, uint32(100-owner*50+n), 1) == engine.OK {
			n++
		}
		return n
	}
	if n := put(engine.GlobalStore(0)) + put(engine.TenantStore(0)) + put(2); n != 0 {
		t.Errorf("who has more than its share got %d entries more", n)
	}
	if n := put(engine.GlobalStore(1)) + put(engine.TenantStore(1)) + put(6); n != 4 { // which are left
		t.Errorf("the other one got %d entries, want 4", n)
	}
}

// TestNobodyStarvesOthersOfEntries: whatever tenants do, in whichever order, each
// has its share, in the store of its choice.
func TestNobodyStarvesOthersOfEntries(t *testing.T) {
	b := newScheduler(t)
	for i := range b.config.Tenants {
		g := engine.Everything()
		g.Entries = 0
		b.config.Tenants[i].Grant = g
		b.mustInstall(t, i, engine.Spec{Tenant: i, Image: code(t, "mov r0, 0")})
	}
	for _, tenant := range []int{2, 0, 3, 1} {
		owners := []int{engine.GlobalStore(tenant), engine.TenantStore(tenant), tenant}
		got := 0
		for n := range 60 {
			if b.Put(owners[(n+tenant)%3], uint32(tenant*100+n), 1) == engine.OK {
				got++
			}
		}
		if got != 4 {
			t.Errorf("tenant %d got %d entries of 16, want 4", tenant, got)
		}
	}
}
