package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/vm"
)

// logs asks for the lines from a place on.
func (d *device) logs(query string) *remote.Lines {
	d.tb.Helper()
	a := d.host.ask(atDevice, coap.GET, "/logs", query, nil)
	if a.code != coap.Content {
		d.tb.Fatalf("logs: %d.%02d %s", a.code.Class(), a.code.Detail(), a.body)
	}
	return decode[remote.Lines](d.tb, a)
}

// withLines gives a device a log of size bytes.
func withLines(lines *agent.Lines, size int) func(*agent.Config, *engine.Config) {
	boots := uint32(0)
	return func(c *agent.Config, e *engine.Config) {
		boots++
		*lines = agent.Lines{Ring: make([]byte, size), Boot: boots}
		c.Logs = lines
	}
}

// TestLines reads with a cursor while lines come: nothing is lost or repeated
// but what the ring had no room for, and that is counted.
func TestLines(t *testing.T) {
	for _, size := range []int{24, 30, 64, 200, 5000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var lines agent.Lines
			d := newDevice(t, withLines(&lines, size))
			written, read, lost := 0, 0, 0
			query := ""
			for round := range 40 {
				for range round % 7 {
					name := strings.Repeat("n", written%4)
					lines.Add(int64(written)*1e6, "event", []byte(name), fmt.Appendf(nil, "line %d\x00\xff", written))
					written++
				}
				for {
					got := d.logs(query)
					lost += int(got.Lost)
					if int(got.First) != read+lost {
						t.Fatalf("first %d after %d read, %d lost", got.First, read, lost)
					}
					for i, line := range got.Lines {
						n := int(got.First) + i
						container := "event"
						if n%4 > 0 {
							container += "/" + strings.Repeat("n", n%4)
						}
						if line.Time != uint64(n)*1e6 || line.Container != container || string(line.Text) != fmt.Sprintf("line %d\x00\xff", n) {
							t.Fatalf("line %d: %+v", n, line)
						}
					}
					read += len(got.Lines)
					query = got.Query()
					if len(got.Lines) == 0 {
						break
					}
				}
				if read+lost != written {
					t.Fatalf("%d read, %d lost, %d written", read, lost, written)
				}
			}
			if (lost == 0) != (size >= 200) {
				t.Errorf("%d lines lost with %d bytes", lost, size)
			}
		})
	}
}

// TestLinesOfAnotherStart: a reader who slept through a restart gets everything
// since, also if there are more lines now than he has read.
func TestLinesOfAnotherStart(t *testing.T) {
	var lines agent.Lines
	d := newDevice(t, withLines(&lines, 1000))
	lines.Add(1, "event", nil, []byte("before"))
	query := d.logs("").Query()
	d.restart()
	for i := range 3 {
		lines.Add(int64(i), "event", nil, []byte("after"))
	}
	if got := d.logs(query); len(got.Lines) != 3 || got.First != 0 || got.Lost != 0 {
		t.Errorf("%+v", got)
	}
	// Nonsense is not worth an error: it is a place that does not exist.
	for _, query := range []string{"n=00000009", "b=1", "b=00000002&n=ffffffff", "x", "b=zz&n="} {
		if got := d.logs(query); len(got.Lines) != 3 {
			t.Errorf("%s: %+v", query, got)
		}
	}
}

// TestLinesOfContainers: what a container prints can be fetched.
func TestLinesOfContainers(t *testing.T) {
	var lines agent.Lines
	with := withLines(&lines, 500)
	var d *device
	d = newDevice(t, func(c *agent.Config, e *engine.Config) {
		with(c, e)
		e.Log = func(c *engine.Container, line []byte) {
			lines.Add(d.engine.Now(), hookNames[c.Hook()], c.Name(), line)
		}
	})
	source := fmt.Sprintf("mov r1, %#x\ncall 1\nmov r0, 0\nexit", vm.Address(vm.RegionRodata, 0))
	d.must(order{number: 1, name: "a", image: program(t, source, image.Parts{Rodata: []byte("hello\x00\x00\x00")})})
	d.fire(nil)
	got := d.logs("")
	if len(got.Lines) != 1 || got.Lines[0].Container != "event/a" || string(got.Lines[0].Text) != "hello" {
		t.Errorf("%+v", got)
	}
}

// TestNoLines: a device without a log says so, and does not list it.
func TestNoLines(t *testing.T) {
	d := newDevice(t, nil)
	if a := d.host.ask(atDevice, coap.GET, "/logs", "", nil); a.code != coap.NotFound {
		t.Errorf("%d.%02d", a.code.Class(), a.code.Detail())
	}
	if a := d.host.ask(atDevice, coap.GET, "/.well-known/core", "", nil); strings.Contains(string(a.body), "logs") {
		t.Errorf("%s", a.body)
	}
}

// TestLinesDropped takes lines out: those after them move up, those that were
// pushed out are not there any more.
func TestLinesDropped(t *testing.T) {
	lines := agent.Lines{Ring: make([]byte, 3*(10+len("event/a0")))}
	shows := func() (text string) {
		for n := range lines.Next() + 2 {
			if container, line := lines.Line(n); container != nil {
				text += fmt.Sprintf("%d %s %s, ", n, container, line)
			}
		}
		return text
	}
	add := func(n int) { lines.Add(0, "event", []byte{'a'}, fmt.Append(nil, n)) }
	for n := range 5 {
		add(n)
	}
	for _, step := range []struct {
		what func()
		want string
	}{
		{func() {}, "2 event/a 2, 3 event/a 3, 4 event/a 4, "},
		{func() { lines.Drop(3) }, "2 event/a 2, 3 event/a 4, "},
		{func() { lines.Drop(1); lines.Drop(4); lines.Drop(1 << 31) }, "2 event/a 2, 3 event/a 4, "},
		{func() { lines.Drop(3) }, "2 event/a 2, "},
		{func() { add(5) }, "2 event/a 2, 3 event/a 5, "},
		{func() { lines.Drop(2) }, "2 event/a 5, "},
		{func() { lines.Drop(2) }, ""},
		{func() { lines.Drop(2); add(6) }, "2 event/a 6, "},
	} {
		step.what()
		if got := shows(); got != step.want {
			t.Errorf("got %q, want %q", got, step.want)
		}
	}
}
