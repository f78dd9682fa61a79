package examples_test

import (
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/internal/size32"
)

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
		{"engine with its machine", size32.Of[engine.Engine]()},
		{"3 hooks", 3 * size32.Of[engine.Hook]()},
		{"3 containers", 3 * size32.Of[engine.Container]()},
		{"2 tenants", 2 * size32.Of[engine.Tenant]()},
		{"16 entries of stores", 16 * size32.Of[engine.Entry]()},
		{"stack that containers share", len(d.config.Stack)},
		{"stack and state of the long-running one, .data", len(d.config.Memory) - d.MemoryFree()},
		{"response and what leads to it", len(d.responder.Memory) + size32.Of[helpers.Responder]()},
		{"registry of 2 sensors", size32.Of[helpers.Board]() + 2*size32.Of[helpers.Sensor]()},
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
