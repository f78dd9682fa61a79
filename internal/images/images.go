// Package images keeps the images that this machine has built or deployed, with
// what is known of them beside their bytes, so that what a device tells of an
// image can be explained by its digest alone.
package images

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/femto-containers/femto/internal/build"
)

// An Image is one that is known here.
type Image struct {
	Bytes []byte
	Debug *build.Debug // nil: there is no side file
	Dir   string       // a folder with the sources as they were, or where they are; "": not known
}

const (
	imageSuffix   = ".bin"
	sourcesSuffix = ".src"

	most    = 1000    // files that are kept
	largest = 1 << 20 // that are read, in bytes
)

// folder is where images are kept, of the user's cache; "" if there is none.
func folder() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "femto", "images")
}

// Keep keeps an image, what is known of it, and copies of its sources, which are in
// dir; debug may be nil and dir "". What cannot be kept is no reason to stop.
func Keep(raw []byte, debug *build.Debug, dir string) {
	to := folder()
	if to == "" || os.MkdirAll(to, 0o700) != nil {
		return
	}
	digest := sha256.Sum256(raw)
	base := filepath.Join(to, hex.EncodeToString(digest[:]))
	put(base+imageSuffix, raw)
	if debug != nil {
		if side, err := json.Marshal(debug); err == nil {
			put(filepath.Join(to, build.DebugName(raw)), side)
		}
		if dir != "" {
			keepSources(base+sourcesSuffix, debug, dir)
		}
	}
	prune(to)
}

// keepSources copies the sources that a side file names to a folder, if that is
// not there: then it has those of the same image.
func keepSources(to string, debug *build.Debug, dir string) {
	if _, err := os.Stat(to); err == nil {
		return
	}
	done := map[string]bool{}
	for _, line := range debug.Lines {
		name := filepath.FromSlash(line.File)
		if done[name] || !filepath.IsLocal(name) {
			continue
		}
		done[name] = true
		content := read(filepath.Join(dir, name))
		if file := filepath.Join(to, name); content != nil && os.MkdirAll(filepath.Dir(file), 0o700) == nil {
			put(file, content)
		}
	}
}

// put writes a file whole, or leaves it as it was.
func put(file string, content []byte) {
	temporary, err := os.CreateTemp(filepath.Dir(file), "new-*")
	if err != nil {
		return
	}
	_, err = temporary.Write(content)
	if temporary.Close() != nil || err != nil || os.Rename(temporary.Name(), file) != nil {
		_ = os.Remove(temporary.Name())
	}
}

// prune removes the oldest files if there are too many.
func prune(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= most {
		return
	}
	age := map[string]int64{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			age[e.Name()] = info.ModTime().UnixNano()
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		if age[a.Name()] < age[b.Name()] {
			return -1
		}
		return 1
	})
	for _, e := range entries[:len(entries)-most*3/4] {
		_ = os.RemoveAll(filepath.Join(dir, e.Name()))
	}
}

// Find returns the image with a digest, nil if it is not known: from the folders
// given, of projects or of what they made, or as Keep has it.
func Find(digest []byte, folders ...string) *Image {
	if len(digest) != sha256.Size {
		return nil
	}
	name := hex.EncodeToString(digest)
	kept := folder()
	for _, dir := range folders {
		files, _ := filepath.Glob(filepath.Join(dir, "*"+imageSuffix)) // the pattern is well-formed
		for _, file := range files {
			raw := read(file)
			if sum := sha256.Sum256(raw); len(raw) == 0 || !slices.Equal(sum[:], digest) {
				continue
			}
			found := &Image{Bytes: raw, Dir: filepath.Dir(dir)}
			found.Debug, _ = build.ParseDebug(read(filepath.Join(dir, build.DebugName(raw))), raw)
			if found.Debug != nil || kept == "" {
				return found
			}
			if other := keptImage(kept, name, digest); other != nil {
				return other
			}
			return found
		}
	}
	if kept == "" {
		return nil
	}
	return keptImage(kept, name, digest)
}

func keptImage(dir, name string, digest []byte) *Image {
	raw := read(filepath.Join(dir, name+imageSuffix))
	if sum := sha256.Sum256(raw); len(raw) == 0 || !slices.Equal(sum[:], digest) {
		return nil
	}
	found := &Image{Bytes: raw}
	if sources := filepath.Join(dir, name+sourcesSuffix); isFolder(sources) {
		found.Dir = sources
	}
	found.Debug, _ = build.ParseDebug(read(filepath.Join(dir, build.DebugName(raw))), raw) // without it there are no lines
	return found
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// read returns a file's content, nothing if it cannot be had or is too large.
func read(file string) []byte {
	if info, err := os.Stat(file); err != nil || info.IsDir() || info.Size() > largest {
		return nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return content
}
