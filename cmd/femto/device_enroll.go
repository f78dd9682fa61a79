package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/remote"
)

func newDeviceEnrollCommand() *cobra.Command {
	var f ownerFlags
	var dev string
	var closed, signed bool
	cmd := &cobra.Command{
		Use:   "enroll",
		Short: "Become the owner of a device that has none",
		Long: `Makes the holder of --owner the owner of a device that waits for one, as a new
device does, and a simulated one with --enroll. It then trusts nobody else but
whom femto key trust names.

--dev adds a key for development, which is good for 30 days, for every hook and
helper; devices in production refuse it.

The owner may call it again to change --closed and --signed: --signed=false ends it.`,
		Example: "  femto key generate -o owner.key\n  femto device enroll --dev alice.key.pub -d " + exampleURI,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := f.change(cmd, func(info *remote.Info, store *author.Trust) error {
				if len(info.Trust.Owner) == 0 && info.Trust.Flags&agent.InfoEnrolls == 0 {
					return &commandError{exit: exitRefused, what: "the device takes no owner from the network",
						why: "it has none, and its firmware does not wait for one", try: []string{f.info()}}
				}
				setting := func(flag string, on bool, bit uint64) {
					if cmd.Flags().Changed(flag) {
						store.Flags &^= bit
					}
					if on {
						store.Flags |= bit
					}
				}
				setting("closed", closed, agent.TrustClosed)
				setting("signed", signed, agent.TrustSigned)
				if dev == "" {
					return nil
				}
				t, err := newTenant("--dev", dev, "")
				if err != nil {
					return err
				}
				t.Hooks.All, t.Helpers.All, t.Development, t.Until = true, true, 1, until(developmentTime)
				store.Revoke(t.Name)
				store.Tenants = append(store.Tenants, t)
				return nil
			})
			if err != nil {
				return err
			}
			return f.tell(cmd, result, "the device is yours")
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&dev, "dev", "", "public key `FILE` for development")
	cmd.Flags().BoolVar(&signed, "signed", false, "have hooks fired from the network by signed commands alone")
	cmd.Flags().BoolVar(&closed, "closed", false, "have nobody read from the device but tenants and the owner, with $FEMTO_READER")
	return cmd
}
