package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/symbols"
)

// imageDiff is how one image differs from another.
type imageDiff struct {
	Same      bool             `json:"same"`
	From      diffSide         `json:"from"`
	To        diffSide         `json:"to"`
	Parts     []partChange     `json:"parts"`
	Functions []functionChange `json:"functions"`
}

type diffSide struct {
	File   string        `json:"file"`
	Digest remote.Digest `json:"digest"`
	Size   int           `json:"size"`
}

// partChange is a part other than the text that is not the same.
type partChange struct {
	Name string `json:"name"`
	From int    `json:"from"`
	To   int    `json:"to"`
}

// functionChange is what became of a function; sizes are in bytes. Lines begin
// with a space, '-' or '+'.
type functionChange struct {
	Name   string   `json:"name"`
	Change string   `json:"change"` // same, changed, added or removed
	From   int      `json:"from"`
	To     int      `json:"to"`
	Lines  []string `json:"lines"`
}

// maxDiff bounds the lines of functions that are compared line by line: the
// work grows with the square.
const maxDiff = 3000

func newImageDiffCommand() *cobra.Command {
	var dialect string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff IMAGE IMAGE",
		Short: "Print how an image differs from another, by function",
		Long: `Prints what became of each part and each function on the way from the first
image to the second. A function that only moved is the same. Side files beside
the images name the functions that are not in their tables. The exit status is 0
whether they differ or not.`,
		Example: `  femto image diff old.bin new.bin`,
		Args:    exactArgs("the first IMAGE file", "the second IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			notation, known := dialects[dialect]
			if !known {
				return usageError(cmd, fmt.Errorf("--dialect %s: must be kernel or conformance", dialect))
			}
			rawA, a, err := readImage(cmd, args[0])
			if err != nil {
				return err
			}
			rawB, b, err := readImage(cmd, args[1])
			if err != nil {
				return err
			}
			diff := compareImages(a, b, sideFile(args[0], rawA), sideFile(args[1], rawB), notation)
			diff.Same = bytes.Equal(rawA, rawB)
			diff.From, diff.To = sideOf(args[0], rawA), sideOf(args[1], rawB)
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.image.diff/1", diff)
			}
			printDiff(cmd.OutOrStdout(), diff)
			return nil
		},
	}
	cmd.Flags().StringVar(&dialect, "dialect", "kernel", "`NOTATION` of instructions: kernel or conformance")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func sideOf(file string, raw []byte) diffSide {
	digest := sha256.Sum256(raw)
	return diffSide{File: file, Digest: digest[:], Size: len(raw)}
}

// compareImages compares two images, which may have side files.
func compareImages(a, b *image.Image, debugA, debugB *build.Debug, notation asm.Notation) *imageDiff {
	diff := &imageDiff{Parts: []partChange{}, Functions: []functionChange{}}
	for _, part := range []struct {
		name string
		a, b []byte
	}{
		{".data", a.Data(), b.Data()}, {".rodata", a.Rodata(), b.Rodata()}, {"contract", a.Contract(), b.Contract()},
	} {
		if !bytes.Equal(part.a, part.b) {
			diff.Parts = append(diff.Parts, partChange{part.name, len(part.a), len(part.b)})
		}
	}
	extents := func(img *image.Image, debug *build.Debug) []asm.Extent {
		return asm.Extents(img.Text(), asm.Options{Notation: notation, Functions: asm.FunctionsOf(img), Helpers: helperNumbers(), Names: symbols.FunctionNames(debug)})
	}
	before, after := extents(a, debugA), extents(b, debugB)
	find := func(list []asm.Extent, name string) *asm.Extent {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
		return nil
	}
	for i := range before {
		old := &before[i]
		diff.Functions = append(diff.Functions, compareFunctions(old, find(after, old.Name)))
	}
	for i := range after {
		if find(before, after[i].Name) == nil {
			diff.Functions = append(diff.Functions, compareFunctions(nil, &after[i]))
		}
	}
	return diff
}

// compareFunctions compares two functions of the same name, of which one may
// be missing.
func compareFunctions(old, new *asm.Extent) functionChange {
	none := &asm.Extent{}
	change := functionChange{Change: "same", Lines: []string{}}
	switch {
	case old == nil:
		old, change.Change = none, "added"
	case new == nil:
		new, change.Change = none, "removed"
	}
	change.Name = old.Name + new.Name
	if change.Change == "same" {
		change.Name = old.Name
	}
	change.From, change.To = 8*old.Slots(), 8*new.Slots()
	if len(old.Lines) > maxDiff || len(new.Lines) > maxDiff {
		change.Lines = append(change.Lines, " (too long to compare line by line)")
		return change
	}
	differ := false
	for _, edit := range asm.Diff(old.Lines, new.Lines) {
		change.Lines = append(change.Lines, string(edit.Kind)+edit.Text)
		differ = differ || edit.Kind != ' '
	}
	if !differ {
		change.Lines = []string{}
	} else if change.Change == "same" {
		change.Change = "changed"
	}
	return change
}

func printDiff(w io.Writer, d *imageDiff) {
	fmt.Fprintf(w, "- %s  %s  %s\n+ %s  %s  %s\n", printable(d.From.File), bytesText(d.From.Size), d.From.Digest,
		printable(d.To.File), bytesText(d.To.Size), d.To.Digest)
	if d.Same {
		fmt.Fprintln(w, "the same image")
		return
	}
	for _, p := range d.Parts {
		fmt.Fprintf(w, "%s: %d B to %d B\n", p.Name, p.From, p.To)
	}
	for _, f := range d.Functions {
		switch f.Change {
		case "same":
			fmt.Fprintf(w, "%s: the same, %d B\n", printable(f.Name), f.From)
			continue
		case "changed":
			fmt.Fprintf(w, "%s: %d B to %d B\n", printable(f.Name), f.From, f.To)
		default:
			fmt.Fprintf(w, "%s: %s, %d B\n", printable(f.Name), f.Change, f.From+f.To)
		}
		for _, line := range f.Lines {
			fmt.Fprintf(w, "  %s  %s\n", line[:1], line[1:])
		}
	}
}
