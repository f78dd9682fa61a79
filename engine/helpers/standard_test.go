package helpers_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// once runs one helper in a fresh host and returns its result, low 32 bits.
func once(t *testing.T, h *host, number uint8, parts image.Parts, r ...uint64) uint32 {
	t.Helper()
	var all [5]uint64
	copy(all[:], r)
	got, fault, at := h.run(t, call(number), parts, registers(all))
	if fault != vm.OK {
		t.Fatalf("%v at %#x", fault, at)
	}
	if got>>32 != 0 {
		t.Errorf("the result %#x is not zero-extended", got)
	}
	return uint32(got)
}

func TestSensors(t *testing.T) {
	var written helpers.Reading
	board := helpers.Board{Sensors: []helpers.Sensor{
		{Name: "switch", Type: helpers.TypeSwitch, Write: func(r *helpers.Reading) int { written = *r; return 1 }},
		{Name: "first", Type: helpers.TypeTemperature, Read: func(r *helpers.Reading) int {
			*r = helpers.Reading{Value: [3]int16{-300, 2, 0x1234}, Unit: 2, Scale: -2}
			return 3
		}},
		{Name: "second", Type: helpers.TypeTemperature, Read: func(*helpers.Reading) int { return 0 }},
		{Name: "broken", Type: helpers.TypeLight, Read: func(*helpers.Reading) int { return -5 }},
	}}
	h := newHost(t)
	const none, minusOne = 0, 0xffffffff
	parts := image.Parts{Data: bytes.Repeat([]byte{0xee}, 16)}
	find := func(number uint8, by uint64) uint64 { return uint64(once(t, h, number, image.Parts{}, by)) }

	for _, by := range []uint64{0, 1, 1 << 31, ^uint64(0)} {
		if find(helpers.SaulRegFindNth, by) != none || find(helpers.SaulRegFindType, by) != none {
			t.Errorf("%#x is found where there is no board", by)
		}
	}
	h.config.Env = &board
	h.Init(&h.config)
	for _, by := range []uint64{4, 1 << 31, ^uint64(0), 0xffffffff} {
		if find(helpers.SaulRegFindNth, by) != none {
			t.Errorf("position %#x is found", by)
		}
	}
	if find(helpers.SaulRegFindType, helpers.TypeHumidity) != none {
		t.Error("a type is found that is not there")
	}
	handles := map[uint64]bool{}
	for i := range uint64(4) {
		handles[find(helpers.SaulRegFindNth, i)] = true
	}
	if len(handles) != 4 || handles[none] {
		t.Errorf("handles are %v", handles)
	}
	first := find(helpers.SaulRegFindType, helpers.TypeTemperature)
	if first != find(helpers.SaulRegFindNth, 1) {
		t.Error("not the first of its type")
	}
	if got := once(t, h, helpers.SaulRegRead, parts, first, dataAt+3); got != 3 {
		t.Errorf("read returns %d", got)
	}
	want := []byte{0xee, 0xee, 0xee, 0xd4, 0xfe, 2, 0, 0x34, 0x12, 2, 0xfe, 0xee}
	if got := h.config.Memory[:12]; !bytes.Equal(got, want) {
		t.Errorf("read wrote % x, want % x", got, want)
	}
	// What one sensor gave is not left for the next.
	if got := once(t, h, helpers.SaulRegRead, parts, find(helpers.SaulRegFindNth, 2), dataAt); got != 0 || !bytes.Equal(h.config.Memory[:8], make([]byte, 8)) {
		t.Errorf("read returns %d and writes % x", got, h.config.Memory[:8])
	}
	for name, handle := range map[string]uint64{"none": none, "broken": find(helpers.SaulRegFindNth, 3), "actuator": find(helpers.SaulRegFindNth, 0),
		"one too high": 5, "an address": 0x20000040, "-1": minusOne} {
		if got := once(t, h, helpers.SaulRegRead, parts, handle, dataAt); got != minusOne || h.config.Memory[0] != 0xee {
			t.Errorf("reading %s returns %#x", name, got)
		}
	}
	parts.Data = []byte{0xfe, 0xff, 2, 0, 3, 0, 9, 0xff}
	if got := once(t, h, helpers.SaulRegWrite, parts, find(helpers.SaulRegFindNth, 0), dataAt); got != 1 ||
		written != (helpers.Reading{Value: [3]int16{-2, 2, 3}, Unit: 9, Scale: -1}) {
		t.Errorf("write returns %d, the switch has %+v", got, written)
	}
	if got := once(t, h, helpers.SaulRegWrite, parts, first, dataAt); got != minusOne {
		t.Errorf("writing to a sensor returns %#x", got)
	}
}

func TestFormat(t *testing.T) {
	tests := []struct {
		value  int64
		digits int64
		want   string
	}{
		{0, 0, "0"}, {7, 0, "7"}, {-7, 0, "-7"}, {32767, 0, "32767"}, {-32768, 0, "-32768"},
		{2345, -2, "23.45"}, {-2345, -2, "-23.45"}, {5, -2, "0.05"}, {-5, -2, "-0.05"}, {0, -2, "0.00"},
		{12345, -1, "1234.5"}, {12345, -5, "0.12345"}, {-12345, -7, "-0.0012345"}, {1, -7, "0.0000001"},
		{12, 3, "12000"}, {-1, 7, "-10000000"}, {0, 2, "000"},
		{1, 8, ""}, {1, -8, ""}, {1, 1 << 31, ""}, {65536 + 5, 0, "5"}, {65535, 0, "-1"},
	}
	for _, test := range tests {
		h := newHost(t)
		// Only just enough room: the text ends where .data does.
		size := (len(test.want) + 7) / 8 * 8
		at := dataAt + uint64(size-len(test.want))
		parts := image.Parts{Data: make([]byte, size)}
		if n := once(t, h, helpers.FmtS16Dfp, parts, at, uint64(test.value), uint64(test.digits)); int(n) != len(test.want) {
			t.Errorf("%d, %d: %d characters, want %q", test.value, test.digits, n, test.want)
		} else if got := h.config.Memory[size-len(test.want) : size]; string(got) != test.want {
			t.Errorf("%d, %d: %q, want %q", test.value, test.digits, got, test.want)
		}
	}
	for value, want := range map[uint64]string{0: "0", 9: "9", 10: "10", 4294967295: "4294967295", 1<<32 + 42: "42"} {
		h := newHost(t)
		parts := image.Parts{Data: bytes.Repeat([]byte{'.'}, 16)}
		if n := once(t, h, helpers.FmtU32Dec, parts, dataAt, value); string(h.config.Memory[:n+1]) != want+"." {
			t.Errorf("%d: %q", value, h.config.Memory[:n+1])
		}
	}
	h := newHost(t)
	if n := once(t, h, helpers.Strlen, image.Parts{Rodata: []byte("four\x00")}, rodataAt); n != 4 {
		t.Errorf("strlen is %d", n)
	}
}

func TestRandom(t *testing.T) {
	h := newHost(t)
	if got := once(t, h, helpers.Random, image.Parts{}); got != 0 {
		t.Errorf("%#x without a board", got)
	}
	h.config.Env = &helpers.Board{Random: func() uint32 { return 0x89abcdef }}
	h.Init(&h.config)
	if got := once(t, h, helpers.Random, image.Parts{}); got != 0x89abcdef {
		t.Errorf("got %#x", got)
	}
}

// TestChecksums compares with the standard library and the papers' vector.
func TestChecksums(t *testing.T) {
	text := examples.Fletcher32Input
	h := newHost(t)
	parts := image.Parts{Rodata: text}
	for _, n := range []uint64{0, 1, 7, 360} {
		if got, want := once(t, h, helpers.Crc32, parts, rodataAt, n, 0), crc32.ChecksumIEEE(text[:n]); got != want {
			t.Errorf("CRC-32 of %d bytes is %#x, want %#x", n, got, want)
		}
	}
	before := uint64(crc32.ChecksumIEEE(text[:100]))
	if got, want := once(t, h, helpers.Crc32, parts, rodataAt+100, 260, before), crc32.ChecksumIEEE(text); got != want {
		t.Errorf("CRC-32 in two parts is %#x, want %#x", got, want)
	}
	for _, n := range []uint64{360} {
		if got := once(t, h, helpers.Fletcher32, parts, rodataAt, n); got != examples.Fletcher32Sum {
			t.Errorf("Fletcher-32 of %d bytes is %#x, want %#x", n, got, uint32(examples.Fletcher32Sum))
		}
	}
	spent := h.Container(0).Stats().Instructions
	once(t, h, helpers.Crc32, parts, rodataAt, 360, 0)
	if more := h.Container(0).Stats().Instructions; more < 360 {
		t.Errorf("a checksum of 360 bytes costs %d (before: %d)", more, spent)
	}
}

// TestTenantStore: what a tenant stores is not another's.
func TestTenantStore(t *testing.T) {
	h := newHost(t)
	h.config.Tenants = make([]engine.Tenant, 2)
	for i := range h.config.Tenants {
		h.config.Tenants[i].Grant = engine.Everything()
	}
	h.Init(&h.config)
	for i, tenant := range []int{0, 0, 1} {
		text := program(t, "mov r6, r1\nldxdw r1, [r6]\njeq r1, 0, fetch\nldxdw r2, [r6]\nmov r1, 9\ncall 0x14\nfetch: mov r1, 9\nmov r2, r10\nsub r2, 8\nstdw [r10-8], 0\ncall 0x15\nldxw r0, [r10-8]", image.Parts{})
		if err := h.Install(i, &engine.Spec{Tenant: tenant, Hook: i % 2, Image: text}); err.Reason != engine.OK {
			t.Fatal(err)
		}
	}
	word := func(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }
	h.Fire(0, 0, word(0))
	h.Fire(0, 1, word(77)) // container 1 of tenant 0
	var outcomes [4]engine.Outcome
	h.FireEach(0, 0, word(0), outcomes[:])
	if outcomes[0].Value != 77 || outcomes[1].Value != 0 {
		t.Errorf("tenant 0 reads %d, tenant 1 reads %d; want 77 and 0", outcomes[0].Value, outcomes[1].Value)
	}
}

func TestDeleteAndList(t *testing.T) {
	const missing = 0xffffffff
	h := newHost(t)
	for key := range uint64(3) {
		once(t, h, helpers.StoreGlobal, image.Parts{}, 10+key, 20+key)
	}
	parts := image.Parts{Data: make([]byte, 8)}
	list := func() (keys []uint32) {
		for i := uint64(0); ; i++ {
			if once(t, h, helpers.StoreEntry, parts, 2, i, dataAt) == missing {
				return keys
			}
			key := binary.LittleEndian.Uint32(h.config.Memory)
			if value := binary.LittleEndian.Uint32(h.config.Memory[4:]); value != key+10 {
				t.Errorf("key %d has %d", key, value)
			}
			keys = append(keys, key)
		}
	}
	if got := list(); len(got) != 3 || got[0] != 10 || got[2] != 12 {
		t.Errorf("listed %v", got)
	}
	if once(t, h, helpers.StoreDelete, parts, 2, 11) != 0 || once(t, h, helpers.StoreDelete, parts, 2, 11) != missing {
		t.Error("a key can be deleted just once")
	}
	if got := list(); len(got) != 2 || got[1] != 12 {
		t.Errorf("after deleting: %v", got)
	}
	for _, scope := range []uint64{0, 1, 3, 256, 1<<32 - 1} {
		if once(t, h, helpers.StoreDelete, parts, scope, 10) != missing || once(t, h, helpers.StoreEntry, parts, scope, 0, dataAt) != missing {
			t.Errorf("scope %d reaches the global store", scope)
		}
	}
}

// TestCoAP builds responses step by step.
func TestCoAP(t *testing.T) {
	newCoAP := func(t *testing.T, room int) (*host, *helpers.Responder) {
		h := newHost(t)
		r := &helpers.Responder{Memory: make([]byte, helpers.ResponseAt+room)}
		h.config.Hooks[0].Regions = r.Regions()
		return h, r
	}
	const failed = 0xffffffff
	t.Run("with options twice", func(t *testing.T) {
		h, r := newCoAP(t, 64)
		ctx := r.Begin(0xabcd, []byte{1, 2})
		got, fault, _ := h.run(t, `mov r6, r1
			mov r2, 0x45
			call 0x40
			mov r1, r6
			mov r2, 0x1234
			call 0x42
			mov r1, r6
			mov r2, 50
			call 0x42
			mov r1, r6
			mov r2, 1
			call 0x41
			mov r7, r0
			mov r1, r6
			call 0x43
			stb [r0], 80
			mov r0, r7
			add r0, 1`, image.Parts{}, ctx)
		want := []byte{0x62, 0x45, 0xab, 0xcd, 1, 2, 0xc2, 0x12, 0x34, 0x01, 50, 0xff, 'P'}
		if fault != vm.OK || int(got) != len(want) || !bytes.Equal(r.Memory[helpers.ResponseAt:][:len(want)], want) {
			t.Errorf("%v: % x, want % x", fault, r.Memory[helpers.ResponseAt:][:got&31], want)
		}
		if code, format, payload := r.End(int64(got)); code != 0x45 || format != 50 || string(payload) != "P" {
			t.Errorf("code %#x, format %d, %q", code, format, payload)
		}
		if left := binary.LittleEndian.Uint16(r.Memory[12:]); left != 64-12 {
			t.Errorf("room for %d", left)
		}
	})
	t.Run("no room", func(t *testing.T) {
		h, r := newCoAP(t, 12)
		ctx := r.Begin(1, []byte("12345678"))
		got, fault, _ := h.run(t, "mov r6, r1\nmov r2, 0x45\ncall 0x40\nmov r1, r6\nmov r2, 0\ncall 0x42", image.Parts{}, ctx)
		if fault != vm.OK || got != failed {
			t.Errorf("an option gives %#x (%v)", got, fault)
		}
		got, _, _ = h.run(t, "mov r6, r1\nmov r2, 0x45\ncall 0x40\nmov r1, r6\nmov r2, 1\ncall 0x41", image.Parts{}, r.Begin(1, []byte("12345678")))
		if got != failed {
			t.Errorf("the marker gives %#x", got)
		}
		got, _, _ = h.run(t, "mov r6, r1\nmov r2, 0x45\ncall 0x40\nmov r1, r6\nmov r2, 0\ncall 0x41", image.Parts{}, r.Begin(1, []byte("12345678")))
		if code, _, payload := r.End(int64(got)); got != 12 || code != 0x45 || len(payload) != 0 {
			t.Errorf("nothing but the header gives %d, code %#x", got, code)
		}
	})
	t.Run("a result that is no response", func(t *testing.T) {
		_, r := newCoAP(t, 16)
		for result, want := range map[int64]uint8{0: 0x84, -1: 0xa0, -0x84: 0x84, -0xa3: 0xa3, -0x45: 0x45, -1 << 31: 0xa0, 17: 0xa0, 1: 0xa0, 3: 0xa0, 8: 0xa0, 1 << 32: 0x84, 1<<31 - 1: 0xa0} {
			r.Begin(1, nil)
			if code, _, payload := r.End(result); code != want || payload != nil {
				t.Errorf("%d gives code %#x, want %#x", result, code, want)
			}
		}
	})
	t.Run("without allocation", func(t *testing.T) {
		h, r := newCoAP(t, 64)
		h.install(t, 0, "mov r6, r1\nmov r2, 0x45\ncall 0x40\nmov r1, r6\nmov r2, 0\ncall 0x42\nmov r1, r6\nmov r2, 1\ncall 0x41", image.Parts{})
		token := []byte("tok")
		if n := testing.AllocsPerRun(20, func() { r.End(h.Fire(0, 0, r.Begin(1, token)).Value) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// TestWakeup is the arithmetic of the period; that the container sleeps is
// shown by examples.TestThreeContainers.
func TestWakeup(t *testing.T) {
	for _, test := range []struct {
		name         string
		now          int64
		last, period uint32
		wantLast     uint32
		wakesAt      int64
	}{
		{"ahead", 1000, 900, 500, 1400, 1400},
		{"now", 1000, 900, 100, 1000, 1000},
		{"missed", 1000, 100, 200, 1000, -1},
		{"clock wrapped", 1<<32 + 10, 1<<32 - 100, 200, 100, 1<<32 + 100},
		{"no period", 1000, 1000, 0, 1000, 1000},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t)
			h.config.Quantum = 100
			h.config.Memory = make([]byte, 1024)
			h.Init(&h.config)
			data := binary.LittleEndian.AppendUint64(nil, uint64(test.last))
			h.install(t, 0, "lddwd r1, 0\nlddw r2, "+strconv.Itoa(int(test.period))+"\ncall 0x61\nmov r1, 1\nmov r2, 2\ncall 0x11\nmov r0, 0", image.Parts{Data: data})
			h.Fire(test.now, 0, nil)
			h.Poll(test.now)
			slept := h.Get(engine.Global, 1) != 2
			if slept != (test.wakesAt >= 0) {
				t.Errorf("slept: %t", slept)
			}
			if slept {
				if h.Poll(max(test.wakesAt-1, test.now-1)); test.wakesAt > test.now && h.Get(engine.Global, 1) == 2 {
					t.Error("woke early")
				}
				h.Poll(test.wakesAt)
			}
			if h.Get(engine.Global, 1) != 2 {
				t.Error("did not wake")
			}
			if !bytes.Contains(h.config.Memory, binary.LittleEndian.AppendUint32(nil, test.wantLast)) {
				t.Errorf("*last is not %d", test.wantLast)
			}
		})
	}
}

// TestEventSend: what a container sends reaches the others of its tenant.
func TestEventSend(t *testing.T) {
	h := newHost(t)
	h.config.Tenants = []engine.Tenant{{Grant: engine.Everything()}, {Grant: engine.Everything()}}
	h.config.Events = make([]engine.Event, 6)
	hooks.MessageHook(&h.config.Hooks[1])
	h.Init(&h.config)
	send := program(t, "mov r1, 7\nmov r2, 8\ncall 0xa0", image.Parts{})
	keep := program(t, "ldxw r2, [r1+4]\nldxw r1, [r1]\ncall 0x10", image.Parts{})
	for i, spec := range []engine.Spec{{Hook: 0, Tenant: 0, Image: send}, {Hook: 1, Tenant: 0, Image: keep}, {Hook: 1, Tenant: 1, Image: keep}} {
		if err := h.Install(i, &spec); err.Reason != engine.OK {
			t.Fatal(err)
		}
	}
	for i, want := range []int64{0, 0, 0xffffffff} {
		if got := h.Fire(0, 0, nil).Value; got != want {
			t.Errorf("sending %d times gives %#x, want %#x", i+1, got, want)
		}
	}
	h.Poll(1)
	if h.Get(1, 7) != 8 || len(h.Pairs(2)) != 0 {
		t.Errorf("the tenant's own has %v, another's %v", h.Pairs(1), h.Pairs(2))
	}
}

// TestTimerSet: it comes later, and to who set it.
func TestTimerSet(t *testing.T) {
	h := newHost(t)
	h.config.Tenants = []engine.Tenant{{Grant: engine.Everything()}}
	h.config.Events = make([]engine.Event, 4)
	hooks.MessageHook(&h.config.Hooks[1])
	h.Init(&h.config)
	// At an event: keep its value under its kind; at kind 0 set the timer.
	source := "ldxw r2, [r1+4]\nldxw r1, [r1]\njeq r1, 0, set\ncall 0x10\nja done\nset:\nmov r1, 3\nmov r2, 7\nmov r3, 8\ncall 0xa1\ndone:\nmov r0, r0"
	if err := h.Install(0, &engine.Spec{Hook: 1, Image: program(t, source, image.Parts{})}); err.Reason != engine.OK {
		t.Fatal(err)
	}
	for i, want := range []int64{0, 0, 0xffffffff} {
		if got := h.Fire(0, 1, make([]byte, hooks.MessageSize)).Value; got != want {
			t.Errorf("setting %d timers gives %#x, want %#x", i+1, got, want)
		}
	}
	if next := h.Poll(2999); next != 3000 || len(h.Pairs(0)) != 0 {
		t.Errorf("wants to be called at %d, has %v", next, h.Pairs(0))
	}
	h.Poll(3000)
	if h.Get(0, 7) != 8 {
		t.Errorf("after 3 ms it has %v", h.Pairs(0))
	}
}
