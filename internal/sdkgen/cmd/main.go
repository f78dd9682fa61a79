// Command cmd writes the files that follow from the tables of helpers and
// hooks; it runs at the top of the repository:
//
//	go run ./internal/sdkgen/cmd
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/femto-containers/femto/internal/sdkgen"
)

func main() {
	top := "."
	if len(os.Args) == 2 {
		top = os.Args[1]
	}
	if err := write(top); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(top string) error {
	files, err := sdkgen.Files()
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(top, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
