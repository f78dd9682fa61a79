package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
)

func newKVRmCommand() *cobra.Command {
	var f kvFlags
	cmd := &cobra.Command{
		Use:     "rm KEY",
		Aliases: []string{"remove"},
		Short:   "Take a key out of a store, by a signed command",
		Example: "  femto kv rm 1 --container event/limit --key alice.key",
		Args:    exactArgs("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := number(cmd, args[0])
			if err != nil {
				return err
			}
			return f.write(cmd, agent.VerbUnset, key)
		},
	}
	f.add(cmd)
	return cmd
}
