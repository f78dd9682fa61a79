package remote

import (
	"context"
	"encoding/hex"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/client"
)

// An Entry is a pair of a store.
type Entry struct {
	Key   uint32 `json:"key"`
	Value uint32 `json:"value"`
}

// A Store is one of a device: the global one, a tenant's if Tenant is set, or a
// container's if Hook is.
type Store struct {
	Tenant    *[8]byte // identifier of one of his keys
	Hook      UUID
	Container string
}

// Entries asks for what a store holds.
func (d *Device) Entries(ctx context.Context, s Store) ([]Entry, error) {
	query := ""
	switch {
	case s.Tenant != nil:
		query = "k=" + hex.EncodeToString(s.Tenant[:])
	case s.Hook != UUID{}:
		query = "h=" + hex.EncodeToString(s.Hook[:]) + "&n=" + s.Container
	}
	var flat []uint32
	if err := d.get(ctx, "store", "/"+agent.PathStore, query, &flat); err != nil {
		return nil, err
	}
	entries := make([]Entry, len(flat)/2)
	for i := range entries {
		entries[i] = Entry{flat[2*i], flat[2*i+1]}
	}
	return entries, nil
}

// Trust asks for the trust store, as its owner signed it.
func (d *Device) Trust(ctx context.Context) ([]byte, error) {
	resp, err := d.Do(ctx, client.Request{Method: coap.GET, Path: "/" + agent.PathTrust})
	return resp.Body, err
}
