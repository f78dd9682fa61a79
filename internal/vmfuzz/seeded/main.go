// Command seeded puts each bug of internal/vmfuzz/testdata/seeded into package
// vm, one at a time and without touching the tree, and fails if its tests do
// not notice, with 64-bit and with 32-bit integers together.
//
//	go run ./internal/vmfuzz/seeded            all
//	go run ./internal/vmfuzz/seeded -every 6   each sixth
//	go run ./internal/vmfuzz/seeded call f     those whose names contain "call" or "f"
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/femto-containers/femto/internal/vmfuzz"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "seeded:", err)
		os.Exit(1)
	}
}

func run() error {
	every := flag.Int("every", 1, "try each `n`th bug only")
	flag.Parse()
	bugs, err := vmfuzz.SeededBugs("internal/vmfuzz/testdata/seeded", ".")
	if err != nil {
		return err
	}
	var tried []vmfuzz.SeededBug
	for i, bug := range bugs {
		if i%max(*every, 1) == 0 && chosen(bug.Name, flag.Args()) {
			tried = append(tried, bug)
		}
	}
	folder, err := os.MkdirTemp("", "femto-seeded-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	machines := []*machine{{name: "64-bit integers"}, narrow()}

	verdicts := make([]string, len(tried))
	errs := make([]error, len(tried))
	next := make(chan int)
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			for i := range next {
				verdicts[i], errs[i] = try(tried[i], filepath.Join(folder, strconv.Itoa(i)), machines)
				fmt.Printf("%-36s %s\n", tried[i].Name, verdicts[i])
			}
		})
	}
	for i := range tried {
		next <- i
	}
	close(next)
	all.Wait()

	if err := errors.Join(errs...); err != nil {
		return err
	}
	survived := 0
	for _, verdict := range verdicts {
		if verdict == survivor {
			survived++
		}
	}
	if survived > 0 {
		return fmt.Errorf("%d of %d bugs survived", survived, len(tried))
	}
	fmt.Printf("all %d caught\n", len(tried))
	return nil
}

const survivor = "SURVIVED"

// try says on which of machines, if any, the tests notice bug. folder is for
// its files.
func try(bug vmfuzz.SeededBug, folder string, machines []*machine) (string, error) {
	overlay, err := overlayOf(folder, bug)
	if err != nil {
		return "", err
	}
	for _, m := range machines {
		if err := m.sound(); err != nil {
			return "", err
		}
		noticed, err := m.testsFail(overlay)
		if err != nil {
			return "", fmt.Errorf("%s: %w", bug.Name, err)
		}
		if noticed {
			return "caught with " + m.name, nil
		}
	}
	return survivor, nil
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

// A machine is a way to run the tests.
type machine struct {
	name string
	env  []string
	args []string // of go test

	once    sync.Once
	unsound error
}

// sound returns an error if the tests fail without any bug.
func (m *machine) sound() error {
	m.once.Do(func() {
		if failed, err := m.testsFail(""); failed || err != nil {
			m.unsound = fmt.Errorf("the tests fail without any bug, with %s: %v", m.name, err)
		}
	})
	return m.unsound
}

// narrow is one with 32-bit integers: this processor, or an emulated one where
// the kernel runs no such programs.
func narrow() *machine {
	m := &machine{name: "32-bit integers", env: []string{"GOARCH=386", "CGO_ENABLED=0"}}
	if _, err := m.test("./isa"); err != nil {
		m.name += ", emulated"
		m.env[0], m.args = "GOARCH=arm", []string{"-exec", "qemu-arm"}
	}
	return m
}

// overlayOf writes the changed file and the list that makes the go command
// read it in place of the original.
func overlayOf(folder string, bug vmfuzz.SeededBug) (string, error) {
	original, err := filepath.Abs(bug.File)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
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
func (m *machine) testsFail(overlay string) (bool, error) {
	out, err := m.test("-overlay", overlay, "-timeout", "5m", "-failfast", "-vet=off", "./vm")
	if err != nil && strings.Contains(string(out), "[build failed]") {
		return false, fmt.Errorf("does not compile:\n%s", out)
	}
	return err != nil, nil
}

func (m *machine) test(args ...string) (out []byte, err error) {
	cmd := exec.Command("go", slices.Concat([]string{"test"}, m.args, args)...)
	cmd.Env = append(os.Environ(), m.env...)
	return cmd.CombinedOutput()
}
