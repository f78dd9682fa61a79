package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestGoWithNothingElse makes, deploys, edits and deploys again a container in
// Go where no program can be found, so that the command does all of it. How long
// that takes is printed, not judged but for the order: the aims are 10 s for the
// first time and 300 ms after an edit.
func TestGoWithNothingElse(t *testing.T) {
	s := newStage(t)
	t.Setenv("PATH", "")
	t.Setenv("CLANG", "")
	t.Setenv("FEMTO_DEVICE", s.uri)
	t.Setenv("FEMTO_KEY", s.path("tenant.key"))
	femto := func(args ...string) string {
		t.Helper()
		var said bytes.Buffer
		if code := Main(context.Background(), args, nil, io.Discard, &said); code != exitOK {
			t.Fatalf("femto %s: exit %d\n%s", strings.Join(args, " "), code, &said)
		}
		return said.String()
	}
	begin := time.Now()
	dir := filepath.Join(s.dir, "hello")
	femto("init", dir)
	t.Chdir(dir)
	if said := femto("deploy"); !strings.Contains(said, "running on timer/hello") {
		t.Errorf("deploy: %s", said)
	}
	first := time.Since(begin)
	t.Logf("femto init hello && femto deploy to a simulated device: %v", first.Round(time.Millisecond))
	if first > 10*time.Second {
		t.Error("that is too long")
	}
	text, err := os.ReadFile("hello.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"2", "3", "4"} {
		edited := bytes.Replace(text, []byte("Get(ticks) + 1"), []byte("Get(ticks) + "+step), 1)
		if err := os.WriteFile("hello.go", edited, 0o644); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		said := femto("build")
		built := time.Since(begin)
		if !strings.HasPrefix(said, "built: ") {
			t.Errorf("build: %s", said)
		}
		femto("deploy")
		t.Logf("after an edit: femto build %v, femto deploy %v", built.Round(time.Millisecond), (time.Since(begin) - built).Round(time.Millisecond))
	}
}
