package project

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
)

//go:embed templates
var templates embed.FS

// Templates lists what Init can make: a container of the hook timer, coap,
// sensor or event.
var Templates = []string{"timer", "coap", "sensor", "function"}

// A prebuilt program is what the sources of a template compile to, for
// computers without a compiler.
type prebuilt struct {
	Compiler string            `json:"compiler"`
	Meta     map[string]string `json:"meta"`
	Program  *build.Program    `json:"program"`
}

// templateSource is what a template's source is called when it is compiled for
// prebuilt.
const templateSource = "src/container.c"

// Languages lists what templates are written in.
var Languages = []string{"c", "go", "rust"}

// Init makes a project in the folder dir, which is new or empty, with the image
// of its sources.
func Init(dir, name, template, lang string) (*Project, error) {
	if !ValidName(name) {
		return nil, diagnose.List{{Code: diagnose.BadValue, What: fmt.Sprintf("%q cannot be a container's name", name),
			Why: fmt.Sprintf("a name has 1 to %d of a-z 0-9 and -, and does not begin with -", MaxName), Try: []string{"femto init hello"}}}
	}
	if !slices.Contains(Templates, template) {
		return nil, diagnose.List{{Code: diagnose.NoTemplate, What: fmt.Sprintf("there is no template %q", template),
			Why: "the templates are " + strings.Join(Templates, ", "), Try: []string{"femto init hello --template timer"}}}
	}
	if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
		return nil, diagnose.List{{Code: diagnose.FolderTaken, What: "the folder is not empty", Where: dir,
			Why: "it has " + there[0].Name() + "; nothing is ever overwritten", Try: []string{"femto init another-name"}}}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, diagnose.List{{Code: diagnose.FolderTaken, What: "the folder cannot be used", Where: dir, Why: err.Error(), Err: err}}
	}
	read := readTemplate
	switch lang {
	case "go":
		read = readGoTemplate
	case "rust":
		read = readRustTemplate
	}
	files, program, err := read(name, template)
	if err != nil {
		return nil, err
	}
	for from, to := range map[string]string{"launch.json": ".vscode/launch.json", "nvim.lua": ".nvim.lua"} {
		content, err := templates.ReadFile("templates/" + from)
		if err != nil {
			return nil, err
		}
		files[to] = string(content)
	}
	for file, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	if lang == "go" {
		return initGo(dir)
	}
	if err := build.WriteHeaders(filepath.Join(dir, filepath.FromSlash(Headers))); err != nil {
		return nil, err
	}
	p, err := Open(dir)
	if err != nil || program == nil {
		return p, err
	}
	inputs, err := p.inputs()
	if err != nil {
		return nil, err
	}
	_, err = p.finish(program.Program, program.Meta, program.Compiler, inputs)
	return p, err
}

// readTemplate returns the files of a project, by name, and what they compile
// to.
func readTemplate(name, template string) (map[string]string, *prebuilt, error) {
	files := map[string]string{}
	for from, to := range map[string]string{
		template + "/container.c": "src/" + name + ".c",
		template + "/femto.toml":  File,
		template + "/tests.toml":  "tests/" + name + ".toml",
		"gitignore":               ".gitignore",
	} {
		content, err := templates.ReadFile("templates/" + from)
		if err != nil {
			return nil, nil, err
		}
		files[to] = strings.Replace(string(content), `"NAME"`, `"`+name+`"`, 1)
	}
	c := build.Compiler{Headers: Headers}
	files["compile_flags.txt"] = strings.Join(c.Args(""), "\n") + "\n" // for editors
	p, err := readPrebuilt(template+"/prebuilt.json", templateSource, "src/"+name+".c")
	return files, p, err
}

// readPrebuilt returns what the source called from compiles to, as if it was called
// to; nil if there is no such file.
func readPrebuilt(file, from, to string) (*prebuilt, error) {
	content, err := templates.ReadFile("templates/" + file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var p prebuilt
	if err := json.Unmarshal(content, &p); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i := range p.Program.Lines {
		if line := &p.Program.Lines[i]; line.File == from {
			line.File = to
		}
	}
	for i := range p.Program.Inlined {
		if call := &p.Program.Inlined[i]; call.File == from {
			call.File = to
		}
	}
	return &p, nil
}
