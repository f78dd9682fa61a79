package symbols

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/femto-containers/femto/sdk"
)

// Sources reads the sources that side files name: from the folders it is told,
// the first that has the file, or from the SDK. It keeps what it has read.
type Sources struct {
	Folders []string

	files map[string][]string
}

// Lines returns the lines of a file as side files call it, nil if there is none.
func (s *Sources) Lines(file string) []string {
	if lines, read := s.files[file]; read {
		return lines
	}
	if s.files == nil {
		s.files = map[string][]string{}
	}
	content, ok := s.read(file)
	var lines []string
	if ok {
		lines = strings.Split(strings.TrimSuffix(strings.ReplaceAll(content, "\r\n", "\n"), "\n"), "\n")
	}
	s.files[file] = lines
	return lines
}

// Line returns a line, counted from 1; "" if it is not there.
func (s *Sources) Line(file string, line int) string {
	if lines := s.Lines(file); line >= 1 && line <= len(lines) {
		return lines[line-1]
	}
	return ""
}

func (s *Sources) read(file string) (string, bool) {
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		return "", false
	}
	for _, folder := range s.Folders {
		if content, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(file))); err == nil {
			return string(content), true
		}
	}
	if name, ok := strings.CutPrefix(file, "sdk/"); ok {
		for _, at := range []struct {
			files fs.FS
			name  string
		}{{sdk.C, "c/" + name}, {sdk.Go, name}} {
			if content, err := fs.ReadFile(at.files, at.name); err == nil {
				return string(content), true
			}
		}
	}
	return "", false
}

// InSDK reports whether a file of a side file is the SDK's, not the author's.
func InSDK(file string) bool { return strings.HasPrefix(file, "sdk/") }

// Path returns where a file of a side file is, if it is in one of the folders.
func (s *Sources) Path(file string) (string, bool) {
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		return "", false
	}
	for _, folder := range s.Folders {
		path, err := filepath.Abs(filepath.Join(folder, filepath.FromSlash(file)))
		if err != nil {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, true
		}
	}
	return "", false
}
