package gobpf

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/diagnose"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", file, got)
	}
}

// module makes a folder with a module that has a source as its package.
func module(t *testing.T, source []byte) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	mod := "module container\n\ngo 1.26\n\nrequire github.com/femto-containers/femto v0.0.0\n\nreplace github.com/femto-containers/femto => " + root + "\n"
	for name, content := range map[string]string{"go.mod": mod, "container.go": string(source)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestRefused compares what is said of sources that are not of the subset.
func TestRefused(t *testing.T) {
	sources, err := filepath.Glob("testdata/refused/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatal("no sources", err)
	}
	seen := map[diagnose.Code]bool{}
	for _, source := range sources {
		t.Run(strings.TrimSuffix(filepath.Base(source), ".go"), func(t *testing.T) {
			text, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			dir := module(t, text)
			_, err = Compile(context.Background(), dir)
			var list diagnose.List
			if !errors.As(err, &list) {
				t.Fatalf("not refused, or not with a list: %v", err)
			}
			list.Read(dir)
			var said strings.Builder
			for _, d := range list {
				said.WriteString(d.Format())
				seen[d.Code] = true
				if d.Place.Line == 0 || d.What == "" || d.Why == "" {
					t.Errorf("no place, or no words: %+v", d)
				}
			}
			golden(t, strings.TrimSuffix(source, ".go")+".golden", said.String())
		})
	}
	for c := diagnose.GoType; c < diagnose.GoOther; c++ {
		if diagnose.Find(c) != nil && !seen[c] {
			t.Errorf("no source provokes %v", c)
		}
	}
}

func TestSyntaxError(t *testing.T) {
	_, err := Compile(context.Background(), module(t, []byte("package p\n\n//femto:hook event\nfunc Run() int64 { return 1 +\n")))
	var list diagnose.List
	if !errors.As(err, &list) || list[0].Code != diagnose.OtherCompile || list[0].Place.Line != 4 {
		t.Errorf("got %v", err)
	}
}
