package project

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
)

// Outside makes a program of sources that belong to no project, such as those
// written for comparable systems: C, Rust, objects, or one file of assembly. Warnings
// are not errors there, where version 2 of the instruction set does not do, version 4
// is taken, and string literals may be written to if the program is certain to do
// that. What the author has to change is a diagnose.List.
func Outside(ctx context.Context, sources ...string) (*build.Program, error) {
	program, err := outside(ctx, false, sources)
	if err != nil || !writesToConstants(program) || slices.ContainsFunc(sources, func(s string) bool { return filepath.Ext(s) != ".c" }) {
		return program, err
	}
	if writable, err := outside(ctx, true, sources); err == nil && !writesToConstants(writable) {
		return writable, nil
	}
	return program, nil
}

// writesToConstants reports whether a program is certain to fault for that.
func writesToConstants(program *build.Program) bool {
	if len(program.Rodata) == 0 {
		return false
	}
	raw, err := program.Image()
	if err != nil {
		return false
	}
	_, certain := (&Project{Dir: ".", Config: &Config{}}).Deep(&Built{Image: raw})
	return slices.ContainsFunc(certain, func(d *diagnose.Diagnostic) bool { return d.Code == diagnose.WriteToReadOnly })
}

func outside(ctx context.Context, writableStrings bool, sources []string) (*build.Program, error) {
	p := &Project{Dir: ".", Config: &Config{}}
	if len(sources) == 1 && filepath.Ext(sources[0]) == ".s" {
		program, err := build.Sources(ctx, sources[0])
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, p.assemblyProblems(sources[0], err)
		}
		return program, err
	}
	headers, err := os.MkdirTemp("", "femto-sdk-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(headers)
	if err := build.WriteHeaders(headers); err != nil {
		return nil, err
	}
	c := build.Compiler{Headers: headers, Foreign: true, WritableStrings: writableStrings}
	var objects []build.Object
	var problems diagnose.List
	for _, source := range sources {
		var object []byte
		if filepath.Ext(source) == ".o" {
			object, err = os.ReadFile(source)
		} else if _, err = os.Stat(source); err == nil {
			if c.Path == "" {
				if c.Path, _, err = FindCompiler(ctx); err != nil {
					return nil, p.noCompiler(source, err)
				}
			}
			var list diagnose.List
			if object, list, err = compileOutside(ctx, c, source); len(list) > 0 {
				problems = append(problems, list...)
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		objects = append(objects, build.Object{Name: source, Bytes: object})
	}
	if len(problems) > 0 {
		problems.Read(p.Dir)
		return nil, problems
	}
	program, err := build.LinkForeign(objects...)
	if err != nil {
		return nil, p.linkProblems(err)
	}
	return program, nil
}

// compileOutside compiles a source for the first of two instruction sets that
// has what it wants.
func compileOutside(ctx context.Context, c build.Compiler, source string) ([]byte, diagnose.List, error) {
	newer := []diagnose.Code{diagnose.SignedDivision, diagnose.AtomicLevel}
	var list diagnose.List
	for _, c.CPU = range []string{"v2", "v4"} {
		var object []byte
		var err error
		if isRust(source) {
			object, _, err = compileRust(ctx, &c, source)
		} else {
			object, err = c.Compile(ctx, source, "-fdebug-prefix-map="+filepath.Dir(filepath.Clean(source))+"/=")
		}
		var refused *build.CompileError
		if !errors.As(err, &refused) {
			return object, nil, err
		}
		list = diagnose.Clang(refused.Output, source, c.CPU, helperFunctions(), hookNames())
		if !slices.ContainsFunc(list, func(d *diagnose.Diagnostic) bool { return slices.Contains(newer, d.Code) }) {
			break
		}
	}
	return nil, list, nil
}
