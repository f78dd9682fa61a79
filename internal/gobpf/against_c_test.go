package gobpf_test

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/gobpf"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// limit is how much larger and slower than clang's the code of the five
// examples may be.
const limit = 1.3

// The examples that exist in C and Go, and what makes them run. The image of
// the C source is the one that clang-19 -O2 made.
var pairs = []struct {
	c, hook string
	bound   bool // by limit
	run     func(c *femtotest.Container)
}{
	{"fletcher32/fletcher32", "event", true, func(c *femtotest.Container) { c.Fire(examples.Fletcher32Input) }},
	{"outlaw/outlaw", "event", true, func(c *femtotest.Container) { c.Fire(make([]byte, 8)) }},
	{"three-containers/thread_counter", "", true, func(c *femtotest.Container) {
		for n := range uint64(4) {
			c.Fire(femtotest.Context(&hooks.Thread{Previous: n, Next: n + 1}))
		}
	}},
	{"three-containers/sensor_average", "", true, func(c *femtotest.Container) {
		c.Fire(femtotest.Context(&hooks.Timer{}))
		for range 12 {
			c.Advance(time.Second)
		}
	}},
	{"three-containers/coap_formatter", "", true, func(c *femtotest.Container) {
		c.Put(femtotest.Global, 0x50, 2170)
		c.Request()
	}},
	{"papers/average", "event", false, func(c *femtotest.Container) {
		c.Fire([]byte{4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 6, 0, 0, 0})
	}},
	{"papers/heart_rate", "event", false, func(c *femtotest.Container) { c.Fire(nil) }},
	{"papers/heart_wave", "event", false, func(c *femtotest.Container) {
		for range 50 {
			c.Fire(nil)
		}
	}},
	{"papers/increment", "event", false, func(c *femtotest.Container) { c.Fire(make([]byte, 8)) }},
	{"papers/multiply_add", "event", false, func(c *femtotest.Container) { c.Fire(make([]byte, 16)) }},
	{"papers/sample_gcoap", "coap", false, func(c *femtotest.Container) { c.Request() }},
	{"papers/sample_storage", "event", false, func(c *femtotest.Container) { c.Fire(nil) }},
	{"papers/sensor_gcoap", "coap", false, func(c *femtotest.Container) { c.Request() }},
	{"papers/temp_sens", "event", false, func(c *femtotest.Container) { c.Fire(nil) }},
}

// measure returns the bytes of text of an image and how many instructions it
// executes.
func measure(t *testing.T, raw []byte, hook string, run func(*femtotest.Container)) (bytes, executed int) {
	t.Helper()
	img, bad := image.Parse(raw)
	if bad != image.OK {
		t.Fatal(bad)
	}
	c := femtotest.New(t, raw, femtotest.Config{Hook: hook})
	c.Before = func(*vm.Machine) { executed++ }
	c.Sensors = femtotest.SomeSensors()
	run(c)
	return len(img.Text()), executed
}

// TestAgainstC prints the table of make bench-go-containers.
func TestAgainstC(t *testing.T) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "container\tC bytes\tGo bytes\tratio\tC executed\tGo executed\tratio\t")
	for _, p := range pairs {
		name := path.Base(p.c)
		raw, err := os.ReadFile("../../examples/" + p.c + ".bin")
		if err != nil {
			t.Fatal(err)
		}
		program, err := gobpf.Compile(context.Background(), "../../examples/go/"+name)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := program.Image()
		if err != nil {
			t.Fatal(err)
		}
		cBytes, cExecuted := measure(t, raw, p.hook, p.run)
		goBytes, goExecuted := measure(t, ours, p.hook, p.run)
		size, speed := float64(goBytes)/float64(cBytes), float64(goExecuted)/float64(cExecuted)
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f\t%d\t%d\t%.2f\t\n", name, cBytes, goBytes, size, cExecuted, goExecuted, speed)
		if p.bound && (size > limit || speed > limit) {
			t.Errorf("%s: %.2f times the bytes, %.2f times the instructions of C; at most %.1f", name, size, speed, limit)
		}
	}
	w.Flush()
	t.Logf("code of clang-19 -O2 and of femto (%d bytes an instruction):\n%s", isa.Size, table.String())
}
