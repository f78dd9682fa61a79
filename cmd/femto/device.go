package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/sim"
)

func newDeviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "device",
		Short: "Run a simulated device, ask a device about itself",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDeviceRunCommand(), newDeviceInfoCommand())
	return cmd
}

// connection is how a command reaches a device.
type connection struct {
	uri       string
	blockSize int
	timeout   time.Duration
}

func (c *connection) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&c.uri, "device", "d", os.Getenv("FEMTO_DEVICE"), "address of the device, coap://host[:port] (or $FEMTO_DEVICE)")
	f.IntVar(&c.blockSize, "block-size", client.DefaultBlockSize, "largest CoAP block in bytes: 16, 32 … 1024")
	f.DurationVar(&c.timeout, "timeout", 30*time.Second, "how long the whole command may take")
}

// with runs do with the device.
func (c *connection) with(cmd *cobra.Command, options client.Options, do func(context.Context, *remote.Device) error) error {
	if c.uri == "" {
		return &commandError{
			exit: exitUsage, what: "no device named", why: "neither --device nor $FEMTO_DEVICE says which one",
			try: []string{cmd.CommandPath() + " -d coap://127.0.0.1:5683", "femto device run"},
		}
	}
	if c.timeout <= 0 {
		return usageError(cmd, errors.New("--timeout must be above 0"))
	}
	if !slices.Contains([]int{16, 32, 64, 128, 256, 512, 1024}, c.blockSize) {
		return usageError(cmd, fmt.Errorf("--block-size %d: must be 16, 32, 64, 128, 256, 512 or 1024", c.blockSize))
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), c.timeout)
	defer cancel()
	options.BlockSize = c.blockSize
	device, err := remote.Open(ctx, c.uri, options)
	if err == nil {
		defer device.Close()
		err = do(ctx, device)
	} else if !errors.Is(err, client.ErrUnreachable) {
		return &commandError{exit: exitUsage, what: "not the address of a device", where: c.uri, why: err.Error(),
			try: []string{cmd.CommandPath() + " -d coap://127.0.0.1:5683"}, err: err}
	}
	return c.explain(cmd, err)
}

// explain puts what a device or the way to it did wrong into words.
func (c *connection) explain(cmd *cobra.Command, err error) error {
	var known *commandError
	var refused *remote.RefusedError
	var status *client.StatusError
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case cmd.Context().Err() != nil:
		return cmd.Context().Err()
	case errors.As(err, &refused):
		return refusalError(c.uri, refused)
	case errors.Is(err, context.DeadlineExceeded):
		return &commandError{exit: exitTimeout, what: "no answer in time", where: c.uri, why: fmt.Sprintf("--timeout is %v", c.timeout),
			try: []string{"femto device info -d " + c.uri + " --timeout 90s"}, err: err}
	case errors.Is(err, client.ErrUnreachable):
		return &commandError{exit: exitUnreachable, what: "the device does not answer", where: c.uri, why: err.Error(),
			try: []string{"femto device run --listen " + strings.TrimPrefix(c.uri, "coap://")}, err: err}
	case errors.As(err, &status):
		return &commandError{exit: exitRefused, what: "the device refused", where: c.uri, why: status.Error(), err: err}
	}
	return &commandError{exit: exitFailure, what: "talking with the device failed", where: c.uri, why: err.Error(), err: err}
}

// refusalError puts a device's report into words.
func refusalError(uri string, refused *remote.RefusedError) error {
	r := refused.Report
	e := &commandError{
		exit: exitRefused, what: refused.Error(), where: uri, err: refused,
	}
	switch {
	case r.Stage.String() == "auth" || r.Stage.String() == "digest":
		e.exit = exitUntrusted
		e.why = "no tenant whom the device trusts has signed these bytes"
		e.try = []string{"femto device info -d " + uri}
	case r.Detail == agent.DetailCounter:
		e.why = fmt.Sprintf("the device has accepted number %d for this component and never goes back", r.Sequence)
		e.try = []string{"femto ps -d " + uri}
	case r.Detail == agent.DetailAgent && agent.Error(r.Code) == agent.ErrFull:
		e.why = "every place for a container is taken"
		e.try = []string{"femto ps -d " + uri}
	}
	return e
}

func newDeviceRunCommand() *cobra.Command {
	var listen, flash string
	var trust []string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a simulated device until Ctrl-C",
		Long: `Runs a simulated device: the code that microcontrollers run, with a UDP socket,
a file as flash and this machine's clock around it. It prints its address on
standard output and what its containers print on standard error.

Each --trust names a tenant's public key file, as made by femto key generate. By
default a tenant may use every hook; "FILE=event,timer" allows only those.`,
		Example: `  femto key generate -o alice.key
  femto device run --trust alice.key.pub`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tenants, err := loadTenants(trust)
			if err != nil {
				return err
			}
			stderr := cmd.ErrOrStderr()
			device, err := sim.Open(sim.Config{
				Listen: listen, Flash: flash, Tenants: tenants, Version: version,
				Log: func(container, line string) { fmt.Fprintf(stderr, "[%s] %s\n", container, line) },
			})
			if err != nil {
				return &commandError{exit: exitFailure, what: "the device cannot start", why: err.Error(),
					try: []string{"femto device run --listen 127.0.0.1:0 --flash another.flash"}, err: err}
			}
			defer device.Close()
			fmt.Fprintln(cmd.OutOrStdout(), device.URI())
			printTenants(stderr, tenants, flash)
			return device.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:5683", "UDP address to answer on; port 0 picks a free one")
	f.StringVar(&flash, "flash", "device.flash", "file that is the device's flash; made if absent")
	f.StringArrayVar(&trust, "trust", nil, "public key of a tenant, FILE or FILE=hook,hook; repeatable")
	return cmd
}

func printTenants(w io.Writer, tenants []agent.Tenant, flash string) {
	if len(tenants) == 0 {
		fmt.Fprintln(w, "no tenant is trusted: this device will refuse every manifest (see --trust)")
	}
	for i := range tenants {
		fmt.Fprintf(w, "trusts %s\n", tenants[i].Name)
	}
	fmt.Fprintf(w, "flash is %s; Ctrl-C ends\n", flash)
}

// loadTenants reads what --trust names.
func loadTenants(trust []string) ([]agent.Tenant, error) {
	var tenants []agent.Tenant
	for _, arg := range trust {
		file, hooks, limited := arg, "", false
		if _, err := os.Stat(file); err != nil {
			file, hooks, limited = cutLast(arg, "=")
		}
		public, err := author.LoadPublic(file)
		if err != nil {
			return nil, &commandError{exit: exitUsage, what: "--trust names no public key", where: file, why: err.Error(),
				try: []string{"femto key generate -o alice.key"}, err: err}
		}
		raw, ok := public.Ed25519()
		if !ok {
			return nil, &commandError{exit: exitUsage, what: "--trust needs an Ed25519 key", where: file,
				why: "devices verify Ed25519 only; this is " + public.Kind()}
		}
		tenant := agent.Tenant{Name: tenantName(file), Key: raw, Hooks: agent.AllHooks}
		if limited {
			if tenant.Hooks, err = hookBits(hooks); err != nil {
				return nil, err
			}
		}
		for i := range tenants {
			if tenants[i].Key == raw {
				return nil, &commandError{exit: exitUsage, what: "--trust names the same key twice", where: file}
			}
		}
		tenants = append(tenants, tenant)
	}
	return tenants, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// tenantName makes a name of a key's file name: "keys/alice.key.pub" is alice.
func tenantName(file string) string {
	name := filepath.Base(file)
	for _, suffix := range []string{".pub", ".key", ".pem"} {
		name = strings.TrimSuffix(name, suffix)
	}
	if len(name) > 16 {
		name = name[:16]
	}
	return strings.ToValidUTF8(name, "?")
}

func hookBits(names string) (uint32, error) {
	var bits uint32
	for _, name := range strings.Split(names, ",") {
		i := slices.Index(sim.HookNames, name)
		if i < 0 {
			return 0, &commandError{exit: exitUsage, what: fmt.Sprintf("--trust names the hook %q, which this device does not have", name),
				why: "its hooks are " + strings.Join(sim.HookNames, ", ")}
		}
		bits |= 1 << i
	}
	return bits, nil
}

func newDeviceInfoCommand() *cobra.Command {
	var c connection
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Print what a device is, whom it trusts and what it offers",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
				info, err := d.Info(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), "femto.device.info/1", info)
				}
				printInfo(cmd.OutOrStdout(), info)
				return nil
			})
		},
	}
	c.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printInfo(w io.Writer, info *remote.Info) {
	t := newTable(w)
	fmt.Fprintf(t, "board\t%s, femto %s, up %v\n", info.Board, info.Version, (time.Duration(info.Uptime) * time.Microsecond).Round(time.Second))
	fmt.Fprintf(t, "class\t%s\n", info.Class)
	fmt.Fprintf(t, "manifests\tSUIT version %d, envelopes to %s, images to %s\n", info.Manifest, bytesText(info.Envelope), bytesText(info.Image))
	fmt.Fprintf(t, "containers\t%d of %d, %s of stack and data each\n", info.Containers.Used, info.Containers.Capacity, bytesText(info.Memory))
	for _, hook := range info.Hooks {
		from := "fired by the device"
		if hook.Remote {
			from = "fired by anyone"
		}
		fmt.Fprintf(t, "hook\t%s\t%d attached\t%s\t%s\n", hook.Name, hook.Attached, from, hook.UUID)
	}
	for _, tenant := range info.Tenants {
		fmt.Fprintf(t, "tenant\t%s\tkey %s\n", tenant.Name, tenant.KeyID)
	}
	fmt.Fprintf(t, "helpers\t%s\n", strings.Join(info.Helpers, " "))
	t.Flush()
}
