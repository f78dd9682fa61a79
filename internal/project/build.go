package project

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/sdkgen"
	"github.com/femto-containers/femto/vm"
)

// Folder holds what is made from a project and can be made again.
const Folder = ".femto"

// Headers is where the SDK's headers are for the compiler and for editors.
const Headers = Folder + "/include"

// A Built is a project's image.
type Built struct {
	Image  []byte
	Digest string // "sha256:…"
	File   string // where the image is, as people here would type it
	Debug  *build.Debug
	Hook   string // on which it runs; "" if nothing says
	Made   bool   // by this call; otherwise it was there
}

// ImageFile is where the project's image is.
func (p *Project) ImageFile() string {
	return p.path(Folder + "/" + p.Config.Container.Name + ".bin")
}

// Sources lists the files that are compiled, in the order in which they are
// linked, from the project's folder.
func (p *Project) Sources() ([]string, error) {
	var list []string
	for _, pattern := range p.Config.Container.Sources {
		found, err := filepath.Glob(filepath.Join(p.Dir, filepath.FromSlash(pattern)))
		if err != nil || len(found) == 0 {
			d := &diagnose.Diagnostic{Code: diagnose.NoSources, What: fmt.Sprintf("no file matches %q", pattern),
				Place: p.place("container", "sources"), Why: "sources are named from the project's folder"}
			if err != nil {
				d.Why = err.Error()
			}
			return nil, diagnose.List{d}
		}
		slices.Sort(found)
		for _, file := range found {
			name, err := filepath.Rel(p.Dir, file)
			if err != nil {
				return nil, err
			}
			if name = filepath.ToSlash(name); !slices.Contains(list, name) && !strings.HasSuffix(name, "_test.go") {
				list = append(list, name)
			}
		}
	}
	return list, nil
}

// Watched lists the files on which the image and its tests depend, from the
// project's folder.
func (p *Project) Watched() ([]string, error) {
	list := []string{File}
	sources, err := p.Sources()
	if err != nil {
		return list, err
	}
	list = append(list, sources...)
	more, err := p.headers()
	list = append(list, more...)
	tests, globErr := filepath.Glob(filepath.Join(p.Dir, "tests", "*"))
	for _, file := range tests {
		if name, err := filepath.Rel(p.Dir, file); err == nil {
			list = append(list, filepath.ToSlash(name))
		}
	}
	return list, errors.Join(err, globErr)
}

// headers lists what sources may include or import.
func (p *Project) headers() (list []string, err error) {
	err = filepath.WalkDir(p.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != p.Dir && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(path); ext == ".h" || p.InGo() && (ext == ".go" && !strings.HasSuffix(path, "_test.go") || entry.Name() == "go.mod") {
			name, err := filepath.Rel(p.Dir, path)
			if err != nil {
				return err
			}
			list = append(list, filepath.ToSlash(name))
		}
		return nil
	})
	return list, err
}

// inputs is the digest of all that decides what the image is, but for the
// compiler.
func (p *Project) inputs() (string, error) {
	if p.InGo() {
		if err := p.restoreSDK(); err != nil {
			return "", err
		}
	}
	sources, err := p.Sources()
	if err != nil {
		return "", err
	}
	headers, err := p.headers()
	if err != nil {
		return "", err
	}
	c := p.Config
	settings, err := json.Marshal([]any{c.Container, c.Hooks, c.Stores, c.Budget.Instructions, c.Build, SDKDigest()})
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d %s\n", len(settings), settings)
	names := append(sources, headers...)
	slices.Sort(names[len(sources):])
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(content))
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil)), nil
}

// Build returns the project's image: the one that is there if nothing that
// decides it has changed, so that no compiler is needed; otherwise one that it
// makes. What the author has to change is a diagnose.List.
func (p *Project) Build(ctx context.Context) (*Built, error) {
	inputs, err := p.inputs()
	if err != nil {
		return nil, err
	}
	if b := p.current(inputs); b != nil {
		return b, nil
	}
	return p.make(ctx, inputs)
}

// Rebuild makes the image, whether or not one is there.
func (p *Project) Rebuild(ctx context.Context) (*Built, error) {
	inputs, err := p.inputs()
	if err != nil {
		return nil, err
	}
	return p.make(ctx, inputs)
}

// current returns the image that is there, nil if it is not that of inputs.
func (p *Project) current(inputs string) *Built {
	lock, err := p.Lock()
	if err != nil || lock.Inputs != inputs {
		return nil
	}
	raw, err := os.ReadFile(p.ImageFile())
	if err != nil || digest(raw) != lock.Image {
		return nil
	}
	b := &Built{Image: raw, Digest: lock.Image, File: p.ImageFile(), Hook: lock.Hook}
	if side, err := os.ReadFile(p.sideFile(raw)); err == nil {
		b.Debug, _ = build.ParseDebug(side, raw) // without it there are no lines
	}
	return b
}

func (p *Project) sideFile(raw []byte) string {
	return filepath.Join(p.Dir, Folder, build.DebugName(raw))
}

func digest(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// make compiles, links, checks and saves.
func (p *Project) make(ctx context.Context, inputs string) (*Built, error) {
	program, meta, compiler, err := p.compile(ctx)
	if err != nil {
		return nil, err
	}
	return p.finish(program, meta, compiler, inputs)
}

// finish makes an image of a program and saves it.
func (p *Project) finish(program *build.Program, meta map[string]string, compiler, inputs string) (*Built, error) {
	hook, list := p.contract(program, meta)
	if len(list) > 0 {
		list.Read(p.Dir)
		return nil, list
	}
	raw, err := program.Image()
	if err != nil {
		return nil, p.linkProblems(err)
	}
	side, err := program.Debug(raw)
	if err != nil {
		return nil, err
	}
	b := &Built{Image: raw, Digest: digest(raw), File: p.ImageFile(), Hook: hook, Made: true}
	if b.Debug, err = build.ParseDebug(side, raw); err != nil {
		return nil, err
	}
	lock := &Lock{Schema: Schema, Inputs: inputs, Image: b.Digest, Hook: hook, SDK: SDKDigest(), Helpers: HelpersDigest(), Compiler: compiler}
	return b, p.save(b, side, lock)
}

// save writes the image and what belongs to it. Side files of images before
// are removed.
func (p *Project) save(b *Built, side []byte, lock *Lock) error {
	dir := filepath.Join(p.Dir, Folder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if old, err := filepath.Glob(filepath.Join(dir, "*.debug.json")); err == nil {
		for _, file := range old {
			if file != p.sideFile(b.Image) {
				_ = os.Remove(file)
			}
		}
	}
	for file, content := range map[string][]byte{b.File: b.Image, p.sideFile(b.Image): side} {
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return p.writeLock(lock)
}

// compile turns the sources into a program, what they say of themselves, and
// the compiler's version.
func (p *Project) compile(ctx context.Context) (*build.Program, map[string]string, string, error) {
	sources, err := p.Sources()
	if err != nil {
		return nil, nil, "", err
	}
	if len(sources) == 1 && filepath.Ext(sources[0]) == ".s" {
		program, err := build.Sources(ctx, filepath.Join(p.Dir, filepath.FromSlash(sources[0])))
		if err != nil {
			return nil, nil, "", p.assemblyProblems(sources[0], err)
		}
		return program, nil, "", nil
	}
	if p.InGo() {
		return p.compileGo(ctx, sources)
	}
	c := build.Compiler{Dir: p.Dir, Headers: Headers, CPU: p.Config.Build.CPU}
	var objects []build.Object
	var problems diagnose.List
	meta, said := map[string]string{}, ""
	for _, source := range sources {
		var object []byte
		if filepath.Ext(source) == ".o" {
			object, err = os.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(source)))
		} else {
			if c.Path == "" {
				if c.Path, said, err = FindCompiler(ctx); err != nil {
					return nil, nil, "", p.noCompiler(source, err)
				}
				if err := build.WriteHeaders(filepath.Join(p.Dir, filepath.FromSlash(Headers))); err != nil {
					return nil, nil, "", err
				}
			}
			if isRust(source) {
				var rustc string
				if object, rustc, err = compileRust(ctx, &c, source); errors.Is(err, build.ErrNoRust) {
					return nil, nil, "", p.noCompiler(source, err)
				}
				if !strings.Contains(said, rustc) {
					said += ", " + rustc
				}
			} else {
				object, err = c.Compile(ctx, source)
			}
		}
		var refused *build.CompileError
		if errors.As(err, &refused) {
			problems = append(problems, diagnose.Clang(refused.Output, source, p.cpu(), helperFunctions(), hookNames())...)
			continue
		}
		if err != nil {
			return nil, nil, "", err
		}
		more, err := build.Meta(object)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "FEMTO_META") {
				return nil, nil, "", p.linkProblems(fmt.Errorf("%s: %w", source, err))
			}
			return nil, nil, "", p.metaProblem(source, err.Error())
		}
		for key, value := range more {
			if before, twice := meta[key]; twice && before != value {
				return nil, nil, "", p.metaProblem(source, fmt.Sprintf("%s is %q and, in another source, %q", key, value, before))
			}
		}
		maps.Copy(meta, more)
		objects = append(objects, build.Object{Name: source, Bytes: object})
	}
	if len(problems) > 0 {
		problems.Read(p.Dir)
		return nil, nil, "", problems
	}
	link := build.LinkObjects
	if slices.ContainsFunc(sources, isRust) {
		link = build.LinkForeign // the compiler orders the functions
	}
	program, err := link(objects...)
	if err != nil {
		return nil, nil, "", p.linkProblems(err)
	}
	return program, meta, said, nil
}

func (p *Project) cpu() string {
	if p.Config.Build.CPU != "" {
		return p.Config.Build.CPU
	}
	return "v2"
}

// helperFunctions lists what helpers are called in C.
func helperFunctions() []string {
	var names []string
	for i := range sdkgen.Helpers {
		names = append(names, "femto_"+sdkgen.Helpers[i].Name)
	}
	return names
}

// hookNames lists the standard hooks.
func hookNames() []string {
	var names []string
	for i := range sdkgen.Hooks {
		names = append(names, sdkgen.Hooks[i].Name)
	}
	return names
}

// contract fills in what the image says it needs, and returns the name of its
// hook.
func (p *Project) contract(program *build.Program, meta map[string]string) (hook string, list diagnose.List) {
	c := p.Config
	need, refused := vm.Check(program.Text, everyHelper())
	if refused.Fault != vm.OK {
		return "", diagnose.List{notLoadable(lookup(program), refused)}
	}
	contract := &image.Contract{
		Keys: 1<<image.KeyHelpers | 1<<image.KeyStack,
		Name: []byte(c.Container.Name), Helpers: need.Helpers, Stack: uint16(min(need.Stack, 0xffff)), Budget: int32(c.Budget.Instructions),
		Entries: [3]uint16{uint16(c.Stores.Local), uint16(c.Stores.Tenant), uint16(c.Stores.Global)},
	}
	if c.Container.LongRunning {
		contract.Flags = image.LongRunning
	}
	list = p.fromMeta(contract, meta)
	name, id := c.Hook()
	if said := meta["hook"]; said != "" && name == "" {
		name, id = said, hookID(said)
	}
	if name != "" {
		contract.Hook = id[:]
	}
	program.Contract = contract
	return name, list
}

// lookup finds the places of a program's instructions.
func lookup(program *build.Program) *build.Debug {
	return &build.Debug{Symbols: program.Symbols, Lines: program.Lines}
}

func everyHelper() *vm.HelperSet {
	var all vm.HelperSet
	for n := range 256 {
		all.Add(uint8(n))
	}
	return &all
}
