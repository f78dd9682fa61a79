package project

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/femto-containers/femto/internal/build"
)

// readRustTemplate returns the files of a project in Rust, by name, and what they
// compile to.
func readRustTemplate(name, template string) (map[string]string, *prebuilt, error) {
	files := map[string]string{}
	for from, to := range map[string]string{
		"rust/" + template + ".rs.in": "src/" + name + ".rs",
		template + "/femto.toml":      File,
		template + "/tests.toml":      "tests/" + name + ".toml",
		"gitignore":                   ".gitignore",
	} {
		content, err := templates.ReadFile("templates/" + from)
		if err != nil {
			return nil, nil, err
		}
		files[to] = string(content)
	}
	files[File] = inRustWords.Replace(strings.Replace(files[File], `"NAME"`, `"`+name+`"`, 1))
	p, err := readPrebuilt("rust/"+template+".prebuilt.json", "src/container.rs", "src/"+name+".rs")
	return files, p, err
}

// inRustWords turns femto.toml of a template in C to that of one in Rust.
var inRustWords = strings.NewReplacer(
	`lang = "c"`, `lang = "rust"`, `"src/*.c"`, `"src/*.rs"`,
	"FEMTO_HOOK(timer, ...)", `meta!(b"hook=timer\0")`, "FEMTO_HOOK(coap, ...)", `meta!(b"hook=coap\0")`,
	"FEMTO_HOOK(sensor, ...)", `meta!(b"hook=sensor\0")`, "FEMTO_HOOK(event, ...)", `meta!(b"hook=event\0")`,
)

// compileRust compiles one source in Rust, and returns what its compiler calls
// itself too.
func compileRust(ctx context.Context, c *build.Compiler, source string) (object []byte, said string, err error) {
	rustc, said, err := build.FindRust(ctx, c.Path)
	if err != nil {
		return nil, "", err
	}
	object, err = c.CompileRust(ctx, rustc, source)
	return object, said, err
}

func isRust(source string) bool { return filepath.Ext(source) == ".rs" }
