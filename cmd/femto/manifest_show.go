package main

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
)

func newManifestShowCommand() *cobra.Command {
	var asJSON, source bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Print a manifest with a line for each element",
		Long: `Prints the envelope in FILE with a line for each of its elements. It verifies
nothing: see femto manifest verify. With --source it prints the description of
which femto manifest create makes the same manifest.`,
		Example: `  femto manifest show update.suit`,
		Args:    exactArgs("the manifest FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			envelope, err := readFile(args[0])
			if err != nil {
				return err
			}
			if source {
				return printSource(cmd, args[0])
			}
			if asJSON {
				elements, serr := author.Elements(envelope)
				if serr == nil {
					return writeJSON(cmd.OutOrStdout(), "femto.manifest/1", map[string]any{"elements": elements})
				}
				err = serr
			} else {
				err = author.Show(cmd.OutOrStdout(), envelope)
			}
			if err != nil {
				return &commandError{exit: exitRejected, what: args[0] + " is not a SUIT envelope", why: strings.TrimPrefix(err.Error(), "show envelope: "), err: err}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&source, "source", false, "print JSON for femto manifest create --from")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printSource(cmd *cobra.Command, file string) error {
	_, parts, err := openManifest(file)
	if err != nil {
		return err
	}
	description, err := author.Describe(parts)
	if err != nil {
		return &commandError{exit: exitRejected, what: "this manifest has no description", where: file, why: err.Error(), err: err}
	}
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(description)
}
