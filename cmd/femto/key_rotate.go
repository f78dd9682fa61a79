package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/remote"
)

func newKeyRotateCommand() *cobra.Command {
	var f ownerFlags
	var retire bool
	cmd := &cobra.Command{
		Use:   "rotate TENANT FILE | rotate TENANT --retire",
		Short: "Change a tenant's key on a device",
		Long: `Gives a tenant a second key, in FILE; both are good from then on. When everybody
signs with the new one, --retire ends the old one. Containers and numbers stay.
The device's owner signs.`,
		Example: "  femto key rotate alice alice2.key.pub -d " + exampleURI + "\n  femto key rotate alice --retire",
		Args: func(cmd *cobra.Command, args []string) error {
			if retire {
				return exactArgs("TENANT")(cmd, args)
			}
			return exactArgs("TENANT", "FILE or --retire")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var next []byte
			done := "retired the old key of "
			if !retire {
				tenant, err := newTenant("FILE", args[1], args[0])
				if err != nil {
					return err
				}
				next, done = tenant.Keys[0], "added a key of "
			}
			result, err := f.change(cmd, func(_ *remote.Info, store *author.Trust) error {
				tenant, err := findTenant(store, args[0])
				if err != nil || !retire {
					if err == nil {
						tenant.Rotate(next)
					}
					return err
				}
				if err := tenant.Retire(); err != nil {
					return &commandError{exit: exitUsage, what: err.Error(), err: err}
				}
				return nil
			})
			if err != nil {
				return err
			}
			return f.tell(cmd, result, done+args[0])
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&retire, "retire", false, "end the older key")
	return cmd
}
