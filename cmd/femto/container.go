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

func newContainerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "container",
		Short: "Change the containers of a device",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newContainerRmCommand())
	return cmd
}

func newContainerRmCommand() *cobra.Command {
	var c connection
	var keyFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "rm HOOK[/NAME]",
		Aliases: []string{"remove"},
		Short:   "Take a container off a device, by a signed command",
		Example: `  femto container rm event -d coap://127.0.0.1:5683 --key alice.key`,
		Args:    exactArgs("HOOK[/NAME]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := loadPrivateKey(keyFile)
			if err != nil {
				return err
			}
			hook, name, _ := strings.Cut(args[0], "/")
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
			fmt.Fprintf(cmd.ErrOrStderr(), "removed %s (number %d)\n", args[0], report.Sequence)
			return nil
		},
	}
	c.addFlags(cmd)
	cmd.Flags().StringVar(&keyFile, "key", "tenant.key", "private key to sign with")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func removeContainer(ctx context.Context, device *remote.Device, key author.PrivateKey, hookName, name string) (*remote.Report, error) {
	info, err := device.Info(ctx)
	if err != nil {
		return nil, err
	}
	hook, err := (&deployment{hook: hookName}).fits(info)
	if err != nil {
		return nil, err
	}
	spent, err := device.Counter(ctx, key.Public().ID(), hook.UUID, name)
	if err != nil {
		return nil, err
	}
	payload, err := remote.CommandPayload(agent.VerbRemove, nextSequence(spent), hook.UUID, name)
	if err != nil {
		return nil, err
	}
	message, err := author.SignCommand(key, payload)
	if err != nil {
		return nil, err
	}
	return device.Command(ctx, message)
}
