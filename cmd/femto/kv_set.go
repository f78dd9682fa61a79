package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
)

func newKVSetCommand() *cobra.Command {
	var f kvFlags
	cmd := &cobra.Command{
		Use:   "set KEY VALUE",
		Short: "Store a value under a key, by a signed command",
		Long: `Stores a value under a key. A tenant's key may write to the stores of its
containers and to the tenant's own; the owner's to any container's and to the
global one.`,
		Example: "  femto kv set 1 42 --container event/limit --key alice.key\n  femto kv set 1 0x2a --key owner.key",
		Args:    exactArgs("KEY", "VALUE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := number(cmd, args[0])
			if err != nil {
				return err
			}
			value, err := number(cmd, args[1])
			if err != nil {
				return err
			}
			return f.write(cmd, agent.VerbSet, key, value)
		},
	}
	f.add(cmd)
	return cmd
}
