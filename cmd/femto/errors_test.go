package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
)

// unprovoked are the numbers that no call of the command leads to.
var unprovoked = map[diagnose.Code]string{
	diagnose.ArgumentFault: "standard helpers report by what they return; only a firmware's own refuse arguments",
	diagnose.OtherFault:    "every fault of a run has its number; this is for what a newer device may tell",
}

// TestErrors provokes every numbered error through the command, and compares what
// is said with the file stderr in testdata/errors/FCnnnn.txtar. Its first line is
// the command; others before the files set the environment. -update rewrites it.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	_, noClang := build.FindClang()
	provoked := map[string]bool{}
	for _, file := range files {
		file, err := filepath.Abs(file) // the folder changes
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		provoked[name] = true
		t.Run(name, func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if noClang != nil && slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return strings.HasSuffix(f.Name, ".c") }) {
				t.Skip("SKIPPED: clang is not installed")
			}
			code, ok := diagnose.ParseCode(name)
			if !ok {
				t.Fatalf("there is no error %s", name)
			}
			got, exit := provoke(t, archive)
			if want := diagnose.Find(code).Exit; exit != want {
				t.Errorf("exit status %d, want %d", exit, want)
			}
			if !strings.HasPrefix(got, "error["+name+"]: ") || !strings.HasSuffix(got, "  try: femto explain "+name+"\n") {
				t.Errorf("something else is said:\n%s", got)
			}
			at := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "stderr" })
			if *update {
				if at < 0 {
					at, archive.Files = len(archive.Files), append(archive.Files, txtar.File{Name: "stderr"})
				}
				archive.Files[at].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if at < 0 || got != string(archive.Files[at].Data) {
				t.Errorf("%s differs; if it is meant: go test ./cmd/femto -run TestErrors -update; got\n%s", file, got)
			}
		})
	}
	for i := range diagnose.Catalogue {
		code := diagnose.Catalogue[i].Code
		if why, never := unprovoked[code]; never && provoked[code.String()] {
			t.Errorf("%v is provoked after all: %s", code, why)
		} else if !never && !provoked[code.String()] {
			t.Errorf("no testdata/errors/%v.txtar provokes it", code)
		}
	}
}

// talk is what a command says before what is wrong.
var talk = regexp.MustCompile(`(?s)^.*?(error\[FC)`)

// provoke runs the command of an archive in a folder with its files, and returns
// what it says from the first error on.
func provoke(t *testing.T, archive *txtar.Archive) (said string, exit int) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range archive.Files {
		if f.Name == "stderr" {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"FEMTO_DEVICE", "FEMTO_KEY", "FEMTO_OWNER", "CLANG"} {
		t.Setenv(name, "")
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, ".cache"))
	lines := strings.Split(strings.TrimSpace(string(archive.Comment)), "\n")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	t.Chdir(dir)
	var stdout, stderr bytes.Buffer
	exit = Main(t.Context(), strings.Fields(lines[0])[1:], strings.NewReader(""), &stdout, &stderr)
	return talk.ReplaceAllString(strings.ReplaceAll(stderr.String(), dir, "$DIR"), "$1"), exit
}
