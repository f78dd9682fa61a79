package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/images"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/vm"
)

// maxFile bounds every file that is read as data, in bytes: devices take far
// less.
const maxFile = 1 << 20

// readFile reads a file that a person named.
func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, &commandError{exit: exitUsage, what: "cannot read " + file, why: "it is a directory"}
	}
	return readAll(file, f)
}

// readAll reads r, which people know as name, but not without end.
func readAll(name string, r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, unreadable(name, err)
	}
	if len(raw) > maxFile {
		return nil, &commandError{exit: exitUsage, what: name + " is too large", why: "it has more than " + bytesText(maxFile)}
	}
	return raw, nil
}

func unreadable(file string, err error) error {
	return &commandError{exit: exitUsage, what: "cannot read " + file, why: reason(err), err: err}
}

// reason is what the system said about a file, without repeating its name.
func reason(err error) string {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.As(err, &path):
		return path.Err.Error()
	}
	return err.Error()
}

// readImage reads an image file and wants it to be one. Compressed text is
// expanded, which cmd says on standard error.
func readImage(cmd *cobra.Command, file string) ([]byte, *image.Image, error) {
	raw, err := readFile(file)
	if err != nil {
		return nil, nil, err
	}
	if build.Compressed(raw) {
		expanded, err := build.Expand(raw)
		if err != nil {
			return nil, nil, &commandError{exit: exitRejected, what: file + " is not a container image", why: err.Error(), err: err}
		}
		if asJSON, _ := cmd.Flags().GetBool("json"); !asJSON {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s has compressed text, which no device reads: expanded here, %s to %s\n",
				printable(file), bytesText(len(raw)), bytesText(len(expanded)))
		}
		raw = expanded
	}
	img, refused := image.Parse(raw)
	if refused == image.OK {
		return raw, &img, nil
	}
	why := refused.Error()
	switch {
	case len(raw) == 0:
		why = "the file is empty"
	case strings.HasPrefix(string(raw), "\x7fELF"):
		why = "this is an ELF object, which has to be linked into an image first"
	}
	return nil, nil, &commandError{exit: exitRejected, what: file + " is not a container image", why: why, err: refused}
}

// openImage reads an image file, or makes an image if the file is a source, with
// what is known of its lines.
func openImage(cmd *cobra.Command, file string) (*images.Image, *image.Image, error) {
	if _, err := os.Stat(file); err != nil || !isSource(file) {
		raw, img, err := readImage(cmd, file)
		if err != nil {
			return nil, nil, err
		}
		return &images.Image{Bytes: raw, Debug: sideFile(file, raw), Dir: sourcesOf(file)}, img, nil
	}
	made, err := buildSources(cmd, file)
	if err != nil {
		return nil, nil, err
	}
	img, refused := image.Parse(made.Bytes)
	if refused != image.OK {
		return nil, nil, refused
	}
	return made, &img, nil
}

// isSource reports whether a file is to be compiled or linked before it is an
// image.
func isSource(file string) bool {
	return slices.Contains([]string{".c", ".rs", ".o", ".s"}, filepath.Ext(file))
}

// buildSources makes an image of sources outside a project.
func buildSources(cmd *cobra.Command, files ...string) (*images.Image, error) {
	program, err := project.Outside(cmd.Context(), files...)
	if err != nil {
		return nil, projectError(err)
	}
	raw, err := program.Image()
	if err != nil {
		return nil, err
	}
	side, err := program.Debug(raw)
	if err != nil {
		return nil, err
	}
	debug, err := build.ParseDebug(side, raw)
	return &images.Image{Bytes: raw, Debug: debug, Dir: filepath.Dir(files[0])}, err
}

// readProgram reads an image file and wants its text to pass the check that
// every device makes. It returns what the program needs.
func readProgram(cmd *cobra.Command, file string) (*images.Image, vm.Need, error) {
	opened, img, err := openImage(cmd, file)
	if err != nil {
		return nil, vm.Need{}, err
	}
	need, err := loadable(file, img)
	return opened, need, err
}

// loadable returns what the program of an image needs, if devices would load it.
func loadable(file string, img *image.Image) (vm.Need, error) {
	need, refused := vm.Check(img.Text(), everyHelper())
	if refused.Fault != vm.OK {
		e := unloadable(file, refused)
		e.try = []string{command("femto", "image", "inspect", file)}
		return need, e
	}
	return need, nil
}

// everyHelper grants whatever a program may ask for: what a device grants is
// the device's business.
func everyHelper() *vm.HelperSet {
	var all vm.HelperSet
	for n := range 256 {
		all.Add(uint8(n))
	}
	return &all
}

// unloadable says what the check of every device finds wrong with an image.
func unloadable(file string, refused vm.CheckError) *commandError {
	return &commandError{
		exit:  exitRejected,
		what:  file + " would not be loaded by any device",
		where: fmt.Sprintf("slot %d of the text", refused.PC),
		why:   refused.Fault.Error(),
		err:   refused.Fault,
	}
}

// contextFlags are how a person gives a context.
type contextFlags struct {
	hex  string
	file string
}

func (f *contextFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.hex, "ctx", "", "context as `HEX` digits")
	cmd.Flags().StringVar(&f.file, "ctx-file", "", "`FILE` whose bytes are the context; - is standard input")
}

func (f *contextFlags) read(cmd *cobra.Command) ([]byte, error) {
	switch {
	case f.hex != "" && f.file != "":
		return nil, usageError(cmd, errors.New("--ctx and --ctx-file exclude each other"))
	case f.file == "-":
		return readAll("standard input", cmd.InOrStdin())
	case f.file != "":
		return readFile(f.file)
	}
	context, err := hex.DecodeString(strings.Join(strings.Fields(f.hex), ""))
	if err != nil {
		return nil, usageError(cmd, fmt.Errorf("--ctx is not hexadecimal: %s", strings.TrimPrefix(err.Error(), "encoding/hex: ")))
	}
	return context, nil
}
