package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestHelpIsAsWritten compares what every verb says of itself with
// testdata/help, so that a change is a visible line. -update rewrites it.
func TestHelpIsAsWritten(t *testing.T) {
	t.Setenv("FEMTO_DEVICE", "")
	t.Setenv("FEMTO_KEY", "")
	t.Setenv("FEMTO_OWNER", "")
	seen := map[string]bool{}
	everyCommand(newRootCommand(), func(cmd *cobra.Command) {
		if strings.HasPrefix(cmd.CommandPath(), "femto completion ") {
			return // of the library
		}
		var out bytes.Buffer
		printHelp(&out, cmd)
		file := filepath.Join("testdata", "help", pageName(cmd)+".txt")
		seen[filepath.Base(file)] = true
		if *update {
			if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(want, out.Bytes()) {
			t.Errorf("%s --help differs from %s (%v); if it is meant: go test ./cmd/femto -run TestHelpIsAsWritten -update", cmd.CommandPath(), file, err)
		}
	})
	files, err := os.ReadDir("testdata/help")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if seen[file.Name()] {
			continue
		}
		if *update {
			_ = os.Remove(filepath.Join("testdata", "help", file.Name()))
			continue
		}
		t.Errorf("testdata/help/%s is of no verb", file.Name())
	}
}

// TestMan: every verb has a page, with its flags and the exit codes, and man
// reads it where it is installed.
func TestMan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	var said bytes.Buffer
	if code := Main(context.Background(), []string{"man", dir}, nil, &said, &said); code != exitOK {
		t.Fatal(said.String())
	}
	everyCommand(newRootCommand(), func(cmd *cobra.Command) {
		if !hasPage(cmd) && cmd.HasParent() {
			return
		}
		page, err := os.ReadFile(filepath.Join(dir, pageName(cmd)+".1"))
		if err != nil {
			t.Error(err)
			return
		}
		text := string(page)
		for _, section := range []string{".TH ", ".SH NAME", ".SH DESCRIPTION"} {
			if !strings.Contains(text, section) {
				t.Errorf("%s has no %s", cmd.CommandPath(), section)
			}
		}
		if cmd.HasExample() && !strings.Contains(text, ".SH EXAMPLES") || !strings.Contains(text, "130") {
			t.Errorf("%s: no examples or exit codes", cmd.CommandPath())
		}
		for _, line := range strings.Split(text, "\n") {
			macro, _, _ := strings.Cut(line, " ")
			if strings.HasPrefix(line, ".") && !strings.Contains(" .TH .SH .B .BR .TP .PP .nf .fi ", " "+macro+" ") {
				t.Errorf("%s: %q is no macro of ours", cmd.CommandPath(), line)
			}
		}
	})
	if _, err := exec.LookPath("groff"); err == nil {
		out, err := exec.Command("groff", "-man", "-Tascii", "-ww", filepath.Join(dir, "femto-run.1")).CombinedOutput()
		if err != nil || bytes.Contains(out, []byte("warning")) {
			t.Errorf("groff: %v\n%s", err, out)
		}
	}
}

// TestCompletion: shells get what the command tree has.
func TestCompletion(t *testing.T) {
	complete := func(words ...string) string {
		var out bytes.Buffer
		Main(context.Background(), append([]string{"__complete"}, words...), nil, &out, &bytes.Buffer{})
		return out.String()
	}
	for _, test := range []struct {
		words []string
		want  string
	}{
		{[]string{"wat"}, "watch"},
		{[]string{"init", "x", "--template", ""}, "sensor"},
		{[]string{"explain", ""}, "FC0201"},
		{[]string{"container", ""}, "rollback"},
		{[]string{"test", "--f"}, "--fuzz"},
	} {
		if got := complete(test.words...); !strings.Contains(got, test.want) {
			t.Errorf("%q completes to %q, without %s", test.words, got, test.want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		out, err := exec.Command("femto", "completion", shell).Output()
		if err != nil || !bytes.Contains(out, []byte("femto")) {
			t.Errorf("%s: %v", shell, err)
		}
	}
}
