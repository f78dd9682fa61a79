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
	// run. Without -g nothing in the object names a folder.
	cmd := exec.CommandContext(ctx, clang, "-target", "bpf", "-mcpu=v2", "-O2",
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

// Image compiles and links the C file source into a container image.
func Image(ctx context.Context, source string) ([]byte, error) {
	clang, err := FindClang()
	if err != nil {
		return nil, err
	}
	object, err := Compile(ctx, clang, source)
	if err != nil {
		return nil, err
	}
	out, err := Link(object)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return out, nil
}
