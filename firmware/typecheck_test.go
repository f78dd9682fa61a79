//go:build boards

package firmware_test

import (
	"encoding/json"
	"go/ast"
	gobuild "go/build"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A checker type-checks a firmware as TinyGo would see it. Packages from
// elsewhere are read for what they declare, and may lack what they import: the
// register packages of real chips are not in TinyGo's Go module.
type checker struct {
	fset     *token.FileSet
	context  gobuild.Context
	tinygo   string // its source tree
	packages map[string]*types.Package
	t        *testing.T
}

func (c *checker) Import(path string) (*types.Package, error) {
	if p := c.packages[path]; p != nil {
		return p, nil
	}
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	folder, ours := "", false
	if rest, ok := strings.CutPrefix(path, module); ok {
		folder, ours = filepath.Join("..", rest), true
	} else if folder = filepath.Join(c.tinygo, "src", path); !goFiles(folder) {
		folder = filepath.Join(c.context.GOROOT, "src", path)
	}
	found, err := c.context.ImportDir(folder, 0)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range append(found.GoFiles, found.CgoFiles...) {
		f, err := parser.ParseFile(c.fset, filepath.Join(folder, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	config := types.Config{Importer: c, FakeImportC: true, IgnoreFuncBodies: !ours, Sizes: types.SizesFor("gc", c.context.GOARCH)}
	config.Error = func(err error) {
		if ours {
			c.t.Error(err)
		}
	}
	p, err := config.Check(path, c.fset, files, nil)
	c.packages[path] = p
	if !ours {
		err = nil
	}
	return p, err
}

func goFiles(folder string) bool {
	names, _ := filepath.Glob(filepath.Join(folder, "*.go"))
	return len(names) > 0
}

// buildTags collects the tags of one of TinyGo's targets.
func buildTags(tinygo, target string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(tinygo, "targets", target+".json"))
	if err != nil {
		return nil, err
	}
	var t struct {
		Inherits []string
		Tags     []string `json:"build-tags"`
	}
	if err := json.Unmarshal(content, &t); err != nil {
		return nil, err
	}
	for _, parent := range t.Inherits {
		tags, err := buildTags(tinygo, parent)
		if err != nil {
			return nil, err
		}
		t.Tags = append(t.Tags, tags...)
	}
	return t.Tags, nil
}

// TestTypeCheck checks the firmwares that cannot be compiled here.
func TestTypeCheck(t *testing.T) {
	out, err := exec.Command("sh", "-c", `eval "$(./toolchain.sh)" && "$TINYGO" env TINYGOROOT`).Output()
	if err != nil {
		t.Fatal(err)
	}
	tinygo := strings.TrimSpace(string(out))
	for _, board := range []struct{ name, target, serial string }{
		{"nrf52840-dk", "pca10056", "uart"},
		{"pico", "pico", "usb"},
		{"esp32-c3", "xiao-esp32c3", "usb"},
	} {
		t.Run(board.name, func(t *testing.T) {
			tags, err := buildTags(tinygo, board.target)
			if err != nil {
				t.Fatal(err)
			}
			c := &checker{fset: token.NewFileSet(), context: gobuild.Default, tinygo: tinygo, packages: map[string]*types.Package{}, t: t}
			// TinyGo calls every 32-bit processor that.
			c.context.GOOS, c.context.GOARCH, c.context.CgoEnabled = "linux", "arm", true
			c.context.BuildTags = append(tags, "tinygo", "purego", "gc.conservative", "scheduler.none", "serial."+board.serial, "tinygo.unicore")
			p, err := c.Import(module + "firmware/" + board.name)
			if err != nil {
				t.Fatal(err)
			}
			if c.packages["machine"] == nil || !p.Complete() {
				t.Error("the board's own part was not checked")
			}
		})
	}
}
