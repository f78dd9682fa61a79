package images

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/internal/build"
)

func TestKeepAndFind(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	raw := []byte("an image")
	digest := sha256.Sum256(raw)
	if Find(digest[:]) != nil || Find(nil) != nil || Find(digest[:5]) != nil {
		t.Error("there is something in an empty cache")
	}
	Keep(raw, nil, "")
	if found := Find(digest[:]); found == nil || string(found.Bytes) != "an image" || found.Debug != nil || found.Dir != "" {
		t.Errorf("without a side file: %+v", found)
	}
	debug := &build.Debug{Schema: build.DebugSchema, Image: fmt.Sprintf("sha256:%x", digest), Lines: []build.Line{{File: "a.c", Line: 3}}}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.c"), []byte("as it was"), 0o644); err != nil {
		t.Fatal(err)
	}
	Keep(raw, debug, dir)
	if found := Find(digest[:]); found == nil || found.Debug == nil || found.Debug.Lines[0].Line != 3 || string(read(filepath.Join(found.Dir, "a.c"))) != "as it was" {
		t.Errorf("with a side file: %+v", found)
	}
	// A file with another content is not the image, wherever it is.
	file := filepath.Join(folder(), fmt.Sprintf("%x.bin", digest))
	if err := os.WriteFile(file, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := Find(digest[:]); found != nil {
		t.Errorf("a damaged file: %+v", found)
	}
	made := filepath.Join(dir, ".femto")
	if err := os.MkdirAll(made, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"x.bin": "an image", "y.bin": "another"} {
		if err := os.WriteFile(filepath.Join(made, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if found := Find(digest[:], "nowhere", made); found == nil || found.Dir != dir {
		t.Errorf("in a project: %+v", found)
	}
}

func TestPrune(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var last [32]byte
	if err := os.MkdirAll(folder(), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range most {
		if err := os.WriteFile(filepath.Join(folder(), fmt.Sprint(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw := []byte("the last")
	last = sha256.Sum256(raw)
	Keep(raw, nil, "")
	entries, err := os.ReadDir(folder())
	if err != nil || len(entries) != most*3/4 || Find(last[:]) == nil {
		t.Errorf("%d files, %v", len(entries), err)
	}
}
