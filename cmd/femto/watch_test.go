package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/internal/build"
)

// Bars on the time from the saved file on, of the fastest of several edits. Other
// work slows them down, so they are judged only where FEMTO_BARS names the command
// that runs: make author-bars.
const (
	toResult  = 500 * time.Millisecond // of femto run
	toRunning = time.Second            // on the simulated device, by femto watch
)

// TestWatch edits a source and waits until the simulated device runs it, and has
// femto run show its result. How long that takes is printed, and judged by the bars.
func TestWatch(t *testing.T) {
	if _, err := build.FindClang(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	watch(t, "c", "src/hello.c", "return most;", "return most }", "expected ';' after return statement", "return most + %d;")
}

// TestWatchGo is TestWatch of a container in Go.
func TestWatchGo(t *testing.T) {
	watch(t, "go", "hello.go", "return most\n", "return most )\n", "expected statement, found ')'", "return most + %d\n")
}

func watch(t *testing.T, lang, source, line, mistake, complaint, instead string) {
	dir := filepath.Join(t.TempDir(), "hello")
	var said bytes.Buffer
	if code := Main(context.Background(), []string{"init", dir, "--template", "function", "--lang", lang}, nil, io.Discard, &said); code != exitOK {
		t.Fatalf("init: %s", &said)
	}
	t.Chdir(dir)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() { ended <- Main(ctx, []string{"watch", "--json"}, nil, write, io.Discard) }()
	lines := bufio.NewScanner(read)
	next := func() (got turn) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("watch ended: %v", lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := next()
	if first.Type != "result" || first.Place != "event/hello" || first.Tests != 3 {
		t.Fatalf("first: %+v", first)
	}
	fire := func(want string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		Main(context.Background(), []string{"hook", "fire", "event", "--ctx", "01 09", "-d", first.Device}, nil, &stdout, &stderr)
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the device returns %s %s, want %s", &stdout, &stderr, want)
		}
	}
	fire("9 (0x9)")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, new string) {
		t.Helper()
		if err := os.WriteFile(source, bytes.Replace(text, []byte(old), []byte(new), 1), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var tests []byte
	if tests, err = os.ReadFile("tests/hello.toml"); err != nil {
		t.Fatal(err)
	}
	other := func(n int) string { return fmt.Sprintf(instead, n) }
	edit(line, mistake)
	if got := next(); got.Type != "error" || got.What != complaint {
		t.Errorf("a mistake: %+v", got)
	}
	edit(line, other(1))
	if got := next(); got.Type != "error" || !strings.Contains(got.What, "returned 10, want 9") {
		t.Errorf("a failing test: %+v", got)
	}
	edit(line, strings.TrimSuffix(line, "\n")+" /* the same */\n")
	if got := next(); got.Type != "result" || !got.Unchanged {
		t.Errorf("the same image: %+v", got)
	}
	if err := os.WriteFile("tests/hello.toml", tests[:bytes.Index(tests, []byte("[[test]]"))], 0o644); err != nil {
		t.Fatal(err)
	}
	if got := next(); got.Type != "result" || got.Tests != 0 {
		t.Errorf("without tests: %+v", got)
	}
	running, result := time.Hour, time.Hour // the fastest
	for i := range 5 {
		start := time.Now()
		edit(line, other(i+1))
		got := next()
		took := time.Since(start)
		if got.Type != "result" || got.Unchanged || got.Digest == first.Digest {
			t.Fatalf("another image: %+v", got)
		}
		fire(fmt.Sprintf("%d (%#x)", 10+i, 10+i))
		running = min(running, took)
		t.Logf("edit to running on the simulated device: %v", took.Round(time.Millisecond))
	}
	cancel()
	command := os.Getenv("FEMTO_BARS")
	for range 5 {
		text = append(text, "/* another version */\n"...)
		start := time.Now()
		edit(line, other(4))
		var stdout bytes.Buffer
		code := exitOK
		if args := []string{"run", "--ctx", "01"}; command != "" {
			run := exec.Command(command, args...)
			run.Stdout = &stdout
			if err := run.Run(); err != nil {
				t.Fatal(err)
			}
		} else {
			code = Main(context.Background(), args, nil, &stdout, io.Discard)
		}
		if code != exitOK || stdout.String() != "5 (0x5)\n" {
			t.Errorf("exit %d: %s", code, &stdout)
		}
		took := time.Since(start)
		result = min(result, took)
		t.Logf("edit to result of femto run: %v", took.Round(time.Millisecond))
	}
	if command != "" {
		t.Logf("%s: edit to running at best %v of %v, edit to result %v of %v", lang, running.Round(time.Millisecond), toRunning, result.Round(time.Millisecond), toResult)
		if running > toRunning || result > toResult {
			t.Error("a bar is missed")
		}
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	if code := <-ended; code != exitOK && code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
}
