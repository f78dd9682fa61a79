package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/vm"
)

func newImageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Look into container images",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newImageInspectCommand())
	return cmd
}

// imageReport is what there is to know of an image without a device.
type imageReport struct {
	File      string          `json:"file"`
	Digest    remote.Digest   `json:"digest"`
	Size      int             `json:"size"`
	Data      int             `json:"data"`
	Rodata    int             `json:"rodata"`
	Text      int             `json:"text"`
	Slots     int             `json:"slots"`
	Functions []imageFunction `json:"functions"`
	Helpers   []int           `json:"helpers"`
	Check     imageCheck      `json:"check"`
	Code      []asm.Line      `json:"-"`
}

type imageFunction struct {
	Name string `json:"name"`
	Slot int    `json:"slot"`
}

type imageCheck struct {
	OK    bool         `json:"ok"`
	Fault remote.Fault `json:"fault"`
	Slot  int          `json:"slot"`
}

func newImageInspectCommand() *cobra.Command {
	var asJSON, code bool
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Print an image's parts, functions and instructions, and whether a device would load it",
		Args:  exactArgs("the image FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := inspectImage(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), "femto.image/1", report)
			} else {
				printImage(cmd.OutOrStdout(), report, code)
			}
			if err == nil && !report.Check.OK {
				err = checkError(args[0], vm.Fault(report.Check.Fault), report.Check.Slot)
			}
			return err
		},
	}
	addJSONFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&code, "code", true, "list the instructions")
	return cmd
}

func inspectImage(file string) (*imageReport, error) {
	raw, img, err := readImage(file)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(raw)
	report := &imageReport{
		File: file, Digest: digest[:], Size: len(raw),
		Data: len(img.Data()), Rodata: len(img.Rodata()), Text: len(img.Text()), Slots: len(img.Text()) / 8,
		Functions: []imageFunction{}, Helpers: []int{},
		Code: asm.Disassemble(img.Text()),
	}
	for i := range img.Functions() {
		if f, ok := img.Function(i); ok {
			report.Functions = append(report.Functions, imageFunction{Name: string(f.Name), Slot: f.Offset / 8})
		}
	}
	need, refused := vm.Check(img.Text(), everyHelper())
	report.Check = imageCheck{OK: refused.Fault == vm.OK, Fault: remote.Fault(refused.Fault), Slot: refused.PC}
	for n := range 256 {
		if need.Helpers.Has(uint8(n)) {
			report.Helpers = append(report.Helpers, n)
		}
	}
	return report, nil
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

func printImage(w io.Writer, r *imageReport, code bool) {
	fmt.Fprintf(w, "%s  %s  %s\n", r.File, bytesText(r.Size), r.Digest)
	fmt.Fprintf(w, "  parts      header %d B, data %d B, rodata %d B, text %d B (%d slots), functions %d B\n",
		image.HeaderSize, r.Data, r.Rodata, r.Text, r.Slots, len(r.Functions)*image.FunctionSize)
	for _, f := range r.Functions {
		fmt.Fprintf(w, "  function   %s at slot %d\n", f.Name, f.Slot)
	}
	if len(r.Helpers) > 0 {
		fmt.Fprintf(w, "  helpers   ")
		for _, n := range r.Helpers {
			fmt.Fprintf(w, " %s", helperName(n))
		}
		fmt.Fprintln(w)
	}
	if r.Check.OK {
		fmt.Fprintln(w, "  check      ok")
	} else {
		fmt.Fprintf(w, "  check      refused: %v at slot %d\n", r.Check.Fault, r.Check.Slot)
	}
	if !code {
		return
	}
	for _, line := range r.Code {
		fmt.Fprintf(w, "%6d  %s\n", line.Slot, line.Text)
	}
}

// readImage reads and validates an image file.
func readImage(file string) ([]byte, *image.Image, error) {
	raw, err := readFile(file, 1<<20)
	if err != nil {
		return nil, nil, err
	}
	img, refused := image.Parse(raw)
	if refused != image.OK {
		why := refused.Error()
		if len(raw) >= 4 && string(raw[:4]) == "\x7fELF" {
			why = "this is an ELF object, which has to be linked into an image first"
		}
		return nil, nil, &commandError{
			exit: exitRejected, what: file + " is not a container image", why: why,
			try: []string{"femto quickstart"}, err: refused,
		}
	}
	return raw, &img, nil
}

// readFile reads a file of at most limit bytes that a person named.
func readFile(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		why := err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			why = "there is no such file"
		}
		return nil, &commandError{exit: exitUsage, what: "cannot read " + file, why: why, err: err}
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, &commandError{exit: exitFailure, what: "cannot read " + file, why: err.Error(), err: err}
	}
	if int64(len(raw)) > limit {
		return nil, &commandError{exit: exitUsage, what: file + " is too large", why: fmt.Sprintf("more than %s", bytesText(int(limit)))}
	}
	return raw, nil
}

func checkError(file string, fault vm.Fault, slot int) error {
	return &commandError{
		exit:  exitRejected,
		what:  file + " would not be loaded by any device",
		where: fmt.Sprintf("slot %d of the text", slot),
		why:   fault.Error(),
		err:   fault,
	}
}

// helperName is a helper's name, or its number if it is none of the standard
// ones.
func helperName(n int) string {
	for i := range helpers.Standard {
		if int(helpers.Standard[i].Number) == n {
			return helpers.Standard[i].Name
		}
	}
	return fmt.Sprintf("%#02x", n)
}
