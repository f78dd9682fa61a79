// Package sdk embeds what container authors include, so that the command
// needs no copy of this repository to build a container.
package sdk

import (
	"embed"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

//go:generate go run ../internal/sdkgen/cmd ..

// C holds the headers of containers written in C, under c/; those for sources
// written for the original are under c/compat/.
//
//go:embed c
var C embed.FS

// Go holds package femto, under go/femto, for those who show its lines.
//
//go:embed go/femto
var Go embed.FS

// Rust is the crate femto, for containers written in Rust.
//
//go:embed rust/femto.rs
var Rust []byte

// GoModule is the module of package femto where it is copied into a project,
// and the path by which containers import it.
const GoModule = "github.com/femto-containers/femto/sdk/go/femto"

// GoVersion is the release of Go that package femto needs.
const GoVersion = "1.22"

// GoFiles returns the files of the module GoModule, by their names from its folder:
// what containers written in Go import, and the fake device of their tests.
func GoFiles() map[string][]byte {
	files := map[string][]byte{"go.mod": []byte("module " + GoModule + "\n\ngo " + GoVersion + "\n")}
	err := fs.WalkDir(Go, "go/femto", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, "_test.go") || path.Ext(name) != ".go" {
			return err
		}
		content, err := Go.ReadFile(name)
		files[strings.TrimPrefix(name, "go/femto/")] = content
		return err
	})
	if err != nil {
		panic(err) // what is embedded can be read
	}
	return files
}

// WriteGo writes the files of GoFiles to a folder. Those that are the same already
// stay untouched.
func WriteGo(dir string) error {
	for name, content := range GoFiles() {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if there, err := os.ReadFile(file); err == nil && string(there) == string(content) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
