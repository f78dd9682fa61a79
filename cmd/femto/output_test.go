package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestProgress repaints one line, not too often, and takes it away at the end.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := &progress{w: &out, start: time.Now()}
	p.show(10, 1000)
	p.end()
	if out.Len() != 0 {
		t.Errorf("in the first second: %q", &out)
	}
	p.start = p.start.Add(-time.Minute)
	p.show(1000, 1000)
	p.show(500, 1000)
	p.show(5, 0)
	if got := out.String(); got != "\rtransfer 1000 of 1000 B" {
		t.Errorf("%q", got)
	}
	p.last = time.Time{}
	p.show(9, 1000)
	p.end()
	painted := strings.Split(out.String(), "\r")
	if last := painted[len(painted)-2]; strings.TrimSpace(last) != "" || len(last) < len("transfer 1000 of 1000 B") {
		t.Errorf("%q", painted)
	}
}

// TestProgressIsForTerminals only.
func TestProgressIsForTerminals(t *testing.T) {
	if p := newProgress(&bytes.Buffer{}, false); p.w != nil {
		t.Error("a buffer is taken for a terminal")
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain, äöü \"quoted\"": "plain, äöü \"quoted\"",
		`C:\images`:             `C:\images`,
		"two\nlines":            `two\nlines`,
		"\x1b[31mred":           `\x1b[31mred`,
		"\x7f":                  `\x7f`,
		"\u009b31m":             `\u009b31m`,
		"\xff":                  `\xff`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q becomes %q, not %q", text, got, want)
		}
	}
}

// endsWriter ends a command when it has written a whole JSON document.
type endsWriter struct {
	bytes.Buffer
	end func()
}

func (w *endsWriter) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if json.Valid(w.Bytes()) {
		w.end()
	}
	return n, err
}

func TestDeviceRunJSON(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "alice.key")
	if code := Main(t.Context(), []string{"key", "generate", "-o", key}, nil, &bytes.Buffer{}, &bytes.Buffer{}); code != exitOK {
		t.Fatal(code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stdout, stderr := &endsWriter{end: cancel}, &bytes.Buffer{}
	flash := filepath.Join(dir, "my.flash")
	code := Main(ctx, []string{"device", "run", "--json", "--listen", "127.0.0.1:0", "--flash", flash, "--trust", key + ".pub"}, nil, stdout, stderr)
	var got struct {
		Schema, URI, Flash string
		Tenants            []string
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil || code != exitOK || stderr.Len() != 0 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	if got.Schema != "femto.device.run/1" || !strings.HasPrefix(got.URI, "coap://127.0.0.1:") || got.Flash != flash || strings.Join(got.Tenants, "") != "alice" {
		t.Errorf("%+v", got)
	}
}

// full is an output that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/full", Err: errors.New("no space left")}
}

func TestResultCannotBeWritten(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"version", "--json"}, {"help"}, {"quickstart"}} {
		var stderr bytes.Buffer
		code := Main(t.Context(), args, nil, full{}, &stderr)
		if code != exitFailure || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%v: exit code %d: %s", args, code, &stderr)
		}
	}
}
