package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/femto-containers/femto/sdk"
)

// ErrNoRust is returned where there is no compiler of Rust whose code clang
// understands.
var ErrNoRust = errors.New("no rustc found whose LLVM is not newer than clang's: Debian's package rustc, or one named in the environment variable RUSTC")

var (
	rustLLVM     = regexp.MustCompile(`(?m)^LLVM version: (\d+)`)
	rustCode     = regexp.MustCompile(`(?m)(error|warning)\[E\d+\]: `)
	rustEnd      = regexp.MustCompile(`(?m)^error: aborting due to .*$`)
	clangVersion = regexp.MustCompile(`version (\d+)\.`)
)

// rustMessages turns rustc's messages to the form of clang's.
func rustMessages(said string) string {
	said = rustCode.ReplaceAllString(strings.TrimSpace(said), "$1: ")
	return strings.TrimSpace(rustEnd.ReplaceAllString(said, ""))
}

// FindRust returns the path of a compiler of Rust, and what it calls itself. It
// writes LLVM's bitcode, which clang reads if it is not older.
func FindRust(ctx context.Context, clang string) (path, said string, err error) {
	version, err := exec.CommandContext(ctx, clang, "--version").Output()
	newest := clangVersion.FindSubmatch(version)
	if err != nil || newest == nil {
		return "", "", fmt.Errorf("%s does not say its version", clang)
	}
	limit, _ := strconv.Atoi(string(newest[1]))
	candidates := []string{"rustc", "/usr/bin/rustc"}
	if named := os.Getenv("RUSTC"); named != "" {
		candidates = []string{named}
	}
	for _, candidate := range candidates {
		out, err := exec.CommandContext(ctx, candidate, "-vV").Output()
		if m := rustLLVM.FindSubmatch(out); err == nil && m != nil {
			if n, _ := strconv.Atoi(string(m[1])); n <= limit {
				first, _, _ := strings.Cut(string(out), "\n")
				return candidate, first, nil
			}
		}
	}
	return "", "", ErrNoRust
}

// CompileRust returns the object of a crate in Rust: one file without std, which
// may use the crate femto. rustc writes bitcode, of which clang makes code for
// containers.
func (c *Compiler) CompileRust(ctx context.Context, rustc, source string) ([]byte, error) {
	var outside []string
	if folder := filepath.Dir(source); filepath.IsAbs(folder) {
		outside = []string{"--remap-path-prefix=" + folder + "/="}
	}
	dir, err := os.MkdirTemp("", "femto-rust-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	library := filepath.Join(dir, "femto.rs")
	if err := os.WriteFile(library, sdk.Rust, 0o644); err != nil {
		return nil, err
	}
	bitcode := filepath.Join(dir, "container.bc")
	run := func(path string, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, path, args...)
		var stdout, stderr bytes.Buffer
		cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, &stdout, &stderr
		if err := cmd.Run(); err != nil {
			return nil, &CompileError{Compiler: filepath.Base(path), Source: source, Output: rustMessages(stderr.String()), Err: err}
		}
		return stdout.Bytes(), nil
	}
	flags := []string{"--edition=2021", "--error-format=short", "-Copt-level=2", "-Cpanic=abort", "-Coverflow-checks=off", "-Cforce-unwind-tables=no", "-Cno-prepopulate-passes", "-Ccodegen-units=1"}
	if _, err := run(rustc, append(flags, "--crate-type=rlib", "--crate-name=femto", "--out-dir="+dir, library)...); err != nil {
		return nil, err
	}
	flags = append(flags, outside...)
	if _, err := run(rustc, append(flags, "--crate-type=lib", "--crate-name=container", "-Cdebuginfo=1", "--extern=femto="+filepath.Join(dir, "libfemto.rlib"),
		"--emit=llvm-bc", "-o", bitcode, source)...); err != nil {
		return nil, err
	}
	cpu := c.CPU
	if cpu == "" {
		cpu = "v2"
	}
	return run(c.Path, "-target", "bpf", "-mcpu="+cpu, "-O2", "-Wno-override-module", "-fno-color-diagnostics", "-fno-caret-diagnostics", "-xir", "-c", bitcode, "-o", "-")
}
