package vmfuzz

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// A SeededBug is one file of package vm with a mistake in it.
type SeededBug struct {
	Name   string
	File   string // path from the top of the module
	Source []byte
}

// SeededBugs reads the bugs in folder. Each is a txtar archive with a name,
// lines of a file, and what stands there instead; root is the top of the
// module. It is an error if the file has no such lines any more.
func SeededBugs(folder, root string) ([]SeededBug, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil {
		return nil, err
	}
	var bugs []SeededBug
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			return nil, err
		}
		if len(archive.Files) != 2 {
			return nil, fmt.Errorf("%s: %d parts, want 2", file, len(archive.Files))
		}
		right, wrong := archive.Files[0], archive.Files[1]
		source, err := os.ReadFile(filepath.Join(root, right.Name))
		if err != nil {
			return nil, err
		}
		lines := bytes.TrimSuffix(right.Data, []byte("\n"))
		if !bytes.Contains(source, lines) {
			return nil, fmt.Errorf("%s: %s has changed: say there what the mistake would be now", file, right.Name)
		}
		bugs = append(bugs, SeededBug{
			Name:   strings.TrimSpace(string(archive.Comment)),
			File:   right.Name,
			Source: bytes.ReplaceAll(source, lines, bytes.TrimSuffix(wrong.Data, []byte("\n"))),
		})
	}
	return bugs, nil
}
