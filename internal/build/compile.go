package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/sdk"
)

// clangs are tried in this order when the environment variable CLANG is unset.
// The committed images come from the first.
var clangs = []string{"clang-19", "clang"}

// ErrNoClang is returned where no C compiler is installed.
var ErrNoClang = errors.New("no clang found: install clang 19, or name one in the environment variable CLANG")

// FindClang returns the path of the C compiler.
func FindClang() (string, error) {
	if named := os.Getenv("CLANG"); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("CLANG=%s: %w", named, err)
		}
		return path, nil
	}
	for _, candidate := range clangs {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", ErrNoClang
}

// A Compiler compiles C into BPF objects.
type Compiler struct {
	Path    string // of clang
	Dir     string // to run in: sources are named from here, also in side files; "": where we are
	Headers string // folder with the SDK's headers, see WriteHeaders
	CPU     string // v1 to v4; "": v2, which is what the original's devices run
	Foreign bool   // sources were written for other systems: what is only warned of is let pass

	WritableStrings bool // string literals are variables, not constants
}

// Args returns what clang is called with to compile source, but for where the
// object goes.
func (c *Compiler) Args(source string) []string {
	cpu := c.CPU
	if cpu == "" {
		cpu = "v2"
	}
	// Debug information goes to the side file, never into an image; the folders
	// it would name are left out. The sizes of stacks are what it counts from.
	args := []string{"-target", "bpf", "-mcpu=" + cpu, "-O2", "-g", "-fstack-size-section", "-fdebug-compilation-dir=.",
		"-fdebug-prefix-map=" + c.Headers + "/=sdk/",
		"-ffreestanding", "-nostdinc", "-fno-color-diagnostics", "-fno-caret-diagnostics",
		"-I", c.Headers, "-I", filepath.Join(c.Headers, "compat")}
	if c.Foreign {
		// Sources name the headers of a folder above theirs: the last two find them
		// as ../helpers.h and ../../helpers.h.
		bpf := filepath.Join(c.Headers, "compat", "bpf")
		args = append(args, "-std=gnu11", "-w", "-fno-jump-tables", "-I", bpf, "-I", filepath.Join(bpf, "bpfapi"))
		if c.WritableStrings {
			args = append(args, "-fwritable-strings")
		}
	} else {
		args = append(args, "-std=c11", "-Wall", "-Wextra", "-Werror")
	}
	return append(args, "-c", source)
}

// Compile returns the object of a source. What clang refuses is a CompileError.
func (c *Compiler) Compile(ctx context.Context, source string, more ...string) ([]byte, error) {
	source = filepath.Clean(source)
	cmd := exec.CommandContext(ctx, c.Path, append(append(c.Args(source), more...), "-o", "-")...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &CompileError{Compiler: filepath.Base(c.Path), Source: source, Output: strings.TrimSpace(stderr.String()), Err: err}
	}
	return stdout.Bytes(), nil
}

// WriteHeaders writes the SDK's headers to a folder, as far as they are not
// there.
func WriteHeaders(dir string) error {
	c, err := fs.Sub(sdk.C, "c")
	if err != nil {
		return err
	}
	return fs.WalkDir(c, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		content, err := fs.ReadFile(c, name)
		if err != nil {
			return err
		}
		if there, err := os.ReadFile(to); err == nil && bytes.Equal(there, content) {
			return nil
		}
		return os.WriteFile(to, content, 0o644)
	})
}

// Compile compiles the C file source into a BPF object.
func Compile(ctx context.Context, clang, source string) ([]byte, error) {
	headers, err := os.MkdirTemp("", "femto-sdk-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(headers)
	if err := WriteHeaders(headers); err != nil {
		return nil, err
	}
	c := Compiler{Path: clang, Headers: headers}
	return c.Compile(ctx, source, "-fdebug-prefix-map="+filepath.Dir(filepath.Clean(source))+"/=")
}

// Image makes a container image of one source: C, an object (.o) or assembly
// (.s).
func Image(ctx context.Context, source string) ([]byte, error) {
	p, err := Sources(ctx, source)
	if err != nil {
		return nil, err
	}
	out, err := p.Image()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return out, nil
}

// Sources compiles C files, reads objects (.o), and links them in their order.
// Assembly (.s) stands alone. The program has a contract if the sources say
// something of it.
func Sources(ctx context.Context, sources ...string) (*Program, error) {
	var objects []Object
	for _, source := range sources {
		var object []byte
		var err error
		switch filepath.Ext(source) {
		case ".s":
			if len(sources) > 1 {
				return nil, fmt.Errorf("%s: assembly is not linked with other files: it makes a whole image", source)
			}
			return assemble(source)
		case ".o":
			object, err = os.ReadFile(source)
		default:
			var clang string
			if clang, err = FindClang(); err == nil {
				object, err = Compile(ctx, clang, source)
			}
		}
		if err != nil {
			return nil, err
		}
		objects = append(objects, Object{source, object})
	}
	return LinkObjects(objects...)
}

// assemble makes a program of a file in assembly language.
func assemble(source string) (*Program, error) {
	b, err := os.ReadFile(source)
	if err != nil {
		return nil, err
	}
	names := map[string]int32{}
	for i := range helpers.Standard {
		names[helpers.Standard[i].Name] = int32(helpers.Standard[i].Number)
	}
	o, err := asm.Source{Name: source, Text: string(b), Helpers: names}.Assemble()
	if err != nil {
		return nil, err
	}
	p := &Program{Parts: image.Parts{Data: o.Data, Rodata: o.Rodata, Text: o.Text, Functions: o.Functions}}
	if o.Contract != nil {
		var c image.Contract
		if refused := image.ParseContract(o.Contract, &c); refused != image.OK {
			return nil, fmt.Errorf("%s: .contract: %w", source, refused)
		}
		p.Contract = &c
	}
	for _, f := range o.Functions {
		p.Symbols = append(p.Symbols, Symbol{Name: string(f.Name), Section: segmentNames[text], Offset: f.Offset, Global: true})
	}
	return p, nil
}
