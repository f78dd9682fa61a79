package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/symbols"
)

// imageSizes is what takes how many bytes of an image.
type imageSizes struct {
	File      string         `json:"file"`
	Size      int            `json:"size"`
	Parts     []partSize     `json:"parts"`
	Functions []functionSize `json:"functions"`
	Objects   []objectSize   `json:"objects"` // as far as the side file knows
}

type partSize struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

// objectSize is a variable's part of .data, or a constant's of .rodata.
type objectSize struct {
	Name    string `json:"name"`
	Section string `json:"section"`
	Offset  int    `json:"offset"`
	Size    int    `json:"size"`
}

// functionSize is a function's part of the text. Functions that are only
// called locally have made-up names if no side file knows theirs.
type functionSize struct {
	Name         string `json:"name"`
	Named        bool   `json:"named"`
	Slot         int    `json:"slot"`
	Instructions int    `json:"instructions"`
	Size         int    `json:"size"`
}

func newImageSizeCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "size IMAGE",
		Short: "Print what takes how many bytes of an image",
		Long: `Prints the bytes of an image by part and by function, and by variable and constant
as far as its side file is beside it. Functions that are not in the image's table,
but called by others, are called f1, f2 and so on if the side file does not know.`,
		Example: `  femto image size fletcher32.bin`,
		Args:    exactArgs("the IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, img, err := readImage(cmd, args[0])
			if err != nil {
				return err
			}
			sizes := measureImage(args[0], raw, img, sideFile(args[0], raw))
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.image.size/1", sizes)
			}
			return printSizes(cmd.OutOrStdout(), sizes)
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func measureImage(file string, raw []byte, img *image.Image, debug *build.Debug) *imageSizes {
	sizes := &imageSizes{File: file, Size: len(raw), Functions: []functionSize{}, Objects: objectsOf(debug), Parts: []partSize{
		{"header", image.HeaderSize}, {".data", len(img.Data())}, {".rodata", len(img.Rodata())}, {".text", len(img.Text())},
		{"functions", img.Functions() * image.FunctionSize}, {"contract", len(img.Contract())},
	}}
	for _, e := range asm.Extents(img.Text(), asm.Options{Functions: asm.FunctionsOf(img), Names: symbols.FunctionNames(debug)}) {
		sizes.Functions = append(sizes.Functions, functionSize{
			Name: e.Name, Named: e.Named, Slot: e.Slot, Instructions: len(e.Lines), Size: 8 * e.Slots(),
		})
	}
	return sizes
}

// objectsOf lists what a side file knows of .data and .rodata. debug may be nil.
func objectsOf(debug *build.Debug) []objectSize {
	list := []objectSize{}
	if debug == nil {
		return list
	}
	for _, s := range debug.Symbols {
		if s.Section != ".text" {
			list = append(list, objectSize{s.Name, s.Section, s.Offset, s.Size})
		}
	}
	slices.SortStableFunc(list, func(a, b objectSize) int {
		return cmp.Or(cmp.Compare(a.Section, b.Section), cmp.Compare(a.Offset, b.Offset))
	})
	return list
}

func printSizes(w io.Writer, s *imageSizes) error {
	table := newTable(w)
	fmt.Fprintf(table, "PART\tBYTES\tSHARE\n")
	for _, p := range s.Parts {
		fmt.Fprintf(table, "%s\t%d\t%d %%\n", p.Name, p.Size, (100*p.Size+s.Size/2)/s.Size)
	}
	fmt.Fprintf(table, "total\t%d\n\nFUNCTION\tBYTES\tINSTRUCTIONS\n", s.Size)
	for _, f := range s.Functions {
		fmt.Fprintf(table, "%s\t%d\t%d\n", printable(f.Name), f.Size, f.Instructions)
	}
	if len(s.Objects) > 0 {
		fmt.Fprintf(table, "\nOBJECT\tBYTES\tPART\n")
	}
	for _, o := range s.Objects {
		fmt.Fprintf(table, "%s\t%d\t%s\n", printable(o.Name), o.Size, o.Section)
	}
	return table.Flush()
}
