package main

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// sanitizerFlags have a program stop at its first undefined act.
var sanitizerFlags = []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=all"}

// nativeCompiler finds a C compiler for this computer, and whether its
// sanitizers are installed: they may be known to it and missing.
func nativeCompiler() (path string, sanitizers bool, err error) {
	for _, name := range []string{os.Getenv("CC"), "cc", "gcc", "clang"} {
		if name == "" {
			continue
		}
		if path, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if err != nil {
		return "", false, err
	}
	dir, err := os.MkdirTemp("", "femto-cc-")
	if err != nil {
		return "", false, err
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "probe.c")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o644); err != nil {
		return "", false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	probe := exec.CommandContext(ctx, path, append(slices.Clone(sanitizerFlags), "-o", filepath.Join(dir, "probe"), source)...)
	return path, probe.Run() == nil, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
