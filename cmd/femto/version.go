package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
)

// version is of the command and of the device code in it.
const version = "0.1.0-dev"

func newVersionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this build",
		Example: `  femto version --json`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			commit := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, setting := range info.Settings {
					if setting.Key == "vcs.revision" {
						commit = setting.Value
					}
				}
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.version/1", map[string]any{
					"version": version, "commit": commit, "go": runtime.Version(),
					"platform": runtime.GOOS + "/" + runtime.GOARCH, "wire": agent.WireVersion,
				})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "femto %s (%s, %s/%s, commit %s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, commit)
			return nil
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}
