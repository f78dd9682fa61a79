package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/diagnose"
)

// TestEveryNumberIsProvoked: a transcript or a golden file shows each numbered
// error.
func TestEveryNumberIsProvoked(t *testing.T) {
	shown := map[string]bool{}
	number := regexp.MustCompile(`error\\?\[(FC\d{4})\\?\]`)
	for _, dir := range []string{"testdata/script", "../../internal/project/testdata", "../../internal/diagnose/testdata/clang", "../../internal/gobpf/testdata/refused"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			for _, m := range number.FindAllStringSubmatch(string(content), -1) {
				shown[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range diagnose.Catalogue {
		if c := diagnose.Catalogue[i].Code; c == diagnose.OtherFault || c == diagnose.ArgumentFault {
			continue // faults of later versions, and of helpers that are a firmware's own
		}
		if code := diagnose.Catalogue[i].Code.String(); !shown[code] {
			t.Errorf("nothing provokes %s: %s", code, diagnose.Catalogue[i].Title)
		}
	}
}

// TestHintsOfDiagnosticsParse: what numbered errors say to try are commands
// that exist.
func TestHintsOfDiagnosticsParse(t *testing.T) {
	checked := 0
	for _, dir := range []string{"../../internal/project", "../../internal/testtable", "../../internal/diagnose"} {
		packages, err := parser.ParseDir(token.NewFileSet(), dir, func(info fs.FileInfo) bool { return !strings.HasSuffix(info.Name(), "_test.go") }, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packages {
			ast.Inspect(p, func(n ast.Node) bool {
				pair, ok := n.(*ast.KeyValueExpr)
				if !ok {
					return true
				}
				key, isName := pair.Key.(*ast.Ident)
				list, isList := pair.Value.(*ast.CompositeLit)
				if !isName || !isList || key.Name != "Try" {
					return true
				}
				if len(list.Elts) > 3 {
					t.Errorf("%d hints are too many", len(list.Elts))
				}
				for _, element := range list.Elts {
					checked++
					if err := parses(literal(element)); err != nil {
						t.Errorf("%s: %v", dir, err)
					}
				}
				return true
			})
		}
	}
	if checked < 5 {
		t.Errorf("only %d hints were found", checked)
	}
}

// TestCommandsInExplanationsParse: so are the commands that the explanations
// name.
func TestCommandsInExplanationsParse(t *testing.T) {
	root := newRootCommand()
	named := regexp.MustCompile(`\bfemto ([a-z]+)( [a-z]+)?( --[a-z-]+)?`)
	checked := 0
	for i := range diagnose.Catalogue {
		e := &diagnose.Catalogue[i]
		for _, m := range named.FindAllStringSubmatch(e.Cause+e.Wrong+e.Right, -1) {
			checked++
			cmd, _, err := root.Find([]string{m[1]})
			if err == nil && m[2] != "" && cmd.HasSubCommands() {
				cmd, _, err = root.Find([]string{m[1], strings.TrimSpace(m[2])})
			}
			flag := strings.TrimPrefix(strings.TrimSpace(m[3]), "--")
			if err != nil || cmd == root || flag != "" && cmd.Flags().Lookup(flag) == nil {
				t.Errorf("%v names %q: %v", e.Code, m[0], err)
			}
		}
	}
	if checked < 5 {
		t.Errorf("only %d commands were found", checked)
	}
}
