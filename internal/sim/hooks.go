package sim

import (
	"math/rand/v2"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/internal/fakes"
)

// Hooks of the simulated device, by index. The first ones are those of boards, all
// of them those of boards built with the tag demo.
const (
	hookEvent = iota
	hookTimer
	hookBoot
	hookCoAP
	hookThread
	hookSensor
	hookMessage
	hookLog
	hookCount
)

// HookNames lists the hooks that a device of this kind offers.
var HookNames = func() (names []string) {
	for _, h := range Hooks() {
		names = append(names, h.Name)
	}
	return names
}()

// Hooks returns the simulated device's hooks: all that docs/spec/hooks.md has.
func Hooks() []engine.Hook {
	h := make([]engine.Hook, hookCount)
	hooks.EventHook(&h[hookEvent])
	hooks.TimerHook(&h[hookTimer])
	h[hookTimer].Period = timerPeriod
	hooks.CoapHook(&h[hookCoAP])
	hooks.ThreadHook(&h[hookThread])
	hooks.SensorHook(&h[hookSensor])
	hooks.MessageHook(&h[hookMessage])
	hooks.BootHook(&h[hookBoot])
	hooks.LogHook(&h[hookLog])
	return h
}

// Positions in the registry of sensors.
const (
	sensorLED = iota
	sensorThermometer
	sensorLight
)

// A board is what a simulated device has around its engine.
type board struct {
	helpers.Board
	led    helpers.Reading // what was last written to it
	light  helpers.Reading // what the device last read, and the hook sensor left
	thread uint64          // that runs
	turn   int             // of the scheduler

	sampleDue, switchDue  int64
	samples, temperatures uint32
}

// newBoard returns a board with a LED, a thermometer that is read when a
// container asks, and a light sensor that the device reads every second.
func newBoard() *board {
	b := &board{thread: threads[0]}
	b.Random = rand.Uint32
	b.Sensors = []helpers.Sensor{
		sensorLED: {Name: "LED", Type: helpers.TypeSwitch, Write: func(r *helpers.Reading) int {
			b.led = *r
			return 1
		}},
		sensorThermometer: {Name: "thermometer", Type: helpers.TypeTemperature, Read: func(r *helpers.Reading) int {
			b.temperatures++
			return fakes.Temperature(r, b.temperatures-1)
		}},
		sensorLight: {Name: "light", Type: helpers.TypeLight, Read: func(r *helpers.Reading) int {
			*r = b.light
			return 1
		}},
	}
	return b
}

const (
	samplePeriod = 1_000_000 // microseconds
	switchPeriod = 250_000
)

// threads are the numbers of those that the fake scheduler has run in turns:
// idle, network, idle, sensors.
var threads = []uint64{1, 2, 1, 3}

// due reports whether it is time for what happens each period, and when it will
// be again. A device that was busy does not make up for what it missed.
func due(at *int64, now, period int64) bool {
	if *at == 0 {
		*at = now + period
		return false
	}
	if now < *at {
		return false
	}
	*at = max(*at+period, now+1)
	return true
}

// poll fires the hooks of what the board does at now, and returns when it wants
// to be called again.
func (d *Device) pollBoard(now int64) (next int64) {
	b := d.board
	if due(&b.switchDue, now, switchPeriod) {
		b.turn = (b.turn + 1) % len(threads)
		c := hooks.Thread{Previous: b.thread, Next: threads[b.turn]}
		b.thread = c.Next
		context := make([]byte, hooks.ThreadSize)
		c.Put(context)
		d.engine.Fire(now, hookThread, context)
	}
	if due(&b.sampleDue, now, samplePeriod) {
		d.sample(now)
	}
	return min(b.switchDue, b.sampleDue)
}

// sample reads the light sensor. The hook's containers may change the reading,
// or drop it: then the one before stays.
func (d *Device) sample(now int64) {
	b := d.board
	var r helpers.Reading
	fakes.Light(&r, b.samples)
	b.samples++
	c := hooks.Sensor{Value: r.Value, Unit: r.Unit, Scale: r.Scale, Position: sensorLight, Type: helpers.TypeLight}
	context := make([]byte, hooks.SensorSize)
	c.Put(context)
	if d.engine.Fire(now, hookSensor, context).Value < 0 {
		return
	}
	c.Get(context)
	b.light = helpers.Reading{Value: c.Value, Unit: c.Unit, Scale: c.Scale}
}

// started fires the hook boot.
func (d *Device) started() {
	const power, reset = 0, 1
	c := hooks.Boot{Cause: power, Starts: d.starts}
	if d.starts > 1 {
		c.Cause = reset
	}
	context := make([]byte, hooks.BootSize)
	c.Put(context)
	d.engine.Fire(0, hookBoot, context)
	d.flush(0)
}

// A printed line waits until the engine is idle again.
type printed struct {
	container *engine.Container
	now       int64
	line      []byte
}

// flush passes on what containers printed, unless the hook log drops it.
func (d *Device) flush(now int64) {
	for len(d.printed) > 0 {
		p := d.printed[0]
		d.printed = d.printed[1:]
		if p.container.Hook() != hookLog && d.drops(now, p.line) {
			continue
		}
		d.agent.Printed()
		d.lines.Add(p.now, d.engine.Hook(p.container.Hook()).Name, p.container.Name(), p.line)
		if d.start.Log != nil {
			d.start.Log(d.containerName(p.container), string(p.line))
		}
	}
}

func (d *Device) drops(now int64, line []byte) bool {
	const information = 2
	context := make([]byte, hooks.LogSize, hooks.LogSize+len(line))
	(&hooks.Log{Level: information, Length: uint32(len(line))}).Put(context)
	return d.engine.Fire(now, hookLog, append(context, line...)).Value > 0
}
