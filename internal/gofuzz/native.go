package gofuzz

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/femto-containers/femto/sdk"
)

// Contexts are what programs are run on, one activation after the other.
var Contexts = [][]byte{
	{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	{},
	{0xff, 0x80, 0x7f, 0, 1, 0xfe, 3},
}

// An Activation is what a program did with a context.
type Activation struct {
	Result uint64            `json:"result"`
	Fault  string            `json:"fault"` // what Go says; "" without one
	Line   int               `json:"line"`  // of the fault
	Log    []string          `json:"log"`
	Stores [3]map[int]uint32 `json:"stores"` // afterwards
}

// A Program is a container, as Generate writes it.
type Program struct {
	Prefix string
	Source []byte
}

const goMod = "module godiff\n\ngo 1.26\n\nrequire " + sdk.GoModule + " v0.0.0\n\nreplace " + sdk.GoModule + " => ./sdk/femto\n"

//go:embed run.go.in
var runner string

//go:embed kit.go.in
var kit string

// prepare makes a module in a folder: package femto, the runner.
func prepare(dir string) error {
	if err := sdk.WriteGo(filepath.Join(dir, "sdk/femto")); err != nil {
		return err
	}
	return write(dir, map[string][]byte{"go.mod": []byte(goMod), "main.go": []byte(runner), "kit/kit.go": []byte(kit)})
}

func write(dir string, files map[string][]byte) error {
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Native compiles programs with Go and runs each on all Contexts. dir is a
// folder that may be used before for the same.
func Native(ctx context.Context, dir string, programs []Program) ([][]Activation, error) {
	if err := prepare(dir); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(filepath.Join(dir, "generated")); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	var list strings.Builder
	list.WriteString("package generated\n\n// Entries are those of all programs.\nvar Entries = []func([]byte) uint64{\n")
	for _, p := range programs {
		files["generated/"+p.Prefix+".go"] = p.Source
		fmt.Fprintf(&list, "\t%sEntry,\n", p.Prefix)
	}
	list.WriteString("}\n")
	files["generated/entries.go"] = []byte(list.String())
	contexts, err := json.Marshal(Contexts)
	if err != nil {
		return nil, err
	}
	if err := write(dir, files); err != nil {
		return nil, err
	}
	program := filepath.Join(dir, "native")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "-gcflags=godiff/generated=-N -l", "-ldflags=-s -w", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOGC=400", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	run := exec.CommandContext(ctx, program)
	run.Stdin = bytes.NewReader(contexts)
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		return nil, fmt.Errorf("run: %w\n%s", err, stderr.Bytes())
	}
	var results [][]Activation
	if err := json.Unmarshal(out, &results); err != nil {
		return nil, err
	}
	if len(results) != len(programs) {
		return nil, fmt.Errorf("%d programs gave %d results", len(programs), len(results))
	}
	return results, nil
}
