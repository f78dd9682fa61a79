package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/sdk/go/femtotest"
)

func newCheckCommand() *cobra.Command {
	var asJSON, deep bool
	var hook string
	cmd := &cobra.Command{
		Use:   "check [FOLDER | FILE]",
		Short: "Say whether devices would load this project, and what it takes",
		Long: `Builds the project if its sources have changed, makes the check that every device
makes, compares what the image takes with the budgets of femto.toml, and the
helpers that it calls with those granted there.

Then it follows all ways through the container, for every context that its hook
allows: how many instructions an activation takes at most, which accesses to memory
are safe, and which are certain to fault. What it cannot prove is left to the
device's check when it runs; --deep lists it, with the reason.

FOLDER is a project elsewhere. FILE is an image, or a source outside a project (.c,
.rs, .o, .s), which is compiled first; --hook says on which hook it shall run, unless
the image does.

The exit status is 3 if no device would load it, a helper is not granted or a fault
is certain, 4 if a budget is exceeded.`,
		Example: `  femto check
  femto check --deep
  femto check --json
  femto check fletcher32.c --hook event`,
		Args: optionalArg("the FOLDER or FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := projectIn(args)
			if err != nil {
				return err
			}
			var b *project.Built
			switch {
			case p == nil:
				p, b, err = checkable(cmd, args[0], hook)
			case hook != "":
				err = usageError(cmd, errors.New("--hook is for FILE: a project says its own"))
			default:
				b, err = p.Build(cmd.Context())
			}
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
				if note := p.Endless(report.Deep); note != nil {
					printLines(cmd.ErrOrStderr(), note.Note())
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s: every device would load it\n", b.File)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&deep, "deep", false, "list what is left to run time, and why")
	cmd.Flags().StringVar(&hook, "hook", "", "standard hook on which FILE shall run, such as timer")
	completeFrom(cmd, "hook", femtotest.Hooks())
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// checkable is a file as if it was the image of a project that grants and limits
// nothing.
func checkable(cmd *cobra.Command, file, hook string) (*project.Project, *project.Built, error) {
	if hook != "" && !slices.Contains(femtotest.Hooks(), hook) {
		return nil, nil, usageError(cmd, fmt.Errorf("--hook %s: the standard hooks are %s", hook, strings.Join(femtotest.Hooks(), ", ")))
	}
	opened, _, err := readProgram(cmd, file)
	if err != nil {
		return nil, nil, err
	}
	says := contractOf(opened.Bytes)
	p := &project.Project{Dir: opened.Dir, Config: &project.Config{}}
	p.Config.Container.LongRunning = says.LongRunning
	p.Config.Budget.Instructions = int(says.Budget)
	p.Config.Stores = project.Stores{Local: says.Local, Tenant: says.Tenant, Global: says.Global}
	return p, &project.Built{Image: opened.Bytes, File: file, Debug: opened.Debug, Hook: hook}, nil
}
