package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/remote"
)

// imageListing is a disassembled image.
type imageListing struct {
	File      string          `json:"file"`
	Digest    remote.Digest   `json:"digest"`
	Dialect   string          `json:"dialect"`
	Functions []imageFunction `json:"functions"`
	Code      []imageLine     `json:"code"`
}

// imageLine is an instruction; Target is the slot that it jumps to or calls,
// -1 if none.
type imageLine struct {
	Slot    int    `json:"slot"`
	Label   string `json:"label"`
	Text    string `json:"text"`
	Bytes   string `json:"bytes"`
	Comment string `json:"comment"`
	Target  int    `json:"target"`
}

var dialects = map[string]asm.Notation{"conformance": asm.Conformance, "kernel": asm.Kernel}

func newImageDisasmCommand() *cobra.Command {
	var dialect string
	var withBytes, dot, asJSON bool
	cmd := &cobra.Command{
		Use:   "disasm IMAGE",
		Short: "Print an image as assembly source",
		Long: `Prints an image as source that image assemble turns into the same bytes:
sections, functions, labels, helpers by name, places in .data and .rodata. The
column of comments counts slots. --dialect is the notation of the kernel and of
LLVM ("r0 = 1"), or that of the public conformance suite ("mov %r0, 1").

--dot prints the control-flow graph instead, in the language of Graphviz.`,
		Example: `  femto image disasm fletcher32.bin --bytes
  femto image disasm fletcher32.bin --dot`,
		Args: exactArgs("the IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			notation, known := dialects[dialect]
			if !known {
				return usageError(cmd, fmt.Errorf("--dialect %s: must be kernel or conformance", dialect))
			}
			if dot && (asJSON || withBytes) {
				return usageError(cmd, errors.New("--dot excludes --json and --bytes"))
			}
			raw, img, err := readImage(cmd, args[0])
			if err != nil {
				return err
			}
			options := asm.Options{Notation: notation, Helpers: helperNumbers()}
			switch {
			case asJSON:
				return writeJSON(cmd.OutOrStdout(), "femto.image.disasm/1", listImage(args[0], raw, img, dialect, options))
			case dot:
				options.Functions = asm.FunctionsOf(img)
				return asm.WriteDOT(cmd.OutOrStdout(), args[0], asm.Graph(asm.List(img.Text(), options)))
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), asm.ImageSource(img, options, withBytes))
			return err
		},
	}
	cmd.Flags().StringVar(&dialect, "dialect", "kernel", "`NOTATION` of instructions: kernel or conformance")
	cmd.Flags().BoolVar(&withBytes, "bytes", false, "show the bytes of each instruction")
	cmd.Flags().BoolVar(&dot, "dot", false, "print the control-flow graph")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func listImage(file string, raw []byte, img *image.Image, dialect string, options asm.Options) *imageListing {
	digest := sha256.Sum256(raw)
	options.Functions, options.Data, options.Rodata = asm.FunctionsOf(img), img.Data(), img.Rodata()
	listing := &imageListing{File: file, Digest: digest[:], Dialect: dialect, Functions: []imageFunction{}, Code: []imageLine{}}
	for _, f := range options.Functions {
		listing.Functions = append(listing.Functions, imageFunction{Name: string(f.Name), Slot: f.Offset / 8})
	}
	for _, line := range asm.List(img.Text(), options) {
		at := line.Slot * 8
		listing.Code = append(listing.Code, imageLine{
			Slot: line.Slot, Label: line.Label, Text: line.Text, Comment: line.Comment, Target: line.Target,
			Bytes: hex.EncodeToString(img.Text()[at : at+8*line.Slots()]),
		})
	}
	return listing
}

// helperNumbers is helperName the other way round.
func helperNumbers() map[string]int32 {
	numbers := map[string]int32{}
	for n := range 256 {
		if name := helperName(n); !strings.HasPrefix(name, "0x") {
			numbers[name] = int32(n)
		}
	}
	return numbers
}
