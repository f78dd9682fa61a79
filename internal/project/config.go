// Package project is a container author's folder: femto.toml, the sources, and
// what is built of them.
package project

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/pelletier/go-toml/v2"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/vm"
)

// File is what a project is described in.
const File = "femto.toml"

// Schema is the version of that description.
const Schema = 1

// A Config is the content of femto.toml.
type Config struct {
	Schema    int             `toml:"schema"`
	Container Container       `toml:"container"`
	Hooks     map[string]Hook `toml:"hooks"`
	Grants    Grants          `toml:"grants"`
	Stores    Stores          `toml:"stores"`
	Budget    Budget          `toml:"budget"`
	Build     Build           `toml:"build"`
}

// A Container says what is built.
type Container struct {
	Name        string   `toml:"name"`
	Version     string   `toml:"version"`
	Lang        string   `toml:"lang"`    // c, go or rust
	Sources     []string `toml:"sources"` // patterns, from the project's folder
	LongRunning bool     `toml:"long_running"`
}

// A Hook says where it runs.
type Hook struct {
	UUID string `toml:"uuid"` // of a hook that is none of the standard ones
}

// Grants are what it is meant to get: the check refuses whatever else it wants.
type Grants struct {
	Helpers []string `toml:"helpers"` // names, or groups of them; absent: any
}

// Stores are the entries that it needs in each store.
type Stores struct {
	Local  int `toml:"local"`
	Tenant int `toml:"tenant"`
	Global int `toml:"global"`
}

// A Budget is what it may take; 0: not limited here.
type Budget struct {
	Flash        int `toml:"flash"`        // bytes of the image
	RAM          int `toml:"ram"`          // bytes of .data
	Stack        int `toml:"stack"`        // bytes
	Instructions int `toml:"instructions"` // per activation
}

// Build says how it is compiled.
type Build struct {
	CPU string `toml:"cpu"` // v1 to v4, the compiler's -mcpu
}

// MaxName is the longest name of a container, in bytes.
const MaxName = 16

var (
	nameShape    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	versionShape = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
)

// ValidName reports whether a container may be called so.
func ValidName(name string) bool { return len(name) <= MaxName && nameShape.MatchString(name) }

// Parse reads a description. file is its name for messages. What is wrong is a
// diagnose.List.
func Parse(file string, content []byte) (*Config, error) {
	var c Config
	decoder := toml.NewDecoder(bytes.NewReader(content)).DisallowUnknownFields()
	err := decoder.Decode(&c)
	lines := strings.Split(string(content), "\n")
	if err != nil {
		return nil, decodeProblems(file, lines, err, reflect.TypeFor[Config]())
	}
	if list := c.problems(file, lines); len(list) > 0 {
		return nil, list
	}
	return &c, nil
}

// decodeProblems says what a TOML file has wrong.
func decodeProblems(file string, lines []string, err error, shape reflect.Type) diagnose.List {
	at := func(line, column int) diagnose.Place {
		p := diagnose.Place{File: file, Line: line, Column: column}
		if line > 0 && line <= len(lines) {
			p.Text = lines[line-1]
		}
		return p
	}
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &unknown):
		var list diagnose.List
		for i := range unknown.Errors {
			e := &unknown.Errors[i]
			key := e.Key()
			row, column := e.Position()
			known := keysAt(shape, key[:len(key)-1])
			d := &diagnose.Diagnostic{
				Code: diagnose.UnknownKey, What: fmt.Sprintf("%s has no key %s", filepath.Base(file), strings.Join(key, ".")),
				Place: at(row, column),
			}
			elsewhere := saidElsewhere(key)
			switch near := diagnose.Nearest(key[len(key)-1], known); {
			case elsewhere != "":
				d.Why = elsewhere
			case near != "":
				d.Fix = "did you mean " + near + "?"
			case len(known) > 0:
				d.Why = "the keys here are " + strings.Join(known, ", ")
			}
			list = append(list, d)
		}
		return list
	case errors.As(err, &wrong):
		row, column := wrong.Position()
		return diagnose.List{{
			Code: diagnose.BadTOML, What: "cannot read " + filepath.Base(file), Place: at(row, column),
			Why: diagnose.TOMLReason(wrong), Err: err,
		}}
	}
	return diagnose.List{{Code: diagnose.BadTOML, What: "cannot read " + filepath.Base(file), Where: file, Why: strings.TrimPrefix(err.Error(), "toml: "), Err: err}}
}

// saidElsewhere says where people look for what a key promises, "" if it is no
// such key.
func saidElsewhere(key []string) string {
	name := strings.Join(key, ".")
	switch {
	case key[0] == "targets":
		return "an image runs on every device; whether a device grants what it needs, femto deploy --dry-run says"
	case name == "grants.kv":
		return "[stores] says how many entries it needs, grants.helpers which stores it may call for"
	case key[0] == "hooks" && key[len(key)-1] == "every":
		return "when a hook fires is the firmware's business: docs/spec/hooks.md"
	}
	return ""
}

// keysAt lists the keys of a table.
func keysAt(shape reflect.Type, path []string) []string {
	for {
		for shape.Kind() == reflect.Pointer || shape.Kind() == reflect.Slice {
			shape = shape.Elem()
		}
		if len(path) == 0 {
			break
		}
		switch shape.Kind() {
		case reflect.Map:
			shape = shape.Elem()
		case reflect.Struct:
			found := false
			for i := range shape.NumField() {
				if f := shape.Field(i); f.Tag.Get("toml") == path[0] {
					shape, found = f.Type, true
					break
				}
			}
			if !found {
				return nil
			}
		default:
			return nil
		}
		path = path[1:]
	}
	var keys []string
	if shape.Kind() == reflect.Struct {
		for i := range shape.NumField() {
			keys = append(keys, shape.Field(i).Tag.Get("toml"))
		}
	}
	return keys
}

// placeOf finds where a key is given; good enough for pointing at it.
func placeOf(file string, lines []string, table, key string) diagnose.Place {
	in := ""
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "[") {
			in = strings.Trim(trimmed, "[] ")
			if key == "" && in == table {
				return diagnose.Place{File: file, Line: i + 1, Column: 1, Text: line}
			}
			continue
		}
		name, _, ok := strings.Cut(trimmed, "=")
		if ok && in == table && strings.Trim(strings.TrimSpace(name), `"`) == key {
			return diagnose.Place{File: file, Line: i + 1, Column: 1 + strings.Index(line, strings.TrimSpace(name)), Text: line}
		}
	}
	return diagnose.Place{File: file}
}

// problems finds values that make no sense.
func (c *Config) problems(file string, lines []string) (list diagnose.List) {
	wrong := func(table, key, what, why string) {
		list = append(list, &diagnose.Diagnostic{Code: diagnose.BadValue, What: what, Place: placeOf(file, lines, table, key), Why: why})
	}
	if c.Schema != Schema {
		wrong("", "schema", fmt.Sprintf("schema %d is not known here", c.Schema), fmt.Sprintf("this femto reads schema = %d", Schema))
	}
	if !ValidName(c.Container.Name) {
		wrong("container", "name", fmt.Sprintf("%q cannot be a container's name", c.Container.Name),
			fmt.Sprintf("a name has 1 to %d of a-z 0-9 and -, and does not begin with -", MaxName))
	}
	if v := c.Container.Version; v != "" && !versionShape.MatchString(v) {
		wrong("container", "version", fmt.Sprintf("%q is not a version", v), "a version is three numbers, such as 1.2.0")
	}
	if l := c.Container.Lang; l != "" && !slices.Contains(Languages, l) {
		wrong("container", "lang", fmt.Sprintf("femto cannot compile %q", l), `lang is "c", "go" or "rust"; objects (.o) of other compilers can be listed in sources`)
	}
	if len(c.Container.Sources) == 0 {
		wrong("container", "sources", "no sources", `container.sources lists C files, the Go files of a package, objects and assembly, or the files of a Go package, such as ["src/*.c"]`)
	}
	if len(c.Hooks) > 1 {
		wrong("hooks", "", "a container runs on one hook", "[hooks] names "+strings.Join(c.hookNames(), " and "))
	}
	for _, name := range c.hookNames() {
		if near := diagnose.Nearest(name, hookNames()); c.Hooks[name].UUID == "" && near != "" && near != name {
			d := &diagnose.Diagnostic{Code: diagnose.BadValue, What: fmt.Sprintf("there is no standard hook %q", name), Place: placeOf(file, lines, "hooks", name),
				Why: "the hooks are " + strings.Join(hookNames(), ", ") + "; one of the firmware's own has a uuid here", Fix: "did you mean " + near + "?"}
			if d.Place.Line == 0 {
				d.Place = placeOf(file, lines, "hooks."+name, "")
			}
			list = append(list, d)
		}
		if u := c.Hooks[name].UUID; u != "" {
			if _, err := uuid.Parse(u); err != nil {
				wrong("hooks", name, fmt.Sprintf("%q is not a UUID", u), err.Error())
			}
		}
	}
	for _, name := range c.Grants.Helpers {
		if len(helpersCalled(name)) == 0 {
			why := "femto.h and docs/spec/helpers.md have all helpers"
			d := &diagnose.Diagnostic{Code: diagnose.BadValue, What: fmt.Sprintf("there is no helper %q", name),
				Place: placeOf(file, lines, "grants", "helpers"), Why: why}
			if near := diagnose.Nearest(name, helperWords()); near != "" {
				d.Fix = "did you mean " + near + "?"
			}
			list = append(list, d)
		}
	}
	for _, v := range []struct {
		table, key string
		value, max int
	}{
		{"stores", "local", c.Stores.Local, 0xffff}, {"stores", "tenant", c.Stores.Tenant, 0xffff}, {"stores", "global", c.Stores.Global, 0xffff},
		{"budget", "flash", c.Budget.Flash, 1 << 24}, {"budget", "ram", c.Budget.RAM, 0xffff}, {"budget", "stack", c.Budget.Stack, 0xffff},
		{"budget", "instructions", c.Budget.Instructions, vm.MaxBudget},
	} {
		if v.value < 0 || v.value > v.max {
			wrong(v.table, v.key, fmt.Sprintf("%s = %d is out of range", v.key, v.value), fmt.Sprintf("it is 0 to %d", v.max))
		}
	}
	if cpu := c.Build.CPU; cpu != "" && !slices.Contains([]string{"v1", "v2", "v3", "v4"}, cpu) {
		wrong("build", "cpu", fmt.Sprintf("there is no instruction set %q", cpu), "build.cpu is v1, v2, v3 or v4")
	}
	return list
}

func (c *Config) hookNames() []string {
	var names []string
	for name := range c.Hooks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Hook returns the name and the UUID of the hook that femto.toml names; "" if
// it names none.
func (c *Config) Hook() (string, uuid.UUID) {
	for name, h := range c.Hooks {
		if h.UUID != "" {
			return name, uuid.MustParse(h.UUID)
		}
		return name, author.HookID(name)
	}
	return "", uuid.UUID{}
}

// A Project is a folder with a femto.toml.
type Project struct {
	Dir    string // as it was found: paths in messages begin with it
	Config *Config
	text   []string // lines of femto.toml
}

// Open reads the project in dir.
func Open(dir string) (*Project, error) {
	file := filepath.Join(dir, File)
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if dir == "." {
		file = File
	}
	c, err := Parse(file, content)
	if err != nil {
		return nil, err
	}
	return &Project{Dir: dir, Config: c, text: strings.Split(string(content), "\n")}, nil
}

// Find opens the project that dir is in, or a folder above it. If there is none
// the error is a diagnose.List.
func Find(dir string) (*Project, error) {
	for d := dir; ; d = filepath.Join(d, "..") {
		_, err := os.Stat(filepath.Join(d, File))
		if err == nil {
			return Open(d)
		}
		if absolute, err := filepath.Abs(d); err != nil || filepath.Dir(absolute) == absolute {
			return nil, diagnose.List{{
				Code: diagnose.NoProject, What: "this is no femto project", Where: dir,
				Why: "neither this folder nor one above it has a " + File, Try: []string{"femto init hello"},
			}}
		}
	}
}

// place points at a key of femto.toml.
func (p *Project) place(table, key string) diagnose.Place {
	return placeOf(p.path(File), p.text, table, key)
}

// path is the name of a file of the project, as people here would type it.
func (p *Project) path(name string) string {
	return filepath.ToSlash(filepath.Join(p.Dir, filepath.FromSlash(name)))
}
