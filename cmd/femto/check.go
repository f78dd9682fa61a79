package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/project"
)

// A deepReport is what an analysis of all paths through a container found: it
// prints itself for people, and is a JSON document for scripts.
type deepReport interface {
	Print(w io.Writer)
}

// deepCheck analyses a project's image, if this femto can. What it is certain
// of, such as a fault on every path, is in the list.
var deepCheck func(p *project.Project, b *project.Built) (deepReport, diagnose.List)

func newCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say whether devices would load this project, and what it takes",
		Long: `Builds the project if its sources have changed, makes the check that every device
makes, compares what the image takes with the budgets of femto.toml, and the
helpers that it calls with those granted there. The exit status is 3 if no device
would load it or a helper is not granted, 4 if a budget is exceeded.`,
		Example: `  femto check
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
			var deep deepReport
			if deepCheck != nil {
				var found diagnose.List
				deep, found = deepCheck(p, b)
				report.Deep, list = deep, append(list, found...)
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), "femto.check/1", report)
			} else if err = printReport(cmd.OutOrStdout(), p, report); err == nil && deep != nil {
				deep.Print(cmd.OutOrStdout())
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
	addJSONFlag(cmd, &asJSON)
	return cmd
}
