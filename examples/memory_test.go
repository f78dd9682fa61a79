package examples_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/vm"
)

// hostOnly are the types of what devices do not have.
var hostOnly = []string{"hostState", "tapState", "recording"}

// size32 is the size and alignment of t on a 32-bit microcontroller as TinyGo
// lays it out.
func size32(t reflect.Type) (size, align uintptr) {
	switch t.Kind() {
	case reflect.Struct:
		align = 1
		for i := range t.NumField() {
			if slices.Contains(hostOnly, t.Field(i).Type.Name()) {
				continue
			}
			s, a := size32(t.Field(i).Type)
			size = (size+a-1)/a*a + s
			align = max(align, a)
		}
		return (size + align - 1) / align * align, align
	case reflect.Array:
		s, a := size32(t.Elem())
		return s * uintptr(t.Len()), a
	case reflect.Slice:
		return 12, 4
	case reflect.String, reflect.Interface, reflect.Func:
		return 8, 4
	case reflect.Int, reflect.Uint, reflect.Uintptr, reflect.Pointer, reflect.Map, reflect.Chan, reflect.UnsafePointer:
		return 4, 4
	}
	return t.Size(), t.Size()
}

func bytes32[T any](n int) int {
	size, _ := size32(reflect.TypeFor[T]())
	return n * int(size)
}

// TestMemoryOfTheDemonstration adds up what the papers' demonstration takes of
// a microcontroller's RAM: three containers of two tenants with their stores.
// The original took 3.2 KiB, the bar is 2.6 KiB. Stacks are as large as contracts
// say.
func TestMemoryOfTheDemonstration(t *testing.T) {
	const bar = 26 << 10 / 10
	d := newDevice(t)
	d.config.Hooks = d.config.Hooks[:3]
	d.config.Containers = make([]engine.Container, 3)
	d.config.Entries = make([]engine.Entry, 16)
	d.config.Memory = make([]byte, 512)
	d.config.Stack = make([]byte, 128)
	if err := d.Init(&d.config); err != engine.OK {
		t.Fatal(err)
	}
	for i, c := range []struct {
		tenant, hook int
		path         string
	}{
		{tenantA, hookThread, "three-containers/thread_counter"},
		{tenantB, hookTimer, "three-containers/sensor_average"},
		{tenantB, hookCoAP, "three-containers/coap_formatter"},
	} {
		d.install(t, i, c.tenant, c.hook, c.path)
	}
	total := 0
	for _, part := range []struct {
		what string
		n    int
	}{
		{"engine with its machine", bytes32[engine.Engine](1)},
		{"3 hooks", bytes32[engine.Hook](3)},
		{"3 containers", bytes32[engine.Container](3)},
		{"2 tenants", bytes32[engine.Tenant](2)},
		{"16 entries of stores", bytes32[engine.Entry](16)},
		{"stack that containers share", len(d.config.Stack)},
		{"stack and state of the long-running one, .data", len(d.config.Memory) - d.MemoryFree()},
		{"response and what leads to it", len(d.responder.Memory) + bytes32[helpers.Responder](1)},
		{"registry of 2 sensors", bytes32[helpers.Board](1) + bytes32[helpers.Sensor](2)},
		{"table of helpers, in flash", 0 * bytes32[vm.Helper](21)},
	} {
		t.Logf("%5d B  %s", part.n, part.what)
		total += part.n
	}
	t.Logf("%5d B  in all", total)
	if total > bar {
		t.Errorf("%d bytes, want at most %d", total, bar)
	}

	// It also works with that little.
	d.switchTo(t, 3)
	d.fire(t, 0, hookTimer, make([]byte, hooks.TimerSize))
	d.celsius = 2150
	for now := int64(0); now < 3_000_000; now += 500_000 {
		d.Poll(now)
	}
	if _, _, payload := d.get(t, 3_000_000); payload != "2150" || d.Get(engine.Global, 3) != 1 {
		t.Errorf("got %q, thread 3 counted %d times", payload, d.Get(engine.Global, 3))
	}
}
