package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

// listedHook is a hook and who is on it.
type listedHook struct {
	remote.Hook
	Containers []string `json:"containers"`

	told []string // Containers, with what keeps them from running
}

func newHookLsCommand() *cobra.Command {
	var c connection
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List a device's hooks and what runs on them",
		Long: `Prints a line for each hook of a device: who fires it, and its containers in the
order in which they run. A container takes its place behind the others when it is
first installed, and keeps it when it is stopped, started, replaced or rolled back,
and when the device restarts.`,
		Example: "  femto hook ls -d " + exampleURI,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
				info, err := d.Info(ctx)
				if err != nil {
					return err
				}
				list, err := d.List(ctx)
				if err != nil {
					return err
				}
				hooks := []listedHook{}
				for _, hook := range info.Hooks {
					h := listedHook{Hook: hook, Containers: []string{}}
					for _, c := range list {
						if c.Hook == hook.Name && c.State != remote.State(agent.StateInstalled) {
							h.Containers = append(h.Containers, dash(c.Name))
							h.told = append(h.told, dash(c.Name)+idle(c.State))
						}
					}
					hooks = append(hooks, h)
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), "femto.hook.list/1", map[string]any{"hooks": hooks})
				}
				t := newTable(cmd.OutOrStdout())
				fmt.Fprintln(t, "HOOK\tFIRED BY\tCONTAINERS\tUUID")
				for _, h := range hooks {
					by := "the device"
					if h.Remote {
						by = "anyone"
					}
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", h.Name, by, dash(strings.Join(h.told, " ")), h.UUID)
				}
				return t.Flush()
			})
		},
	}
	c.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// idle says why a container of a hook does not run when that fires.
func idle(s remote.State) string {
	if s == remote.State(agent.StateStopped) || s == remote.State(agent.StateFaulted) {
		return "(" + s.String() + ")"
	}
	return ""
}
