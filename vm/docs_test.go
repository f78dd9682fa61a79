package vm_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testsOf returns the test functions of the package in folder.
func testsOf(t *testing.T, folder string) map[string]bool {
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				tests[f.Name.Name] = true
			}
		}
	}
	return tests
}

// section returns the lines of tables in the section of docs/spec/vm.md.
func section(t *testing.T, title string) (rows []string) {
	b, err := os.ReadFile("../docs/spec/vm.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(b), "\n## "+title+"\n")
	if !found {
		t.Fatalf("docs/spec/vm.md has no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "| ") {
			rows = append(rows, line)
		}
	}
	return rows[1:] // without the head
}

var quoted = regexp.MustCompile("`([^`]+)`")

// Every hazard of docs/spec/vm.md names tests that exist, and every test of a
// hole of the published engines is named there.
func TestHazardsHaveTests(t *testing.T) {
	tests := map[string]map[string]bool{"": testsOf(t, "."), "image": testsOf(t, "../image"), "vmfuzz": testsOf(t, "../internal/vmfuzz")}
	named := map[string]bool{}
	rows := section(t, "Hazards")
	for _, row := range rows {
		cells := strings.Split(strings.Trim(row, "|\n "), "|")
		if len(cells) != 4 {
			t.Errorf("%d cells: %s", len(cells), row)
			continue
		}
		list := quoted.FindAllStringSubmatch(cells[3], -1)
		if len(list) == 0 {
			t.Errorf("no test: %s", row)
		}
		for _, m := range list {
			room, name, found := strings.Cut(m[1], ".")
			if !found {
				room, name = "", m[1]
			}
			if !tests[room][name] {
				t.Errorf("no test is called %s", m[1])
			}
			named[m[1]] = true
		}
	}
	for name := range tests[""] {
		if strings.HasPrefix(name, "TestHole") && !named[name] {
			t.Errorf("no hazard names %s", name)
		}
	}
	if len(rows) < 36 {
		t.Errorf("%d hazards", len(rows))
	}
}

// Every bug that docs/spec/vm.md lists is kept.
func TestListedBugsAreKept(t *testing.T) {
	rows := section(t, "Evidence")
	bugs := 0
	for _, row := range rows {
		bug, files, _ := strings.Cut(strings.Trim(row, "|\n "), " | ")
		if strings.Contains(files, "make ") || strings.HasPrefix(files, "`Test") || bug == "bug" {
			continue
		}
		bugs++
		for _, m := range quoted.FindAllStringSubmatch(files, -1) {
			if _, err := os.Stat("../internal/vmfuzz/testdata/seeded/" + m[1] + ".txtar"); err != nil {
				t.Error(err)
			}
		}
	}
	if bugs != 26 {
		t.Errorf("%d bugs, want 26", bugs)
	}
}
