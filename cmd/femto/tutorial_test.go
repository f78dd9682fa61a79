package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/internal/build"
)

// TestTutorial runs every command of docs/tutorial.md and looks for the lines
// that the page shows; the part on a board is TestTutorialOnABoard's.
func TestTutorial(t *testing.T) {
	if _, err := build.FindClang(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	t.Parallel()
	newReader(t, false).read()
}

// A reader does what the page says.
type reader struct {
	t       *testing.T
	boards  bool
	dir     string
	environ []string
	device  *running
	uri     string
	ran     int
}

func newReader(t *testing.T, boards bool) *reader {
	t.Helper()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, boards: boards, dir: t.TempDir()}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "FEMTO_") {
			r.environ = append(r.environ, v)
		}
	}
	r.environ = append(r.environ, "FEMTO="+top)
	t.Cleanup(r.end)
	return r
}

func (r *reader) end() {
	if r.device != nil {
		_ = r.device.end(os.Interrupt)
		r.device = nil
	}
}

var (
	fenced    = regexp.MustCompile("(?ms)(?:^<!-- ([^\n]*) -->\n)?^```(\\w+)\n(.*?)^```$")
	exitsWith = regexp.MustCompile(`fails: (\d+)`)
)

func (r *reader) read() {
	r.t.Helper()
	page, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, block := range fenced.FindAllStringSubmatch(string(page), -1) {
		note, language, text := block[1], block[2], block[3]
		if strings.Contains(note, "board") && !r.boards {
			continue
		}
		if name, isFile := strings.CutPrefix(note, "file: "); isFile {
			if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		if language != "console" {
			r.t.Errorf("a block of %s that nobody does anything with:\n%s", language, text)
			continue
		}
		code := 0
		if m := exitsWith.FindStringSubmatch(note); m != nil {
			_, _ = fmt.Sscan(m[1], &code)
		}
		steps := strings.Split("\n"+text, "\n$ ")[1:]
		for i, step := range steps {
			line, shown, _ := strings.Cut(strings.TrimSuffix(step, "\n"), "\n")
			want := 0
			if i == len(steps)-1 {
				want = code // the last one of a block fails
			}
			r.step(line, shown, want, strings.Contains(note, "background"))
		}
	}
	if r.ran < 15 {
		r.t.Errorf("only %d commands were run", r.ran)
	}
}

// step does one line of the page.
func (r *reader) step(line, shown string, code int, background bool) {
	r.t.Helper()
	switch {
	case strings.HasPrefix(line, "cd "):
		r.dir = filepath.Join(r.dir, line[3:])
		return
	case strings.HasPrefix(line, "export FEMTO_DEVICE="):
		r.environ = append(r.environ, "FEMTO_DEVICE="+r.uri)
		return
	}
	if err := parses(line); err != nil && !strings.HasPrefix(line, "go test ") {
		r.t.Fatal(err)
	}
	r.ran++
	if background {
		r.end()
		device, err := startDevice(r.dir, r.environ, "sh", "-c", "exec "+line+" --listen 127.0.0.1:0")
		if err != nil {
			r.t.Fatal(err)
		}
		r.device, r.uri = device, device.uri
		r.environ = append(r.environ, "FEMTO_DEVICE="+r.uri)
		return
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir, cmd.Env = r.dir, r.environ
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run()
		missing := lacks(out.String(), shown)
		got := cmd.ProcessState.ExitCode()
		if got == code && missing == "" {
			return
		}
		// Timers fire in their own time; whatever else comes out wrong does so
		// at once.
		if got != code || time.Now().After(deadline) || !strings.HasPrefix(line, "femto logs") && !strings.HasPrefix(line, "femto kv") {
			r.t.Fatalf("$ %s\n%s\nexit code %d, want %d; it lacks %q", line, &out, got, code, missing)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// lacks returns the first line of shown that is not in out, in which … stands
// for anything.
func lacks(out, shown string) string {
	for line := range strings.SplitSeq(shown, "\n") {
		if line == "" {
			continue
		}
		parts := strings.Split(line, "…")
		for i := range parts {
			parts[i] = regexp.MustCompile(`\s+`).ReplaceAllString(regexp.QuoteMeta(parts[i]), `\s+`)
		}
		if !regexp.MustCompile(`(?m)^` + strings.Join(parts, ".*") + `$`).MatchString(out) {
			return line
		}
	}
	return ""
}
