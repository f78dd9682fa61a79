package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

func newContainerRmCommand() *cobra.Command {
	var c connection
	var keyFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "rm HOOK[/NAME]",
		Aliases: []string{"remove"},
		Short:   "Take a container off a device, by a signed command",
		Example: "  femto container rm event -d " + exampleURI + " --key alice.key\n" +
			"  femto container rm event/limit",
		Args: exactArgs("HOOK[/NAME]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			hook, name, err := splitContainer(cmd, args[0])
			if err != nil {
				return err
			}
			key, err := loadSigningKey(keyFile)
			if err != nil {
				return err
			}
			var report *remote.Report
			err = c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) (err error) {
				report, err = removeContainer(ctx, d, key, hook, name)
				return err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.container.rm/1", map[string]any{
					"hook": hook, "name": name, "sequence": report.Sequence,
				})
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "removed %s (sequence %d)\n", args[0], report.Sequence)
			return nil
		},
	}
	c.addFlags(cmd)
	addKeyFlag(cmd, &keyFile)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// removeContainer has a device take a container off a hook.
func removeContainer(ctx context.Context, device *remote.Device, key author.PrivateKey, hookName, name string) (*remote.Report, error) {
	return sendCommand(ctx, device, key, &author.Command{Verb: agent.VerbRemove, Name: name}, hookName)
}

// maxName is the longest name of a container, in bytes.
const maxName = 16

// checkName refuses what no device takes as a container's name.
func checkName(cmd *cobra.Command, name string) error {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r)) {
			return usageError(cmd, fmt.Errorf("container name %q: only a-z A-Z 0-9 - _ . are allowed", name))
		}
	}
	if len(name) > maxName {
		return usageError(cmd, fmt.Errorf("container name %q: longer than %d", name, maxName))
	}
	return nil
}
