package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

func newDeviceTrustCommand() *cobra.Command {
	var c connection
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "trust",
		Short:   "Print a device's trust store: whom its owner trusts with what",
		Example: "  femto device trust -d " + exampleURI,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
				info, err := d.Info(ctx)
				if err != nil {
					return err
				}
				store, err := readTrust(ctx, d)
				if err != nil {
					return err
				}
				if store == nil {
					store = &author.Trust{}
					if !asJSON {
						fmt.Fprintln(cmd.ErrOrStderr(), "no trust store: the device trusts whom it was made to (femto device info)")
						return nil
					}
				}
				view := viewTrust(info, store)
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), "femto.device.trust/1", view)
				}
				printTrust(cmd.OutOrStdout(), view)
				return nil
			})
		},
	}
	c.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// trustView is a trust store with names for what it has numbers of.
type trustView struct {
	Owner    string       `json:"owner"` // key identifier
	Sequence uint64       `json:"sequence"`
	Closed   bool         `json:"closed"`
	Signed   bool         `json:"signed"` // hooks are fired by signed commands alone
	Tenants  []tenantView `json:"tenants"`
}

type tenantView struct {
	Name          string   `json:"name"`
	KeyIDs        []string `json:"key_ids"`
	Hooks         []string `json:"hooks"`   // "*": every one
	Helpers       []string `json:"helpers"` // "*": every one
	Budget        uint32   `json:"budget"`
	Rate          uint32   `json:"rate"`
	Containers    uint8    `json:"containers"`
	Memory        uint16   `json:"memory"`
	Entries       uint16   `json:"entries"`
	TenantEntries uint16   `json:"tenant_entries"`
	GlobalEntries uint16   `json:"global_entries"`
	AllEntries    uint16   `json:"all_entries"`
	Flash         uint32   `json:"flash"`
	Trial         uint16   `json:"trial_s"`
	Confirm       bool     `json:"confirm"`
	Until         uint64   `json:"until"`
	Development   bool     `json:"development"`
}

func viewTrust(info *remote.Info, store *author.Trust) *trustView {
	v := &trustView{Owner: info.Trust.Owner.String(), Sequence: info.Trust.Number,
		Closed: store.Flags&agent.TrustClosed != 0, Signed: store.Flags&agent.TrustSigned != 0, Tenants: []tenantView{}}
	for i := range store.Tenants {
		t := &store.Tenants[i]
		view := tenantView{Name: t.Name, KeyIDs: []string{}, Hooks: []string{}, Helpers: []string{}, Budget: t.Budget, Rate: t.Rate,
			Containers: t.Containers, Memory: t.Memory, Entries: t.Local, TenantEntries: t.Store,
			GlobalEntries: t.Global, AllEntries: t.Entries, Flash: t.Flash, Trial: t.Trial,
			Confirm: t.Confirm != 0, Until: t.Until, Development: t.Development != 0}
		for _, key := range t.Keys {
			if public, err := author.ParseRaw(key); err == nil {
				view.KeyIDs = append(view.KeyIDs, public.ID().String())
			}
		}
		if t.Hooks.All {
			view.Hooks = append(view.Hooks, "*")
		}
		for _, id := range t.Hooks.List {
			view.Hooks = append(view.Hooks, hookName(info, id))
		}
		if t.Helpers.All {
			view.Helpers = append(view.Helpers, "*")
		}
		for _, n := range t.Helpers.List {
			view.Helpers = append(view.Helpers, grantedHelper(n))
		}
		v.Tenants = append(v.Tenants, view)
	}
	return v
}

func hookName(info *remote.Info, id []byte) string {
	for _, h := range info.Hooks {
		if string(h.UUID[:]) == string(id) {
			return h.Name
		}
	}
	return fmt.Sprintf("%x", id)
}

func grantedHelper(n uint8) string {
	for i := range helpers.Standard {
		if helpers.Standard[i].Number == n {
			return helpers.Standard[i].Name
		}
	}
	return fmt.Sprintf("%#x", n)
}

func printTrust(w io.Writer, v *trustView) {
	t := newTable(w)
	fmt.Fprintf(t, "owner\t%s, sequence %d\n", v.Owner, v.Sequence)
	reading := "open to everybody"
	if v.Closed {
		reading = "closed but to tenants and the owner"
	}
	fmt.Fprintf(t, "reading\t%s\n", reading)
	if v.Signed {
		fmt.Fprintf(t, "firing\tby signed commands alone\n")
	}
	for _, tenant := range v.Tenants {
		fmt.Fprintf(t, "tenant\t%s, key %s\n", tenant.Name, strings.Join(tenant.KeyIDs, " and "))
		fmt.Fprintf(t, "\thooks %s; helpers %s\n", list(tenant.Hooks), list(tenant.Helpers))
		var limits []string
		for _, limit := range []struct {
			n    uint32
			what string
		}{
			{tenant.Budget, "instructions per activation"}, {tenant.Rate, "instructions per second"}, {uint32(tenant.Containers), "containers"},
			{uint32(tenant.Memory), "B of memory"}, {uint32(tenant.Entries), "entries per store"},
			{uint32(tenant.TenantEntries), "entries of the tenant"}, {uint32(tenant.GlobalEntries), "global entries"},
			{uint32(tenant.AllEntries), "entries in all"}, {tenant.Flash, "B of images"}, {uint32(tenant.Trial), "s of trial"},
		} {
			if limit.n > 0 {
				limits = append(limits, fmt.Sprintf("%d %s", limit.n, limit.what))
			}
		}
		if len(limits) > 0 {
			fmt.Fprintf(t, "\t%s\n", strings.Join(limits, ", "))
		}
		if tenant.Until > 0 {
			fmt.Fprintf(t, "\tuntil %s\n", time.Unix(int64(tenant.Until), 0).UTC().Format(time.DateOnly))
		}
	}
	t.Flush()
}

func list(names []string) string {
	switch {
	case len(names) == 0:
		return "none"
	case names[0] == "*":
		return "all"
	}
	return strings.Join(names, ", ")
}
