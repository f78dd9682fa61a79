package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
)

// imageSizes is what takes how many bytes of an image.
type imageSizes struct {
	File      string         `json:"file"`
	Size      int            `json:"size"`
	Parts     []partSize     `json:"parts"`
	Functions []functionSize `json:"functions"`
}

type partSize struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

// functionSize is a function's part of the text. Functions that are only
// called locally have made-up names.
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
		Long: `Prints the bytes of an image by part and by function. Functions that are not in
the image's table, but called by others, are called f1, f2 and so on.`,
		Example: `  femto image size fletcher32.bin`,
		Args:    exactArgs("the IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, img, err := readImage(cmd, args[0])
			if err != nil {
				return err
			}
			sizes := measureImage(args[0], raw, img)
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.image.size/1", sizes)
			}
			return printSizes(cmd.OutOrStdout(), sizes)
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func measureImage(file string, raw []byte, img *image.Image) *imageSizes {
	sizes := &imageSizes{File: file, Size: len(raw), Functions: []functionSize{}, Parts: []partSize{
		{"header", image.HeaderSize}, {".data", len(img.Data())}, {".rodata", len(img.Rodata())}, {".text", len(img.Text())},
		{"functions", img.Functions() * image.FunctionSize}, {"contract", len(img.Contract())},
	}}
	for _, e := range asm.Extents(img.Text(), asm.Options{Functions: asm.FunctionsOf(img)}) {
		sizes.Functions = append(sizes.Functions, functionSize{
			Name: e.Name, Named: e.Named, Slot: e.Slot, Instructions: len(e.Lines), Size: 8 * e.Slots(),
		})
	}
	return sizes
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
	return table.Flush()
}
