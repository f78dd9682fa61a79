// Package femtotest runs containers in tests: an image, in the engine that
// devices have, with sensors, a clock, stores and helpers that the test makes
// up.
//
//	func TestCounts(t *testing.T) {
//		c := femtotest.Load(t, ".femto/hello.bin")
//		c.Put(femtotest.Local, 1, 41)
//		r := c.Fire(femtotest.Context(&hooks.Timer{Count: 3}))
//		r.Want(42)
//		r.WantLog("tick 42")
//		c.WantStore(femtotest.Local, 1, 42)
//	}
package femtotest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// TB is what is needed of testing.TB.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// The stores of a container.
const (
	Local  = engine.ScopeLocal
	Tenant = engine.ScopeTenant
	Global = engine.ScopeGlobal
)

// Capacities of the made-up device: those of a simulated one.
const (
	DefaultBudget = 100_000
	stackSize     = 512
	memorySize    = 4096
	entries       = 256
	lineSize      = 128
	answerSize    = 256
)

// Config says what the device is like on which a container runs.
type Config struct {
	Hook    string      // a standard hook; "": the one that the image names, else "event"
	Budget  int32       // instructions per activation; 0: what the image asks for, else DefaultBudget
	Helpers []vm.Helper // the firmware's own, from number 0xc0 on
}

// A Container is one on a device of its own.
type Container struct {
	Clock   time.Duration    // since the device started; Fire happens then
	Sensors []helpers.Sensor // by position; see Sensor
	Random  func() uint32    // nil: a source that repeats itself in every run
	Before  vm.Trace         // called before each instruction; nil: at full speed

	t         TB
	raw       []byte
	config    Config
	engine    engine.Engine
	hook      engine.Hook
	responder helpers.Responder
	board     helpers.Board
	fakes     map[string]func(*vm.Call) uint64
	standard  []vm.Helper
	real      []func(*vm.Call) uint64 // what they do themselves
	lines     []string
	calls     []Call
	line      []byte
	seed      uint32
}

// A Call is one call of a helper.
type Call struct {
	Helper string
	Args   [5]uint64 // r1 to r5
	Result uint64
}

// A Result is what one activation did.
type Result struct {
	Value        int64 // r0, without a fault
	Fault        vm.Fault
	PC           int    // slot of the fault
	Address      uint64 // of a fault of memory
	Instructions int    // helpers included
	Log          []string
	Calls        []Call
	Context      []byte // afterwards
	Waiting      bool   // a long-running container that waits: there is no Value

	t TB
}

// Load opens the image in a file; t fails if it is none that devices load.
func Load(t TB, file string) *Container {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return New(t, raw, Config{})
}

// New opens an image; t fails if it is none that devices load.
func New(t TB, raw []byte, config Config) *Container {
	t.Helper()
	c, err := Open(raw, config)
	if err != nil {
		t.Fatalf("%v", err)
	}
	c.t = t
	return c
}

// Open installs an image on a device of its own.
func Open(raw []byte, config Config) (*Container, error) {
	m, bad := image.Parse(raw)
	if bad != image.OK {
		return nil, fmt.Errorf("image: %w", bad)
	}
	var contract image.Contract
	if b := m.Contract(); b != nil {
		if bad := image.ParseContract(b, &contract); bad != image.OK {
			return nil, fmt.Errorf("image: %w", bad)
		}
	}
	c := &Container{raw: raw, config: config, fakes: map[string]func(*vm.Call) uint64{}, line: make([]byte, lineSize)}
	if c.config.Hook == "" {
		c.config.Hook = cmp.Or(hookOf(contract.Hook), "event")
	}
	if c.config.Budget == 0 {
		c.config.Budget = DefaultBudget
		if contract.Budget > 0 {
			c.config.Budget = contract.Budget
		}
	}
	for _, h := range slices.Concat(helpers.Standard, config.Helpers) {
		c.standard, c.real = append(c.standard, c.wrap(h)), append(c.real, h.Call)
	}
	return c, c.reset(contract.Hook)
}

// Reset puts the device back to how it was when the image was opened: stores
// and variables are as new. Sensors, clock and fakes stay.
func (c *Container) Reset() {
	if err := c.reset(c.hook.UUID[:]); err != nil {
		panic(err) // what could be installed can be again
	}
}

func (c *Container) reset(wanted []byte) error {
	c.hook = engine.Hook{Name: c.config.Hook, ContextWritable: true}
	if declare := declarations[c.config.Hook]; declare != nil {
		declare(&c.hook)
	} else if len(wanted) == 16 {
		copy(c.hook.UUID[:], wanted)
	}
	c.hook.Period, c.hook.Budget = 0, vm.MaxBudget
	if c.config.Hook == "coap" {
		c.responder.Memory = make([]byte, helpers.ResponseAt+answerSize)
		c.hook.Regions = c.responder.Regions()
	}
	c.seed, c.lines, c.calls = 1, nil, nil
	c.board = helpers.Board{Random: func() uint32 {
		if c.Random != nil {
			return c.Random()
		}
		c.seed = c.seed*1664525 + 1013904223
		return c.seed
	}}
	if err := c.engine.Init(&engine.Config{
		Hooks:      []engine.Hook{c.hook},
		Containers: make([]engine.Container, 1),
		Stack:      make([]byte, stackSize),
		Memory:     make([]byte, memorySize),
		Entries:    make([]engine.Entry, entries),
		Events:     make([]engine.Event, 8),
		Line:       c.line,
		Helpers:    c.standard,
		Env:        &c.board,
		Log:        func(_ *engine.Container, line []byte) { c.lines = append(c.lines, string(line)) },
	}); err != engine.OK {
		return fmt.Errorf("set up the device: %w", err)
	}
	if err := c.engine.Install(0, &engine.Spec{Tenant: engine.Owner, Image: c.raw}); err.Reason != engine.OK {
		if err.Unmet != 0 {
			return fmt.Errorf("load: %w: %s", err, c.unmet(&err, wanted))
		}
		return fmt.Errorf("load: %w", err)
	}
	c.engine.Hook(0).Budget = c.config.Budget // which may be less than the image asks for
	return nil
}

// unmet says what is lacking; of a hook, which one there is and which is wanted.
func (c *Container) unmet(err *engine.CheckError, wanted []byte) string {
	if err.Unmet != engine.UnmetHook {
		return err.Unmet.String()
	}
	return fmt.Sprintf("its contract is for the hook %s, not for %s", cmp.Or(hookOf(wanted), fmt.Sprintf("%x", wanted)), c.config.Hook)
}

// wrap notes the calls of a helper and lets a fake answer them.
func (c *Container) wrap(h vm.Helper) vm.Helper {
	real, name := h.Call, h.Name
	h.Call = func(call *vm.Call) uint64 {
		do := real
		if fake := c.fakes[name]; fake != nil {
			do = fake
		}
		args := call.R
		result := do(call)
		c.calls = append(c.calls, Call{name, args, result})
		return result
	}
	return h
}

// Calls returns the calls of helpers since the last Fire or Advance began.
func (c *Container) Calls() []Call { return c.calls }

// Log returns the lines printed since the last Fire or Advance began.
func (c *Container) Log() []string { return c.lines }

// Fake lets f answer the calls of a helper. Its arguments are checked before:
// call.Mem has the bytes behind pointers. nil undoes it.
func (c *Container) Fake(helper string, f func(call *vm.Call) uint64) {
	known := slices.ContainsFunc(c.standard, func(h vm.Helper) bool { return h.Name == helper })
	if !known && c.t != nil {
		c.t.Helper()
		c.t.Fatalf("there is no helper %q", helper)
	}
	c.fakes[helper] = f
}

// Returns lets a helper return one result after the other, without doing
// anything; the last one repeats.
func (c *Container) Returns(helper string, results ...int64) {
	n := 0
	c.Fake(helper, func(*vm.Call) uint64 {
		result := results[min(n, len(results)-1)]
		n++
		return uint64(result)
	})
}

// Play is for fakes: it writes bytes to what the call may write, then returns
// returns; or, if real, does what the helper itself does.
func (c *Container) Play(helper string, call *vm.Call, real bool, returns int64, writes []byte) uint64 {
	i := slices.IndexFunc(c.standard, func(h vm.Helper) bool { return h.Name == helper })
	if i < 0 {
		return uint64(returns)
	}
	if real {
		return c.real[i](call)
	}
	for n, arg := range c.standard[i].Args {
		if arg&vm.ArgWrite == vm.ArgWrite {
			writes = writes[copy(call.Mem[n], writes):]
		}
	}
	return uint64(returns)
}

// Sensor makes a sensor that reads values, times 10 to the power of scale.
func Sensor(kind uint8, scale int8, values ...int16) helpers.Sensor {
	return helpers.Sensor{Type: kind, Read: func(r *helpers.Reading) int {
		r.Scale = scale
		return copy(r.Value[:], values)
	}}
}

// SomeSensors are what a small board may have: 21.5 degrees, 45 % humidity, 300
// lux, and a switch.
func SomeSensors() []helpers.Sensor {
	on := int16(0)
	return []helpers.Sensor{
		Sensor(helpers.TypeTemperature, -2, 2150), Sensor(helpers.TypeHumidity, -1, 450), Sensor(helpers.TypeLight, 0, 300),
		{Type: helpers.TypeSwitch,
			Read:  func(r *helpers.Reading) int { r.Value[0] = on; return 1 },
			Write: func(r *helpers.Reading) int { on = r.Value[0]; return 1 }},
	}
}

// Hook is the name of the hook on which the container runs.
func (c *Container) Hook() string { return c.config.Hook }

// Fire fires the container's hook. A nil context is that of the hook, zero but
// for the time. Of a long-running container the result is what it did until it
// waits.
func (c *Container) Fire(context []byte) Result {
	if context == nil {
		context = c.DefaultContext()
	}
	context = slices.Clone(context)
	c.board.Sensors = c.Sensors
	c.engine.Trace(c.Before)
	c.lines, c.calls = nil, nil
	now := c.Clock.Microseconds()
	outcomes := make([]engine.Outcome, 1)
	place := c.engine.Container(0)
	before := place.Stats()
	fired := c.engine.FireEach(now, 0, context, outcomes)
	if place.LongRunning() {
		return c.slice(before)
	}
	r := Result{Context: context, Log: c.lines, Calls: c.calls, t: c.t}
	if fired.Ran+fired.Faulted > 0 {
		o := &outcomes[0]
		r.Value, r.Fault, r.PC, r.Address, r.Instructions = o.Value, o.Fault, int(o.PC), o.Address, int(o.Instructions)
	}
	return r
}

// slice polls a long-running container until it has nothing to do at this time.
func (c *Container) slice(before engine.Stats) Result {
	now := c.Clock.Microseconds()
	place := c.engine.Container(0)
	for range 1000 {
		if c.engine.Poll(now) > now {
			break
		}
	}
	after := place.Stats()
	r := Result{Log: c.lines, Calls: c.calls, Instructions: int(after.Instructions - before.Instructions), t: c.t}
	r.Waiting = place.State() == engine.Suspended
	if after.Faults > before.Faults {
		r.Fault, r.PC, r.Address = after.Fault, int(after.FaultPC), after.FaultAddress
	}
	return r
}

// Advance lets time pass. A long-running container that waits goes on when its
// time has come; the result is what it did in all.
func (c *Container) Advance(d time.Duration) Result {
	c.board.Sensors = c.Sensors
	c.engine.Trace(c.Before)
	c.lines, c.calls = nil, nil
	end := c.Clock + d
	place := c.engine.Container(0)
	before := place.Stats()
	for range 100_000 {
		next := time.Duration(c.engine.Poll(c.Clock.Microseconds())) * time.Microsecond
		if next > end || next < 0 {
			break
		}
		c.Clock = max(c.Clock, next)
	}
	c.Clock = end
	return c.slice(before)
}

// An Answer is the response to a CoAP request.
type Answer struct {
	Code    byte // class << 5 | detail: 2.05 is 0x45
	Format  int32
	Payload []byte
}

// Request fires a container of the hook coap as a request does.
func (c *Container) Request() (Answer, Result) {
	r := c.Fire(nil)
	return c.Answer(r), r
}

// Answer reads the response that the last result stands for.
func (c *Container) Answer(r Result) Answer {
	code, format, payload := c.responder.End(r.Value)
	return Answer{code, format, slices.Clone(payload)}
}

// Put stores value under key in a store, as if it had been there.
func (c *Container) Put(store engine.Scope, key, value uint32) {
	if err := c.engine.Put(owner(store), key, value); err != engine.OK && c.t != nil {
		c.t.Helper()
		c.t.Fatalf("store: %v", err)
	}
}

// Store returns what is in a store.
func (c *Container) Store(store engine.Scope) map[uint32]uint32 {
	pairs := map[uint32]uint32{}
	for _, e := range c.engine.Pairs(owner(store)) {
		pairs[e.Key] = e.Value
	}
	return pairs
}

func owner(store engine.Scope) int {
	switch store {
	case Tenant:
		return engine.TenantStore(engine.Owner)
	case Global:
		return engine.Global
	}
	return 0
}

// hookOf is the name of the standard hook that a contract names, "" if it is none.
func hookOf(id []byte) string {
	for name, declare := range declarations {
		var h engine.Hook
		declare(&h)
		if string(h.UUID[:]) == string(id) {
			return name
		}
	}
	return ""
}

// Hooks lists the standard hooks by name.
func Hooks() []string { return slices.Sorted(maps.Keys(declarations)) }

var declarations = map[string]func(*engine.Hook){
	"timer": hooks.TimerHook, "event": hooks.EventHook, "message": hooks.MessageHook, "coap": hooks.CoapHook,
	"sensor": hooks.SensorHook, "thread": hooks.ThreadHook, "boot": hooks.BootHook, "log": hooks.LogHook,
}

// contextSizes are those of the hooks' contexts in bytes.
var contextSizes = map[string]int{
	"timer": hooks.TimerSize, "message": hooks.MessageSize, "coap": hooks.CoapSize, "sensor": hooks.SensorSize,
	"thread": hooks.ThreadSize, "boot": hooks.BootSize, "log": hooks.LogSize,
}

// DefaultContext is the context that Fire takes for nil.
func (c *Container) DefaultContext() []byte {
	switch c.config.Hook {
	case "coap":
		return c.responder.Begin(1, nil)
	case "timer":
		return Context(&hooks.Timer{Now: uint64(c.Clock.Microseconds())})
	}
	return make([]byte, contextSizes[c.config.Hook])
}

// Context encodes the context of a hook: a *hooks.Timer and the like.
func Context(context interface{ Put([]byte) }) []byte {
	size := 0
	switch context.(type) {
	case *hooks.Timer:
		size = hooks.TimerSize
	case *hooks.Message:
		size = hooks.MessageSize
	case *hooks.Coap:
		size = hooks.CoapSize
	case *hooks.Sensor:
		size = hooks.SensorSize
	case *hooks.Thread:
		size = hooks.ThreadSize
	case *hooks.Boot:
		size = hooks.BootSize
	case *hooks.Log:
		size = hooks.LogSize
	default:
		panic(errors.ErrUnsupported)
	}
	b := make([]byte, size)
	context.Put(b)
	return b
}
