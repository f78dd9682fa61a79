package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
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

	// Source is file:line:column, if the side file is given and knows.
	Source string `json:"source,omitempty"`
}

var dialects = map[string]asm.Notation{"conformance": asm.Conformance, "kernel": asm.Kernel}

func newImageDisasmCommand() *cobra.Command {
	var dialect, debugFile string
	var withBytes, dot, asJSON bool
	cmd := &cobra.Command{
		Use:   "disasm IMAGE",
		Short: "Print an image as assembly source",
		Long: `Prints an image as source that image assemble turns into the same bytes:
sections, functions, labels, helpers by name, places in .data and .rodata. The
column of comments counts slots. --dialect is the notation of the kernel and of
LLVM ("r0 = 1"), or that of the public conformance suite ("mov %r0, 1").

--debug takes the image's side file and shows which line of the source the
instructions come from, and the line itself if the source lies beside the image.

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
			var debug *build.Debug
			if debugFile != "" {
				if debug, err = readDebug(debugFile, raw); err != nil {
					return err
				}
				options.Place = placeText(debug, filepath.Dir(args[0]))
			}
			switch {
			case asJSON:
				return writeJSON(cmd.OutOrStdout(), "femto.image.disasm/1", listImage(args[0], raw, img, dialect, options, debug))
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
	cmd.Flags().StringVar(&debugFile, "debug", "", "the image's side `FILE`, to show the source's lines")
	cmd.Flags().BoolVar(&dot, "dot", false, "print the control-flow graph")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func listImage(file string, raw []byte, img *image.Image, dialect string, options asm.Options, debug *build.Debug) *imageListing {
	digest := sha256.Sum256(raw)
	options.Functions, options.Data, options.Rodata = asm.FunctionsOf(img), img.Data(), img.Rodata()
	listing := &imageListing{File: file, Digest: digest[:], Dialect: dialect, Functions: []imageFunction{}, Code: []imageLine{}}
	for _, f := range options.Functions {
		listing.Functions = append(listing.Functions, imageFunction{Name: string(f.Name), Slot: f.Offset / 8})
	}
	for _, line := range asm.List(img.Text(), options) {
		at := line.Slot * 8
		source := ""
		if debug != nil {
			source = sourcePlace(debug, line.Slot)
		}
		listing.Code = append(listing.Code, imageLine{
			Source: source, Slot: line.Slot, Label: line.Label, Text: line.Text, Comment: line.Comment, Target: line.Target,
			Bytes: hex.EncodeToString(img.Text()[at : at+8*line.Slots()]),
		})
	}
	return listing
}

// readDebug reads the side file of the image raw.
func readDebug(file string, raw []byte) (*build.Debug, error) {
	content, err := readFile(file)
	if err != nil {
		return nil, err
	}
	debug, err := build.ParseDebug(content, raw)
	if err != nil {
		return nil, &commandError{exit: exitRejected, what: file + " is not the side file of this image", why: err.Error(), err: err}
	}
	return debug, nil
}

func sourcePlace(debug *build.Debug, slot int) string {
	place, ok := debug.Place(slot)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", place.File, place.Line, place.Column)
}

// placeText returns what to show before instructions: where they come from,
// and the line of the source if there is such a file in folder.
func placeText(debug *build.Debug, folder string) func(slot int) string {
	sources := map[string][]string{}
	return func(slot int) string {
		place, ok := debug.Place(slot)
		if !ok {
			return "no source"
		}
		text, read := sources[place.File]
		if !read && filepath.IsLocal(place.File) {
			content, _ := readFile(filepath.Join(folder, place.File)) // best effort
			text = strings.Split(string(content), "\n")
			sources[place.File] = text
		}
		shown := fmt.Sprintf("%s:%d", place.File, place.Line)
		if place.Line <= len(text) {
			shown += "  " + strings.TrimSpace(text[place.Line-1])
		}
		return printable(shown)
	}
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
