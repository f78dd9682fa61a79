package agent_test

import (
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
)

// An observer counts the states of a resource that came.
type observer struct {
	states [][]byte
	done   bool
}

func (o *observer) Block(_ int64, in *coap.Incoming) bool {
	if in.Observed {
		o.states = append(o.states, append([]byte(nil), in.Payload...))
	}
	return true
}

func (o *observer) Done(int64, coap.Code, coap.Error) { o.done = true }

func (c *client) observe(path, query string) *observer {
	c.tb.Helper()
	o := &observer{}
	if _, err := c.Do(c.network.now, &atDevice, &coap.Outgoing{Code: coap.GET, Path: []byte(path), Query: []byte(query), Observe: true}, o); err != 0 {
		c.tb.Fatal(err)
	}
	c.network.run(second, nil)
	return o
}

// The list is told when a container comes, goes or changes its state, and when
// nothing but counters change it is not.
func TestObserveList(t *testing.T) {
	d := newDevice(t, func(c *agent.Config, _ *engine.Config) { c.CoAP.Observers = make([]coap.Observer, 2) })
	watcher := d.network.client(t, 50)
	o := watcher.observe("/ps", "")
	for i, step := range []struct {
		name string
		do   func()
		more int
	}{
		{"registered", func() {}, 1},
		{"installed", func() { d.must(order{number: 1, image: returning(t, 1, 100), name: "a"}) }, 1},
		{"fired", func() { d.fire(nil) }, 0},
		{"the same again", func() { d.must(order{number: 1, image: returning(t, 1, 100), name: "a"}) }, 0},
		{"replaced", func() { d.must(order{number: 2, image: returning(t, 2, 100), name: "a"}) }, 1},
		{"stopped", func() { d.order(verb{by: alice, number: 3, verb: agent.VerbStop, hook: "event", name: "a"}) }, 1},
		{"refused", func() { d.command(remove(mallory, 9, "event", "a")) }, 0},
		{"removed", func() { d.command(remove(alice, 4, "event", "a")) }, 1},
		{"faulting", func() { d.must(order{number: 5, image: faulting(t), name: "a"}) }, 1},
		{"detached after its third fault", func() { d.fire(nil); d.fire(nil); d.fire(nil) }, 1},
	} {
		before := len(o.states)
		if i == 0 {
			before = 0
		}
		step.do()
		d.network.run(second, nil)
		if n := len(o.states) - before; n != step.more {
			t.Errorf("%s: %d states more", step.name, n)
		}
	}
	if o.done {
		t.Error("the observation has ended")
	}
}

// An observer of the logs hears that something was printed; it may ask for no
// line along with that.
func TestObserveLogs(t *testing.T) {
	var lines agent.Lines
	with := withLines(&lines, 500)
	d := newDevice(t, func(c *agent.Config, e *engine.Config) {
		with(c, e)
		c.CoAP.Observers = make([]coap.Observer, 2)
	})
	one, two := d.network.client(t, 50).observe("/logs", "m=00000000"), d.network.client(t, 51).observe("/logs", "")
	small := len(one.states[0])
	for i := range 3 {
		lines.Add(int64(i), "event", nil, []byte("a line that is longer than anything else"))
		d.Printed()
		d.network.run(second, nil)
		if len(one.states) != 2+i || len(two.states) != 2+i || len(one.states[1+i]) > small+1 {
			t.Fatalf("%d and %d states", len(one.states), len(two.states))
		}
	}
	// Both places are taken: a third one gets an answer, and no more.
	if o := d.network.client(t, 52).observe("/logs", ""); len(o.states) != 0 || !o.done {
		t.Errorf("%d states", len(o.states))
	}
}
