// Package fake makes up the device of a container's unit tests: helpers that
// package femto calls act on its stores, its clock and its sensors.
//
//	func TestTick(t *testing.T) {
//		device := fake.New(t)
//		device.Put(fake.Local, 1, 41)
//		if got := Tick(&femto.TimerContext{}); got != 42 {
//			t.Errorf("returned %d, want 42", got)
//		}
//		device.WantLog("tick 42")
//		device.WantStore(fake.Local, 1, 42)
//	}
//
// A test has one device at a time, so such tests do not run in parallel.
package fake

import (
	"slices"
	"time"

	"github.com/femto-containers/femto/sdk/go/femto"
)

// TB is what is needed of testing.TB.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(func())
}

// A Scope is whose store is meant.
type Scope uint32

// The stores of a container.
const (
	Local Scope = iota
	Tenant
	Global
)

// What a device has room for, unless a test says otherwise.
const (
	DefaultRoom = 256 // entries of all stores
	queueLength = 8   // events that wait
	lineLength  = 128 // bytes of a line
)

// A Device is what a container's helpers reach.
type Device struct {
	Clock   time.Duration // since it started
	Sensors []Sensor      // by position
	Random  func() uint32 // nil: a source that repeats itself in every test
	Room    int           // entries of all stores together
	Log     []string      // lines that were printed
	Sent    []Message     // what was sent and waits; the eighth is refused

	t      TB
	stores [3][]femto.Entry
	seed   uint32
	end    time.Duration // of Run; 0: outside
	answer response
}

// A Message is what a container sent.
type Message struct {
	Kind, Value uint32
	After       time.Duration // 0: at once
}

// A Sensor is a sensor or an actuator of the registry.
type Sensor struct {
	Type femto.SensorType

	// Read fills reading, which is zero before, and returns how many values
	// there are, 1 to 3, or a number below 0 if the sensor fails. Write takes a
	// reading likewise. nil: it cannot be read, or written to.
	Read, Write func(reading *femto.Reading) int
}

// Reads makes a sensor that reads values, times 10 to the power of scale.
func Reads(kind femto.SensorType, scale int8, values ...int16) Sensor {
	return Sensor{Type: kind, Read: func(r *femto.Reading) int {
		r.Scale = scale
		return copy(r.Value[:], values)
	}}
}

// New makes a device, the one that helpers reach until the test ends.
func New(t TB) *Device {
	d := &Device{Room: DefaultRoom, t: t, seed: 1}
	before := femto.On(host{d})
	t.Cleanup(func() { femto.On(before) })
	return d
}

// Run calls a long-running container and ends it when it would sleep past the
// time d from now; the clock is then there. It reports whether the container
// returned before.
func (d *Device) Run(duration time.Duration, container func()) (returned bool) {
	end := d.Clock + duration
	d.end = end
	defer func() {
		d.end = 0
		if r := recover(); r != nil && r != any(asleep) {
			panic(r)
		}
		d.Clock = end
	}()
	container()
	return true
}

// asleep is what a container that sleeps past the end panics with.
const asleep = sleeper("femto: the container sleeps: call it with Run")

type sleeper string

// Put stores value under key, as if it had been there.
func (d *Device) Put(scope Scope, key, value uint32) {
	if d.store(scope, key, value) != 0 {
		d.t.Helper()
		d.t.Errorf("store: no room for key %d", key)
	}
}

// Get returns what is stored under key, and whether it is there.
func (d *Device) Get(scope Scope, key uint32) (value uint32, there bool) {
	if i := d.find(scope, key); i >= 0 {
		return d.stores[scope][i].Value, true
	}
	return 0, false
}

// Store returns the entries of a store, in the order in which their keys were
// first stored.
func (d *Device) Store(scope Scope) []femto.Entry { return slices.Clone(d.stores[scope]) }

// WantLog fails the test unless the container printed these lines.
func (d *Device) WantLog(lines ...string) {
	d.t.Helper()
	if !slices.Equal(d.Log, lines) {
		d.t.Errorf("printed %q, want %q", d.Log, lines)
	}
}

// WantStore fails the test unless a store has value under key.
func (d *Device) WantStore(scope Scope, key, value uint32) {
	d.t.Helper()
	if got, there := d.Get(scope, key); !there || got != value {
		d.t.Errorf("store: %d (there: %v) under %d, want %d", got, there, key, value)
	}
}

func (d *Device) find(scope Scope, key uint32) int {
	return slices.IndexFunc(d.stores[scope], func(e femto.Entry) bool { return e.Key == key })
}

// store is 0, or -1: there is no room.
func (d *Device) store(scope Scope, key, value uint32) int32 {
	if i := d.find(scope, key); i >= 0 {
		d.stores[scope][i].Value = value
		return 0
	}
	if len(d.stores[Local])+len(d.stores[Tenant])+len(d.stores[Global]) >= d.Room {
		return -1
	}
	d.stores[scope] = append(d.stores[scope], femto.Entry{Key: key, Value: value})
	return 0
}

func (d *Device) send(m Message) int32 {
	if len(d.Sent) >= queueLength {
		return -1
	}
	d.Sent = append(d.Sent, m)
	return 0
}
