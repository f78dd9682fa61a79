package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/asm"
)

func newImageAssembleCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "assemble SOURCE",
		Short: "Make an image of assembly source",
		Long: `Makes an image of a file in assembly language, as image disasm prints it: the
notation of the kernel and of LLVM, or that of the public conformance suite, line
by line. Sections are .text, .rodata and .data; .globl puts a function into the
image's table; helpers are called by name or number.`,
		Example: `  femto image assemble app.s -o app.bin`,
		Args:    exactArgs("the SOURCE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := readFile(args[0])
			if err != nil {
				return err
			}
			object, err := asm.Source{Name: args[0], Text: string(source), Helpers: helperNumbers()}.Assemble()
			if err != nil {
				return sourceError(args[0], err)
			}
			raw, err := object.Image()
			if err != nil {
				return &commandError{exit: exitRejected, what: args[0] + " does not make an image", why: err.Error(), err: err}
			}
			if output == "" {
				output = strings.TrimSuffix(args[0], filepath.Ext(args[0])) + ".bin"
			}
			if output == args[0] {
				return usageError(cmd, fmt.Errorf("--output %s would overwrite the source", output))
			}
			if err := os.WriteFile(output, raw, 0o644); err != nil {
				return &commandError{exit: exitFailure, what: "cannot write " + output, why: reason(err), err: err}
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", printable(output), bytesText(len(raw)))
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "`FILE` to write; SOURCE with the extension .bin if not given")
	return cmd
}

// sourceError says what the assembler did not understand: the first line in
// full, the others as lines of the reason.
func sourceError(file string, err error) error {
	e := &commandError{exit: exitRejected, what: file + " cannot be assembled", err: err}
	var first *asm.Error
	if !errors.As(err, &first) {
		e.why = err.Error()
		return e
	}
	e.where = first.Where() + ": " + first.Text
	e.why = first.Why
	if others := strings.Count(err.Error(), "\n"); others > 0 {
		e.why = fmt.Sprintf("%s (and %d more)", e.why, others)
	}
	return e
}
