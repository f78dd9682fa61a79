// Command seeded puts each bug of internal/vmfuzz/testdata/seeded into package
// vm, one at a time and without touching the tree, and fails if its tests do
// not notice, with 64-bit and with 32-bit integers together.
//
//	go run ./internal/vmfuzz/seeded          all
//	go run ./internal/vmfuzz/seeded call f   those whose names contain "call" or "f"
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/femto-containers/femto/internal/vmfuzz"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "seeded:", err)
		os.Exit(1)
	}
}

func run() error {
	bugs, err := vmfuzz.SeededBugs("internal/vmfuzz/testdata/seeded", ".")
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "femto-seeded-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	for _, arch := range arches() {
		if failed, err := testsFail("", arch); failed || err != nil {
			return fmt.Errorf("the tests fail without any bug: %v", err)
		}
	}
	survived, tried := 0, 0
	for _, bug := range bugs {
		if !chosen(bug.Name, os.Args[1:]) {
			continue
		}
		tried++
		overlay, err := overlayOf(folder, bug)
		if err != nil {
			return err
		}
		by := ""
		for _, arch := range arches() {
			noticed, err := testsFail(overlay, arch)
			if err != nil {
				return fmt.Errorf("%s: %w", bug.Name, err)
			}
			if noticed {
				by = "caught"
				if arch == "386" {
					by = "caught with 32-bit integers"
				}
				break
			}
		}
		if by == "" {
			by = "SURVIVED"
			survived++
		}
		fmt.Printf("%-36s %s\n", bug.Name, by)
	}
	if survived > 0 {
		return fmt.Errorf("%d of %d bugs survived", survived, tried)
	}
	fmt.Printf("all %d caught\n", tried)
	return nil
}

// chosen reports whether name contains one of parts, or there are none.
func chosen(name string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(name, part) {
			return true
		}
	}
	return len(parts) == 0
}

// arches are this machine's and one with 32-bit integers.
func arches() []string { return []string{os.Getenv("GOARCH"), "386"} }

// overlayOf writes the changed file and the list that makes the go command
// read it in place of the original.
func overlayOf(folder string, bug vmfuzz.SeededBug) (string, error) {
	original, err := filepath.Abs(bug.File)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(folder, "changed.go")
	if err := os.WriteFile(changed, bug.Source, 0o644); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(folder, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o644)
}

// testsFail reports whether the tests of vm fail; a bug that does not compile
// is an error.
func testsFail(overlay, arch string) (bool, error) {
	cmd := exec.Command("go", "test", "-overlay", overlay, "-timeout", "60s", "-failfast", "-vet=off", "./vm")
	cmd.Env = os.Environ()
	if arch != "" {
		cmd.Env = append(cmd.Env, "GOARCH="+arch)
	}
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "[build failed]") {
		return false, fmt.Errorf("does not compile:\n%s", out)
	}
	return err != nil, nil
}
