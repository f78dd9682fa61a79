package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
)

func newManifestLintCommand() *cobra.Command {
	var keyFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint FILE",
		Short: "Say what is wrong with a manifest before a device does",
		Long: `Looks for what every device refuses ("refused"), what some devices refuse or
what is seldom meant ("warning"), and what could be better ("note"). The exit
status is 3 if something is refused, otherwise 0. It verifies no signature: see
femto manifest verify.`,
		Example: `  femto manifest lint app.suit --key alice.key.pub`,
		Args:    exactArgs("the manifest FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			envelope, err := readFile(args[0])
			if err != nil {
				return err
			}
			var key author.PublicKey
			if keyFile != "" {
				if key, err = loadPublicKey("--key", keyFile); err != nil {
					return err
				}
			}
			findings := author.Lint(envelope, key, uint64(time.Now().Unix()))
			refused := 0
			for _, f := range findings {
				if f.Level == author.Rejected {
					refused++
				}
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), "femto.manifest.lint/1", map[string]any{"findings": append([]author.Finding{}, findings...)})
			} else {
				t := newTable(cmd.OutOrStdout())
				for _, f := range findings {
					fmt.Fprintf(t, "%s\t%s\t%s\n", f.Level, printable(f.Where), printable(f.Text()))
				}
				err = t.Flush()
			}
			switch {
			case err != nil:
				return err
			case refused > 0:
				return &commandError{exit: exitRejected, what: "devices would refuse this manifest", where: args[0],
					why: fmt.Sprintf("%d of %s", refused, countText(len(findings), "finding")), try: []string{command("femto", "manifest", "show", args[0])}}
			case !asJSON:
				fmt.Fprintf(cmd.ErrOrStderr(), "%s, none of which makes every device refuse it\n", countText(len(findings), "finding"))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "public `KEY` of the signer, to look at too: a file or 64 hex digits")
	addJSONFlag(cmd, &asJSON)
	return cmd
}
