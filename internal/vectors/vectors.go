// Package vectors finds the test cases that nobody here wrote. They live in
// shared/vectors beside the checkout and are not part of it.
package vectors

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the path of the folder sub of the outside vectors. It skips the
// test, saying what was looked for, on a machine that lacks them.
func Dir(tb testing.TB, sub ...string) string {
	tb.Helper()
	wd, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			path := filepath.Join(append([]string{filepath.Dir(dir), "shared", "vectors"}, sub...)...)
			if _, err := os.Stat(path); err != nil {
				tb.Skipf("SKIPPED, outside vectors are absent: %s", path)
			}
			return path
		}
		if dir == filepath.Dir(dir) {
			tb.Fatalf("no go.mod above %s", wd)
		}
	}
}
