//go:build unix && !solaris && !aix

package fileflash

import (
	"path/filepath"
	"syscall"
	"testing"
)

// TestCloseUnlocks: a process that is being started has the open file, too, until
// it runs its program; the flash is free all the same.
func TestCloseUnlocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flash")
	first, err := Open(path, 4096, 1024, 1)
	if err != nil {
		t.Fatal(err)
	}
	child, err := syscall.Dup(int(first.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(child)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Open(path, 4096, 1024, 1)
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	second.Close()
}
