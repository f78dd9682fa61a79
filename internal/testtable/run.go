package testtable

import (
	"fmt"
	"maps"
	"slices"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// A Subject is what is tested.
type Subject struct {
	Image  []byte
	Hook   string
	Budget int // instructions per activation; 0: none is set
	Watch  Watch
}

// A Watch looks at the machine: before each instruction, and at the end of each
// activation. nil is none.
type Watch interface {
	Before(m *vm.Machine)
	End()
}

// patience is the budget of a test where none is set: what loops forever ends.
const patience = 10_000_000

// An Outcome is what came of a test.
type Outcome struct {
	Name         string `json:"name"`
	File         string `json:"file"`
	Line         int    `json:"line"`
	OK           bool   `json:"ok"`
	Instructions int    `json:"instructions"`

	// Problems are what is not as expected; Result is for those who say more of
	// a fault.
	Problems diagnose.List    `json:"-"`
	Result   femtotest.Result `json:"-"`
}

// Run runs the test. The error is about the test, not about the container.
func (t *Test) Run(s *Subject) (*Outcome, error) {
	c, context, err := t.prepare(s)
	if err != nil {
		return nil, err
	}
	end := s.watched(c)
	r := c.Fire(context)
	end()
	if d, _ := duration(t.Advance); d > 0 && r.Fault == vm.OK {
		first := r
		r = c.Advance(d)
		end()
		r.Log, r.Instructions = append(first.Log, r.Log...), first.Instructions+r.Instructions
	}
	o := &Outcome{Name: t.Name, File: t.file, Line: t.line, Instructions: r.Instructions, Result: r}
	if err := t.judge(c, o, s); err != nil {
		return nil, err
	}
	o.OK = len(o.Problems) == 0
	return o, nil
}

// watched lets Watch look at c, and returns what to call after an activation.
func (s *Subject) watched(c *femtotest.Container) (end func()) {
	if s.Watch == nil {
		return func() {}
	}
	c.Before = s.Watch.Before
	return s.Watch.End
}

// prepare makes the device and the context that the test describes.
func (t *Test) prepare(s *Subject) (*femtotest.Container, []byte, error) {
	budget := int32(patience)
	if t.Expect.Fault == "budget" {
		budget = int32(s.Budget)
	}
	c, err := femtotest.Open(s.Image, femtotest.Config{Hook: s.Hook, Budget: budget})
	if err != nil {
		return nil, nil, err
	}
	c.Clock, _ = duration(t.At)
	for _, sensor := range t.Sensors {
		kind, _ := sensor.kind()
		values := make([]int16, len(sensor.Value))
		for i, v := range sensor.Value {
			values[i] = int16(v)
		}
		c.Sensors = append(c.Sensors, helpers.Sensor{Type: kind, Read: func(r *helpers.Reading) int {
			r.Unit, r.Scale = uint8(sensor.Unit), int8(sensor.Scale)
			return copy(r.Value[:], values)
		}})
	}
	for scope, given := range t.Store {
		pairs, _ := pairsOf(given)
		for _, key := range slices.Sorted(maps.Keys(pairs)) {
			c.Put(engine.Scope(slices.Index(scopes, scope)), key, pairs[key])
		}
	}
	for name, results := range t.Helpers {
		answers, _ := answersOf(results)
		n := 0
		c.Fake(name, func(call *vm.Call) uint64 {
			a := answers[min(n, len(answers)-1)]
			n++
			return c.Play(name, call, a.real, a.returns, a.writes)
		})
	}
	if len(t.Context) == 0 {
		return c, nil, nil
	}
	if c.Hook() == "coap" {
		return nil, nil, diagnose.List{t.wrong("context", "the hook coap makes its context itself", "leave it out")}
	}
	context, err := encode(c.Hook(), c.DefaultContext(), t.Context)
	if err != nil {
		return nil, nil, diagnose.List{t.wrong("context", err.Error(), "")}
	}
	return c, context, nil
}

// judge compares what came with what was expected.
func (t *Test) judge(c *femtotest.Container, o *Outcome, s *Subject) error {
	r, e := &o.Result, &t.Expect
	fail := func(code diagnose.Code, key, format string, args ...any) {
		o.Problems = append(o.Problems, &diagnose.Diagnostic{Code: code, What: fmt.Sprintf("%s: %s", t.Name, fmt.Sprintf(format, args...)), Place: t.place(key)})
	}
	want, named := faults[e.Fault]
	switch {
	case e.Fault == "any" && r.Fault == vm.OK, named && r.Fault != want:
		fail(diagnose.TestFailed, "fault", "fault: %v, want %s", faultText(r.Fault), e.Fault)
	case !named && e.Fault != "any" && r.Fault != vm.OK:
		fail(diagnose.TestFailed, "name", "the container was stopped: %v", r.Fault)
		return nil // the rest follows from it
	}
	if r.Fault == vm.OK {
		if e.Result != nil && r.Value != *e.Result {
			fail(diagnose.TestFailed, "result", "returned %d, want %d", r.Value, *e.Result)
		}
		if e.Code != "" || e.Payload != nil {
			answer := c.Answer(*r)
			code := fmt.Sprintf("%d.%02d", answer.Code>>5, answer.Code&31)
			if e.Code != "" && code != e.Code {
				fail(diagnose.TestFailed, "code", "answered %s, want %s", code, e.Code)
			}
			if e.Payload != nil && string(answer.Payload) != *e.Payload {
				fail(diagnose.TestFailed, "payload", "answered %q, want %q", answer.Payload, *e.Payload)
			}
		}
	}
	if e.Log != nil && !slices.Equal(e.Log, r.Log) {
		fail(diagnose.TestFailed, "log", "printed %q, want %q", r.Log, e.Log)
	}
	for _, scope := range scopes {
		given, said := e.Store[scope]
		if !said {
			continue
		}
		pairs, _ := pairsOf(given)
		if got := c.Store(engine.Scope(slices.Index(scopes, scope))); !maps.Equal(got, pairs) {
			fail(diagnose.TestFailed, "store."+scope, "the %s store has %s, want %s", scope, pairsText(got), pairsText(pairs))
		}
	}
	if e.Waiting != nil && r.Waiting != *e.Waiting {
		fail(diagnose.TestFailed, "waiting", "waiting: %v, want %v", r.Waiting, *e.Waiting)
	}
	if e.Context != nil {
		said, err := differs(c.Hook(), r.Context, e.Context)
		if err != nil {
			return diagnose.List{t.wrong("context", err.Error(), "")}
		}
		if said != "" {
			fail(diagnose.TestFailed, "context", "%s", said)
		}
	}
	if e.Instructions > 0 && r.Instructions > e.Instructions {
		fail(diagnose.TestFailed, "instructions", "took %d instructions, want at most %d", r.Instructions, e.Instructions)
	}
	if s.Budget > 0 && r.Instructions > s.Budget && e.Fault != "budget" {
		fail(diagnose.OverBudget, "name", "took %d instructions, budget.instructions is %d", r.Instructions, s.Budget)
	}
	return nil
}

func faultText(f vm.Fault) string {
	if f == vm.OK {
		return "none"
	}
	return f.Error()
}

// pairsText is a store as a table says it.
func pairsText(pairs map[uint32]uint32) string {
	text := "{"
	for i, key := range slices.Sorted(maps.Keys(pairs)) {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %d = %d", key, pairs[key])
	}
	return text + " }"
}
