package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a container in Go may take from nothing to a device, and from an edit.
const (
	firstDeploy = 10 * time.Second
	nextDeploy  = 300 * time.Millisecond
)

// TestGoAlone: with nothing but Go on the computer, and its caches empty, a
// container is written, built and running in no time. Of several edits the
// fastest counts: others may be busy here.
func TestGoAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: a link to go is made")
	}
	femto, err := exec.LookPath("femto")
	if err != nil {
		t.Fatal(err)
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(path("bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(goCommand, path("bin/go")); err != nil {
		t.Fatal(err)
	}
	environ := []string{"PATH=" + path("bin"), "HOME=" + path("home"), "XDG_CACHE_HOME=" + path("cache"), "GOCACHE=" + path("gocache"),
		"GOMODCACHE=" + path("modules"), "GOPROXY=off", "GOFLAGS=-modcacherw", "FEMTO_KEY=" + path("tenant.key")}
	run := func(folder string, args ...string) string {
		t.Helper()
		cmd := exec.Command(femto, args...)
		cmd.Dir, cmd.Env = folder, environ
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Run(); err != nil {
			t.Fatalf("femto %s: %v\n%s", strings.Join(args, " "), err, &said)
		}
		return said.String()
	}
	run(dir, "key", "generate", "-o", "tenant.key")
	device, err := startDevice(dir, environ, femto, "device", "run", "--listen", "127.0.0.1:0", "--trust", path("tenant.key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = device.end(os.Interrupt) }()
	environ = append(environ, "FEMTO_DEVICE="+device.uri)

	start := time.Now()
	run(dir, "init", "hello", "--lang", "go")
	project := path("hello")
	digest := regexp.MustCompile(`sha256:[0-9a-f]+`)
	before := digest.FindString(run(project, "deploy"))
	took := time.Since(start)
	t.Logf("femto init --lang go hello && femto deploy: %v", took.Round(time.Millisecond))
	if took > firstDeploy {
		t.Errorf("the first container runs after %v, want %v", took, firstDeploy)
	}

	source := filepath.Join(project, "hello.go")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(add string) {
		t.Helper()
		changed := bytes.Replace(text, []byte("return int64(count)"), []byte("return int64(count)"+add), 1)
		if bytes.Equal(changed, text) {
			t.Fatal("the template has no such line")
		}
		if err := os.WriteFile(source, changed, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var all []time.Duration
	for n := range 12 {
		edit(" + 100" + strings.Repeat("0", n/6) + string(rune('0'+n%6)))
		start := time.Now()
		said := run(project, "deploy")
		all = append(all, time.Since(start).Round(time.Millisecond))
		now := digest.FindString(said)
		if now == before || !strings.Contains(said, "running on timer/hello") {
			t.Fatalf("the edit is not deployed: %s", said)
		}
		before = now
		if n >= 2 && all[n] < nextDeploy { // it can
			break
		}
	}
	t.Logf("femto deploy after an edit: %v", all)
	if best := slices.Min(all); best > nextDeploy {
		t.Errorf("the fastest edit runs after %v, want %v", best, nextDeploy)
	}
	if out := run(project, "run"); !strings.Contains(out, "100") {
		t.Errorf("the edited container gives %s", out)
	}

	// What needs the standard library asks go where it is.
	edit(" + int64(bits.RotateLeft32(count, 1))")
	changed, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	changed = bytes.Replace(changed, []byte("import "), []byte("import \"math/bits\"\n\nimport "), 1)
	if err := os.WriteFile(source, changed, 0o644); err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	run(project, "deploy")
	t.Logf("femto deploy with math/bits: %v", time.Since(start).Round(time.Millisecond))
}
