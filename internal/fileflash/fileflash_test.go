package fileflash

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/femto-containers/femto/flash"
)

const (
	size  = 4096
	block = 1024
	write = 4
)

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path, size, block, write)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestWrittenThrough reads the file while it is open, as after a SIGKILL.
func TestWrittenThrough(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flash")
	f := open(t, path)
	defer f.Close()
	if err := f.Program(8, []byte("programs")); err != flash.OK {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(raw, f.Data()) || string(raw[8:16]) != "programs" {
		t.Errorf("file after Program: %q, %v", raw[:24], err)
	}
	if err := f.Erase(0); err != flash.OK {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(path); err != nil || !bytes.Equal(raw, bytes.Repeat([]byte{0xff}, size)) {
		t.Errorf("file after Erase: %q, %v", raw[:24], err)
	}
}

func TestReopened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flash")
	f := open(t, path)
	if err := f.Program(block, []byte("kept")); err != flash.OK {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = open(t, path)
	defer f.Close()
	if got := string(f.Mapped(block, 4)); got != "kept" {
		t.Errorf("after reopening: %q", got)
	}
	if err := f.Program(block, []byte("\xff\xff\xff\xff")); err != flash.ErrProgrammed {
		t.Errorf("setting bits without an erase: %v", err)
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("not flash"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(other, size, block, write); !errors.Is(err, ErrSize) {
		t.Errorf("a file of another kind: %v", err)
	}
	if raw, _ := os.ReadFile(other); string(raw) != "not flash" {
		t.Errorf("a refused file was changed to %q", raw)
	}
	if runtime.GOOS == "windows" {
		return
	}
	path := filepath.Join(dir, "flash")
	f := open(t, path)
	defer f.Close()
	if _, err := Open(path, size, block, write); !errors.Is(err, ErrInUse) {
		t.Errorf("a second device on the same file: %v", err)
	}
}

func TestUnusable(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{
		"a folder":         dir,
		"a missing folder": filepath.Join(dir, "missing", "flash"),
		"below a file":     filepath.Join(os.Args[0], "flash"),
		"no name":          "",
	} {
		if f, err := Open(path, size, block, write); err == nil {
			t.Errorf("%s: %+v", name, f)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}

// TestWriteFails has the file closed under the flash.
func TestWriteFails(t *testing.T) {
	f := open(t, filepath.Join(t.TempDir(), "flash"))
	f.file.Close()
	if err := f.Program(0, []byte("gone")); err != flash.ErrDevice {
		t.Errorf("Program: %v", err)
	}
	if err := f.Erase(0); err != flash.ErrDevice {
		t.Errorf("Erase: %v", err)
	}
	if err := f.Close(); err == nil {
		t.Error("Close hides that the file could not be written out")
	}
}

// TestMadeTwice has many devices make the same file: one gets it.
func TestMadeTwice(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files are not locked on Windows")
	}
	for range 20 {
		path := filepath.Join(t.TempDir(), "flash")
		var opened atomic.Pointer[File]
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				f, err := Open(path, size, block, write)
				switch {
				case err == nil && !opened.CompareAndSwap(nil, f):
					t.Error("two devices have the same flash")
				case err != nil && !errors.Is(err, ErrInUse):
					t.Error(err)
				}
			})
		}
		all.Wait()
		f := opened.Load()
		if f == nil {
			t.Fatal("nobody has the flash")
		}
		if err := f.Program(0, []byte("mine")); err != flash.OK {
			t.Error(err)
		}
		if raw, err := os.ReadFile(path); err != nil || string(raw[:4]) != "mine" {
			t.Errorf("the file has %q, %v", raw[:4], err)
		}
		f.Close()
	}
}

// TestCutShort has the process die while it makes the file.
func TestCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flash")
	if err := os.WriteFile(path, bytes.Repeat([]byte{0xff}, size/3), 0o644); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	defer f.Close()
	if raw, err := os.ReadFile(path); err != nil || len(raw) != size || !bytes.Equal(raw, f.Data()) {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}
