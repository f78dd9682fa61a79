package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newKVGetCommand() *cobra.Command {
	var f kvFlags
	cmd := &cobra.Command{
		Use:     "get KEY",
		Short:   "Print the value of a key",
		Example: "  femto kv get 1 -d " + exampleURI + "\n  femto kv get 1 --container event/limit",
		Args:    exactArgs("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := number(cmd, args[0])
			if err != nil {
				return err
			}
			entries, uri, err := f.read(cmd)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if e.Key != key {
					continue
				}
				if f.asJSON {
					return writeJSON(cmd.OutOrStdout(), "femto.kv.get/1", e)
				}
				fmt.Fprintln(cmd.OutOrStdout(), e.Value)
				return nil
			}
			return &commandError{exit: exitFailure, what: fmt.Sprintf("the store has no key %d", key), where: uri,
				try: []string{command("femto", "kv", "ls", "-d", uri)}}
		},
	}
	f.add(cmd)
	return cmd
}
