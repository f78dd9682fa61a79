package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

// ownerFlags are how an owner reaches a device.
type ownerFlags struct {
	connection
	owner  string
	asJSON bool
}

func (f *ownerFlags) add(cmd *cobra.Command) {
	f.addFlags(cmd)
	key := os.Getenv("FEMTO_OWNER")
	if key == "" {
		key = "owner.key"
	}
	cmd.Flags().StringVar(&f.owner, "owner", key, "private key `FILE` of the device's owner; or $FEMTO_OWNER")
	addJSONFlag(cmd, &f.asJSON)
}

// trusted is what changed on a device.
type trusted struct {
	Sequence uint64   `json:"sequence"`
	Tenants  []string `json:"tenants"`
}

// change has the owner change the trust store of a device.
func (f *ownerFlags) change(cmd *cobra.Command, edit func(info *remote.Info, t *author.Trust) error) (*trusted, error) {
	key, err := loadSigningKey(f.owner)
	if err != nil {
		return nil, err
	}
	result := &trusted{Tenants: []string{}}
	err = f.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
		info, err := d.Info(ctx)
		if err != nil {
			return err
		}
		id := key.Public().ID()
		if len(info.Trust.Owner) > 0 && info.Trust.Owner.String() != id.String() {
			return &commandError{exit: exitUntrusted, what: "the device has another owner", where: d.URI,
				why: fmt.Sprintf("its owner's key is %s; %s is %s", info.Trust.Owner, f.owner, id), try: []string{f.info()}}
		}
		store, err := readTrust(ctx, d)
		if err != nil {
			return err
		}
		if store == nil {
			store = &author.Trust{}
		}
		store.Owner = key.Public().Raw()
		if err := edit(info, store); err != nil {
			return err
		}
		if err := verifiable(d.URI, info, store); err != nil {
			return err
		}
		for i := range store.Tenants {
			result.Tenants = append(result.Tenants, store.Tenants[i].Name)
		}
		for _, t := range info.Tenants {
			if !slices.Contains(result.Tenants, t.Name) && !f.asJSON {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s is trusted no more: what it installed ends\n", t.Name)
			}
		}
		message, err := store.Sign(key, nextSequence(info.Trust.Number), uuid.UUID(info.Device))
		if err != nil {
			return err
		}
		if len(message) > info.Envelope {
			return &commandError{exit: exitMismatch, what: "the trust store is too long for the device", where: d.URI,
				why: fmt.Sprintf("it has %d bytes, the device takes %d", len(message), info.Envelope)}
		}
		report, err := d.Command(ctx, message)
		if err != nil {
			return err
		}
		result.Sequence = report.Sequence
		return nil
	})
	return result, err
}

// verifiable refuses a trust store with keys that the device cannot verify with.
func verifiable(uri string, info *remote.Info, store *author.Trust) error {
	if info.Trust.Flags&agent.InfoP256 != 0 {
		return nil
	}
	whose := map[string][]byte{"the owner": store.Owner}
	for i := range store.Tenants {
		for _, key := range store.Tenants[i].Keys {
			if len(key) != ed25519.PublicKeySize {
				whose[store.Tenants[i].Name] = key
			}
		}
	}
	for name, key := range whose {
		if public, err := author.ParseRaw(key); err == nil && len(key) != ed25519.PublicKeySize {
			return &commandError{exit: exitMismatch, what: "the device does not verify with the key of " + name, where: uri,
				why: "it verifies Ed25519 only; the key is of " + public.Kind(), try: []string{"femto key generate -o another.key"}}
		}
	}
	return nil
}

// readTrust asks for the trust store of a device, nil if it has none yet.
func readTrust(ctx context.Context, d *remote.Device) (*author.Trust, error) {
	message, err := d.Trust(ctx)
	var status *client.StatusError
	switch {
	case errors.As(err, &status) && status.Code == coap.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return author.ParseTrust(message)
}

// tell says how a change ended.
func (f *ownerFlags) tell(cmd *cobra.Command, result *trusted, done string) error {
	if f.asJSON {
		schema := "femto." + strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), "femto "), " ", ".") + "/1"
		return writeJSON(cmd.OutOrStdout(), schema, result)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s (sequence %d)\n", done, result.Sequence)
	return nil
}

// findTenant finds a tenant of a trust store by name.
func findTenant(t *author.Trust, name string) (*author.Tenant, error) {
	if tenant := t.Find(name); tenant != nil {
		return tenant, nil
	}
	var names []string
	for i := range t.Tenants {
		names = append(names, t.Tenants[i].Name)
	}
	return nil, &commandError{exit: exitMismatch, what: fmt.Sprintf("the device's trust store has no tenant %q", name),
		why: "it has " + dash(strings.Join(names, ", "))}
}

// developmentTime is how long a key for development is good.
const developmentTime = 30 * 24 * time.Hour

// until is the highest number of who is trusted for a time from now.
func until(span time.Duration) uint64 {
	if span == 0 {
		return 0
	}
	return nextSequence(0) + uint64(span/time.Second)
}

// newTenant is who holds a public key, trusted with nothing yet.
func newTenant(flag, file, name string) (author.Tenant, error) {
	public, err := loadGivenKey(flag, file)
	if err != nil {
		return author.Tenant{}, err
	}
	raw := public.Raw()
	if raw == nil {
		return author.Tenant{}, wrongKind(file, public)
	}
	if name == "" {
		name = tenantName(file)
	}
	if len(name) > maxName {
		return author.Tenant{}, &commandError{exit: exitUsage, what: fmt.Sprintf("the name %q is longer than %d bytes", name, maxName), where: file}
	}
	return author.Tenant{Name: name, Keys: [][]byte{raw}}, nil
}
