//go:build demo

package node

import (
	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/internal/fakes"
	"github.com/femto-containers/femto/vm"
)

// With the build tag demo a node has what the papers' demonstration needs
// (examples/three-containers): containers that answer requests, that see the
// main loop go from one thing to the next as if these were threads, that read a
// thermometer, that send events, and that choose what is worth a line in the log.
const (
	hookCoAP = firstExtra + iota
	hookThread
	hookSensor
	hookMessage
	hookLog
	hookCount
)

const (
	responseSize  = 64
	events        = 2 * (1 + MaxTenants) // two of each tenant
	samplePeriod  = 1_000_000            // microseconds
	positionLight = 2
)

// The helpers that containers may be granted, in flash.
//
//go:section .rodata.helpers
var table [26]vm.Helper

var wanted = helpers.Join(table[:], helpers.Core, helpers.Stores, helpers.Log, helpers.Format,
	helpers.Sensors, helpers.Actuators, helpers.CoAP, helpers.Wait, helpers.Events)

type extras struct {
	board    helpers.Board
	sensors  [3]helpers.Sensor
	answers  agent.Answers
	response [helpers.ResponseAt + responseSize]byte
	events   [events]engine.Event
	thread   uint64
	switched [hooks.ThreadSize]byte
	sampled  [hooks.SensorSize]byte
	due      int64 // of the next sample
	samples  uint32
	filed    uint32 // number of the first line that the hook log has not seen
	logged   [hooks.LogSize + 128]byte
}

func (n *Node) extend() {
	x := &n.extras
	x.sensors[0] = helpers.Sensor{Name: "LED", Type: helpers.TypeSwitch, Write: writeLED}
	x.sensors[1] = helpers.Sensor{Name: "thermometer", Type: helpers.TypeTemperature, Read: readThermometer}
	x.sensors[positionLight] = helpers.Sensor{Name: "light", Type: helpers.TypeLight, Read: readLight}
	x.board.Sensors = x.sensors[:]
	hooks.CoapHook(&n.hooks[hookCoAP])
	hooks.ThreadHook(&n.hooks[hookThread])
	hooks.MessageHook(&n.hooks[hookMessage])
	hooks.SensorHook(&n.hooks[hookSensor])
	hooks.LogHook(&n.hooks[hookLog])
	x.answers.Engine = &n.engine
	x.answers.Hook = hookCoAP
	x.answers.Responder.Memory = x.response[:]
	n.hooks[hookCoAP].Regions = x.answers.Responder.Regions()
	n.engines.Env = &x.board
	n.engines.Events = x.events[:]
	n.agents.Other = &x.answers
	x.thread = threadIdle
}

// switchTo fires the hook thread if it is another one's turn.
func (n *Node) switchTo(now int64, thread uint64) {
	x := &n.extras
	if thread == x.thread {
		return
	}
	c := hooks.Thread{Previous: x.thread, Next: thread}
	x.thread = thread
	c.Put(x.switched[:])
	n.engine.Fire(now, hookThread, x.switched[:])
}

// file fires the hook log for each line that was printed since, now that no
// container runs, and takes out those that it drops. They were on the console
// already, as were lines that others have pushed out meanwhile.
func (n *Node) file(now int64) {
	const information = 2
	x := &n.extras
	for x.filed != n.lines.Next() {
		container, text := n.lines.Line(x.filed)
		if container == nil || n.onLog(container) {
			x.filed++
			continue
		}
		length := copy(x.logged[hooks.LogSize:], text)
		c := hooks.Log{Level: information, Length: uint32(length)}
		c.Put(x.logged[:])
		if n.engine.Fire(now, hookLog, x.logged[:hooks.LogSize+length]).Value > 0 {
			n.lines.Drop(x.filed)
		} else {
			x.filed++
		}
	}
}

// onLog reports whether a container, as lines name it, is one of the hook log.
func (n *Node) onLog(container []byte) bool {
	name := n.hooks[hookLog].Name
	for i := range len(name) {
		if i == len(container) || container[i] != name[i] {
			return false
		}
	}
	return len(container) == len(name) || container[len(name)] == '/'
}

// sample reads the light sensor when it is due, and returns when it will be
// again. Containers of the hook sensor may change the reading, or drop it: then
// the one before stays.
func (n *Node) sample(now int64) (next int64) {
	x := &n.extras
	if now < x.due {
		return x.due
	}
	x.due = max(x.due+samplePeriod, now+1)
	var r helpers.Reading
	fakes.Light(&r, x.samples)
	x.samples++
	c := hooks.Sensor{Value: r.Value, Unit: r.Unit, Scale: r.Scale, Position: positionLight, Type: helpers.TypeLight}
	c.Put(x.sampled[:])
	if n.engine.Fire(now, hookSensor, x.sampled[:]).Value >= 0 {
		c.Get(x.sampled[:])
		light.Value, light.Unit, light.Scale = c.Value, c.Unit, c.Scale
	}
	return x.due
}

// The board's sensors and LED are not there: they are counted and kept.
var (
	temperatures uint32
	light        helpers.Reading
	led          helpers.Reading
)

func readLight(r *helpers.Reading) int {
	*r = light
	return 1
}

func readThermometer(r *helpers.Reading) int {
	temperatures++
	return fakes.Temperature(r, temperatures-1)
}

func writeLED(r *helpers.Reading) int {
	led = *r
	return 1
}
