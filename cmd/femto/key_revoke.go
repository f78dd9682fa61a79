package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/remote"
)

func newKeyRevokeCommand() *cobra.Command {
	var f ownerFlags
	cmd := &cobra.Command{
		Use:   "revoke TENANT",
		Short: "Have a device trust a tenant no more",
		Long: `Takes a tenant out of the trust store of a device; the device's owner signs. What
the tenant has installed ends at once, and its numbers are forgotten.`,
		Example: "  femto key revoke bob --owner owner.key -d " + exampleURI,
		Args:    exactArgs("TENANT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			result, err := f.change(cmd, func(_ *remote.Info, store *author.Trust) error {
				if _, err := findTenant(store, args[0]); err != nil {
					return err
				}
				store.Revoke(args[0])
				return nil
			})
			if err != nil {
				return err
			}
			return f.tell(cmd, result, "revoked "+args[0])
		},
	}
	f.add(cmd)
	return cmd
}
