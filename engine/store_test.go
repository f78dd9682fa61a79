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
// at random, beside a model that has a map for each.
func TestStoresAgreeWithMaps(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		b := newBench(t)
		img := code(t, "mov r0, 0")
		grants := []*engine.Grant{nil, {LocalQuota: 3}, {LocalQuota: 9}}
		b.config.LocalQuota, b.config.GlobalQuota = 6, 7
		b.Init(&b.config)

		type model struct {
			pairs []engine.Entry
			grant *engine.Grant
		}
		var global model
		var local [4]*model
		total := func() (n int) {
			n = len(global.pairs)
			for _, m := range local {
				if m != nil {
					n += len(m.pairs)
				}
			}
			return n
		}
		for step := range 2000 {
			i := random.IntN(4)
			switch random.IntN(12) {
			case 0:
				grant := grants[random.IntN(len(grants))]
				if err := b.Install(i, &engine.Spec{Hook: hookContinue, Image: img, Grant: grant}); err.Reason != engine.OK {
					t.Fatal(err)
				}
				if local[i] == nil || local[i].grant != grant {
					local[i] = &model{grant: grant}
				}
			case 1:
				b.Remove(i)
				local[i] = nil
			default:
				owner, m, quota := i, local[i], 6
				if random.IntN(4) == 0 {
					owner, m, quota = engine.Global, &global, 7
				}
				key, value := random.Uint32N(10), random.Uint32()
				want := engine.OK
				at := -1
				if m != nil {
					at = slices.IndexFunc(m.pairs, func(e engine.Entry) bool { return e.Key == key })
					if m.grant != nil {
						quota = int(m.grant.LocalQuota)
					}
				}
				switch {
				case m == nil:
					want = engine.ErrContainer
				case at >= 0:
					m.pairs[at].Value = value
				case len(m.pairs) == quota || total() == len(b.config.Entries):
					want = engine.ErrStore
				default:
					m.pairs = append(m.pairs, engine.Entry{Key: key, Value: value})
				}
				if err := b.Put(owner, key, value); err != want {
					t.Fatalf("seed %d step %d: Put(%d, %d) is %v, want %v", seed, step, owner, key, err, want)
				}
			}
			check := func(owner int, m *model) {
				var want []engine.Entry
				if m != nil {
					want = m.pairs
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
			check(engine.Global, &global)
			for i, m := range local {
				check(i, m)
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
	for _, owner := range []int{-2, 0, 3, 4} {
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

func TestLocalStoreFollowsTheGrant(t *testing.T) {
	b := newBench(t)
	mine, theirs := &engine.Grant{}, &engine.Grant{}
	img := code(t, "mov r0, 0")
	install := func(g *engine.Grant) {
		t.Helper()
		if err := b.Install(0, &engine.Spec{Hook: hookContinue, Image: img, Grant: g}); err.Reason != engine.OK {
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
	f.Fuzz(func(t *testing.T, img, ctx []byte) {
		// The mutator hands out one buffer for both; a container may write
		// to its context, and an image must not lie there.
		img, ctx = bytes.Clone(img), bytes.Clone(ctx)
		b := newBench(t)
		b.config.Budget = 2000
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
			if r.Ran+r.Faulted != 1 && b.Container(1).State() == engine.Enabled {
				t.Fatalf("%+v", r)
			}
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
