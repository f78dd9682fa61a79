package gobpf

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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
	sites := refusalSites(t)
	defer func(before func()) { refusing = before }(refusing)
	refusing = func() {
		pcs := make([]uintptr, 100)
		frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			delete(sites, fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line))
		}
	}
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
				if d.Fix == "" && d.Code != diagnose.OtherCompile {
					t.Errorf("nothing to try: %+v", d)
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
	for _, site := range slices.Sorted(maps.Keys(sites)) {
		t.Errorf("%s: no source in testdata/refused provokes this: %s", site, sites[site])
	}
}

// refusalSites are the places at which this package refuses something: calls of
// refuse, fail and noInterfaces, by file and line. What says only that the
// compiler has been surprised is a call of unforeseen.
func refusalSites(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	sites := map[string]string{}
	wrappers := []string{"refuse", "fail", "noInterfaces"}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && (slices.Contains(wrappers, f.Name.Name) || f.Name.Name == "unforeseen") {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if s, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(wrappers, s.Sel.Name) {
					var text strings.Builder
					if err := printer.Fprint(&text, fset, call); err != nil {
						t.Fatal(err)
					}
					sites[fmt.Sprintf("%s:%d", name, fset.Position(call.Pos()).Line)] = text.String()
				}
				return true
			})
		}
	}
	if len(sites) < 50 {
		t.Fatalf("only %d places are found", len(sites))
	}
	return sites
}

func TestSyntaxError(t *testing.T) {
	_, err := Compile(context.Background(), module(t, []byte("package p\n\n//femto:hook event\nfunc Run() int64 { return 1 +\n")))
	var list diagnose.List
	if !errors.As(err, &list) || list[0].Code != diagnose.OtherCompile || list[0].Place.Line != 4 {
		t.Errorf("got %v", err)
	}
}
