package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/sim"
)

// contract is what an image of version 1 says it needs.
type contract struct {
	Name        string   `json:"name"`
	Hook        string   `json:"hook"` // its name if it is a standard one, else its UUID; empty: any
	Helpers     []string `json:"helpers"`
	Stack       int      `json:"stack"`  // bytes; 0: what the device has
	Budget      int      `json:"budget"` // instructions; 0: what the device allows
	Local       int      `json:"local"`  // entries of stores
	Tenant      int      `json:"tenant"`
	Global      int      `json:"global"`
	LongRunning bool     `json:"long_running"`

	hook *remote.UUID
}

// readContract returns the contract of an image, nil if it is of version 0.
func readContract(img *image.Image) (*contract, image.Error) {
	raw := img.Contract()
	if raw == nil {
		return nil, image.OK
	}
	var c image.Contract
	if refused := image.ParseContract(raw, &c); refused != image.OK {
		return nil, refused
	}
	r := &contract{
		Name: string(c.Name), Helpers: helperNames(&c.Helpers), Stack: int(c.Stack), Budget: int(c.Budget),
		Local: int(c.Entries[0]), Tenant: int(c.Entries[1]), Global: int(c.Entries[2]), LongRunning: c.Flags&image.LongRunning != 0,
	}
	if c.Hook != nil {
		id := remote.UUID(c.Hook)
		r.hook, r.Hook = &id, standardHook(id)
	}
	return r, image.OK
}

// standardHook is the name of a standard hook, or the UUID.
func standardHook(id remote.UUID) string {
	for _, h := range sim.Hooks() {
		if h.UUID == id {
			return h.Name
		}
	}
	return uuid.UUID(id).String()
}

// String is the contract in a line, without its name.
func (c *contract) String() string {
	var parts []string
	if c.Hook != "" {
		parts = append(parts, "hook "+c.Hook)
	}
	for _, need := range []struct {
		n    int
		what string
	}{
		{c.Stack, "%d B of stack"}, {c.Budget, "%d instructions"},
		{c.Local, "%d local entries"}, {c.Tenant, "%d of the tenant's"}, {c.Global, "%d global"},
	} {
		if need.n > 0 {
			parts = append(parts, fmt.Sprintf(need.what, need.n))
		}
	}
	if c.LongRunning {
		parts = append(parts, "long-running")
	}
	if len(parts) == 0 {
		return "asks for nothing"
	}
	return strings.Join(parts, ", ")
}

// heed takes from the contract what no flag says: hook and name.
func (d *deployment) heed(file string, raw []byte) error {
	img, refused := image.Parse(raw)
	if refused == image.OK {
		d.contract, refused = readContract(&img)
	}
	if refused != image.OK {
		return &commandError{exit: exitRejected, what: file + " is not a container image", why: refused.Error(), err: refused}
	}
	if d.contract == nil {
		return nil
	}
	if d.hook == "" {
		d.hook = d.contract.Hook
	}
	if d.name == "" {
		d.name = d.contract.Name
	}
	return nil
}

// meets refuses a hook that the image is not for.
func (c *contract) meets(device *remote.Device, hook *remote.Hook) error {
	if c == nil || c.hook == nil || *c.hook == hook.UUID {
		return nil
	}
	return &commandError{exit: exitMismatch, what: "the image is for another hook than " + hook.Name, where: device.URI,
		why: "its contract names the hook " + c.Hook, try: []string{command("femto", "device", "info", "-d", device.URI)}}
}

// hookOf finds a hook by the name or UUID that the contract has.
func (d *deployment) hookOf(device *remote.Device, info *remote.Info) (*remote.Hook, error) {
	if d.contract != nil && d.contract.hook != nil && d.hook == d.contract.Hook {
		i := slices.IndexFunc(info.Hooks, func(h remote.Hook) bool { return h.UUID == *d.contract.hook })
		if i >= 0 {
			d.hook = info.Hooks[i].Name
			return &info.Hooks[i], nil
		}
	}
	hook, err := findHook(device, info, d.hook)
	if err == nil {
		err = d.contract.meets(device, hook)
	}
	return hook, err
}
