package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	var output string
	cmd := &cobra.Command{
		Use:   "build [FOLDER | SOURCE...]",
		Short: "Make the image of this project, or of some sources",
		Long: `Compiles and links the sources that femto.toml names, and prints where the image
is. Nothing is done if nothing has changed since femto.lock was written. The same
sources and compiler give the same bytes. The exit status is 4 if the image takes
more than femto.toml allows.

FOLDER is a project elsewhere. With SOURCE, no project is needed: C, Rust, objects
(.o), or one file of assembly (.s), such as what was written for comparable systems.
Warnings are let pass there.`,
		Example: `  femto build
  femto build --locked      # in continuous integration
  femto build average.c -o average.bin`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, sources []string) error {
			p, err := projectIn(sources)
			if err != nil {
				return err
			}
			if p == nil {
				if locked {
					return usageError(cmd, errors.New("--locked is for projects"))
				}
				return buildOutside(cmd, sources, output, asJSON)
			}
			if output != "" {
				return usageError(cmd, errors.New("-o is for SOURCE: the image of a project has its place"))
			}
			if locked {
				if err := buildLocked(cmd, p); err != nil {
					return err
				}
			}
			b, err := buildProject(cmd, p)
			if err == nil {
				err = withinBudget(p, b)
			}
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
	cmd.Flags().StringVarP(&output, "output", "o", "", "`FILE` for the image of SOURCE; its name with .bin if not given")
	cmd.Flags().BoolVar(&locked, "locked", false, "compile anew, and refuse an image other than that of femto.lock")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// buildOutside makes an image of sources that belong to no project.
func buildOutside(cmd *cobra.Command, sources []string, output string, asJSON bool) error {
	for _, file := range sources {
		if info, err := os.Stat(file); err == nil && (info.IsDir() || !isSource(file)) {
			return usageError(cmd, fmt.Errorf("%s is no source: those are .c, .rs, .o and .s", file))
		}
	}
	made, err := buildSources(cmd, sources...)
	if err != nil {
		return err
	}
	raw := made.Bytes
	if output == "" {
		output = strings.TrimSuffix(sources[0], filepath.Ext(sources[0])) + ".bin"
	}
	if err := os.WriteFile(output, raw, 0o644); err != nil {
		return err
	}
	if asJSON {
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(raw))
		return writeJSON(cmd.OutOrStdout(), "femto.build/1", buildReport{Image: output, Digest: digest, Made: true})
	}
	fmt.Fprintln(cmd.OutOrStdout(), output)
	fmt.Fprintf(cmd.ErrOrStderr(), "built: %s\n", bytesText(len(raw)))
	return nil
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
