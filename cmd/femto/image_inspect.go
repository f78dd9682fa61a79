package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/vm"
)

// imageReport is what there is to know of an image without a device. Sizes are
// in bytes.
type imageReport struct {
	File      string             `json:"file"`
	Digest    remote.Digest      `json:"digest"`
	Size      int                `json:"size"`
	Data      int                `json:"data"`
	Rodata    int                `json:"rodata"`
	Text      int                `json:"text"`
	Slots     int                `json:"slots"`
	Functions []imageFunction    `json:"functions"`
	Internal  []imageFunction    `json:"internal"` // functions that are not in the table, if a side file names them
	Objects   []objectSize       `json:"objects"`  // variables and constants, as far as a side file knows
	Helpers   []string           `json:"helpers"`
	Contract  *contract          `json:"contract"` // null: version 0
	Check     imageCheck         `json:"check"`
	Code      []imageInstruction `json:"code"`
}

// imageFunction is a function; Source is the file:line where it begins, if a
// side file knows.
type imageFunction struct {
	Name   string `json:"name"`
	Slot   int    `json:"slot"`
	Source string `json:"source,omitempty"`
}

type imageCheck struct {
	OK    bool         `json:"ok"`
	Fault remote.Fault `json:"fault"`
	Slot  int          `json:"slot"`
}

type imageInstruction struct {
	Slot int    `json:"slot"`
	Text string `json:"text"`
}

func newImageInspectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect IMAGE",
		Short: "Print what an image is made of",
		Long: `Prints an image's parts, functions and instructions, the helpers it calls, and
whether a device would load it. If its side file is beside it, it says where
functions are in the source, and which variables there are. The exit status is 3
if no device would load it.`,
		Example: `  femto image inspect fletcher32.bin`,
		Args:    exactArgs("the IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, img, err := readImage(cmd, args[0])
			if err != nil {
				return err
			}
			report, refused := inspectImage(args[0], raw, img, sideFile(args[0], raw))
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), "femto.image/1", report)
			} else {
				printImage(cmd.OutOrStdout(), report)
			}
			if err == nil && refused.Fault != vm.OK {
				err = unloadable(args[0], refused)
			}
			return err
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// inspectImage says what is known of an image; debug may be nil.
func inspectImage(file string, raw []byte, img *image.Image, debug *build.Debug) (*imageReport, vm.CheckError) {
	digest := sha256.Sum256(raw)
	need, refused := vm.Check(img.Text(), everyHelper())
	report := &imageReport{
		File: file, Digest: digest[:], Size: len(raw),
		Data: len(img.Data()), Rodata: len(img.Rodata()), Text: len(img.Text()), Slots: len(img.Text()) / 8,
		Functions: []imageFunction{}, Internal: []imageFunction{}, Objects: objectsOf(debug),
		Helpers: helperNames(&need.Helpers),
		Check:   imageCheck{OK: refused.Fault == vm.OK, Fault: remote.Fault(refused.Fault), Slot: refused.PC},
		Code:    []imageInstruction{},
	}
	program := symbols.Of(img, debug, "")
	source := func(slot int) string {
		if place, ok := program.Beginning(program.Function(slot)); ok {
			return fmt.Sprintf("%s:%d", place.File, place.Line)
		}
		return ""
	}
	for i := range img.Functions() {
		if f, ok := img.Function(i); ok {
			report.Functions = append(report.Functions, imageFunction{string(f.Name), f.Offset / 8, source(f.Offset / 8)})
		}
	}
	names := symbols.FunctionNames(debug)
	for _, slot := range slices.Sorted(maps.Keys(names)) {
		if !slices.ContainsFunc(report.Functions, func(f imageFunction) bool { return f.Slot == slot }) {
			report.Internal = append(report.Internal, imageFunction{names[slot], slot, source(slot)})
		}
	}
	report.Contract, _ = readContract(img)
	for _, line := range asm.Disassemble(img.Text()) {
		report.Code = append(report.Code, imageInstruction{line.Slot, line.Text})
	}
	return report, refused
}

// String is where a function is.
func (f imageFunction) String() string {
	text := fmt.Sprintf("%s at slot %d", printable(f.Name), f.Slot)
	if f.Source != "" {
		text += ", " + printable(f.Source)
	}
	return text
}

func printImage(w io.Writer, r *imageReport) {
	fmt.Fprintf(w, "%s  %s  %s\n", r.File, bytesText(r.Size), r.Digest)
	fmt.Fprintf(w, "  parts      header %d B, data %d B, rodata %d B, text %d B (%d slots), functions %d B\n",
		image.HeaderSize, r.Data, r.Rodata, r.Text, r.Slots, len(r.Functions)*image.FunctionSize)
	for _, f := range r.Functions {
		fmt.Fprintf(w, "  function   %s\n", f)
	}
	for _, f := range r.Internal {
		fmt.Fprintf(w, "  internal   %s\n", f)
	}
	for _, o := range r.Objects {
		fmt.Fprintf(w, "  object     %s at %s+%#x, %d B\n", printable(o.Name), o.Section, o.Offset, o.Size)
	}
	if len(r.Helpers) > 0 {
		fmt.Fprintf(w, "  helpers    %s\n", strings.Join(r.Helpers, " "))
	}
	if r.Contract != nil {
		fmt.Fprintf(w, "  contract   %s\n", r.Contract)
	}
	if r.Check.OK {
		fmt.Fprintln(w, "  check      ok")
	} else {
		fmt.Fprintf(w, "  check      refused: %v at slot %d\n", r.Check.Fault, r.Check.Slot)
	}
	for _, line := range r.Code {
		fmt.Fprintf(w, "%6d  %s\n", line.Slot, line.Text)
	}
}
