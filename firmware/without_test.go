//go:build boards

package firmware_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What containers add is the difference of two linked images: the firmware, and
// the same firmware with every function of containerParts emptied. The second
// keeps the tables that the node has for them, and links, but is not for running.

// deviceParts are what is copied to be built.
var deviceParts = []string{"agent", "coap", "engine", "firmware", "flash", "image", "internal/cbor", "internal/cose",
	"internal/ed25519", "internal/p256", "internal/sha2", "isa", "link", "suit", "vm"}

// buildWithout builds the firmware of a board without containers.
func buildWithout(t *testing.T, board string) string {
	t.Helper()
	top := t.TempDir()
	for _, part := range deviceParts {
		if err := os.CopyFS(filepath.Join(top, part), os.DirFS(filepath.Join("..", part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, part := range containerParts {
		names, _ := filepath.Glob(filepath.Join(top, part, "*.go"))
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			if err := emptyFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	out := filepath.Join(top, "without.elf")
	cmd := exec.Command(filepath.Join(top, "firmware", "build.sh"), board, "./firmware/"+board, out)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s without containers: %v\n%s", board, err, text)
	}
	return out
}

// emptyFile leaves of every function in a file of Go only that it returns zeros.
func emptyFile(name string) error {
	source, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.ParseComments)
	if err != nil {
		return err
	}
	at := func(p token.Pos) int { return fset.Position(p).Offset }
	type edit struct {
		from, to int
		text     string
	}
	var edits []edit
	used := map[string]bool{}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			note(d, used)
			continue
		}
		note(f.Type, used)
		if f.Recv != nil {
			note(f.Recv, used)
		}
		edits = append(edits, edit{at(f.Body.Pos()), at(f.Body.End()), emptyBody(f.Type, func(e ast.Expr) string { return string(source[at(e.Pos()):at(e.End())]) })})
	}
	for _, s := range file.Imports {
		full, _ := strconv.Unquote(s.Path.Value)
		short := path.Base(full)
		if s.Name != nil {
			short = s.Name.Name
		}
		if !used[short] && short != "_" {
			edits = append(edits, edit{at(s.Pos()), at(s.End()), "_ " + s.Path.Value})
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return b.from - a.from })
	for _, e := range edits {
		source = slices.Concat(source[:e.from], []byte(e.text), source[e.to:])
	}
	return os.WriteFile(name, source, 0o644)
}

// note notes the packages that a piece of source names.
func note(n ast.Node, used map[string]bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				used[x.Name] = true
			}
		}
		return true
	})
}

func emptyBody(f *ast.FuncType, text func(ast.Expr) string) string {
	if f.Results == nil {
		return "{}"
	}
	if len(f.Results.List[0].Names) > 0 {
		return "{ return }"
	}
	var variables, results []string
	for i, r := range f.Results.List {
		variables = append(variables, fmt.Sprintf("var zero%d %s", i, text(r.Type)))
		results = append(results, fmt.Sprintf("zero%d", i))
	}
	return "{ " + strings.Join(variables, "; ") + "; return " + strings.Join(results, ", ") + " }"
}
