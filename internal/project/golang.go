package project

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/gobpf"
	"github.com/femto-containers/femto/sdk"
)

// goCompiler is what femto.lock calls the compiler of containers in Go, which
// is part of the command.
const goCompiler = "femto go 1"

// InGo reports whether the container is written in Go.
func (p *Project) InGo() bool {
	return slices.ContainsFunc(p.Config.Container.Sources, func(s string) bool { return path.Ext(s) == ".go" })
}

// compileGo compiles the package that the sources are.
func (p *Project) compileGo(ctx context.Context, sources []string) (*build.Program, map[string]string, string, error) {
	dir := path.Dir(sources[0])
	for _, source := range sources {
		if path.Ext(source) != ".go" || path.Dir(source) != dir {
			return nil, nil, "", diagnose.List{{Code: diagnose.NoSources, What: source + " cannot be part of a container in Go", Place: p.place("container", "sources"),
				Why: "a container in Go is one package: the Go files of one folder, and what they import"}}
		}
	}
	r, err := gobpf.Package(ctx, filepath.Join(p.Dir, filepath.FromSlash(dir)), p.Dir)
	var list diagnose.List
	if errors.As(err, &list) {
		list.Read(p.Dir)
		return nil, nil, "", list
	}
	if err != nil {
		return nil, nil, "", diagnose.List{{Code: diagnose.OtherCompile, What: strings.TrimSpace(err.Error()), Where: p.path(dir), Why: "the package cannot be read", Err: err}}
	}
	if hook, _ := p.Config.Hook(); r.Context != "" && hook != "" && r.Context != hook && r.Meta["hook"] == "" {
		return nil, nil, "", diagnose.List{{Code: diagnose.GoContext, What: "the hook is " + hook + ", but the function takes the context of " + r.Context, Place: p.place("hooks."+hook, ""),
			Why: "it would read other numbers than it means", Fix: "//femto:hook " + r.Context + " above the function, and no hook here"}}
	}
	return r.Program, r.Meta, goCompiler, nil
}

// goSDK is where a project in Go has its copy of package femto. It belongs to
// the sources, so that go test and editors work in every clone.
const goSDK = "sdk/femto"

// readGoTemplate returns the files of a project in Go, by name. Tests in TOML
// are those of C.
func readGoTemplate(name, template string) (map[string]string, *prebuilt, error) {
	files := map[string]string{}
	for from, to := range map[string]string{
		"go/" + template + ".go.in":      name + ".go",
		"go/" + template + "_test.go.in": name + "_test.go",
		template + "/femto.toml":         File,
		template + "/tests.toml":         "tests/" + name + ".toml",
		"gitignore":                      ".gitignore",
	} {
		content, err := templates.ReadFile("templates/" + from)
		if err != nil {
			return nil, nil, err
		}
		files[to] = string(content)
	}
	for _, file := range []string{name + ".go", name + "_test.go"} {
		files[file] = strings.Replace(files[file], "package NAME", "package "+packageName(name), 1)
	}
	files[File] = inGoWords.Replace(strings.Replace(files[File], `"NAME"`, `"`+name+`"`, 1))
	files["go.mod"] = fmt.Sprintf("module %s\n\ngo %s\n\nrequire %s v0.0.0\n\nreplace %[3]s => ./%[4]s\n", name, sdk.GoVersion, sdk.GoModule, goSDK)
	return files, nil, nil
}

// inGoWords turns femto.toml of a template in C to that of one in Go.
var inGoWords = strings.NewReplacer(
	`lang = "c"`, `lang = "go"`, `"src/*.c"`, `"*.go"`,
	"FEMTO_HOOK(timer, ...)", "//femto:hook timer", "FEMTO_HOOK(coap, ...)", "//femto:hook coap",
	"FEMTO_HOOK(sensor, ...)", "//femto:hook sensor", "FEMTO_HOOK(event, ...)", "//femto:hook event",
)

// packageName is what the package of a container is called.
func packageName(name string) string {
	name = strings.ReplaceAll(name, "-", "_")
	if name[0] >= '0' && name[0] <= '9' || token.IsKeyword(name) || name == "main" {
		return "container_" + name
	}
	return name
}

// initGo completes a new project with package femto and the image.
func initGo(dir string) (*Project, error) {
	if err := sdk.WriteGo(filepath.Join(dir, filepath.FromSlash(goSDK))); err != nil {
		return nil, err
	}
	p, err := Open(dir)
	if err != nil {
		return nil, err
	}
	_, err = p.Build(context.Background())
	return p, err
}

// restoreSDK writes package femto anew where go.mod says that it is, if the
// folder is missing.
func (p *Project) restoreSDK() error {
	content, err := os.ReadFile(filepath.Join(p.Dir, "go.mod"))
	if err != nil {
		return nil // the container is in somebody else's module
	}
	mod, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		return nil // the compiler says so
	}
	for _, r := range mod.Replace {
		if r.Old.Path != sdk.GoModule || !modfile.IsDirectoryPath(r.New.Path) || filepath.IsAbs(r.New.Path) {
			continue
		}
		dir := filepath.Join(p.Dir, filepath.FromSlash(r.New.Path))
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return sdk.WriteGo(dir)
		}
	}
	return nil
}
