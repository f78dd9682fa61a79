package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newKVLsCommand() *cobra.Command {
	var f kvFlags
	cmd := &cobra.Command{
		Use:     "ls",
		Short:   "List the keys of a store and their values",
		Example: "  femto kv ls -d " + exampleURI + "\n  femto kv ls --container event/limit",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			entries, _, err := f.read(cmd)
			if err != nil {
				return err
			}
			if f.asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.kv.ls/1", map[string]any{"entries": entries})
			}
			if len(entries) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "the store is empty")
				return nil
			}
			t := newTable(cmd.OutOrStdout())
			fmt.Fprintln(t, "KEY\tVALUE")
			for _, e := range entries {
				fmt.Fprintf(t, "%d\t%d\n", e.Key, e.Value)
			}
			return t.Flush()
		},
	}
	f.add(cmd)
	return cmd
}
