package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
)

func newManifestShowCommand() *cobra.Command {
	return &cobra.Command{
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
			if err := author.Show(cmd.OutOrStdout(), envelope); err != nil {
				return &commandError{exit: exitRejected, what: args[0] + " is not a SUIT envelope", why: err.Error(), err: err}
			}
			return nil
		},
	}
}
