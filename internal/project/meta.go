package project

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/pelletier/go-toml/v2"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/sdkgen"
	"github.com/femto-containers/femto/sdk"
	"github.com/femto-containers/femto/vm"
)

func hookID(name string) uuid.UUID { return author.HookID(name) }

// fromMeta joins what sources say of themselves with what femto.toml says.
func (p *Project) fromMeta(contract *image.Contract, meta map[string]string) (list diagnose.List) {
	differs := func(key, table, name, value string) {
		list = append(list, &diagnose.Diagnostic{
			Code: diagnose.MetaDiffers, What: fmt.Sprintf("the source says %s is %s, %s says %s", key, meta[key], File, value),
			Place: p.place(table, name), Fix: "say it in one place, or the same in both",
		})
	}
	number := func(key, table, name string, have int, max int) int {
		text, said := meta[key]
		if !said {
			return have
		}
		n, err := strconv.Atoi(text)
		switch {
		case err != nil || n < 0 || n > max:
			list = append(list, &diagnose.Diagnostic{Code: diagnose.BadValue, What: fmt.Sprintf("FEMTO_META: %s is %q", key, text),
				Why: fmt.Sprintf("it is a number from 0 to %d", max)})
		case have != 0 && have != n:
			differs(key, table, name, strconv.Itoa(have))
		}
		return n
	}
	if name := meta["name"]; name != "" && name != p.Config.Container.Name {
		differs("name", "container", "name", p.Config.Container.Name)
	}
	if hook, _ := p.Config.Hook(); hook != "" && meta["hook"] != "" && meta["hook"] != hook {
		differs("hook", "hooks", hook, hook)
	}
	contract.Budget = int32(number("budget", "budget", "instructions", int(contract.Budget), vm.MaxBudget))
	for i, key := range []string{"local", "tenant", "global"} {
		contract.Entries[i] = uint16(number(key, "stores", key, int(contract.Entries[i]), 0xffff))
	}
	if meta["flags"] == "long-running" {
		contract.Flags |= image.LongRunning
	}
	return list
}

func (p *Project) metaProblem(source, why string) diagnose.List {
	return diagnose.List{{Code: diagnose.MetaDiffers, What: "the sources contradict each other", Place: diagnose.Place{File: source}, Why: why}}
}

func (p *Project) noCompiler(source string, err error) diagnose.List {
	d := &diagnose.Diagnostic{Code: diagnose.NoCompiler, What: source + " has to be compiled, and there is no compiler for it", Where: p.path(source),
		Why: err.Error(), Try: []string{"femto doctor"}, Err: err}
	if _, lockErr := p.Lock(); lockErr == nil {
		d.Why = "it is not what " + LockFile + " records; " + d.Why
	}
	return diagnose.List{d}
}

// linkProblems says what keeps objects from being linked.
func (p *Project) linkProblems(err error) error {
	d := &diagnose.Diagnostic{Code: diagnose.OtherLink, What: err.Error(), Err: err}
	var e *build.LinkError
	var fault vm.Fault
	switch {
	case errors.As(err, &fault):
		d.Code, d.Why = diagnose.NotLoadable, "every device makes this check before a container runs"
	case strings.HasPrefix(err.Error(), "FEMTO_META"):
		d.Code = diagnose.BadValue
	case errors.As(err, &e):
		d.Place = diagnose.Place{File: e.Place.File, Line: e.Place.Line, Column: e.Place.Column}
		switch {
		case errors.Is(err, build.ErrUndefined):
			d.Code, d.What, d.Why = diagnose.UndefinedSymbol, e.Symbol+" is declared, but nowhere defined", "the sources do not have it, and there is no C library"
			d.Fix = "define it, or remove the call"
			if near := diagnose.Nearest(e.Symbol, helperFunctions()); near != "" {
				d.Fix = "did you mean the helper " + near + "?"
			}
		case errors.Is(err, build.ErrTwice):
			d.Code, d.What, d.Fix = diagnose.DefinedTwice, e.Symbol+" is defined twice", "make one of them static"
			d.Why = err.Error()
		case errors.Is(err, build.ErrEntry):
			d.Code, d.What = diagnose.StaticEntry, "execution would begin with a static function"
			d.Why = "a container begins with the first function of its first source"
			d.Fix = "make " + e.Symbol + " the first one; declare what it calls before it"
		case errors.Is(err, build.ErrNoCode):
			d.Code, d.What, d.Why = diagnose.NoCode, "there is nothing to run", "no source defines a function that is not static"
		case errors.Is(err, build.ErrSection):
			d.Code, d.What, d.Fix = diagnose.OddSection, e.Error(), "leave out the section attribute"
			d.Why = "an image has code, constants and data"
		case errors.Is(err, build.ErrPointer):
			d.Code, d.What = diagnose.CodePointer, "the address of a function is taken"
			d.Why, d.Fix = "there are no calls through pointers: a device could not check where they lead", "use a switch"
		}
	}
	list := diagnose.List{d}
	list.Read(p.Dir)
	return list
}

var assemblyPlace = regexp.MustCompile(`^(?:.*?:)?(\d+)(?::(\d+))?: (.*)$`)

// assemblyProblems points at the line of assembly that is wrong.
func (p *Project) assemblyProblems(source string, err error) error {
	d := &diagnose.Diagnostic{Code: diagnose.OtherCompile, What: err.Error(), Place: diagnose.Place{File: source}, Err: err}
	if m := assemblyPlace.FindStringSubmatch(strings.TrimPrefix(err.Error(), p.path(source))); m != nil {
		d.Place.Line, _ = strconv.Atoi(m[1])
		d.Place.Column, _ = strconv.Atoi(m[2])
		d.What = m[3]
	}
	list := diagnose.List{d}
	list.Read(p.Dir)
	return list
}

// LockFile records what an image was made from.
const LockFile = "femto.lock"

// A Lock is the content of femto.lock.
type Lock struct {
	Schema   int    `toml:"schema"`
	Inputs   string `toml:"inputs" comment:"of femto.toml, the sources, their headers and the SDK"`
	Image    string `toml:"image" comment:"what they gave"`
	Hook     string `toml:"hook"`
	SDK      string `toml:"sdk"`
	Helpers  string `toml:"helpers"`
	Compiler string `toml:"compiler"`
}

const lockHeader = "# Written by femto build; commit it. femto build --locked wants the same image.\n"

// Lock reads femto.lock.
func (p *Project) Lock() (*Lock, error) {
	content, err := os.ReadFile(filepath.Join(p.Dir, LockFile))
	if err != nil {
		return nil, err
	}
	var l Lock
	if err := toml.Unmarshal(content, &l); err != nil {
		return nil, fmt.Errorf("%s: %w", LockFile, err)
	}
	return &l, nil
}

func (p *Project) writeLock(l *Lock) error {
	content, err := toml.Marshal(l)
	if err != nil {
		return err
	}
	content = append([]byte(lockHeader), content...)
	file := filepath.Join(p.Dir, LockFile)
	if there, err := os.ReadFile(file); err == nil && string(there) == string(content) {
		return nil
	}
	return os.WriteFile(file, content, 0o644)
}

// Differs says how a lock differs from the one that counts, "" if it does not
// where it matters.
func (l *Lock) Differs(other *Lock) string {
	if l.Inputs == other.Inputs && l.Image == other.Image {
		return ""
	}
	var what []string
	for _, field := range []struct{ name, a, b string }{
		{"inputs", l.Inputs, other.Inputs}, {"image", l.Image, other.Image}, {"sdk", l.SDK, other.SDK},
		{"helpers", l.Helpers, other.Helpers}, {"compiler", l.Compiler, other.Compiler},
	} {
		if field.a != field.b {
			what = append(what, fmt.Sprintf("%s was %s and is %s", field.name, short(field.a), short(field.b)))
		}
	}
	return strings.Join(what, "; ")
}

func short(digest string) string {
	if len(digest) > 19 && strings.HasPrefix(digest, "sha256:") {
		return digest[:19]
	}
	return digest
}

// SDKDigest is of what sources include.
var SDKDigest = sync.OnceValue(func() string {
	h := sha256.New()
	_ = fs.WalkDir(sdk.C, "c", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			content, _ := fs.ReadFile(sdk.C, name)
			fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(content))
		}
		return nil
	})
	return fmt.Sprintf("sha256:%x", h.Sum(nil))
})

// HelpersDigest is of the numbers and names of the standard helpers.
var HelpersDigest = sync.OnceValue(func() string {
	h := sha256.New()
	for i := range sdkgen.Helpers {
		fmt.Fprintf(h, "%d %s\n", sdkgen.Helpers[i].Number, sdkgen.Helpers[i].Name)
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil))
})

var compilerVersion = regexp.MustCompile(`clang version (\d+(?:\.\d+)*)`)

// FindCompiler returns the compiler and what it calls itself, "clang 19.1.7".
func FindCompiler(ctx context.Context) (path, version string, err error) {
	if path, err = build.FindClang(); err != nil {
		return "", "", err
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return path, "", fmt.Errorf("%s --version: %w", path, err)
	}
	m := compilerVersion.FindSubmatch(out)
	if m == nil {
		return path, "", fmt.Errorf("%s is no clang", path)
	}
	return path, "clang " + string(m[1]), nil
}

// Locked makes the image anew, saves nothing, and says how it differs from what
// a lock records; "" if it does not.
func (p *Project) Locked(ctx context.Context, want *Lock) (string, error) {
	inputs, err := p.inputs()
	if err != nil {
		return "", err
	}
	program, meta, compiler, err := p.compile(ctx)
	if err != nil {
		return "", err
	}
	hook, list := p.contract(program, meta)
	if len(list) > 0 {
		return "", list
	}
	raw, err := program.Image()
	if err != nil {
		return "", p.linkProblems(err)
	}
	got := Lock{Schema: Schema, Inputs: inputs, Image: digest(raw), Hook: hook, SDK: SDKDigest(), Helpers: HelpersDigest(), Compiler: compiler}
	return want.Differs(&got), nil
}
