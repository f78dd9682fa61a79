package deepcheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
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

// analyzeFile analyses an image for the hook that it names, or hook.
func analyzeFile(t *testing.T, raw []byte, hook string) (*Env, *Result) {
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
	env := ForImage(&img, need, id)
	return env, Analyze(env)
}

// TestExamples holds the share of accesses of the example containers that are
// proven safe: issue 7 wants 80 %.
func TestExamples(t *testing.T) {
	var total, safe int
	files, _ := filepath.Glob("../../examples/*/*.bin")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".bin")
		hook := hookOf[name]
		if hook == "" {
			hook = "event"
		}
		_, r := analyzeFile(t, raw, hook)
		n, all := count(r)
		t.Logf("%-20s %2d of %2d; %+v", name, n, all, r.Bound)
		for _, a := range r.Accesses {
			if a.Verdict != Safe {
				t.Logf("   slot %d arg %d: %v %+v", a.Slot, a.Arg, a.Verdict, a.found)
			}
		}
		if name == "outlaw" { // made to fault
			continue
		}
		safe, total = safe+n, total+all
	}
	t.Logf("%d of %d accesses proven safe, %d %%", safe, total, 100*safe/total)
	if safe*100 < 80*total {
		t.Error("less than 80 %")
	}
}

func count(r *Result) (safe, all int) {
	for _, a := range r.Accesses {
		if a.Verdict == Safe {
			safe++
		}
	}
	return safe, len(r.Accesses)
}
