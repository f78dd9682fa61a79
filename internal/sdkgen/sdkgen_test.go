package sdkgen

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/internal/author"
)

// TestFilesAreFresh fails if a table was changed and nothing generated, or a
// generated file was edited.
func TestFilesAreFresh(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(f.Path)))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, f.Content) {
			t.Errorf("%s is stale: run go generate ./sdk", f.Path)
		}
	}
}

// TestMistakesAreFound breaks the tables in ways that check is there for.
func TestMistakesAreFound(t *testing.T) {
	savedHelpers, savedHooks := Helpers, Hooks
	t.Cleanup(func() { Helpers, Hooks = savedHelpers, savedHooks })
	good := Helper{Number: 1, Name: "one", Group: "Core", Result: "u32", Go: []string{"one() uint32"}, Cost: 1, Meaning: "m", Returns: "r"}
	tests := []struct {
		name  string
		wreck func(h *Helper)
	}{
		{"number zero", func(h *Helper) { h.Number = 0 }},
		{"the firmware's number", func(h *Helper) { h.Number = FirstOwn }},
		{"number twice", func(h *Helper) { h.Number = 5 }},
		{"name twice", func(h *Helper) { h.Name = "five" }},
		{"no group", func(h *Helper) { h.Group = "" }},
		{"no cost", func(h *Helper) { h.Cost = 0 }},
		{"out of order", func(h *Helper) { h.Number = 9; h.Name = "nine" }},
		{"six arguments", func(h *Helper) { h.Args = make([]Arg, 6) }},
		{"no length", func(h *Helper) { h.Args = []Arg{{C: "void *p", Kind: Read}} }},
	}
	five := good
	five.Number, five.Name = 5, "five"
	Helpers = []Helper{good, five}
	if err := check(); err != nil {
		t.Fatalf("a good table: %v", err)
	}
	for _, test := range tests {
		bad := good
		test.wreck(&bad)
		if Helpers = []Helper{bad, five}; check() == nil {
			t.Errorf("%s: found nothing", test.name)
		}
	}
	Helpers = []Helper{good}
	for name, h := range map[string]Hook{
		"type":     {Name: "x", Fields: []Field{{Name: "a", Type: "int", Meaning: "m"}}},
		"writable": {Name: "x", Fields: []Field{{Name: "a", Type: "u32", Meaning: "m", Writable: true}}},
		"padding":  {Name: "x", Fields: []Field{{Name: "a", Type: "u32", Meaning: "m"}, {Name: "b", Type: "u16", Meaning: "m"}}},
	} {
		if Hooks = []Hook{h}; check() == nil {
			t.Errorf("%s: found nothing", name)
		}
	}
}

// TestTablesAgree holds the linked tables to the description.
func TestTablesAgree(t *testing.T) {
	if len(helpers.Standard) != len(Helpers) {
		t.Errorf("%d helpers are linked, %d described", len(helpers.Standard), len(Helpers))
	}
	for i := range Helpers {
		want := &Helpers[i]
		found := false
		for _, h := range helpers.Standard {
			if h.Number == want.Number {
				found = h.Name == want.Name && int(h.Cost) == want.Cost && h.Call != nil
			}
		}
		if !found {
			t.Errorf("%s is not linked as described", want.Name)
		}
	}
}

// TestHookIdentifiers: author's tools hash the name, devices have the result.
func TestHookIdentifiers(t *testing.T) {
	for i := range Hooks {
		if got, want := Hooks[i].UUID(), author.HookID(Hooks[i].Name); got != want {
			t.Errorf("%s: %s, want %s", Hooks[i].Name, got, want)
		}
	}
	var h engine.Hook
	hooks.SensorHook(&h)
	if h.UUID != author.HookID("sensor") || h.Name != "sensor" || !h.ContextWritable ||
		h.ContextMin != hooks.SensorSize || h.ContextMax != hooks.SensorSize || h.Policy != engine.StopOnNegative {
		t.Errorf("hook sensor is declared as %+v", h)
	}
}

// TestContext: numbers lie where the description says, and come back.
func TestContext(t *testing.T) {
	b := make([]byte, hooks.SensorSize)
	reading := hooks.Sensor{Value: [3]int16{-2, 0x1234, 5}, Unit: 2, Scale: -2, Position: 7, Type: 0x82}
	reading.Put(b)
	want := []byte{0xfe, 0xff, 0x34, 0x12, 5, 0, 2, 0xfe, 7, 0, 0, 0, 0x82, 0, 0, 0}
	if !bytes.Equal(b, want) {
		t.Errorf("% x, want % x", b, want)
	}
	b[0], b[6], b[7], b[8] = 0xfd, 9, 0xff, 9
	reading.Get(b)
	if reading.Value[0] != -3 || reading.Unit != 2 || reading.Scale != -1 || reading.Position != 7 {
		t.Errorf("read back %+v", reading)
	}
	thread := hooks.Thread{Previous: 1, Next: 1 << 40}
	if n := testing.AllocsPerRun(10, func() { thread.Put(b) }); n != 0 || b[13] != 1 || b[0] != 1 {
		t.Errorf("% x with %v allocations", b, n)
	}
}
