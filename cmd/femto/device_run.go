package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/emulator"
	"github.com/femto-containers/femto/internal/fileflash"
	"github.com/femto-containers/femto/internal/sim"
)

// defaultListen is on this machine only: nothing authenticates who fires a
// hook.
const defaultListen = "127.0.0.1:5683"

// startedDevice is what scripts want to know of a device that runs.
type startedDevice struct {
	URI     string   `json:"uri"`
	Flash   string   `json:"flash"`
	Tenants []string `json:"tenants"`
}

func newDeviceRunCommand() *cobra.Command {
	var listen, flash string
	var trust []string
	var ownerFile string
	var enroll, production, asJSON bool
	var board boardFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a simulated or emulated device until Ctrl-C",
		Long: `Runs a simulated device: the code that microcontrollers run, with a UDP socket,
a file as flash and this machine's clock around it. It prints its address on
standard output and what its containers print on standard error.

Each --trust names a tenant's public key, as made by femto key generate. A
tenant may use every hook; FILE=event,timer allows only those. Once its owner
(--owner, or whoever enrolls) has said whom to trust, only that counts.

With --board the firmware of a microcontroller runs in an emulator (QEMU), and
--flash names the folder that keeps its flash.`,
		Example: `  femto device run --trust alice.key.pub
  femto device run --trust alice.key.pub --trust bob.key.pub=timer
  femto device run --trust alice.key.pub --board lm3s6965`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := board.check(cmd); err != nil {
				return err
			}
			tenants, err := loadTenants(trust)
			if err != nil {
				return err
			}
			owner, err := loadOwner(ownerFile)
			if err != nil {
				return err
			}
			stderr := cmd.ErrOrStderr()
			if board.board != "" {
				for _, t := range tenants {
					if t.Key[0] != 0 && board.firmware == "" {
						return &commandError{exit: exitMismatch, what: "the board's firmware does not verify with the key of " + t.Name,
							why: "it verifies Ed25519 only, unless it is built with the tag p256; the key is of p-256",
							try: []string{"femto key generate -o another.key", "femto device run --board " + board.board + " --firmware FILE"}}
					}
				}
				if !cmd.Flags().Changed("flash") {
					flash = board.board + ".flash"
				}
				return runBoard(cmd, &board, emulator.Config{Listen: listen, Folder: flash, Tenants: tenants}, asJSON)
			}
			device, err := sim.Open(sim.Config{
				Listen: listen, Flash: flash, Version: version,
				Owner: owner, Tenants: tenants, Enroll: enroll, Production: production,
				Log: func(container, line string) { fmt.Fprintf(stderr, "[%s] %s\n", container, printable(line)) },
			})
			if err != nil {
				return startError(listen, flash, err)
			}
			if err = announce(cmd, asJSON, device.URI(), flash, tenants); err == nil {
				err = device.Run(cmd.Context())
			}
			return errors.Join(err, device.Close())
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", defaultListen, "UDP `ADDRESS` to answer on; port 0 picks a free one")
	f.StringVar(&flash, "flash", "device.flash", "`FILE` that is the device's flash; made if absent")
	board.add(cmd)
	f.StringArrayVar(&trust, "trust", nil, "public `KEY` of a tenant, FILE or FILE=hook,hook; repeatable")
	f.StringVar(&ownerFile, "owner", "", "public key `FILE` of the owner, who may say whom to trust instead")
	f.BoolVar(&enroll, "enroll", false, "wait for an owner, if there is none: see femto device enroll")
	f.BoolVar(&production, "production", false, "refuse keys for development")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// loadOwner reads the key that --owner names, zeros if there is none.
func loadOwner(file string) (key agent.Key, err error) {
	if file == "" {
		return key, nil
	}
	public, err := loadGivenKey("--owner", file)
	if err != nil {
		return key, err
	}
	key, ok := public.Device()
	if !ok {
		return key, wrongKind(file, public)
	}
	return key, nil
}

// announce tells scripts and people that a device is up.
func announce(cmd *cobra.Command, asJSON bool, uri, flash string, tenants []agent.Tenant) error {
	if !asJSON {
		fmt.Fprintln(cmd.OutOrStdout(), uri)
		printTenants(cmd.ErrOrStderr(), tenants, flash)
		return nil
	}
	started := startedDevice{URI: uri, Flash: flash, Tenants: []string{}}
	for i := range tenants {
		started.Tenants = append(started.Tenants, tenants[i].Name)
	}
	return writeJSON(cmd.OutOrStdout(), "femto.device.run/1", started)
}

// runBoard emulates a board until Ctrl-C, or until the emulator ends.
func runBoard(cmd *cobra.Command, board *boardFlags, config emulator.Config, asJSON bool) error {
	if err := os.MkdirAll(config.Folder, 0o755); err != nil {
		return startError(config.Listen, config.Folder, err)
	}
	device, err := board.start(cmd.Context(), config, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if err = announce(cmd, asJSON, device.URI(), config.Folder, config.Tenants); err == nil {
		select {
		case <-cmd.Context().Done():
		case <-device.Done():
			err = &commandError{exit: exitFailure, what: "the emulator ended", where: board.board, why: fmt.Sprint(device.Err()), err: device.Err()}
		}
	}
	return errors.Join(err, device.Close())
}

// startTrouble tells whether startError knows the reason.
func startTrouble(err error) bool {
	var address *net.AddrError
	var lookup *net.DNSError
	return errors.Is(err, fileflash.ErrInUse) || errors.Is(err, syscall.EADDRINUSE) || errors.As(err, &address) || errors.As(err, &lookup)
}

// startError says what keeps a simulated device from starting.
func startError(listen, flash string, err error) error {
	e := &commandError{exit: exitFailure, what: "the device cannot start", where: flash, why: reason(err), err: err}
	var address *net.AddrError
	var lookup *net.DNSError
	switch {
	case errors.Is(err, fileflash.ErrInUse):
		e.why = fileflash.ErrInUse.Error()
		e.try = []string{"femto device run --listen 127.0.0.1:0 --flash another.flash"}
	case errors.Is(err, fileflash.ErrSize):
		e.exit, e.try = exitUsage, []string{"femto device run --flash another.flash"}
	case errors.Is(err, syscall.EADDRINUSE):
		e.where, e.why = listen, "another program has this address"
		e.try = []string{"femto device run --listen 127.0.0.1:0"}
	case errors.As(err, &address), errors.As(err, &lookup):
		e.exit, e.where, e.try = exitUsage, "--listen "+listen, []string{"femto device run --listen " + defaultListen}
	}
	return e
}

func printTenants(w io.Writer, tenants []agent.Tenant, flash string) {
	if len(tenants) == 0 {
		fmt.Fprintln(w, "no tenant is trusted: this device will refuse every manifest (see --trust)")
	}
	for i := range tenants {
		with := "every hook"
		if tenants[i].Hooks != agent.AllHooks {
			with = strings.Join(hookNames(tenants[i].Hooks), ", ")
		}
		fmt.Fprintf(w, "trusts %s with %s\n", tenants[i].Name, with)
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
		public, err := loadGivenKey("--trust", file)
		if err != nil {
			return nil, err
		}
		raw, ok := public.Device()
		if !ok {
			return nil, wrongKind(file, public)
		}
		tenant := agent.Tenant{Name: tenantName(file), Key: raw, Hooks: agent.AllHooks}
		if limited {
			if tenant.Hooks, err = hookBits(hooks); err != nil {
				return nil, err
			}
		}
		if i := slices.IndexFunc(tenants, func(t agent.Tenant) bool { return t.Key == raw || t.Name == tenant.Name }); i >= 0 {
			return nil, &commandError{exit: exitUsage, what: "--trust names " + tenant.Name + " twice", where: file,
				why: "a tenant is one key, and is called what its file is called"}
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

// hookNames is the reverse of hookBits.
func hookNames(bits uint32) []string {
	var names []string
	for i, name := range sim.HookNames {
		if bits>>i&1 != 0 {
			names = append(names, name)
		}
	}
	return names
}

// wrongKind refuses a key that devices cannot verify.
func wrongKind(file string, key author.PublicKey) error {
	return &commandError{exit: exitUsage, what: "not a key that devices verify", where: file,
		why: "devices verify Ed25519, and some P-256; this is " + key.Kind(), try: []string{"femto key generate -o another.key"}}
}
