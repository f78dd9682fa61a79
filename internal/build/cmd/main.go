// Command cmd rebuilds the images of C sources beside them:
//
//	go run ./internal/build/cmd examples/fletcher32/fletcher32.c
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/femto-containers/femto/internal/build"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./internal/build/cmd FILE.c ...")
		os.Exit(2)
	}
	for _, source := range os.Args[1:] {
		target := strings.TrimSuffix(source, ".c") + ".bin"
		if target == source+".bin" {
			fmt.Fprintf(os.Stderr, "%s: not a C source, its name does not end in .c\n", source)
			os.Exit(2)
		}
		image, err := build.Image(context.Background(), source)
		if err == nil {
			err = os.WriteFile(target, image, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Fprintf(os.Stderr, "%s: %d bytes\n", target, len(image))
	}
}
