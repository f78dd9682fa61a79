package project

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
)

var update = flag.Bool("update", false, "rewrite what templates compile to")

func needCompiler(t *testing.T) {
	t.Helper()
	if _, err := build.FindClang(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
}

// TestTemplatesArePrebuilt: what init writes without a compiler is what the
// compiler makes, to the byte.
func TestTemplatesArePrebuilt(t *testing.T) {
	needCompiler(t)
	for _, name := range slices.Concat(Templates, []string{"rust/timer", "rust/coap", "rust/sensor", "rust/function"}) {
		template, lang := name, "c"
		if in, ok := strings.CutPrefix(name, "rust/"); ok {
			template, lang = in, "rust"
		}
		t.Run(name, func(t *testing.T) {
			if lang == "rust" {
				needRust(t)
			}
			if *update {
				prebuild(t, template, lang)
			}
			dir := filepath.Join(t.TempDir(), "hello")
			p, err := Init(dir, "hello", template, lang)
			if err != nil {
				t.Fatal(err)
			}
			before, err := p.Build(context.Background())
			if err != nil || before.Made {
				t.Fatalf("init left no image that counts: %v", err)
			}
			lock, err := p.Lock()
			if err != nil {
				t.Fatal(err)
			}
			after, err := p.Rebuild(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if again, err := p.Lock(); lang == "rust" && err == nil && again.Compiler != lock.Compiler {
				t.Skipf("SKIPPED: prebuilt by %s, here is %s", lock.Compiler, again.Compiler)
			}
			if !bytes.Equal(before.Image, after.Image) {
				t.Errorf("prebuilt image differs from the compiler's: go test ./internal/project -update")
			}
			b, _ := json.Marshal(before.Debug)
			a, _ := json.Marshal(after.Debug)
			if !bytes.Equal(b, a) {
				t.Errorf("side files differ:\n%s\n%s", b, a)
			}
			if again, err := p.Lock(); err != nil || again.Differs(lock) != "" {
				t.Errorf("the lock changed: %v %v", again.Differs(lock), err)
			}
			report, list := p.Check(after)
			if len(list) > 0 {
				t.Errorf("check: %v", list)
			}
			if report.Uses[0].Used != len(after.Image) {
				t.Errorf("flash %+v", report.Uses[0])
			}
			checkContract(t, after.Image)
		})
	}
}

func checkContract(t *testing.T, raw []byte) {
	t.Helper()
	m, bad := image.Parse(raw)
	var c image.Contract
	if bad != image.OK || image.ParseContract(m.Contract(), &c) != image.OK {
		t.Fatalf("no image with a contract: %v", bad)
	}
	if string(c.Name) != "hello" || len(c.Hook) != 16 || c.Budget == 0 || !c.Has(image.KeyHelpers) {
		t.Errorf("contract %+v", c)
	}
}

// prebuild writes what a template compiles to.
func prebuild(t *testing.T, template, lang string) {
	t.Helper()
	dir := t.TempDir()
	read, file := readTemplate, template+"/prebuilt.json"
	if lang == "rust" {
		read, file = readRustTemplate, "rust/"+template+".prebuilt.json"
	}
	files, _, err := read("container", template)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, files)
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	program, meta, compiler, err := p.compile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	program.Contract = nil // is made anew
	content, err := json.MarshalIndent(prebuilt{compiler, meta, program}, "", " ")
	if err == nil {
		err = os.WriteFile(filepath.Join("templates", filepath.FromSlash(file)), append(content, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Fatalf("%s: written, as -update wanted; run the test again without it", template)
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const described = `schema = 1
[container]
name = "hello"
sources = ["src/*.c"]
`

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		code diagnose.Code
		want string // in what is said; "": accepted
		line int
	}{
		"least":            {described, 0, "", 0},
		"no TOML":          {described + "[budget\n", diagnose.BadTOML, "cannot read femto.toml", 5},
		"misspelt":         {described + "[budget]\nstak = 3\n", diagnose.UnknownKey, "did you mean stack?", 6},
		"unknown table":    {described + "[budgets]\nstack = 3\n", diagnose.UnknownKey, "did you mean budget?", 5},
		"far from any":     {described + "[budget]\nxylophones = 3\n", diagnose.UnknownKey, "flash, ram, stack, instructions", 6},
		"wrong type":       {described + "[budget]\nstack = \"much\"\n", diagnose.BadTOML, "", 6},
		"schema of later":  {strings.Replace(described, "1", "2", 1), diagnose.BadValue, "schema 2", 1},
		"bad name":         {strings.Replace(described, "hello", "Hello World", 1), diagnose.BadValue, "Hello World", 3},
		"long name":        {strings.Replace(described, "hello", "seventeen-letters", 1), diagnose.BadValue, "1 to 16", 3},
		"no sources":       {strings.Replace(described, `["src/*.c"]`, "[]", 1), diagnose.BadValue, "no sources", 4},
		"version":          {strings.Replace(described, "sources", "version = \"1\"\nsources", 1), diagnose.BadValue, "is not a version", 4},
		"language":         {strings.Replace(described, "sources", "lang = \"cobol\"\nsources", 1), diagnose.BadValue, "cobol", 4},
		"helper":           {described + "[grants]\nhelpers = [\"fetch_locl\"]\n", diagnose.BadValue, "did you mean fetch_local?", 6},
		"groups":           {described + "[grants]\nhelpers = [\"log\", \"coap\", \"fetch_local\"]\n", 0, "", 0},
		"targets":          {described + "[targets]\nprofiles = [\"pico\"]\n", diagnose.UnknownKey, "every device", 5},
		"kv":               {described + "[grants]\nkv = { own = \"rw\" }\n", diagnose.UnknownKey, "[stores]", 6},
		"every":            {described + "[hooks]\ntimer = { every = \"10s\" }\n", diagnose.UnknownKey, "docs/spec/hooks.md", 6},
		"negative":         {described + "[budget]\nram = -1\n", diagnose.BadValue, "ram = -1", 6},
		"two hooks":        {described + "[hooks]\ntimer = {}\nevent = {}\n", diagnose.BadValue, "one hook", 5},
		"hook's UUID":      {described + "[hooks]\ndoor = { uuid = \"x\" }\n", diagnose.BadValue, "is not a UUID", 6},
		"hook's parameter": {described + "[hooks]\ntimer = { every = \"10s\" }\n", diagnose.UnknownKey, "hooks.timer.every", 6},
		"hook's name":      {described + "[hooks]\ntimr = {}\n", diagnose.BadValue, "did you mean timer?", 6},
		"hook's table":     {described + "[hooks.evnt]\n", diagnose.BadValue, "did you mean event?", 5},
		"own hook":         {described + "[hooks]\ntimr = { uuid = \"6ba7b810-9dad-11d1-80b4-00c04fd430c8\" }\n", 0, "", 0},
		"another's hook":   {described + "[hooks]\ndoorbell = {}\n", 0, "", 0},
		"instruction set":  {described + "[build]\ncpu = \"v9\"\n", diagnose.BadValue, "v9", 6},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("femto.toml", []byte(test.text))
			var list diagnose.List
			if !errors.As(err, &list) {
				if err != nil || test.code != 0 {
					t.Fatalf("error %v, want %v", err, test.code)
				}
				return
			}
			said := list[0].Format()
			if list[0].Code != test.code || list[0].Place.Line != test.line || !strings.Contains(said, test.want) {
				t.Errorf("got line %d, want %d, %v with %q:\n%s", list[0].Place.Line, test.line, test.code, test.want, said)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(described))
	f.Add([]byte(described + "[grants]\nhelpers = [\"log\"]\n[hooks]\ntimer = {}\n"))
	f.Add([]byte("schema = 1\n[[container]]"))
	f.Add([]byte("a.b.c = 1\n[hooks]\nx.uuid.y = 3"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := Parse("femto.toml", content)
		var list diagnose.List
		switch {
		case err == nil:
			c.granted()
			c.Hook()
		case !errors.As(err, &list):
			t.Errorf("%v is no diagnostic", err)
		default:
			for _, d := range list {
				d.Format()
			}
		}
	})
}
