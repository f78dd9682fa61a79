package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/remote"
)

func newKeyTrustCommand() *cobra.Command {
	var f ownerFlags
	var t author.Tenant
	var name, hooks, names string
	var trial, span time.Duration
	var confirm, development bool
	cmd := &cobra.Command{
		Use:   "trust FILE",
		Short: "Have a device trust a tenant's key, and say with what",
		Long: `Adds the holder of a public key to the trust store of a device, or changes what he
is trusted with; the device's owner signs. Without --hooks and --helpers that is
every hook and every helper. Of containers, memory and entries of stores a tenant
has an equal share unless these are given; another limit that is not given is none.

A tenant is called what its key's file is called. Numbers that were signed before
now are taken as spent, so that nothing comes back that a tenant with this key
had installed when he was trusted before.`,
		Example: "  femto key trust alice.key.pub --owner owner.key -d " + exampleURI + "\n" +
			"  femto key trust bob.key.pub --hooks timer --budget 2000 --trial 60s",
		Args: exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			tenant, err := newTenant("FILE", args[0], name)
			if err != nil {
				return err
			}
			t.Name, t.Keys = tenant.Name, tenant.Keys
			if t.Helpers, err = helperSet(names); err != nil {
				return err
			}
			if trial%time.Second != 0 || trial < 0 || trial/time.Second > 65535 {
				return usageError(cmd, fmt.Errorf("--trial %v: whole seconds up to 65535s", trial))
			}
			t.Trial = uint16(trial / time.Second)
			if confirm {
				t.Confirm = 1
			}
			if development {
				t.Development = 1
				if span == 0 {
					span = developmentTime
				}
			}
			t.Until = until(span)
			result, err := f.change(cmd, func(info *remote.Info, store *author.Trust) error {
				if t.Hooks, err = hookSet(info, hooks); err != nil {
					return err
				}
				if old := store.Find(t.Name); old != nil {
					t.ID, t.Spent = old.ID, old.Spent
					*old = t
					return nil
				}
				known := slices.ContainsFunc(info.Tenants, func(r remote.Tenant) bool { return r.Name == t.Name })
				if !known {
					t.Spent = nextSequence(0) - 1
				}
				store.Tenants = append(store.Tenants, t)
				return nil
			})
			if err != nil {
				return err
			}
			return f.tell(cmd, result, "the device trusts "+t.Name)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "what to call the tenant; else what FILE is called")
	flags.StringVar(&hooks, "hooks", "", "`HOOK,HOOK`: he may use these only")
	flags.StringVar(&names, "helpers", "", "`HELPER,HELPER`: his containers may call these only; none is possible")
	flags.Uint32Var(&t.Budget, "budget", 0, "instructions per activation")
	flags.Uint32Var(&t.Rate, "rate", 0, "instructions per second of all his containers")
	flags.Uint8Var(&t.Containers, "containers", 0, "how many containers he may have")
	flags.Uint16Var(&t.Memory, "memory", 0, "bytes of memory for all his containers")
	flags.Uint32Var(&t.Flash, "flash", 0, "bytes of the images of all his containers")
	flags.Uint16Var(&t.Entries, "all-entries", 0, "entries of all his stores together")
	flags.Uint16Var(&t.Local, "entries", 0, "entries in the store of a container")
	flags.Uint16Var(&t.Store, "tenant-entries", 0, "entries in the tenant's store")
	flags.Uint16Var(&t.Global, "global-entries", 0, "entries that his containers add to the global store")
	flags.Uint8Var(&t.Counters, "counters", 0, "how many containers he may ever name")
	flags.DurationVar(&trial, "trial", 0, "how long a new version has to prove itself before the old one is given up")
	flags.BoolVar(&confirm, "confirm", false, "a new version has to be confirmed: to behave is not enough")
	flags.DurationVar(&span, "for", 0, "how long from now he is trusted; else without an end")
	flags.BoolVar(&development, "development", false, "a key for development: for 30 days, and not on devices in production")
	return cmd
}

// hookSet reads names of a device's hooks.
func hookSet(info *remote.Info, names string) (s author.Some[[]byte], err error) {
	if names == "" {
		s.All = true
		return s, nil
	}
	for _, name := range strings.Split(names, ",") {
		i := slices.IndexFunc(info.Hooks, func(h remote.Hook) bool { return h.Name == name })
		if i < 0 {
			return s, &commandError{exit: exitMismatch, what: fmt.Sprintf("the device has no hook %q", name)}
		}
		s.List = append(s.List, info.Hooks[i].UUID[:])
	}
	return s, nil
}

// helperSet reads names of helpers.
func helperSet(names string) (s author.Some[uint8], err error) {
	switch names {
	case "":
		s.All = true
		return s, nil
	case "none":
		return s, nil
	}
	for _, name := range strings.Split(names, ",") {
		found := false
		for i := range helpers.Standard {
			if helpers.Standard[i].Name == name {
				s.List, found = append(s.List, helpers.Standard[i].Number), true
			}
		}
		if !found {
			return s, &commandError{exit: exitUsage, what: fmt.Sprintf("--helpers: there is no helper %q", name),
				try: []string{"femto key trust --help"}}
		}
	}
	slices.Sort(s.List)
	return s, nil
}
