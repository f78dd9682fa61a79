package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/project"
)

// buildReport is what a build made.
type buildReport struct {
	Name   string `json:"name"`
	Image  string `json:"image"` // file
	Digest string `json:"digest"`
	Hook   string `json:"hook"`
	Made   bool   `json:"made"` // false: it was there already
	*project.Report
}

func newBuildCommand() *cobra.Command {
	var locked, asJSON bool
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Make the image of this project",
		Long: `Compiles and links the sources that femto.toml names, and prints where the image
is. Nothing is done if nothing has changed since femto.lock was written. The same
sources and compiler give the same bytes. The exit status is 4 if the image takes
more than femto.toml allows.`,
		Example: `  femto build
  femto build --locked      # in continuous integration`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := openProject()
			if err != nil {
				return err
			}
			if locked {
				if err := buildLocked(cmd, p); err != nil {
					return err
				}
			}
			b, err := buildProject(cmd, p)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.build/1", buildReport{
					p.Config.Container.Name, b.File, b.Digest, b.Hook, b.Made, b.report,
				})
			}
			fmt.Fprintln(cmd.OutOrStdout(), b.File)
			how := "unchanged"
			if b.Made {
				how = "built"
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", how, usesText(b.report))
			return nil
		},
	}
	cmd.Flags().BoolVar(&locked, "locked", false, "compile anew, and refuse an image other than that of femto.lock")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// buildLocked makes the image anew and wants it to be the one that femto.lock
// records.
func buildLocked(cmd *cobra.Command, p *project.Project) error {
	want, err := p.Lock()
	if err != nil {
		return diagnose.List{{Code: diagnose.LockDiffers, What: "there is no " + project.LockFile + " to compare with", Where: p.Dir,
			Why: reason(err), Try: []string{"femto build"}, Err: err}}
	}
	differs, err := p.Locked(cmd.Context(), want)
	if err != nil {
		return projectError(err)
	}
	if differs != "" {
		return diagnose.List{{Code: diagnose.LockDiffers, What: "this build is not the one that " + project.LockFile + " records", Where: p.Dir,
			Why: differs, Try: []string{"femto build"}}}
	}
	return nil
}
