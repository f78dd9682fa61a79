package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
)

func newManifestShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Print a manifest with a line for each element",
		Long: `Prints the envelope in FILE with a line for each of its elements. It verifies
nothing: see femto manifest verify.`,
		Example: `  femto manifest show update.suit`,
		Args:    exactArgs("the manifest FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			envelope, err := readFile(args[0])
			if err != nil {
				return err
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
	addJSONFlag(cmd, &asJSON)
	return cmd
}
