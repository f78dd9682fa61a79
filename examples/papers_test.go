package examples_test

import (
	"encoding/binary"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/vm"
)

// The hooks of the device under test.
const (
	hookThread = iota
	hookTimer
	hookCoAP
	hookEvent
	hookCount
)

// The tenants.
const (
	tenantA = iota
	tenantB
)

// A device has the papers' hooks, two tenants, a LED and a thermometer.
type device struct {
	engine.Engine
	config    engine.Config
	board     helpers.Board
	responder helpers.Responder
	celsius   int16
	broken    bool
}

func newDevice(tb testing.TB) *device {
	tb.Helper()
	d := new(device)
	d.board.Sensors = []helpers.Sensor{
		{Name: "LED", Type: helpers.TypeSwitch, Write: func(*helpers.Reading) int { return 1 }},
		{Name: "thermometer", Type: helpers.TypeTemperature, Read: func(r *helpers.Reading) int {
			if d.broken {
				return -1
			}
			r.Value[0], r.Unit, r.Scale = d.celsius, 2, -2
			return 1
		}},
	}
	d.responder.Memory = make([]byte, helpers.ResponseAt+64)
	d.config = engine.Config{
		Hooks:      make([]engine.Hook, hookCount),
		Containers: make([]engine.Container, 4),
		Tenants:    make([]engine.Tenant, 2),
		Stack:      make([]byte, 512),
		Memory:     make([]byte, 1024),
		Entries:    make([]engine.Entry, 20),
		Line:       make([]byte, 80),
		Helpers:    helpers.Standard,
		Env:        &d.board,
		Quantum:    1000,
	}
	hooks.ThreadHook(&d.config.Hooks[hookThread])
	hooks.TimerHook(&d.config.Hooks[hookTimer])
	hooks.CoapHook(&d.config.Hooks[hookCoAP])
	hooks.EventHook(&d.config.Hooks[hookEvent])
	d.config.Hooks[hookCoAP].Regions = d.responder.Regions()
	for i, name := range []string{"A", "B"} {
		d.config.Tenants[i] = engine.Tenant{Name: name, Grant: engine.Everything()}
	}
	if err := d.Init(&d.config); err != engine.OK {
		tb.Fatal(err)
	}
	return d
}

func (d *device) install(tb testing.TB, place, tenant, hook int, path string) {
	tb.Helper()
	img := examples.Image(path)
	if img == nil {
		tb.Fatalf("there is no example %s", path)
	}
	if err := d.Install(place, &engine.Spec{Hook: hook, Tenant: tenant, Image: img}); err.Reason != engine.OK {
		tb.Fatalf("%s: %v", path, err)
	}
}

// fire fires a hook and wants no fault.
func (d *device) fire(tb testing.TB, now int64, hook int, ctx []byte) int64 {
	tb.Helper()
	r := d.Fire(now, hook, ctx)
	if r.Err != engine.OK || r.Faulted > 0 {
		for i := range d.Containers() {
			if s := d.Container(i).Stats(); s.Fault != vm.OK {
				tb.Errorf("container %d: %v at %d, address %#x", i, s.Fault, s.FaultPC, s.FaultAddress)
			}
		}
		tb.Fatalf("hook %d: %+v", hook, r)
	}
	return r.Value
}

func (d *device) switchTo(tb testing.TB, thread uint64) {
	tb.Helper()
	ctx := make([]byte, hooks.ThreadSize)
	(&hooks.Thread{Previous: 1, Next: thread}).Put(ctx)
	d.fire(tb, 0, hookThread, ctx)
}

// get asks the containers of the hook coap.
func (d *device) get(tb testing.TB, now int64) (code uint8, format int32, payload string) {
	tb.Helper()
	result := d.fire(tb, now, hookCoAP, d.responder.Begin(0x1234, []byte("token")))
	code, format, text := d.responder.End(result)
	return code, format, string(text)
}

func words(v ...uint64) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

// TestThreeContainers is the papers' demonstration: two tenants, three
// containers, one long-running.
func TestThreeContainers(t *testing.T) {
	d := newDevice(t)
	d.install(t, 0, tenantA, hookThread, "three-containers/thread_counter")
	d.install(t, 1, tenantB, hookTimer, "three-containers/sensor_average")
	d.install(t, 2, tenantB, hookCoAP, "three-containers/coap_formatter")

	for _, thread := range []uint64{3, 5, 3, 0, 3} {
		d.switchTo(t, thread)
	}
	for thread, want := range map[uint32]uint32{0: 0, 3: 3, 5: 1} {
		if got := d.Get(engine.Global, thread); got != want {
			t.Errorf("thread %d was counted %d times, want %d", thread, got, want)
		}
	}

	const content, text = 2<<5 | 5, 0
	d.fire(t, 0, hookTimer, make([]byte, hooks.TimerSize))
	now := int64(0)
	var window []int
	for second, celsius := range []int{1000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 3000} {
		d.celsius = int16(celsius)
		for end := now + 1_000_000; now < end; {
			now = max(min(d.Poll(now), end), now+1)
		}
		d.Poll(now)
		if window = append(window, celsius); second == 0 {
			for len(window) < 10 {
				window = append(window, celsius)
			}
		}
		sum := 0
		for i := len(window) - 10; i < len(window); i++ {
			sum += window[i]
		}
		if got := d.Get(engine.Global, 0x50); got != uint32(sum/10) {
			t.Errorf("after %d seconds the mean is %d, want %d", second+1, got, sum/10)
		}
	}
	if code, format, payload := d.get(t, now); code != content || format != text || payload != "2100" {
		t.Errorf("got code %#x, format %d, %q; want 2.05, text, 2100", code, format, payload)
	}

	// A sensor that fails leaves the mean alone, and the container goes on.
	d.broken = true
	d.Poll(now + 1_000_000)
	d.broken = false
	d.celsius = 4000
	d.Poll(now + 2_000_000)
	if got := d.Get(engine.Global, 0x50); got != 2300 {
		t.Errorf("after a failure the mean is %d, want 2300", got)
	}
	for i := range 3 {
		if s := d.Container(i).Stats(); s.Faults != 0 {
			t.Errorf("container %d: %+v", i, s)
		}
	}
}

// TestPapers runs the other applications against papers.md §7.
func TestPapers(t *testing.T) {
	numbers := binary.LittleEndian.AppendUint32(nil, 4)
	for _, v := range []uint32{10, 20, 30, 4_000_000_000} {
		numbers = binary.LittleEndian.AppendUint32(numbers, v)
	}
	for _, test := range []struct {
		name    string
		context []byte
		want    int64
	}{
		{"increment", words(41), 42},
		{"multiply_add", words(5, 8), 45},
		{"average", numbers, 1_000_000_015},
		{"temp_sens", nil, 2716},
		{"heart_rate", nil, 80},
		{"sample_storage", nil, 0},
		{"heart_wave", nil, 82},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDevice(t)
			d.install(t, 0, tenantA, hookEvent, "papers/"+test.name)
			if got := d.fire(t, 0, hookEvent, test.context); got&0xffffffff != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestSensorsOfThePapers(t *testing.T) {
	for name, typ := range map[string]uint8{"temp_sens": 0x42, "heart_rate": 0x80} {
		d := newDevice(t)
		d.board.Sensors[1].Type = typ
		d.celsius = -7
		d.install(t, 0, tenantA, hookEvent, "papers/"+name)
		if got := int32(d.fire(t, 0, hookEvent, nil)); got != -700 {
			t.Errorf("%s: got %d, want -700", name, got)
		}
	}
}

func TestStorageOfThePapers(t *testing.T) {
	d := newDevice(t)
	d.install(t, 0, tenantA, hookEvent, "papers/sample_storage")
	for _, want := range [][3]uint32{{1, 2, 3}, {2, 6, 8}} {
		d.fire(t, 0, hookEvent, nil)
		if got := [3]uint32{d.Get(0, 5), d.Get(0, 15), d.Get(0, 3)}; got != want {
			t.Errorf("keys 5, 15, 3 hold %v, want %v", got, want)
		}
	}
	if n := len(d.Pairs(0)); n != 3 {
		t.Errorf("%d entries, want 3", n)
	}
}

func TestWaveOfThePapers(t *testing.T) {
	d := newDevice(t)
	d.install(t, 0, tenantA, hookEvent, "papers/heart_wave")
	want, step := int64(80), int64(2)
	for range 100 {
		want += step
		if got := d.fire(t, 0, hookEvent, nil); got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
		if want == 80 || want == 150 {
			step = -step
		}
	}
}

func TestResponsesOfThePapers(t *testing.T) {
	d := newDevice(t)
	d.install(t, 0, tenantA, hookCoAP, "papers/sample_gcoap")
	for range 2 {
		if code, format, payload := d.get(t, 0); code != 2<<5|5 || format != helpers.NoFormat || payload != "hello" {
			t.Errorf("got code %#x, format %d, %q", code, format, payload)
		}
	}
	if got := d.Get(0, 1); got != 2 {
		t.Errorf("%d runs were counted", got)
	}
	d.Remove(0)
	if code, _, payload := d.get(t, 0); code != 4<<5|4 || payload != "" {
		t.Errorf("without a container: code %#x, %q", code, payload)
	}
	d.install(t, 0, tenantA, hookCoAP, "papers/sensor_gcoap")
	for celsius, want := range map[int16]string{2345: "23.45", -5: "-0.05", -12345: "-123.45", 0: "0.00"} {
		d.celsius = celsius
		if code, format, payload := d.get(t, 0); code != 2<<5|5 || format != 0 || payload != want {
			t.Errorf("got code %#x, format %d, %q; want %q", code, format, payload, want)
		}
	}
	d.broken = true
	if code, _, payload := d.get(t, 0); code != 5<<5 || payload != "" {
		t.Errorf("without a reading: code %#x, %q", code, payload)
	}
}

func TestPeriodicIncrement(t *testing.T) {
	d := newDevice(t)
	d.install(t, 0, tenantA, hookEvent, "papers/periodic_increment")
	d.fire(t, 0, hookEvent, nil)
	for now := int64(0); now <= 5_000_000; now += 100_000 {
		d.Poll(now)
	}
	if got := d.Get(engine.Global, 0x50); got != 5 {
		t.Errorf("after 5 s the count is %d", got)
	}
}
