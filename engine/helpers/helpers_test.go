package helpers_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/vm"
)

// host is an engine with one container on one hook.
type host struct {
	engine.Engine
	lines  []string
	config engine.Config
}

func newHost(tb testing.TB) *host {
	tb.Helper()
	h := new(host)
	h.config = engine.Config{
		Hooks:      make([]engine.Hook, 2),
		Containers: make([]engine.Container, 3),
		Stack:      make([]byte, 512),
		Memory:     make([]byte, 256),
		Entries:    make([]engine.Entry, 20),
		Line:       make([]byte, 40),
		Helpers:    helpers.Standard,
		Log:        func(_ *engine.Container, line []byte) { h.lines = append(h.lines, string(line)) },
	}
	h.config.Hooks[1].ContextWritable = true
	if err := h.Init(&h.config); err != engine.OK {
		tb.Fatal(err)
	}
	return h
}

func program(tb testing.TB, source string, parts image.Parts) []byte {
	tb.Helper()
	text, err := asm.Assemble(source + "\nexit")
	if err != nil {
		tb.Fatal(err)
	}
	parts.Text = text
	return image.Append(nil, parts)
}

func (h *host) install(tb testing.TB, i int, source string, parts image.Parts) {
	tb.Helper()
	if err := h.Install(i, &engine.Spec{Tenant: engine.Owner, Image: program(tb, source, parts)}); err.Reason != engine.OK {
		tb.Fatal(err)
	}
}

// run installs source and fires it; a fault is returned with its address.
func (h *host) run(tb testing.TB, source string, parts image.Parts, ctx []byte) (uint64, vm.Fault, uint64) {
	tb.Helper()
	h.install(tb, 0, source, parts)
	r := h.Fire(0, 0, ctx)
	s := h.Container(0).Stats()
	return uint64(r.Value), s.Fault, s.FaultAddress
}

func TestMemcpy(t *testing.T) {
	h := newHost(t)
	parts := image.Parts{Data: make([]byte, 16), Rodata: []byte("source bytes")}
	got, fault, _ := h.run(t, `
		lddwd r1, 4
		lddwr r2, 2
		mov r3, 10
		call 2`, parts, nil)
	if fault != vm.OK || got != vm.Address(vm.RegionData, 4) {
		t.Errorf("returned %#x (%v), want the destination", got, fault)
	}
	if want := "\x00\x00\x00\x00urce bytes\x00\x00"; string(h.config.Memory[:16]) != want {
		t.Errorf("memory %q, want %q", h.config.Memory[:16], want)
	}
	// Overlapping memory is copied as if through a buffer.
	h = newHost(t)
	h.run(t, "lddwd r1, 2\nlddwd r2, 0\nmov r3, 8\ncall 2", image.Parts{Data: []byte("abcdefgh........")}, nil)
	if want := "ababcdefgh......"; string(h.config.Memory[:16]) != want {
		t.Errorf("memory %q, want %q", h.config.Memory[:16], want)
	}
}

// TestHelpersTrustNoPointer is papers.md §2.8, 5: memcpy alone defeated the
// original's sandbox.
func TestHelpersTrustNoPointer(t *testing.T) {
	parts := image.Parts{Data: []byte("own data"), Rodata: []byte("constant\x00%s\x00not end")}
	tests := []struct{ name, code string }{
		{"memcpy from null", "lddwd r1, 0\nmov r2, 0\nmov r3, 8\ncall 2"},
		{"memcpy to null", "mov r1, 0\nlddwd r2, 0\nmov r3, 8\ncall 2"},
		{"memcpy to .rodata", "lddwr r1, 0\nlddwd r2, 0\nmov r3, 8\ncall 2"},
		{"memcpy to the context", "lddwd r2, 0\nmov r3, 8\ncall 2"},
		{"memcpy one byte too far", "lddwd r1, 0\nlddwr r2, 0\nmov r3, 9\ncall 2"},
		{"memcpy of a byte behind the end", "lddwd r1, 8\nlddwr r2, 0\nmov r3, 1\ncall 2"},
		{"memcpy from before the beginning", "lddwd r1, 0\nlddwr r2, 0\nsub r2, 1\nmov r3, 1\ncall 2"},
		{"memcpy of 4 GiB and 8", "lddwd r1, 0\nlddwr r2, 0\nlddw r3, 0x100000008\ncall 2"},
		{"memcpy of -1", "lddwd r1, 0\nlddwr r2, 0\nmov r3, -1\ncall 2"},
		{"memcpy to a host address", "lddw r1, 0x00007f0000000000\nlddwr r2, 0\nmov r3, 1\ncall 2"},
		{"memcpy to SRAM of a microcontroller", "lddw r1, 0x20000100\nlddwr r2, 0\nmov r3, 1\ncall 2"},
		{"memcpy from a region nobody granted", "lddwd r1, 0\nlddw r2, 0x50000000\nmov r3, 1\ncall 2"},
		{"printf of null", "mov r1, 0\ncall 1"},
		{"printf of a number", "mov r1, 12345\ncall 1"},
		{"printf without end", "lddwr r1, 12\nadd r1, 1\ncall 1"},
		{"printf %s of null", "lddwr r1, 9\nmov r2, 0\ncall 1"},
		{"printf %s of a host address", "lddwr r1, 9\nlddw r2, 0x00007f0000000000\ncall 1"},
		{"printf %s without end", "lddwr r1, 9\nlddwd r2, 0\ncall 1"},
		{"fetch to null", "mov r1, 1\nmov r2, 0\ncall 0x12"},
		{"fetch to .rodata", "mov r1, 1\nlddwr r2, 0\ncall 0x12"},
		{"fetch to the context", "mov r2, r1\nmov r1, 1\ncall 0x12"},
		{"fetch over the end of .data", "mov r1, 1\nlddwd r2, 5\ncall 0x12"},
		{"fetch over the end of the stack", "mov r1, 1\nmov r2, r10\nsub r2, 3\ncall 0x12"},
		{"fetch global to null", "mov r1, 1\nmov r2, 0\ncall 0x13"},
	}
	// 8 bytes after "%s\0" begin at 12 and hold no NUL but the padding: fill it.
	parts.Rodata = append(parts.Rodata, bytes.Repeat([]byte{'x'}, (8-len(parts.Rodata)%8)%8)...)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t)
			h.install(t, 1, "mov r0, 0", image.Parts{Data: []byte("neighbor")})
			ctx := []byte("context!")
			_, fault, address := h.run(t, test.code, parts, ctx)
			if fault != vm.FaultMemory {
				t.Errorf("fault %v at %#x, want %v", fault, address, vm.FaultMemory)
			}
			if got := string(h.config.Memory[:16]); got != "neighborown data" {
				t.Errorf("memory is now %q", got)
			}
			if string(ctx) != "context!" || len(h.lines) > 0 || len(h.Pairs(engine.Global)) > 0 {
				t.Errorf("context %q, lines %q, store %v", ctx, h.lines, h.Pairs(engine.Global))
			}
		})
	}
}

// TestStoreAndFetch is papers.md §2.8, 6: a missing key gives 0 and takes no
// room, a full store gives -1 and nothing worse.
func TestStoreAndFetch(t *testing.T) {
	for _, scope := range []struct {
		name         string
		store, fetch int
		owner        int
	}{{"local", 0x10, 0x12, 0}, {"global", 0x11, 0x13, engine.Global}} {
		t.Run(scope.name, func(t *testing.T) {
			h := newHost(t)
			fetch := fmt.Sprintf("ldxdw r6, [r1]\nmov r1, r6\nmov r2, r10\nsub r2, 4\nstdw [r10-8], -1\ncall %d\nldxw r1, [r10-4]\nlsh r0, 32\nor r0, r1", scope.fetch)
			store := fmt.Sprintf("ldxdw r2, [r1+8]\nldxdw r1, [r1]\ncall %d", scope.store)
			ctx := make([]byte, 16)
			do := func(source string, key, value uint64) uint64 {
				t.Helper()
				binary.LittleEndian.PutUint64(ctx, key)
				binary.LittleEndian.PutUint64(ctx[8:], value)
				got, fault, at := h.run(t, source, image.Parts{}, ctx)
				if fault != vm.OK {
					t.Fatalf("%v at %#x", fault, at)
				}
				return got
			}
			if got := do(fetch, 5, 0); got != 0 {
				t.Errorf("a missing key gives %#x", got)
			}
			if n := len(h.Pairs(scope.owner)); n != 0 {
				t.Errorf("fetching made %d entries", n)
			}
			for key := range uint64(20) {
				if got := do(store, key, 100+key); got != 0 {
					t.Errorf("storing key %d gives %#x", key, got)
				}
			}
			if got := do(store, 20, 120); got != 0xffffffff {
				t.Errorf("storing into a full store gives %#x, want 0xffffffff", got)
			}
			if got := do(store, 7, 777); got != 0 || do(fetch, 7, 0) != 777 {
				t.Errorf("a full store takes no new value of a key it has: %#x", got)
			}
			if got := do(fetch, 20, 0); got != 0 {
				t.Errorf("the refused key gives %#x", got)
			}
			// Keys and values are 32 bits wide.
			if got := do(store, 1<<32|3, 1<<32|42); got != 0 || do(fetch, 3, 0) != 42 {
				t.Errorf("upper halves count: %#x", got)
			}
		})
	}
}

func TestLocalStoresAreSeparate(t *testing.T) {
	h := newHost(t)
	for i := range 3 {
		h.install(t, i, fmt.Sprintf("mov r1, 1\nmov r2, %d\ncall 0x10\nmov r1, 1\nmov r2, %d\ncall 0x11", i+1, i+1), image.Parts{})
	}
	h.Fire(0, 0, nil)
	for i := range 3 {
		if got := h.Get(i, 1); got != uint32(i)+1 {
			t.Errorf("container %d has %d", i, got)
		}
	}
	if got := h.Get(engine.Global, 1); got != 3 {
		t.Errorf("the global store has %d", got)
	}
}

func TestTime(t *testing.T) {
	h := newHost(t)
	h.install(t, 0, "call 0x20", image.Parts{})
	h.install(t, 1, "call 0x60\nlsh r0, 1", image.Parts{})
	for _, now := range []int64{0, 1_999, 2_000, 5_000_000_123, 1 << 50} {
		h.Stop(1)
		h.Start(0)
		if got, want := h.Fire(now, 0, nil).Value, int64(uint32(now/1000)); got != want {
			t.Errorf("now_ms at %d is %d, want %d", now, got, want)
		}
		h.Stop(0)
		h.Start(1)
		if got, want := h.Fire(now, 0, nil).Value, int64(uint32(now))<<1; got != want {
			t.Errorf("ztimer_now at %d is %d, want %d", now, got/2, want/2)
		}
	}
}

func TestPrintf(t *testing.T) {
	tests := []struct {
		format string
		args   [4]int64
		want   string
	}{
		{"", [4]int64{}, ""},
		{"plain", [4]int64{}, "plain"},
		{"%d %d %d %d", [4]int64{0, 7, -7, 2147483647}, "0 7 -7 2147483647"},
		{"%d", [4]int64{-2147483648}, "-2147483648"},
		{"%d", [4]int64{1<<32 + 5}, "5"},
		{"%i", [4]int64{-12}, "-12"},
		{"%u", [4]int64{-1}, "4294967295"},
		{"%ld", [4]int64{-1 << 63}, "-9223372036854775808"},
		{"%lld", [4]int64{1<<63 - 1}, "9223372036854775807"},
		{"%lu", [4]int64{-1}, "18446744073709551615"},
		{"%x %X", [4]int64{0xbeef, 0xbeef}, "beef BEEF"},
		{"%llx", [4]int64{-2}, "fffffffffffffffe"},
		{"%x", [4]int64{-1}, "ffffffff"},
		{"%c%c", [4]int64{'o', 'k'}, "ok"},
		{"100%%", [4]int64{}, "100%"},
		{"%5d|%-5d", [4]int64{42, 1}, "   42|%-5d"},
		{"%05d %05d", [4]int64{42, -42}, "00042 -0042"},
		{"%4d", [4]int64{-1}, "  -1"},
		{"%2d", [4]int64{12345}, "12345"},
		{"%08x", [4]int64{0x5bac8c3d}, "5bac8c3d"},
		{"%s, %s", [4]int64{int64(vm.Address(vm.RegionData, 0)), int64(vm.Address(vm.RegionData, 6))}, "hello, world"},
		{"%8s|", [4]int64{int64(vm.Address(vm.RegionData, 0))}, "   hello|"},
		{"%d %d %d %d %d", [4]int64{1, 2, 3, 4}, "1 2 3 4 %d"},
		{"%q %f", [4]int64{1}, "%q %f"},
		{"%", [4]int64{}, "%"},
		{"%l", [4]int64{}, "%l"},
		{"%99999999999999999999d", [4]int64{1}, strings.Repeat(" ", 40)},
		{"a line longer than what the engine has room for", [4]int64{}, "a line longer than what the engine has r"},
	}
	for _, test := range tests {
		t.Run(test.format, func(t *testing.T) {
			h := newHost(t)
			ctx := make([]byte, 32)
			for i, v := range test.args {
				binary.LittleEndian.PutUint64(ctx[8*i:], uint64(v))
			}
			n, fault, at := h.run(t, `
				mov r6, r1
				lddwr r1, 0
				ldxdw r2, [r6]
				ldxdw r3, [r6+8]
				ldxdw r4, [r6+16]
				ldxdw r5, [r6+24]
				call 1`, image.Parts{Rodata: append([]byte(test.format), 0), Data: []byte("hello\x00world\x00")}, ctx)
			if fault != vm.OK {
				t.Fatalf("%v at %#x", fault, at)
			}
			if len(h.lines) != 1 || h.lines[0] != test.want || n != uint64(len(test.want)) {
				t.Errorf("printed %q and returned %d, want %q", h.lines, n, test.want)
			}
		})
	}
}

// TestHelpersAreCharged makes sure that a container cannot hide work in them.
func TestHelpersAreCharged(t *testing.T) {
	h := newHost(t)
	h.config.Budget = 1000
	h.Init(&h.config)
	_, fault, _ := h.run(t, "mov r6, 30\nloop: lddwr r1, 0\ncall 1\nsub r6, 1\njne r6, 0, loop", image.Parts{Rodata: []byte("x\x00")}, nil)
	if fault != vm.FaultBudget {
		t.Errorf("30 lines within 1000 instructions: %v", fault)
	}
}

func TestNumbersAreUnique(t *testing.T) {
	var seen vm.HelperSet
	for _, h := range helpers.Standard {
		if seen.Has(h.Number) {
			t.Errorf("number %#x twice", h.Number)
		}
		seen.Add(h.Number)
	}
}
