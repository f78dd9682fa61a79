package femtotest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/internal/gobpf"
	"github.com/femto-containers/femto/sdk/go/femto"
	"github.com/femto-containers/femto/sdk/go/femto/fake"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/sdk/go/femtotest/testdata/answers"
	"github.com/femto-containers/femto/sdk/go/femtotest/testdata/calls"
	"github.com/femto-containers/femto/vm"
)

// compiled is the image of a container in Go.
func compiled(t *testing.T, dir string) []byte {
	t.Helper()
	p, err := gobpf.Compile(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := p.Image()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// state is what the stores hold and the log has, as text.
func imageState(c *femtotest.Container, log []string) string {
	return fmt.Sprintf("%v %v %v %q", c.Store(femtotest.Local), c.Store(femtotest.Tenant), c.Store(femtotest.Global), log)
}

func fakeState(d *fake.Device) string {
	var stores [3]map[uint32]uint32
	for scope := range stores {
		stores[scope] = map[uint32]uint32{}
		for _, e := range d.Store(fake.Scope(scope)) {
			stores[scope][e.Key] = e.Value
		}
	}
	return fmt.Sprintf("%v %v %v %q", stores[0], stores[1], stores[2], d.Log)
}

// attempt calls f, and reports whether it panicked.
func attempt(f func() int64) (result int64, panicked bool) {
	defer func() { panicked = recover() != nil }()
	return f(), false
}

// TestFakeIsLikeDevice: what helpers do behind package femto in unit tests, they
// do on devices.
func TestFakeIsLikeDevice(t *testing.T) {
	raw := compiled(t, "testdata/calls")
	faults := 0
	for number := 0; ; number++ {
		context := []byte{byte(number), 2, 3, 4, 5}
		device := fake.New(t)
		device.Clock = 4_294_968_123_456 * time.Microsecond // both clocks have wrapped
		device.Sensors = []fake.Sensor{fake.Reads(femto.Temperature, -2, 2150, 7), fake.Reads(femto.Humidity, -1, -450),
			{Type: femto.Switch, Write: func(r *femto.Reading) int { return int(r.Value[0]) + 2 }},
			{Type: femto.Light, Read: func(*femto.Reading) int { return -3 }}}
		c := femtotest.New(t, raw, femtotest.Config{Budget: vm.MaxBudget})
		c.Clock = device.Clock
		c.Sensors = append(c.Sensors, femtotest.Sensor(0x82, -2, 2150, 7), femtotest.Sensor(0x83, -1, -450), femtotest.Sensor(0x45, 0), femtotest.Sensor(0x84, 0))
		c.Sensors[2].Read, c.Sensors[3].Read = nil, func(*helpers.Reading) int { return -3 }
		c.Sensors[2].Write = func(r *helpers.Reading) int { return int(r.Value[0]) + 2 }

		got, panicked := attempt(func() int64 { return calls.Call(append([]byte{}, context...)) })
		r := c.Fire(context)
		if panicked != (r.Fault != vm.OK) || !panicked && got != r.Value {
			t.Errorf("case %d: %d natively (panic: %v), %d on a device (%v at %d)", number, got, panicked, r.Value, r.Fault, r.PC)
		}
		if native, image := fakeState(device), imageState(c, r.Log); native != image {
			t.Errorf("case %d leaves\n%s natively,\n%s on a device", number, native, image)
		}
		if panicked {
			faults++
		}
		if got == -9 {
			if number < 17 || faults < 3 {
				t.Errorf("%d cases, %d faults", number, faults)
			}
			return
		}
	}
}

// TestFakeAnswersLikeDevice: the same of responses to CoAP requests.
func TestFakeAnswersLikeDevice(t *testing.T) {
	raw := compiled(t, "testdata/answers")
	for number := uint32(0); ; number++ {
		device := fake.New(t)
		device.Put(fake.Global, 1, number)
		c := femtotest.New(t, raw, femtotest.Config{})
		c.Put(femtotest.Global, 1, number)
		result, panicked := attempt(func() int64 { return answers.Respond(device.Request()) })
		want, r := c.Request()
		got := device.Answer(result)
		if panicked != (r.Fault != vm.OK) || byte(got.Code) != want.Code || got.Format != want.Format || string(got.Payload) != string(want.Payload) || result != r.Value {
			t.Errorf("case %d: %+v (%d) natively, %+v (%d, %v) on a device", number, got, result, want, r.Value, r.Fault)
		}
		if native, image := fakeState(device), imageState(c, r.Log); native != image {
			t.Errorf("case %d leaves\n%s natively,\n%s on a device", number, native, image)
		}
		if result == -9*32 {
			if number < 8 {
				t.Errorf("only %d cases", number)
			}
			return
		}
	}
}
