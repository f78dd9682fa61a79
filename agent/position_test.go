package agent_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/remote"
)

// ordered returns the names of the containers on "event", as the list says that
// they run, with those on no hook in brackets behind them.
func (d *device) ordered() []string {
	d.tb.Helper()
	var names, off []string
	list := d.list()
	for n := 1; ; n++ {
		at := slices.IndexFunc(list, func(c remote.Container) bool { return c.Hook == "event" && c.Position == n })
		if at < 0 {
			break
		}
		names = append(names, list[at].Name)
	}
	for _, c := range list {
		if c.Hook == "event" && c.Position == 0 {
			if agent.State(c.State) != agent.StateInstalled {
				d.tb.Errorf("%s is on no hook, and %s", c.Name, c.State)
			}
			off = append(off, "("+c.Name+")")
		}
	}
	return append(names, off...)
}

// TestPositions: a container's place in the order of its hook is told, and
// is changed by nothing but being attached anew.
func TestPositions(t *testing.T) {
	d := newDevice(t, nil)
	number := uint64(0)
	install := func(name string, value int) {
		t.Helper()
		number++
		d.must(order{number: number, name: name, image: returning(t, value, 60)})
	}
	obey := func(v int, name string) {
		t.Helper()
		number++
		if got := d.order(verb{number: number, verb: v, hook: "event", name: name}); got != "done" {
			t.Fatal(got)
		}
	}
	want := func(after, order string) {
		t.Helper()
		if got := strings.Join(d.ordered(), " "); got != order {
			t.Errorf("after %s: %s, want %s", after, got, order)
		}
	}
	for i, name := range []string{"d", "b", "a"} {
		install(name, i)
	}
	want("installing", "d b a")
	obey(agent.VerbRemove, "d")
	want("removing", "b a")
	install("c", 3) // in the place of d
	want("installing in a place that was free", "b a c")
	d.restart()
	want("a restart", "b a c")
	install("b", 4)
	want("replacing", "b a c")
	obey(agent.VerbRollback, "b")
	want("rolling back", "b a c")
	obey(agent.VerbStop, "a")
	want("stopping", "b a c")
	d.restart()
	want("a restart, one being stopped", "b a c")
	obey(agent.VerbStart, "a")
	want("starting", "b a c")
	place := d.engine.Find(hookEvent, []byte("b"))
	if err := d.engine.Detach(place); err != engine.OK {
		t.Fatal(err)
	}
	want("detaching", "a c (b)")
	if got := d.runs(); strings.Contains(got, "event/b=") {
		t.Errorf("what is detached runs: %s", got)
	}
	if err := d.engine.Attach(place); err != engine.OK {
		t.Fatal(err)
	}
	want("attaching", "a c b")
	d.restart()
	want("a restart", "b a c")
}

// TestPositionsAreTheOrder tries what the network can do to the order of a hook
// at random: the list tells the order in which the containers ran.
func TestPositionsAreTheOrder(t *testing.T) {
	const steps = 300
	d := newDevice(t, nil)
	random := rand.New(rand.NewPCG(5, 5))
	var model []string
	for number := uint64(1); number <= steps; number++ {
		name := string(rune('a' + random.IntN(testPlaces)))
		at := slices.Index(model, name)
		var what string
		switch n := random.IntN(8); {
		case at < 0 || n < 2:
			what = "install"
			d.must(order{number: number, name: name, image: program(t, fmt.Sprintf("mov r0, %d\nexit", number), image.Parts{})})
			if at < 0 {
				model = append(model, name)
			}
		case n < 4:
			what = "remove"
			d.order(verb{number: number, verb: agent.VerbRemove, hook: "event", name: name})
			model = slices.Delete(model, at, at+1)
		case n == 4:
			what = "restart"
			d.restart()
		case n == 5:
			what = "roll back"
			d.order(verb{number: number, verb: agent.VerbRollback, hook: "event", name: name})
		default:
			what = "stop and start"
			d.order(verb{number: number, verb: agent.VerbStop, hook: "event", name: name})
			number++
			d.order(verb{number: number, verb: agent.VerbStart, hook: "event", name: name})
		}
		var ran []string
		for _, o := range d.fire(nil).Outcomes {
			ran = append(ran, o.Name)
		}
		if told := d.ordered(); !slices.Equal(told, model) || !slices.Equal(ran, model) {
			t.Fatalf("step %d, %s %s: told %v, ran %v, want %v", number, what, name, told, ran, model)
		}
	}
}
