package agent_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/powercut"
)

const storesSize = 8 * testBlock

// A keeper is flash for stores, and how to give it to a device's next start.
type keeper struct {
	flash  *flash.Memory
	scopes uint8
	every  int64
}

func newKeeper(tb testing.TB, granule int) *keeper {
	tb.Helper()
	m := new(flash.Memory)
	if err := m.Init(bytes.Repeat([]byte{0xff}, storesSize), testBlock, granule, make([]byte, storesSize/granule/8+1)); err != flash.OK {
		tb.Fatal(err)
	}
	return &keeper{m, 1<<engine.ScopeLocal | 1<<engine.ScopeTenant | 1<<engine.ScopeGlobal, 1_000_000}
}

func (k *keeper) set(c *agent.Config, e *engine.Config) {
	c.Stores = &agent.Stores{Flash: k.flash, Size: storesSize, Every: k.every, Scopes: k.scopes}
	e.Entries = make([]engine.Entry, 24)
}

// elapse lets time go by in which nothing arrives.
func (d *device) elapse(microseconds int64) {
	d.network.now += microseconds
	d.Poll(d.network.now)
}

// elapseUntilKept lets a device write all that has changed.
func (d *device) elapseUntilKept(k *keeper) {
	for _, more := d.engine.Unsaved(k.scopes); more; _, more = d.engine.Unsaved(k.scopes) {
		d.elapse(k.every)
	}
}

func (d *device) install(tb testing.TB, by *signer, number uint64, name string) (place int) {
	tb.Helper()
	d.must(order{by: by, number: number, name: name, image: program(tb, "mov r0, 1\nexit", image.Parts{})})
	return d.engine.Find(hookEvent, []byte(name))
}

func pairs(e *engine.Engine, owner int) string { return fmt.Sprint(e.Pairs(owner)) }

func TestStoresAreKept(t *testing.T) {
	k := newKeeper(t, 4)
	d := newDevice(t, k.set)
	one, two := d.install(t, alice, 1, "one"), d.install(t, bob, 2, "two")
	owners := []int{one, two, engine.TenantStore(0), engine.TenantStore(1), engine.Global}
	want := map[int]string{}
	for i, owner := range owners {
		for key := range uint32(4) {
			d.engine.Put(owner, key+100, uint32(i)<<8|key)
		}
		want[owner] = pairs(&d.engine, owner)
	}
	d.elapseUntilKept(k)
	d.restart()
	for _, owner := range owners {
		if got := pairs(&d.engine, owner); got != want[owner] {
			t.Errorf("store %d: %s, want %s", owner, got, want[owner])
		}
	}
	if _, ok := d.engine.Unsaved(k.scopes); ok {
		t.Error("what was restored counts as changed")
	}
	// Deleting is a change too.
	d.engine.Clear(one)
	d.elapseUntilKept(k)
	d.restart()
	if got := pairs(&d.engine, one); got != "[]" {
		t.Errorf("an emptied store came back: %s", got)
	}
}

// TestPartsAreKept: who has added what to the global store is known after a
// restart, also if it is more than a share has become; it ends with its tenant.
func TestPartsAreKept(t *testing.T) {
	k := newKeeper(t, 4)
	d := newDevice(t, func(c *agent.Config, e *engine.Config) {
		k.set(c, e)
		c.Tenants[1].Grant.Entries = 0
	})
	d.engine.Tenant(0).Grant.Hooks = 0 // bob is alone
	for key := range uint32(21) {
		owner := []int{engine.GlobalStore(1), engine.Global, engine.GlobalStore(1)}[key%3]
		if err := d.engine.Put(owner, key, key); err != engine.OK {
			t.Fatalf("key %d: %v", key, err)
		}
	}
	bobs, owners := fmt.Sprint(d.engine.Part(engine.GlobalStore(1))), fmt.Sprint(d.engine.Part(engine.Global))
	d.elapseUntilKept(k)
	d.restart() // and alice is there
	if got := fmt.Sprint(d.engine.Part(engine.GlobalStore(1))); got != bobs || len(d.engine.Part(engine.GlobalStore(1))) != 14 {
		t.Errorf("bob's part: %s, want %s", got, bobs)
	}
	if got := fmt.Sprint(d.engine.Part(engine.Global)); got != owners {
		t.Errorf("the owner's part: %s, want %s", got, owners)
	}
	if err := d.engine.Put(engine.GlobalStore(1), 99, 99); err != engine.ErrStore {
		t.Errorf("beyond bob's share, which is 12 of 24: %v", err)
	}
	if v := d.engine.Get(engine.GlobalStore(0), 3); v != 3 {
		t.Errorf("alice sees %d, want 3", v)
	}
	if got := d.trust(chief, 10, tenant("alice", alice, "event")); got != "done" {
		t.Fatal(got)
	}
	if got := d.engine.Pairs(engine.Global); len(got) != 7 {
		t.Errorf("what a revoked tenant has added stays: %v", got)
	}
	d.elapseUntilKept(k)
	d.restart()
	if got := d.engine.Pairs(engine.Global); len(got) != 7 {
		t.Errorf("it came back: %v", got)
	}
}

func TestStoresGoToNobodyElse(t *testing.T) {
	k := newKeeper(t, 4)
	d := newDevice(t, k.set)
	place := d.install(t, alice, 1, "one")
	d.engine.Put(place, 7, 7)
	d.elapseUntilKept(k)
	// Its place goes to another tenant, and the power before anything is kept.
	k.flash.Before = func(flash.Operation, int, []byte) bool { return false }
	d.command(remove(alice, 2, "event", "one"))
	if d.install(t, bob, 3, "one") != place {
		t.Fatal("another place")
	}
	powercut.On(k.flash)
	d.restart()
	if got := pairs(&d.engine, place); got != "[]" {
		t.Errorf("bob's container has what alice's stored: %s", got)
	}
}

func TestStoresOfOtherScopesAreForgotten(t *testing.T) {
	k := newKeeper(t, 4)
	k.scopes = 1 << engine.ScopeGlobal
	d := newDevice(t, k.set)
	d.engine.Put(engine.Global, 1, 1)
	d.engine.Put(engine.TenantStore(0), 2, 2)
	d.elapseUntilKept(k)
	d.restart()
	if pairs(&d.engine, engine.Global) != "[{1 1}]" || pairs(&d.engine, engine.TenantStore(0)) != "[]" {
		t.Error(pairs(&d.engine, engine.Global), pairs(&d.engine, engine.TenantStore(0)))
	}
}

// However often containers write, flash is programmed once in each Every.
func TestStoresWearLittle(t *testing.T) {
	k := newKeeper(t, 4)
	d := newDevice(t, k.set)
	programmed := 0
	k.flash.Before = func(op flash.Operation, off int, p []byte) bool {
		if op == flash.OpProgram {
			programmed += len(p)
		}
		return true
	}
	for i := range uint32(1000) {
		d.engine.Put(engine.Global, i%8, i)
		d.elapse(k.every / 100)
	}
	// 8 pairs are two records of 64 bytes; ten times, and some for compaction.
	if programmed == 0 || programmed > 12*2*64+4*storesSize {
		t.Errorf("%d bytes programmed", programmed)
	}
	k.flash.Before = nil
	d.order(verb{by: chief, number: 50, verb: agent.VerbReboot})
	d.pass(2)
	d.restart()
	if got := d.engine.Get(engine.Global, 7); got != 999 {
		t.Errorf("an orderly restart forgot the newest change: %d", got)
	}
}

// Whenever the power fails, each store is afterwards as it was at some time.
func TestStoresAndPowerCuts(t *testing.T) {
	cuts := 0
	granules := []int{4}
	if os.Getenv("FEMTO_POWER_CUTS") == "all" {
		granules = []int{1, 4, 16}
	}
	for _, granule := range granules {
		for _, tear := range powercut.Tears {
			for n := 0; ; n++ {
				k := newKeeper(t, granule)
				k.every = 1
				d := newDevice(t, k.set)
				owners := []int{d.install(t, alice, 1, "one"), engine.TenantStore(1), engine.Global}
				history := map[int][]string{}
				for _, owner := range owners {
					history[owner] = []string{"[]"}
				}
				happened := powercut.At(k.flash, n, tear)
				for round := range uint32(9) {
					for _, owner := range owners {
						for key := range uint32(6) {
							d.engine.Put(owner, key, round<<8|key)
						}
						history[owner] = append(history[owner], pairs(&d.engine, owner))
					}
					d.elapse(10)
					d.elapse(10)
				}
				if !happened() {
					break
				}
				cuts++
				powercut.On(k.flash)
				if err := d.start(); err != agent.OK {
					t.Fatalf("granule %d, %v at operation %d: %v", granule, tear, n, err)
				}
				for _, owner := range owners {
					if got := pairs(&d.engine, owner); !slices.Contains(history[owner], got) {
						t.Fatalf("granule %d, %v at operation %d: store %d is %s, which it never was", granule, tear, n, owner, got)
					}
				}
				// It goes on keeping.
				d.engine.Put(engine.Global, 99, 99)
				d.elapseUntilKept(k)
				d.restart()
				if d.engine.Get(engine.Global, 99) != 99 {
					t.Fatalf("granule %d, %v at operation %d: keeps no more", granule, tear, n)
				}
			}
		}
	}
	t.Logf("%d cuts", cuts)
	if cuts < 300 {
		t.Error("so few cuts show little")
	}
}

func TestStoresAllocateNothing(t *testing.T) {
	k := newKeeper(t, 4)
	k.every = 1
	d := newDevice(t, k.set)
	i := uint32(0)
	if n := testing.AllocsPerRun(200, func() {
		i++
		d.engine.Put(engine.Global, i%8, i)
		d.network.now += 10
		d.Poll(d.network.now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What a removed container stored does not come back with the next of its name.
func TestStoresOfTheRemoved(t *testing.T) {
	k := newKeeper(t, 4)
	d := newDevice(t, k.set)
	d.engine.Put(d.install(t, alice, 1, "one"), 7, 7)
	d.elapseUntilKept(k)
	d.command(remove(alice, 2, "event", "one"))
	place := d.install(t, alice, 3, "one")
	d.elapseUntilKept(k)
	d.restart()
	if got := pairs(&d.engine, place); got != "[]" {
		t.Errorf("after a restart it has %s", got)
	}
}

// What a tenant stored does not come back when it is revoked and trusted again,
// however soon the power fails after that.
func TestStoresOfTheRevoked(t *testing.T) {
	alices, bobs := tenant("alice", alice, "event"), tenant("bob", bob, "event")
	for name, between := range map[string]func(d *device){
		"at once":           func(*device) {},
		"after a while":     func(d *device) { d.elapse(60_000_000) },
		"after a restart":   func(d *device) { d.restart() },
		"after two of them": func(d *device) { d.restart(); d.restart() },
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeeper(t, 4)
			d := newDevice(t, k.set)
			d.trust(chief, 100, alices, bobs)
			d.engine.Put(engine.TenantStore(0), 7, 7)
			d.engine.Put(engine.TenantStore(1), 8, 8)
			d.elapseUntilKept(k)
			if got := d.trust(chief, 101, bobs); got != "done" {
				t.Fatal(got)
			}
			between(d)
			if got := d.trust(chief, 102, alices, bobs); got != "done" {
				t.Fatal(got)
			}
			d.restart()
			for i := range 2 {
				want := map[string]string{"alice": "[]", "bob": "[{8 8}]"}[d.info().Tenants[i].Name]
				if got := pairs(&d.engine, engine.TenantStore(i)); got != want {
					t.Errorf("tenant %d has %s, want %s", i, got, want)
				}
			}
		})
	}
}

// The power fails while what was kept of a tenant is dropped.
func TestStoresOfTheRevokedAndPowerCuts(t *testing.T) {
	for n, last := 0, false; !last; n++ {
		for _, tear := range powercut.Tears {
			k := newKeeper(t, 4)
			d := newDevice(t, k.set)
			d.trust(chief, 100, tenant("alice", alice, "event"), tenant("bob", bob, "event"))
			d.engine.Put(engine.TenantStore(0), 7, 7)
			d.elapseUntilKept(k)
			happened := powercut.At(k.flash, n, tear)
			d.trust(chief, 101, tenant("bob", bob, "event"))
			d.elapse(1)
			last = !happened()
			powercut.On(k.flash)
			d.restart()
			d.elapse(1)
			d.trust(chief, 102, tenant("alice", alice, "event"), tenant("bob", bob, "event"))
			d.restart()
			for i := range 2 {
				if got := pairs(&d.engine, engine.TenantStore(i)); got != "[]" {
					t.Fatalf("%v at operation %d: tenant %d has %s", tear, n, i, got)
				}
			}
		}
	}
}

// TestNoStoreWithinAStore: what a container stores is made up like a record of
// another's store, which a log might take for one where a power cut has torn
// the record that it is in.
func TestNoStoreWithinAStore(t *testing.T) {
	k := newKeeper(t, 4)
	d := newDevice(t, k.set)
	victim := d.install(t, alice, 1, "one")
	d.engine.Put(victim, 7, 7)
	d.elapseUntilKept(k)
	forger := d.install(t, bob, 2, "two")
	record := append([]byte{2, 0xa5, 18, 0}, k.flash.Data()[20:36]...)
	record = append(record, 0, 1)
	record = binary.LittleEndian.AppendUint32(record, crc32.ChecksumIEEE(append([]byte{1, 0, 0, 0}, record...)))
	stored := make([]byte, 32)
	stored[0] = 1
	copy(stored[2:], record)
	for i := 0; i < len(stored); i += 8 {
		d.engine.Put(forger, binary.LittleEndian.Uint32(stored[i:]), binary.LittleEndian.Uint32(stored[i+4:]))
	}
	k.flash.Before = func(op flash.Operation, off int, b []byte) bool {
		if op == flash.OpProgram {
			copy(k.flash.Data()[off:], b[:min(52, len(b))])
		}
		return false
	}
	d.elapse(k.every)
	powercut.On(k.flash)
	k.flash.Before = nil
	d.restart()
	if got := pairs(&d.engine, victim); got != "[{7 7}]" {
		t.Errorf("the other's store: %s", got)
	}
}
