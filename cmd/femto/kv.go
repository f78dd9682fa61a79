package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

func newKVCommand() *cobra.Command {
	return newNoun("kv", "Read and write the stores of a device",
		newKVGetCommand(), newKVLsCommand(), newKVSetCommand(), newKVRmCommand())
}

// kvFlags say which store is meant, and how the device is reached.
type kvFlags struct {
	connection
	container string
	tenant    bool
	keyFile   string
	asJSON    bool
}

func (f *kvFlags) add(cmd *cobra.Command) {
	f.addFlags(cmd)
	cmd.Flags().StringVar(&f.container, "container", "", "the store of the container `HOOK[/NAME]`; else it is the global one")
	cmd.Flags().BoolVar(&f.tenant, "tenant", false, "the store of the tenant whose key --key is")
	addKeyFlag(cmd, &f.keyFile)
	addJSONFlag(cmd, &f.asJSON)
}

// place finds the store on a device: where to read it, and where to write.
func (f *kvFlags) place(ctx context.Context, cmd *cobra.Command, d *remote.Device) (s remote.Store, scope int, hook string, err error) {
	switch {
	case f.container != "" && f.tenant:
		return s, 0, "", usageError(cmd, errors.New("--container and --tenant exclude each other"))
	case f.tenant:
		key, err := loadPublicKey("--key", f.keyFile)
		if err != nil {
			return s, 0, "", err
		}
		id := [8]byte(key.ID())
		return remote.Store{Tenant: &id}, agent.ScopeTenant, "", nil
	case f.container == "":
		return s, agent.ScopeGlobal, "", nil
	}
	hook, name, err := splitContainer(cmd, f.container)
	if err != nil {
		return s, 0, "", err
	}
	info, err := d.Info(ctx)
	if err != nil {
		return s, 0, "", err
	}
	found, err := findHook(d, info, hook)
	if err != nil {
		return s, 0, "", err
	}
	return remote.Store{Hook: found.UUID, Container: name}, agent.ScopeLocal, hook, nil
}

// read asks for the entries of the store.
func (f *kvFlags) read(cmd *cobra.Command) (entries []remote.Entry, uri string, err error) {
	err = f.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
		uri = d.URI
		s, _, _, err := f.place(ctx, cmd, d)
		if err != nil {
			return err
		}
		entries, err = d.Entries(ctx, s)
		return f.explainStore(d, err)
	})
	return entries, uri, err
}

// write sends a signed command about the store.
func (f *kvFlags) write(cmd *cobra.Command, verb int, pair ...uint32) error {
	key, err := loadSigningKey(f.keyFile)
	if err != nil {
		return err
	}
	return f.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
		s, scope, hook, err := f.place(ctx, cmd, d)
		if err != nil {
			return err
		}
		arg := []uint32{uint32(scope)}
		report, err := sendCommand(ctx, d, key, &author.Command{Verb: verb, Name: s.Container, Arg: append(arg, pair...)}, hook)
		if err != nil {
			return err
		}
		if f.asJSON {
			return writeJSON(cmd.OutOrStdout(), "femto.kv."+cmd.Name()+"/1", map[string]any{"key": pair[0], "sequence": report.Sequence})
		}
		return nil
	})
}

// explainStore says what it means that there is no such store.
func (f *kvFlags) explainStore(d *remote.Device, err error) error {
	var status *client.StatusError
	switch {
	case err == nil || !errors.As(err, &status):
		return err
	case f.container != "":
		return noContainer(d, f.container)
	case f.tenant:
		return &commandError{exit: exitUntrusted, what: "the device trusts no tenant with this key", where: d.URI, why: f.keyFile,
			try: []string{command("femto", "device", "info", "-d", d.URI)}, err: err}
	}
	return err
}

// number reads a key or value: decimal, or hexadecimal after 0x.
func number(cmd *cobra.Command, text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 0, 32)
	if err != nil {
		return 0, usageError(cmd, fmt.Errorf("%q is not a number from 0 to 4294967295", text))
	}
	return uint32(n), nil
}
