package sdk_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var strict = []string{"-std=c11", "-Wall", "-Wextra", "-Werror", "-I", "c"}

// compiler returns the first of names that is installed, or skips loudly.
func compiler(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("SKIPPED: none of %v is installed", names)
	return ""
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
}

// TestHeaderForContainers compiles for every level of the instruction set.
func TestHeaderForContainers(t *testing.T) {
	clang := compiler(t, "clang-19", "clang")
	for _, cpu := range []string{"v1", "v2", "v3", "v4"} {
		for _, level := range []string{"-O1", "-O2", "-Os"} {
			run(t, clang, append(strict, "-target", "bpf", "-mcpu="+cpu, level, "-ffreestanding", "-nostdinc",
				"-c", "-o", os.DevNull, "testdata/container.c")...)
		}
	}
}

// TestHeaderForUnitTests compiles a container for this computer and runs it
// with helpers that a test defines.
func TestHeaderForUnitTests(t *testing.T) {
	program := filepath.Join(t.TempDir(), "unit")
	run(t, compiler(t, "cc", "gcc", "clang"), append(strict, "-o", program, "testdata/unit.c")...)
	if !t.Failed() {
		run(t, program)
	}
}

// TestHeaderHasNoIncludes: femto.h is all that a container needs.
func TestHeaderHasNoIncludes(t *testing.T) {
	header, err := os.ReadFile("c/femto.h")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(header), "#include") {
		t.Error("femto.h includes something")
	}
}

// TestCompatHeaders: each can be included alone, twice, and with the others.
func TestCompatHeaders(t *testing.T) {
	clang := compiler(t, "clang-19", "clang")
	var names []string
	err := filepath.WalkDir("c/compat", func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel("c/compat", path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil || len(names) < 8 {
		t.Fatalf("%v: %v", names, err)
	}
	all := ""
	for _, name := range names {
		code := "#include <" + name + ">\n#include \"" + name + "\"\n"
		all += code
		compileText(t, clang, code)
	}
	compileText(t, clang, all)
	compileText(t, clang, "#include <femto.h>\n"+all)
}

func compileText(t *testing.T, clang, code string) {
	t.Helper()
	cmd := exec.Command(clang, append(strict, "-I", "c/compat", "-target", "bpf", "-mcpu=v2", "-O2", "-ffreestanding", "-nostdinc", "-fsyntax-only", "-xc", "-")...)
	cmd.Stdin = strings.NewReader(code)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", code, err, out)
	}
}
