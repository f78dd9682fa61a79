package femtotest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// template returns the image of a project as femto init makes it.
func template(t *testing.T, name string) string {
	t.Helper()
	p, err := project.Init(filepath.Join(t.TempDir(), "hello"), "hello", name, "c")
	if err != nil {
		t.Fatal(err)
	}
	return p.ImageFile()
}

func TestTimer(t *testing.T) {
	c := femtotest.Load(t, template(t, "timer"))
	c.Put(femtotest.Local, 1, 41)
	r := c.Fire(femtotest.Context(&hooks.Timer{Count: 3}))
	r.Want(42)
	r.WantLog("tick 42")
	r.WantFault(vm.OK)
	r.WantAtMost(200)
	c.WantStore(femtotest.Local, 1, 42)
	if calls := r.Called("store_local"); len(calls) != 1 || calls[0].Args[1] != 42 {
		t.Errorf("calls %+v", calls)
	}
	c.Fire(nil).Want(43)
	c.Returns("store_local", -1)
	c.Fire(nil).Want(-1)
	c.Fake("store_local", nil)
	c.Reset()
	c.Fire(nil).Want(1)
}

// What is traced does what it does untraced, a call of Before for each
// instruction.
func TestBefore(t *testing.T) {
	file := template(t, "timer")
	plain := femtotest.Load(t, file).Fire(nil)
	c := femtotest.Load(t, file)
	seen, helpers := 0, 0
	c.Before = func(m *vm.Machine) {
		seen++
		if len(c.Calls()) > helpers {
			helpers++
		}
	}
	traced := c.Fire(nil)
	if traced.Value != plain.Value || traced.Instructions != plain.Instructions {
		t.Errorf("traced %d in %d instructions, untraced %d in %d", traced.Value, traced.Instructions, plain.Value, plain.Instructions)
	}
	if seen == 0 || helpers != len(plain.Calls) {
		t.Errorf("Before was called %d times and saw %d calls, of %d", seen, helpers, len(plain.Calls))
	}
	c.Before = nil
	was := seen
	if c.Fire(nil); seen != was {
		t.Error("Before was called after it was taken away")
	}
}

func TestCoAP(t *testing.T) {
	c := femtotest.Load(t, template(t, "coap"))
	if a, r := c.Request(); a.Code != 5<<5|3 || r.Fault != vm.OK {
		t.Errorf("without a sensor: %+v %+v", a, r)
	}
	c.Sensors = append(c.Sensors, femtotest.Sensor(helpers.TypeTemperature, -2, 2150))
	if a, _ := c.Request(); a.Code != 2<<5|5 || string(a.Payload) != "21.50" || a.Format != 0 {
		t.Errorf("answer %+v", a)
	}
}

func TestSensor(t *testing.T) {
	c := femtotest.Load(t, template(t, "sensor"))
	reading := hooks.Sensor{Value: [3]int16{2000}}
	c.Fire(femtotest.Context(&reading)).Want(0)
	reading.Value[0] = 2400
	r := c.Fire(femtotest.Context(&reading))
	r.Want(0)
	reading.Get(r.Context)
	if reading.Value[0] != 2100 {
		t.Errorf("smoothed to %d", reading.Value[0])
	}
}

// TestWaits: the papers' container that counts every so often.
func TestWaits(t *testing.T) {
	raw, err := os.ReadFile("../../../examples/papers/periodic_increment.bin")
	if err != nil {
		t.Fatal(err)
	}
	c := femtotest.New(t, raw, femtotest.Config{Hook: "event"})
	r := c.Fire(nil)
	if !r.Waiting || r.Fault != vm.OK {
		t.Fatalf("%+v", r)
	}
	before := len(c.Store(femtotest.Local)) + len(c.Store(femtotest.Global)) + len(c.Store(femtotest.Tenant))
	c.Advance(time.Hour)
	after := 0
	for _, s := range []map[uint32]uint32{c.Store(femtotest.Local), c.Store(femtotest.Global), c.Store(femtotest.Tenant)} {
		for _, v := range s {
			after += int(v)
		}
	}
	if after <= before {
		t.Errorf("an hour later nothing has been counted: %d", after)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, raw := range map[string][]byte{"nothing": nil, "half": examples.Fletcher32[:40]} {
		if _, err := femtotest.Open(raw, femtotest.Config{}); err == nil {
			t.Errorf("%s is an image", name)
		}
	}
}

func TestOpenSaysWhatIsNeeded(t *testing.T) {
	var thread engine.Hook
	hooks.ThreadHook(&thread)
	exit := []byte{isa.ClassJMP | isa.EXIT, 0, 0, 0, 0, 0, 0, 0}
	for name, test := range map[string]struct {
		contract image.Contract
		hook     string
		want     string
	}{
		"another hook":     {image.Contract{Hook: thread.UUID[:]}, "timer", "for the hook thread, not for timer"},
		"a hook of others": {image.Contract{Hook: make([]byte, 16)}, "timer", "for the hook 00000000000000000000000000000000, not"},
		"entries":          {image.Contract{Entries: [3]uint16{60000}}, "", "more entries in its store"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := image.Append(nil, image.Parts{Text: exit, Contract: &test.contract})
			_, err := femtotest.Open(raw, femtotest.Config{Hook: test.hook})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

// recorder is a test that may fail.
type recorder struct{ said []string }

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...) }

// TestWantFails: what is wanted and does not come fails a test.
func TestWantFails(t *testing.T) {
	raw, err := os.ReadFile(template(t, "timer"))
	if err != nil {
		t.Fatal(err)
	}
	var r recorder
	c := femtotest.New(&r, raw, femtotest.Config{})
	result := c.Fire(nil)
	result.Want(7)
	result.WantFault(vm.FaultMemory)
	result.WantLog("x")
	result.WantAtMost(1)
	c.WantStore(femtotest.Global, 1, 1)
	c.Fake("strange", nil)
	outlaw := femtotest.New(&r, examples.Outlaw, femtotest.Config{Hook: "event"})
	outlaw.Fire([]byte{0}).Want(0)
	for i, want := range []string{"returned 1, want 7", "fault: ", "printed", "took", "store", "strange", "stopped at slot"} {
		if i >= len(r.said) || !strings.Contains(r.said[i], want) {
			t.Fatalf("said %q, want %q at %d", r.said, want, i)
		}
	}
}

// TestCover counts lines over activations, and leaves Before to others.
func TestCover(t *testing.T) {
	file := template(t, "timer")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	side, err := os.ReadFile(filepath.Join(filepath.Dir(file), build.DebugName(raw)))
	if err != nil {
		t.Fatal(err)
	}
	c := femtotest.Load(t, file)
	seen := 0
	c.Before = func(*vm.Machine) { seen++ }
	v, err := c.Cover(side)
	if err != nil {
		t.Fatal(err)
	}
	if hit, all := v.Lines(); hit != 0 || all != 7 {
		t.Errorf("%d of %d before anything", hit, all)
	}
	c.Returns("store_local", -1)
	c.Fire(nil).Want(-1)
	if hit, _ := v.Lines(); hit != 5 {
		t.Errorf("%d executed", hit)
	}
	c.Fake("store_local", nil)
	c.Fire(nil).Want(1)
	var b strings.Builder
	if err := v.WriteLCOV(&b, "hello"); err != nil || !strings.Contains(b.String(), "LH:7\n") || !strings.Contains(b.String(), "BRDA:10,0,1,1\n") {
		t.Errorf("%v\n%s", err, &b)
	}
	if seen == 0 {
		t.Error("Before is forgotten")
	}
	if _, err := c.Cover([]byte("{}")); err == nil {
		t.Error("takes another side file")
	}
}
