package project

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/sdk"
)

// TestGoTemplates: init leaves an image that counts.
func TestGoTemplates(t *testing.T) {
	for _, template := range Templates {
		p, err := Init(filepath.Join(t.TempDir(), "hello-2"), "hello-2", template, "go")
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Build(t.Context())
		if err != nil || b.Made {
			t.Errorf("%s: init left no image that counts: %v", template, err)
		}
		if _, list := p.Check(b); len(list) > 0 {
			t.Errorf("%s: check: %v", template, list)
		}
	}
}

// TestGoTemplatesAsGo: what init writes is as gofmt writes it, vets clean, and
// passes its own tests as Go, without the network.
func TestGoTemplatesAsGo(t *testing.T) {
	dir := t.TempDir()
	if err := sdk.WriteGo(filepath.Join(dir, filepath.FromSlash(goSDK))); err != nil {
		t.Fatal(err)
	}
	for _, template := range Templates {
		files, _, err := readGoTemplate("hello-2", template)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, template), map[string]string{"hello-2.go": files["hello-2.go"], "hello-2_test.go": files["hello-2_test.go"]})
		write(t, dir, map[string]string{"go.mod": files["go.mod"]})
	}
	for _, command := range []string{"gofmt -l .", "go vet ./...", "go test ./..."} {
		words := strings.Fields(command)
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOPROXY=off")
		out, err := cmd.CombinedOutput()
		if err != nil || words[0] == "gofmt" && len(out) > 0 || words[1] == "test" && strings.Count(string(out), "ok ") != len(Templates) {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

func TestPackageName(t *testing.T) {
	for name, want := range map[string]string{
		"hello": "hello", "hello-2": "hello_2", "3d": "container_3d", "main": "container_main", "func": "container_func",
	} {
		if got := packageName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestRestoreSDK: the copy of package femto comes back where go.mod has it; a
// project that takes it from elsewhere is left alone.
func TestRestoreSDK(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hello")
	p, err := Init(dir, "hello", "timer", "go")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "sdk")
	before, err := p.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(copied); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, err := p.Lock(); err != nil || after.Differs(before) != "" {
		t.Errorf("the lock changed: %v %v", err, after.Differs(before))
	}
	if err := os.RemoveAll(copied); err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{"go.mod": "module hello\n\ngo 1.22\n"})
	if err := p.restoreSDK(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(copied); err == nil {
		t.Error("a folder was written that go.mod does not name")
	}
}

// TestGoContext: the hook that femto.toml names is held against the context
// that the function takes, too.
func TestGoContext(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hello")
	if _, err := Init(dir, "hello", "timer", "go"); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(text string) string{
		"hello.go": func(text string) string {
			return strings.ReplaceAll(text, "//femto:hook timer", "//femto:hook")
		},
		File: func(text string) string { return text + "\n[hooks.coap]\n" },
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, map[string]string{name: edit(string(text))})
	}
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Build(t.Context())
	var list diagnose.List
	if !errors.As(err, &list) || list[0].Code != diagnose.GoContext || list[0].Place.Line == 0 {
		t.Errorf("got %v", err)
	}
}
