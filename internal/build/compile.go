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

// Compile compiles the C file source into a BPF object.
func Compile(ctx context.Context, clang, source string) ([]byte, error) {
	headers, err := os.MkdirTemp("", "femto-sdk-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(headers)
	c, err := fs.Sub(sdk.C, "c")
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(headers, c); err != nil {
		return nil, err
	}
	// mcpu=v2 has no 32-bit instructions, which is what the original's devices
	// run. Debug information goes to the side file, never into an image; the
	// folders it would name are left out.
	cmd := exec.CommandContext(ctx, clang, "-target", "bpf", "-mcpu=v2", "-O2", "-g", "-fdebug-compilation-dir=.",
		"-fdebug-prefix-map="+headers+"/=sdk/", "-fdebug-prefix-map="+filepath.Dir(filepath.Clean(source))+"/=",
		"-std=c11", "-ffreestanding", "-nostdinc", "-Wall", "-Wextra", "-Werror",
		"-I", headers, "-I", filepath.Join(headers, "compat"), "-c", "-o", "-", filepath.Clean(source))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(clang), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
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
