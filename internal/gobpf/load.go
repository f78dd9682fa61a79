package gobpf

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/tools/go/ssa"

	"github.com/femto-containers/femto/internal/diagnose"
)

// Tag is a build tag that is set where a package is compiled for a container:
// files of the host alone say //go:build !femto.
const Tag = "femto"

// A source is a package of the container: its own, or one that it imports.
type source struct {
	path  string
	dir   string
	files []*ast.File
	types *types.Package
	info  *types.Info
	own   bool // in the module of the container
}

// A loader reads packages from their source, without asking the go command as
// long as modules lie in folders that go.mod names: that takes milliseconds.
type loader struct {
	ctx     context.Context
	fset    *token.FileSet
	root    string // folder of go.mod
	mod     *modfile.File
	build   build.Context
	sources map[string]*source
	order   []*source // imported ones first
	sizes   types.Sizes
	diags   diagnose.List
	dir     string // names of files are relative to it
	helpers map[*types.Func]int32
}

// place is where pos is, with the file's name as diagnostics have it.
func (l *loader) place(pos token.Pos) diagnose.Place {
	if !pos.IsValid() {
		return diagnose.Place{}
	}
	p := l.fset.Position(pos)
	return diagnose.Place{File: l.name(p.Filename), Line: p.Line, Column: p.Column}
}

// name is a file's name relative to the container's folder; files elsewhere
// are named by their package.
func (l *loader) name(file string) string {
	if rel, err := filepath.Rel(l.dir, file); err == nil && !strings.HasPrefix(rel, "..") {
		return filepath.ToSlash(rel)
	}
	for _, s := range l.order {
		if s.dir == filepath.Dir(file) && s.path == SDK {
			return "sdk/go/femto/" + filepath.Base(file) // as C's "sdk/femto.h"
		}
		if s.dir == filepath.Dir(file) {
			return path.Join(path.Base(s.path), filepath.Base(file))
		}
	}
	return filepath.Base(file)
}

// refusing hears of each refusal, for the test that wants an example of each.
var refusing = func() {}

func (l *loader) refuse(code diagnose.Code, pos token.Pos, what, why, fix string) {
	refusing()
	d := &diagnose.Diagnostic{Code: code, What: what, Place: l.place(pos), Why: why, Fix: fix}
	for _, other := range l.diags {
		if other.Code == d.Code && other.Place == d.Place && other.What == d.What {
			return
		}
	}
	l.diags = append(l.diags, d)
}

// unforeseen refuses what is known of no source: the compiler, not the author,
// has to be mended.
func (l *loader) unforeseen(pos token.Pos, what string) {
	l.refuse(diagnose.GoOther, pos, what, "docs/spec/go-containers.md lists what there is", "")
}

func newLoader(ctx context.Context, dir string) (*loader, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	l := &loader{ctx: ctx, fset: token.NewFileSet(), dir: absolute, sources: map[string]*source{}, helpers: map[*types.Func]int32{},
		sizes: types.SizesFor("gc", "amd64")}
	l.build = build.Default
	l.build.GOOS, l.build.GOARCH, l.build.CgoEnabled, l.build.Compiler = "linux", "bpf", false, "gc"
	l.build.BuildTags = []string{Tag}
	for l.root = absolute; ; {
		file := filepath.Join(l.root, "go.mod")
		text, err := os.ReadFile(file)
		if err == nil {
			if l.mod, err = modfile.Parse(file, text, nil); err != nil {
				return nil, err
			}
			break
		}
		up := filepath.Dir(l.root)
		if up == l.root {
			return nil, errors.New("there is no go.mod here or above: a container in Go is a package of a module (go mod init NAME)")
		}
		l.root = up
	}
	return l, nil
}

// find returns the folder of an imported package.
func (l *loader) find(importPath string) (dir string, own bool, err error) {
	if l.mod.Module != nil {
		if rest, ok := within(importPath, l.mod.Module.Mod.Path); ok {
			return filepath.Join(l.root, filepath.FromSlash(rest)), true, nil
		}
	}
	for _, r := range l.mod.Replace {
		if rest, ok := within(importPath, r.Old.Path); ok && r.New.Version == "" {
			to := filepath.FromSlash(r.New.Path)
			if !filepath.IsAbs(to) {
				to = filepath.Join(l.root, to)
			}
			return filepath.Join(to, filepath.FromSlash(rest)), false, nil
		}
	}
	cmd := exec.CommandContext(l.ctx, "go", "list", "-find", "-f", "{{.Dir}}", "--", importPath)
	cmd.Dir = l.root
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return "", false, errors.New(strings.TrimSpace(string(exit.Stderr)))
		}
		return "", false, err
	}
	return strings.TrimSpace(string(out)), false, nil
}

func within(importPath, module string) (rest string, ok bool) {
	if importPath == module {
		return "", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// compiled lists the packages of the standard library that containers may use:
// they are plain computations.
var compiled = []string{"math/bits"}

// Import makes loader a types.Importer.
func (l *loader) Import(importPath string) (*types.Package, error) {
	if importPath == "unsafe" {
		return types.Unsafe, nil
	}
	if s := l.sources[importPath]; s != nil {
		if s.types == nil {
			return nil, fmt.Errorf("import cycle through %s", importPath)
		}
		return s.types, nil
	}
	dir, own := "", false
	var err error
	inModule := l.mod.Module != nil
	if inModule {
		_, inModule = within(importPath, l.mod.Module.Mod.Path)
	}
	switch {
	case slices.Contains(compiled, importPath):
		root := l.build.GOROOT
		if _, err := os.Stat(filepath.Join(root, "src", "math")); root == "" || err != nil {
			out, err := exec.CommandContext(l.ctx, "go", "env", "GOROOT").Output()
			if err != nil {
				return nil, fmt.Errorf("go env GOROOT: %w", err)
			}
			root = strings.TrimSpace(string(out))
		}
		dir = filepath.Join(root, "src", filepath.FromSlash(importPath))
	case standard(importPath) && !inModule:
		p := types.NewPackage(importPath, path.Base(importPath))
		p.MarkComplete()
		l.sources[importPath] = &source{path: importPath, types: p}
		return p, nil
	default:
		if dir, own, err = l.find(importPath); err != nil {
			return nil, err
		}
	}
	s, err := l.load(importPath, dir, own)
	if err != nil {
		return nil, err
	}
	return s.types, nil
}

// SDK is the package that containers import.
const SDK = "github.com/femto-containers/femto/sdk/go/femto"

// load parses and checks the package in dir.
func (l *loader) load(importPath, dir string, own bool) (*source, error) {
	own = own && importPath != SDK
	s := &source{path: importPath, dir: dir, own: own}
	l.sources[importPath] = s
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if match, err := l.build.MatchFile(dir, name); err != nil || !match {
			continue
		}
		file, err := parser.ParseFile(l.fset, filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		var list scanner.ErrorList
		if errors.As(err, &list) {
			for _, e := range list {
				d := &diagnose.Diagnostic{Code: diagnose.OtherCompile, What: e.Msg,
					Place: diagnose.Place{File: l.name(e.Pos.Filename), Line: e.Pos.Line, Column: e.Pos.Column}, Why: "this is not Go"}
				l.diags = append(l.diags, d)
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, file)
	}
	if len(l.diags) > 0 {
		return nil, l.diags
	}
	if len(s.files) == 0 {
		return nil, fmt.Errorf("no Go files in %s", dir)
	}
	std := slices.Contains(compiled, importPath)
	strict := !std && importPath != SDK
	for _, file := range s.files {
		for _, imported := range file.Imports {
			p, err := strconv.Unquote(imported.Path.Value)
			if strict && err == nil && standard(p) && !slices.Contains(compiled, p) && !l.inModule(p) {
				fix := "put what needs it into a file that begins with //go:build !" + Tag
				if p == "unsafe" {
					fix = "use the types that the hook's context has"
				}
				l.refuse(diagnose.GoImport, imported.Pos(), fmt.Sprintf("a container cannot import %q", p),
					"of the standard library, containers can use "+strings.Join(compiled, " and ")+": the rest needs an operating system or a heap", fix)
			}
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				if _, is, _ := helperNumber(f.Doc); is || std && f.Name.Name == "init" {
					f.Body = nil // the host's stand-in
				}
			}
		}
	}
	if len(l.diags) > 0 {
		return nil, l.diags
	}
	s.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Instances: map[*ast.Ident]types.Instance{}, Scopes: map[ast.Node]*types.Scope{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, FileVersions: map[*ast.File]string{},
	}
	config := types.Config{Importer: l, Sizes: l.sizes, GoVersion: l.version(own), Error: func(err error) {
		var e types.Error
		if !errors.As(err, &e) || !strict {
			return // what the host alone needs of these packages is missing
		}
		l.refuse(diagnose.OtherCompile, e.Pos, strings.TrimPrefix(e.Msg, "\t"), "the Go compiler refuses it too", "")
	}}
	s.types, _ = config.Check(importPath, l.fset, s.files, s.info)
	if len(l.diags) > 0 {
		return nil, l.diags
	}
	for _, file := range s.files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			number, is, err := helperNumber(f.Doc)
			if err != nil {
				l.refuse(diagnose.GoDirective, f.Pos(), err.Error(), "a helper is named by its number", "//femto:helper 3")
			}
			if object, ok := s.info.Defs[f.Name].(*types.Func); ok && is {
				l.helpers[object] = number
			}
		}
	}
	l.order = append(l.order, s)
	return s, nil
}

// version is the version of the language that go.mod names for the container's
// own packages.
func (l *loader) version(own bool) string {
	if own && l.mod.Go != nil {
		return "go" + l.mod.Go.Version
	}
	return ""
}

func (l *loader) inModule(p string) bool {
	if l.mod.Module == nil {
		return false
	}
	_, ok := within(p, l.mod.Module.Mod.Path)
	return ok
}

// directive returns what follows //femto:name in a comment.
func directive(doc *ast.CommentGroup, name string) (text string, pos token.Pos, ok bool) {
	if doc == nil {
		return "", 0, false
	}
	for _, c := range doc.List {
		if rest, is := strings.CutPrefix(c.Text, "//femto:"+name); is && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
			return strings.TrimSpace(rest), c.Pos(), true
		}
	}
	return "", 0, false
}

func helperNumber(doc *ast.CommentGroup) (number int32, is bool, err error) {
	text, _, is := directive(doc, "helper")
	if !is {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(text, 0, 8)
	if err != nil {
		return 0, true, fmt.Errorf("//femto:helper %s: want a number up to 255", text)
	}
	return int32(n), true, nil
}

// ssa builds the SSA form of all packages.
func (l *loader) ssa() (*ssa.Program, map[string]*ssa.Package) {
	program := ssa.NewProgram(l.fset, ssa.InstantiateGenerics)
	packages := map[string]*ssa.Package{}
	for importPath, s := range l.sources {
		if s.files == nil {
			packages[importPath] = program.CreatePackage(s.types, nil, nil, true)
		}
	}
	packages["unsafe"] = program.CreatePackage(types.Unsafe, nil, nil, true)
	for _, s := range l.order {
		packages[s.path] = program.CreatePackage(s.types, s.files, s.info, true)
	}
	return program, packages
}

// setBase makes names of files relative to a folder.
func (l *loader) setBase(base string) error {
	absolute, err := filepath.Abs(base)
	l.dir = absolute
	return err
}

// pathOf is the import path of a folder of the module.
func (l *loader) pathOf(dir string) string {
	module := "container"
	if l.mod.Module != nil {
		module = l.mod.Module.Mod.Path
	}
	if rel, err := filepath.Rel(l.root, dir); err == nil && rel != "." {
		return module + "/" + filepath.ToSlash(rel)
	}
	return module
}
