package engine_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
)

// TestStoresAgreeWithMaps drives all stores and the containers that own them
// at random, beside a model that has a list for each.
func TestStoresAgreeWithMaps(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		b := newBench(t)
		img := code(t, "mov r0, 0")
		quotas := [][3]uint16{{6, 5, 7}, {3, 5, 0}, {9, 4, 2}, {6, 8, 7}, {0, 0, 1}} // the owner's first
		for i, quota := range quotas {
			b.Tenant(i - 1).Grant.Quota = quota
		}

		type model struct {
			pairs  []engine.Entry
			tenant int
		}
		owners := []int{0, 1, 2, 3}
		stores := map[int]*model{}
		globals := []*model{}
		for i := engine.Owner; i < len(b.config.Tenants); i++ {
			owners = append(owners, engine.TenantStore(i), engine.GlobalStore(i))
			stores[engine.TenantStore(i)], stores[engine.GlobalStore(i)] = &model{tenant: i}, &model{tenant: i}
			globals = append(globals, stores[engine.GlobalStore(i)])
		}
		isGlobal := func(owner int) bool { return owner < 0 && owner%2 != 0 }
		// Who is said to have a key of the global store may be another one.
		locate := func(owner int, key uint32) (m *model, at int) {
			has := func(e engine.Entry) bool { return e.Key == key }
			if isGlobal(owner) {
				for _, m := range globals {
					if at := slices.IndexFunc(m.pairs, has); at >= 0 {
						return m, at
					}
				}
			}
			if m = stores[owner]; m == nil {
				return nil, -1
			}
			return m, slices.IndexFunc(m.pairs, has)
		}
		total := func() (n int) {
			for _, m := range stores {
				n += len(m.pairs)
			}
			return n
		}
		for step := range 2000 {
			i := random.IntN(4)
			owner := owners[random.IntN(len(owners))]
			key, value := random.Uint32N(10), random.Uint32()
			m, at := locate(owner, key)
			switch random.IntN(16) {
			case 0:
				tenant := random.IntN(5) - 1
				if err := b.Install(i, &engine.Spec{Hook: hookContinue, Image: img, Tenant: tenant}); err.Reason != engine.OK {
					t.Fatal(err)
				}
				if stores[i] == nil || stores[i].tenant != tenant {
					stores[i] = &model{tenant: tenant}
				}
			case 1:
				b.Remove(i)
				delete(stores, i)
			case 2:
				if random.IntN(4) > 0 {
					break
				}
				b.Clear(owner)
				if m := stores[owner]; m != nil {
					m.pairs = nil
				}
			case 3, 4:
				if deleted := b.Delete(owner, key); deleted != (at >= 0) {
					t.Fatalf("seed %d step %d: Delete(%d, %d) is %v", seed, step, owner, key, deleted)
				}
				if at >= 0 {
					m.pairs = slices.Delete(m.pairs, at, at+1)
				}
			default:
				quota, mine := 0, 0
				if m != nil {
					scope := engine.ScopeTenant
					if isGlobal(owner) {
						scope = engine.ScopeGlobal
					} else if owner >= 0 {
						scope = engine.ScopeLocal
					}
					quota, mine = int(quotas[m.tenant+1][scope]), len(m.pairs)
				}
				want := engine.OK
				switch {
				case m == nil:
					want = engine.ErrContainer
				case at >= 0:
					m.pairs[at].Value = value
				case quota > 0 && mine == quota || total() == len(b.config.Entries):
					want = engine.ErrStore
				default:
					m.pairs = append(m.pairs, engine.Entry{Key: key, Value: value})
				}
				if err := b.Put(owner, key, value); err != want {
					t.Fatalf("seed %d step %d: Put(%d, %d) is %v, want %v", seed, step, owner, key, err, want)
				}
			}
			for _, owner := range owners {
				var want []engine.Entry
				if m := stores[owner]; m != nil {
					want = m.pairs
				}
				if got := b.Part(owner); !slices.Equal(got, want) {
					t.Fatalf("seed %d step %d: part of %d is %v, want %v", seed, step, owner, got, want)
				}
				if isGlobal(owner) {
					want = nil
					for _, m := range globals {
						want = append(want, m.pairs...)
					}
				}
				if got := b.Pairs(owner); !slices.Equal(got, want) {
					t.Fatalf("seed %d step %d: store of %d is %v, want %v", seed, step, owner, got, want)
				}
				for key := range uint32(11) {
					var value uint32
					for _, e := range want {
						if e.Key == key {
							value = e.Value
						}
					}
					if got := b.Get(owner, key); got != value {
						t.Fatalf("seed %d step %d: Get(%d, %d) = %d, want %d", seed, step, owner, key, got, value)
					}
				}
			}
			for _, e := range b.config.Entries[total():] {
				if e != (engine.Entry{}) {
					t.Fatalf("seed %d step %d: an entry was not cleared", seed, step)
				}
			}
		}
	}
}

func TestStoreOwners(t *testing.T) {
	b := newBench(t)
	for _, owner := range []int{-13, -12, -11, 0, 3, 4} {
		if err := b.Put(owner, 1, 1); err != engine.ErrContainer {
			t.Errorf("Put for %d: %v", owner, err)
		}
		if b.Pairs(owner) != nil || b.Get(owner, 1) != 0 {
			t.Errorf("%d has a store", owner)
		}
	}
	// Outside a run there is no container to ask for.
	if err := b.Store(engine.ScopeGlobal, 1, 1); err != engine.ErrContainer {
		t.Errorf("Store outside a run: %v", err)
	}
	if v := b.Fetch(engine.ScopeGlobal, 1); v != 0 {
		t.Errorf("Fetch outside a run: %d", v)
	}
}

func TestLocalStoreFollowsTheTenant(t *testing.T) {
	b := newBench(t)
	const mine, theirs = 1, 2
	img := code(t, "mov r0, 0")
	install := func(tenant int) {
		t.Helper()
		if err := b.Install(0, &engine.Spec{Hook: hookContinue, Image: img, Tenant: tenant}); err.Reason != engine.OK {
			t.Fatal(err)
		}
	}
	install(mine)
	b.Put(0, 1, 5)
	install(mine)
	if v := b.Get(0, 1); v != 5 {
		t.Errorf("a new version of the same tenant finds %d, want 5", v)
	}
	install(theirs)
	if v := b.Get(0, 1); v != 0 {
		t.Errorf("another tenant finds %d, want nothing", v)
	}
}

// FuzzImage installs and fires any image between two containers that must not
// notice.
func FuzzImage(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add(code(f, "ldxdw r1, [r1]\nstxdw [r10-8], r1\nmov r0, 1"), []byte("context."))
	f.Add(program(f, "lddwd r1, 0\nlddwr r2, 0\nmov r3, 8\ncall 2\nmov r1, 1\nmov r2, 2\ncall 0x11\nlddwr r1, 8\ncall 1",
		image.Parts{Data: make([]byte, 8), Rodata: []byte("%d %s %lx")}), []byte{1, 2})
	neighbour := program(f, "lddwd r1, 0\nldxdw r0, [r1]", image.Parts{Data: []byte("neighbor")})
	f.Add(program(f, "stw [r10-4], 0\nloop: mov r1, r10\nsub r1, 4\nmov r2, 1\ncall 0x61\ncall f\nja loop\nf: mov r0, 1\nexit",
		image.Parts{Contract: &image.Contract{Flags: image.LongRunning, Stack: 24}}), []byte{})
	f.Fuzz(func(t *testing.T, img, ctx []byte) {
		// The mutator hands out one buffer for both; a container may write
		// to its context, and an image must not lie there.
		img, ctx = bytes.Clone(img), bytes.Clone(ctx)
		b := newBench(t)
		b.config.Budget, b.config.Memory = 2000, make([]byte, 512)
		b.Init(&b.config)
		b.install(t, 0, hookSingle, neighbour)
		spec := engine.Spec{Hook: hookWritable, Image: img}
		before := fmt.Sprint(b.config.Containers)
		if err := b.Install(1, &spec); err.Reason != engine.OK {
			if after := fmt.Sprint(b.config.Containers); after != before {
				t.Fatal("a refusal changed the table")
			}
			return
		}
		b.install(t, 2, hookSingle, neighbour)
		b.Put(0, 1, 11)
		b.Put(2, 1, 22)
		image := string(img)
		for now := range int64(4) {
			r := b.Fire(now, hookWritable, ctx)
			if r.Ran+r.Faulted != 1 && b.Container(1).State() == engine.Attached && !b.Container(1).LongRunning() {
				t.Fatalf("%+v", r)
			}
			b.Poll(now)
		}
		if string(img) != image {
			t.Fatal("the image changed")
		}
		for _, i := range []int{0, 2} {
			if s := b.Container(i).Stats(); s.Activations != 0 {
				t.Fatalf("container %d ran", i)
			}
			if got := b.Pairs(i); len(got) != 1 || got[0] != (engine.Entry{Key: 1, Value: uint32(11 * (i/2 + 1))}) {
				t.Fatalf("store of %d is %v", i, got)
			}
		}
		if v := b.value(t, hookSingle, nil); uint64(v) != 0x726f62686769656e {
			t.Fatalf("a neighbour's .data is %#x", v)
		}
		b.Remove(0)
		if v := b.value(t, hookSingle, nil); uint64(v) != 0x726f62686769656e {
			t.Fatalf("the other neighbour's .data is %#x", v)
		}
	})
}

// TestUnsaved follows a store's owner who keeps what changed.
func TestUnsaved(t *testing.T) {
	b := newBench(t)
	b.install(t, 2, hookContinue, code(t, "mov r0, 0"))
	const local, tenant, global = 1 << engine.ScopeLocal, 1 << engine.ScopeTenant, 1 << engine.ScopeGlobal
	owners := []int{engine.TenantStore(3), engine.TenantStore(engine.Owner), engine.Global, 2}
	want := func(scopes uint8, want ...int) {
		t.Helper()
		var got []int
		for {
			owner, ok := b.Unsaved(scopes)
			if !ok {
				break
			}
			got = append(got, owner)
			b.Saved(owner)
		}
		if !slices.Equal(got, want) {
			t.Errorf("unsaved in %#b: %v, want %v", scopes, got, want)
		}
	}
	want(local | tenant | global)
	for _, owner := range owners {
		b.Put(owner, 1, 5)
	}
	want(tenant, owners[:2]...)
	want(global, engine.Global)
	want(local|tenant, 2)
	for _, owner := range owners {
		b.Put(owner, 1, 5) // as it is
		b.Delete(owner, 9) // is not there
	}
	want(local | tenant | global)
	b.Put(engine.Global, 1, 6)
	b.Delete(2, 1)
	want(local|tenant|global, engine.Global, 2)
	b.Clear(2)
	want(local | tenant | global)
	b.Put(2, 3, 4)
	b.Remove(2)
	want(local | tenant | global)
}

// TestUnsavedIsFair: one owner that writes all the time has a turn among others.
func TestUnsavedIsFair(t *testing.T) {
	b := newBench(t)
	for i := range 3 {
		b.install(t, i, hookContinue, code(t, "mov r0, 0"))
	}
	owners := []int{engine.TenantStore(3), engine.TenantStore(0), engine.Global, 0, 1, 2}
	saved := map[int]int{}
	for round := range uint32(60) {
		for _, owner := range owners {
			b.Put(owner, 1, round+1)
		}
		owner, ok := b.Unsaved(7)
		if !ok {
			t.Fatal("nothing to save")
		}
		saved[owner]++
		b.Saved(owner)
	}
	for _, owner := range owners {
		if saved[owner] != 10 {
			t.Errorf("store %d was saved %d times, want 10", owner, saved[owner])
		}
	}
}

// TestTrialsKeepEntries: while a version is on trial, what the one before was
// promised is nobody else's; afterwards what it does not need itself is.
func TestTrialsKeepEntries(t *testing.T) {
	promise := func(value int, entries uint16) []byte {
		return program(t, fmt.Sprintf("mov r0, %d", value), image.Parts{Contract: &image.Contract{Entries: [3]uint16{entries}}})
	}
	fill := func(b *bench) (n int) {
		for key := uint32(len(b.Pairs(engine.Global))); b.Put(engine.Global, key, key) == engine.OK; key++ {
			n++
		}
		return n
	}
	for name, test := range map[string]struct {
		end     func(b *bench) engine.Error
		value   int64
		further int // entries that are free for others then
	}{
		"reverted":  {func(b *bench) engine.Error { return b.Revert(0) }, 1, 0},
		"confirmed": {func(b *bench) engine.Error { return b.Confirm(0) }, 2, 8},
		"a third one confirmed": {func(b *bench) engine.Error {
			b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: promise(3, 4)})
			return b.Confirm(0)
		}, 3, 6},
		"a third one reverted": {func(b *bench) engine.Error {
			b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: promise(3, 4)})
			return b.Revert(0)
		}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := trialBench(t) // with 16 entries
			b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: promise(1, 10)})
			b.mustInstall(t, 0, engine.Spec{Tenant: 1, Image: promise(2, 2)})
			if got := fill(b); got != 6 {
				t.Errorf("%d entries were free for others, want 6", got)
			}
			if err := test.end(b); err != engine.OK {
				t.Fatal(err)
			}
			if v := b.value(t, 0, nil); v != test.value {
				t.Errorf("version %d, want %d", v, test.value)
			}
			if got := fill(b); got != test.further {
				t.Errorf("%d entries more were free, want %d", got, test.further)
			}
		})
	}
}
