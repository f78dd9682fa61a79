package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCheckCommand() *cobra.Command {
	var asJSON, deep bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say whether devices would load this project, and what it takes",
		Long: `Builds the project if its sources have changed, makes the check that every device
makes, compares what the image takes with the budgets of femto.toml, and the
helpers that it calls with those granted there.

Then it follows all ways through the container, for every context that its hook
allows: how many instructions an activation takes at most, which accesses to memory
are safe, and which are certain to fault. What it cannot prove is left to the
device's check when it runs; --deep lists it, with the reason.

The exit status is 3 if no device would load it, a helper is not granted or a fault
is certain, 4 if a budget is exceeded.`,
		Example: `  femto check
  femto check --deep
  femto check --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := openProject()
			if err != nil {
				return err
			}
			b, err := p.Build(cmd.Context())
			if err != nil {
				return projectError(err)
			}
			report, list := p.Check(b)
			if report == nil {
				return list
			}
			found, certain := p.Deep(b)
			report.Deep, list = found, append(list, certain...)
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), "femto.check/1", report)
			} else {
				err = printReport(cmd.OutOrStdout(), p, report, deep)
			}
			switch {
			case err != nil:
				return err
			case len(list) > 0:
				return list
			case !asJSON:
				fmt.Fprintf(cmd.ErrOrStderr(), "%s: every device would load it\n", b.File)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&deep, "deep", false, "list what is left to run time, and why")
	addJSONFlag(cmd, &asJSON)
	return cmd
}
