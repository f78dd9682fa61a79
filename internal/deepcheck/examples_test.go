package deepcheck

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/gobpf"
	"github.com/femto-containers/femto/vm"
)

// hookOf names the hook that an example's README and tests put it on, where its
// image does not.
var hookOf = map[string]string{
	"sample_gcoap": "coap", "sensor_gcoap": "coap", "periodic_increment": "timer", "fletcher32": "event",
}

func everyHelper() *vm.HelperSet {
	var all vm.HelperSet
	for n := range 256 {
		all.Add(uint8(n))
	}
	return &all
}

// analyze analyses an image for the hook that it names, or hook.
func analyze(t *testing.T, raw []byte, hook string) *Result {
	t.Helper()
	img, bad := image.Parse(raw)
	if bad != image.OK {
		t.Fatal(bad)
	}
	need, refused := vm.Check(img.Text(), everyHelper())
	if refused.Fault != vm.OK {
		t.Fatal(refused)
	}
	id := author.HookID(hook)
	if h := ContractOf(&img).Hook; h != nil {
		id = uuid.UUID(h)
	}
	return Analyze(ForImage(&img, need, id))
}

// A tally counts what is proven.
type tally struct{ safe, total int }

func (c *tally) add(t *testing.T, name string, raw []byte, hook string) {
	t.Helper()
	if hook == "" {
		hook = "event"
	}
	r := analyze(t, raw, hook)
	var one tally
	for _, a := range r.Accesses {
		if !a.Stop {
			one.total++
			if a.Verdict == Safe {
				one.safe++
			}
		}
	}
	bound := "not bounded"
	if r.Bound.Known {
		bound = fmt.Sprintf("at most %d instructions", r.Bound.Instructions)
	}
	t.Logf("%-24s %2d of %2d, %s", name, one.safe, one.total, bound)
	if !strings.HasSuffix(name, "outlaw") { // made to fault
		c.safe, c.total = c.safe+one.safe, c.total+one.total
	}
}

func (c *tally) hold(t *testing.T) {
	t.Helper()
	t.Logf("%d of %d accesses proven safe, %d %%", c.safe, c.total, 100*c.safe/c.total)
	if c.safe*100 < 80*c.total {
		t.Error("less than 80 %")
	}
}

// TestExamples holds the share of memory accesses of the example containers and
// of the templates that are proven safe: 80 %.
func TestExamples(t *testing.T) {
	var c tally
	files, _ := filepath.Glob("../../examples/*/*.bin")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".bin")
		c.add(t, name, raw, hookOf[name])
	}
	templates, _ := filepath.Glob("../project/templates/*/prebuilt.json")
	for _, file := range templates {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var prebuilt struct {
			Meta    map[string]string
			Program build.Program
		}
		if err := json.Unmarshal(content, &prebuilt); err != nil {
			t.Fatal(err)
		}
		raw, err := prebuilt.Program.Image()
		if err != nil {
			t.Fatal(err)
		}
		c.add(t, "template "+filepath.Base(filepath.Dir(file)), raw, prebuilt.Meta["hook"])
	}
	if len(files) < 10 || len(templates) < 4 {
		t.Fatal("where are the examples?")
	}
	c.hold(t)
}

// TestExamplesInGo is TestExamples for those that are compiled from Go.
func TestExamplesInGo(t *testing.T) {
	var c tally
	folders, _ := filepath.Glob("../../examples/go/*")
	for _, folder := range folders {
		name := filepath.Base(folder)
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			continue
		}
		program, err := gobpf.Compile(t.Context(), folder)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := program.Image()
		if err != nil {
			t.Fatal(err)
		}
		c.add(t, name, raw, hookOf[name])
	}
	c.hold(t)
}
