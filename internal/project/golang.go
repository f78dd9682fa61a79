package project

import (
	"context"
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/gobpf"
)

// goCompiler is what femto.lock calls the compiler of containers in Go, which
// is part of the command.
const goCompiler = "femto go 1"

// inGo reports whether the container is written in Go.
func (p *Project) inGo() bool {
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
	return r.Program, r.Meta, goCompiler, nil
}
