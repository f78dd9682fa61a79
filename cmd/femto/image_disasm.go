package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/symbols"
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
	var withBytes, dot, svg, asJSON bool
	cmd := &cobra.Command{
		Use:   "disasm IMAGE",
		Short: "Print an image as assembly source",
		Long: `Prints an image as source that image assemble turns into the same bytes:
sections, functions, labels, helpers by name, places in .data and .rodata. The
column of comments counts slots. --dialect is the notation of the kernel and of
LLVM ("r0 = 1"), or that of the public conformance suite ("mov %r0, 1").

The image's side file, which femto build writes beside it, says which lines of the
source the instructions come from, and what functions and variables are called;
--debug names another. The lines themselves are shown if the source is found.

--dot prints the control-flow graph instead, in the language of Graphviz; --svg
prints it as a picture, for which Graphviz has to be installed.`,
		Example: `  femto image disasm fletcher32.bin --bytes
  femto image disasm fletcher32.bin --svg`,
		Args: exactArgs("the IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			notation, known := dialects[dialect]
			if !known {
				return usageError(cmd, fmt.Errorf("--dialect %s: must be kernel or conformance", dialect))
			}
			if (dot || svg) && (asJSON || withBytes) || dot && svg {
				return usageError(cmd, errors.New("--dot and --svg exclude each other, --json and --bytes"))
			}
			raw, img, err := readImage(cmd, args[0])
			if err != nil {
				return err
			}
			debug := sideFile(args[0], raw)
			if debugFile != "" {
				if debug, err = readDebug(debugFile, raw); err != nil {
					return err
				}
			}
			options := listingOptions(notation, debug, args[0])
			switch {
			case asJSON:
				return writeJSON(cmd.OutOrStdout(), "femto.image.disasm/1", listImage(args[0], raw, img, dialect, options, debug))
			case dot:
				return writeGraph(cmd.OutOrStdout(), args[0], img, options)
			case svg:
				return drawGraph(cmd, args[0], img, options)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), asm.ImageSource(img, options, withBytes))
			return err
		},
	}
	cmd.Flags().StringVar(&dialect, "dialect", "kernel", "`NOTATION` of instructions: kernel or conformance")
	cmd.Flags().BoolVar(&withBytes, "bytes", false, "show the bytes of each instruction")
	cmd.Flags().StringVar(&debugFile, "debug", "", "the image's side `FILE`, if it is not beside it")
	cmd.Flags().BoolVar(&dot, "dot", false, "print the control-flow graph for Graphviz")
	cmd.Flags().BoolVar(&svg, "svg", false, "print the control-flow graph as a picture")
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

// listingOptions are for a listing of an image, with what its side file knows;
// debug may be nil.
func listingOptions(notation asm.Notation, debug *build.Debug, imageFile string) asm.Options {
	o := asm.Options{Notation: notation, Helpers: helperNumbers(), Names: symbols.FunctionNames(debug)}
	if debug == nil {
		return o
	}
	o.Symbol = func(section string, offset int) string { return symbols.SymbolAt(debug, section, offset) }
	o.Place = placeText(debug, &symbols.Sources{Folders: foldersOf(imageFile)})
	return o
}

// placeText returns what to show before instructions: where they come from,
// and the line of the source if it is found.
func placeText(debug *build.Debug, sources *symbols.Sources) func(slot int) string {
	return func(slot int) string {
		place, ok := debug.Place(slot)
		if !ok {
			return "no source"
		}
		shown := fmt.Sprintf("%s:%d", place.File, place.Line)
		if text := strings.TrimSpace(sources.Line(place.File, place.Line)); text != "" {
			shown += "  " + text
		}
		return printable(shown)
	}
}

func writeGraph(w io.Writer, name string, img *image.Image, options asm.Options) error {
	options.Functions, options.Data, options.Rodata = asm.FunctionsOf(img), img.Data(), img.Rodata()
	return asm.WriteDOT(w, name, asm.Graph(asm.List(img.Text(), options)), options)
}

// drawGraph has Graphviz draw the graph.
func drawGraph(cmd *cobra.Command, name string, img *image.Image, options asm.Options) error {
	tool, err := exec.LookPath("dot")
	if err != nil {
		return &commandError{exit: exitTools, what: "the graph cannot be drawn here", why: "Graphviz, the program dot, is not installed; on Debian: apt-get install graphviz",
			try: []string{command("femto", "image", "disasm", name, "--dot")}, err: err}
	}
	var graph, out, said bytes.Buffer
	if err := writeGraph(&graph, name, img, options); err != nil {
		return err
	}
	draw := exec.CommandContext(cmd.Context(), tool, "-Tsvg")
	draw.Stdin, draw.Stdout, draw.Stderr = &graph, &out, &said
	if err := draw.Run(); err != nil {
		return &commandError{exit: exitFailure, what: "dot does not draw the graph", why: firstWords(said.String()), err: err}
	}
	_, err = out.WriteTo(cmd.OutOrStdout())
	return err
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
