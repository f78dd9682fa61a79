// Command link makes images of BPF objects: bench/build.sh calls it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/femto-containers/femto/internal/build"
)

func main() {
	folder := flag.String("o", ".", "folder for the images")
	flag.Parse()
	for _, object := range flag.Args() {
		if err := link(object, *folder); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", object, err)
			os.Exit(1)
		}
	}
}

func link(object, folder string) error {
	b, err := os.ReadFile(object)
	if err != nil {
		return err
	}
	image, err := build.Link(b)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(object), ".o") + ".bin"
	return os.WriteFile(filepath.Join(folder, name), image, 0o644)
}
