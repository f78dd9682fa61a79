//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A screen is a terminal of 80 columns and 24 lines, in tmux, and what runs on
// it.
type screen struct {
	t      *testing.T
	tmux   string
	socket string
}

// newScreen runs a command, as a shell reads it, on a terminal.
func newScreen(t *testing.T, dir, command string) *screen {
	t.Helper()
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		t.Skip("SKIPPED: no tmux, so the debugger was not looked at on a terminal: apt-get install tmux")
	}
	s := &screen{t, tmux, filepath.Join(t.TempDir(), "socket")}
	s.do("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "-c", dir, command+"; echo; echo left with $?; sleep 60")
	t.Cleanup(func() { _ = exec.Command(tmux, "-S", s.socket, "kill-server").Run() })
	return s
}

func (s *screen) do(args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.tmux, append([]string{"-S", s.socket}, args...)...)
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TERM=screen-256color")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// send types text and Enter; "C-c" is Ctrl-C.
func (s *screen) send(text string) {
	s.t.Helper()
	if text == "C-c" {
		s.do("send-keys", text)
		return
	}
	s.do("send-keys", "-l", text)
	s.do("send-keys", "Enter")
}

// until waits for text, and returns what is on the screen.
func (s *screen) until(text string) string {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		now := s.do("capture-pane", "-p")
		if strings.Contains(now, text) {
			return now
		}
		if time.Now().After(end) {
			s.t.Fatalf("no %q on\n%s", text, now)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A session on a terminal, as people see it.
func TestDebugOnATerminal(t *testing.T) {
	dir := t.TempDir()
	femto, err := exec.LookPath("femto")
	if err != nil {
		t.Fatal(err)
	}
	in := exec.Command(femto, "init", "hello")
	in.Dir = dir
	if out, err := in.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := newScreen(t, filepath.Join(dir, "hello"), "NO_COLOR=1 "+femto+" debug")
	s.until("(femto)")
	s.send("b 10")
	s.until("breakpoint 1: src/hello.c:10, before instruction 7")
	s.send("c")
	compareScreen(t, s.until("breakpoint 1, src/hello.c:10\n(femto)"), "debug-breakpoint")
	s.send("n")
	s.until(">   13  ")
	s.send("rn")
	s.until(">   10  ")
	s.send("d")
	s.until("removed")
	s.send("c")
	compareScreen(t, s.until("that was the last"), "debug-end")
	s.send("q")
	s.until("left with 0")
}

// Ctrl-C pauses what runs and empties the line at the prompt, but does not
// leave.
func TestDebugInterrupted(t *testing.T) {
	dir := t.TempDir()
	femto, err := exec.LookPath("femto")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "endless.bin"), assembled("l: add %r0, 1\nja l"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := newScreen(t, dir, femto+" debug endless.bin --budget 1000000000")
	s.until("(femto)")
	s.send("c")
	for !strings.Contains(s.do("capture-pane", "-p"), "paused") { // whether it runs already cannot be seen
		s.send("C-c")
		time.Sleep(20 * time.Millisecond)
	}
	s.do("send-keys", "-l", "nonsense")
	s.until("(femto) nonsense")
	s.send("C-c")
	s.send("p r0 > 0")
	s.until("(femto) p r0 > 0\n1\n")
	s.do("send-keys", "C-d")
	s.until("left with 0")
}

func compareScreen(t *testing.T, got, name string) {
	t.Helper()
	lines := strings.Split(got, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
		if n := len([]rune(lines[i])); n > 80 {
			t.Errorf("%s: line %d has %d columns", name, i+1, n)
		}
	}
	got = strings.Join(lines, "\n")
	file := filepath.Join("testdata", "screen", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}
