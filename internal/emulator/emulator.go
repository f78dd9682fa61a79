// Package emulator runs a firmware on an emulated board and is the network
// around it: a UDP socket of the host leads to the device, over an Ethernet or
// a serial line whose every packet passes through the caller's hands.
package emulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/firmware/node"
	"github.com/femto-containers/femto/internal/fileflash"
)

// FlashFile is the name of the file that holds the device's flash.
const FlashFile = "femto.flash"

const (
	flashSize    = 72 << 10 // the linker scripts' FLASH_DATA
	flashSizeOld = 64 << 10 // before it had a place for stores
)

// ErrNoEmulator says that QEMU is not installed.
var ErrNoEmulator = errors.New("the emulator is not installed")

// A board is how QEMU is told to be one.
type board struct {
	program  string
	packages string // Debian's, with the program
	machine  []string
	serial   bool // the link is a serial line, else Ethernet
}

var boards = map[string]board{
	"lm3s6965":    {"qemu-system-arm", "qemu-system-arm", []string{"-machine", "lm3s6965evb"}, false},
	"lm3s6965-m4": {"qemu-system-arm", "qemu-system-arm", []string{"-machine", "lm3s6965evb", "-cpu", "cortex-m4"}, false},
	"lm3s6965-m7": {"qemu-system-arm", "qemu-system-arm", []string{"-machine", "lm3s6965evb", "-cpu", "cortex-m7"}, false},
	"riscv-virt":  {"qemu-system-riscv32", "qemu-system-misc", []string{"-machine", "virt,aclint=on", "-bios", "none", "-m", "16M"}, true},
}

// Boards lists the boards that can be emulated.
func Boards() []string {
	var names []string
	for name := range boards {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Config says what to run.
type Config struct {
	Board    string // one of Boards
	Firmware string // ELF file
	Listen   string // UDP address that leads to the device; port 0 for a free one

	// Folder holds the flash file, made if absent. Empty means a temporary
	// one that goes with the device.
	Folder string

	// Tenants, if not nil, are provisioned as whom the device trusts.
	Tenants []agent.Tenant

	Console io.Writer // what the device prints; nil drops it
	Ready   string    // what it prints when it is up; empty: what a firmware of ours prints
	Serial  bool      // use the board's serial line even if it has Ethernet
	IPv6    bool      // reach the device over IPv6 instead of IPv4
	Wire    Wire      // nil carries everything

	// Count has every instruction take 128 ns of the device's time, which
	// makes it slower than it could be, and repeatable.
	Count bool
}

// A Device is a running emulator.
type Device struct {
	config  Config
	board   board
	sockets string // folder of the sockets
	flash   *os.File
	cmd     *exec.Cmd
	bridge  *bridge
	console *console
	monitor net.Conn
	stop    context.CancelFunc
	exited  chan struct{}
	err     error // why it exited; valid after exited is closed
	close   sync.Once
}

// Start starts a board and returns when its firmware says that it is up. The
// emulator ends with ctx, with Close, and with this process.
func Start(ctx context.Context, config Config) (*Device, error) {
	b, ok := boards[config.Board]
	if !ok {
		return nil, fmt.Errorf("no board %q: there are %s", config.Board, strings.Join(Boards(), ", "))
	}
	program, err := exec.LookPath(b.program)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is in Debian's package %s", ErrNoEmulator, b.program, b.packages)
	}
	if _, err := os.Stat(config.Firmware); err != nil {
		return nil, fmt.Errorf("firmware: %w", err)
	}
	b.serial = b.serial || config.Serial
	d := &Device{config: config, board: b, exited: make(chan struct{}), console: newConsole(config.Console, config.Ready)}
	if err := d.start(ctx, program); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Device) start(ctx context.Context, program string) (err error) {
	if d.sockets, err = os.MkdirTemp("", "femto-"); err != nil {
		return err
	}
	if d.config.Folder == "" {
		d.config.Folder = d.sockets
	}
	if err := d.provision(); err != nil {
		return err
	}
	wire := d.config.Wire
	if wire == nil {
		wire = perfect{}
	}
	line, err := d.openLine()
	if err != nil {
		return err
	}
	if d.bridge, err = newBridge(d.config.Listen, line, wire, d.config.IPv6); err != nil {
		line.close()
		return err
	}
	firmware, err := filepath.Abs(d.config.Firmware)
	if err != nil {
		return err
	}
	ctx, d.stop = context.WithCancel(ctx)
	d.cmd = exec.CommandContext(ctx, program, append(d.arguments(line), "-kernel", firmware)...)
	d.cmd.Dir = d.config.Folder
	d.cmd.Stdout = d.console
	d.cmd.Stderr = &d.console.errors
	d.cmd.WaitDelay = 2 * time.Second
	if err := d.run(ctx); err != nil {
		return err
	}
	d.bridge.start()
	select {
	case <-d.console.up:
	case <-d.exited:
		return fmt.Errorf("the emulator ended before the firmware was up: %w", d.err)
	case <-time.After(20 * time.Second):
		return fmt.Errorf("the firmware did not start; it printed %q", d.console.tail())
	case <-ctx.Done():
		return ctx.Err()
	}
	return d.openMonitor()
}

// run starts the emulator and watches over it.
func (d *Device) run(ctx context.Context) error {
	started := make(chan error)
	go func() {
		defer close(d.exited)
		err := startBound(d.cmd)
		started <- err
		if err != nil {
			d.err = err
			return
		}
		d.err = d.cmd.Wait()
		if ctx.Err() != nil {
			d.err = ctx.Err()
		} else if text := d.console.errors.text(); text != "" {
			d.err = errors.New(text)
		}
	}()
	return <-started
}

func (d *Device) arguments(line line) []string {
	args := append(slices.Clone(d.board.machine), "-nodefaults", "-no-user-config", "-display", "none",
		"-chardev", "stdio,id=console,signal=off",
		"-qmp", "unix:"+filepath.Join(d.sockets, "qmp")+",server=on,wait=off")
	if d.config.Count {
		args = append(args, "-icount", "shift=7,sleep=off")
	}
	switch {
	case d.board.program == "qemu-system-riscv32":
		args = append(args, "-semihosting-config", "enable=on,target=native,chardev=console")
	default:
		args = append(args, "-semihosting-config", "enable=on,target=native", "-serial", "chardev:console")
	}
	return append(args, line.arguments()...)
}

// provision makes the flash file, keeps others off it, and puts the tenants
// into it.
func (d *Device) provision() (err error) {
	if len(d.config.Tenants) > node.MaxTenants {
		return fmt.Errorf("%d tenants: the board has room for %d", len(d.config.Tenants), node.MaxTenants)
	}
	name := filepath.Join(d.config.Folder, FlashFile)
	if d.flash, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return err
	}
	if err := fileflash.Lock(d.flash); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	content, err := io.ReadAll(d.flash)
	if err != nil {
		return err
	}
	if len(content) == flashSizeOld {
		content = append(content, bytes.Repeat([]byte{0xff}, flashSize-flashSizeOld)...)
	}
	switch {
	case len(content) == 0:
		content = node.ProvisionFlash(flashSize, d.config.Tenants)
	case len(content) != flashSize:
		return fmt.Errorf("%s is %d bytes long, not the flash of this board (%d bytes)", name, len(content), flashSize)
	case d.config.Tenants != nil:
		node.SetTrust(content, d.config.Tenants)
	}
	_, err = d.flash.WriteAt(content, 0)
	return err
}

// Addr returns the address of the socket that leads to the device.
func (d *Device) Addr() netip.AddrPort { return d.bridge.addr() }

// URI returns the device's address, "coap://host:port".
func (d *Device) URI() string { return "coap://" + d.Addr().String() }

// Done is closed when the emulator has ended.
func (d *Device) Done() <-chan struct{} { return d.exited }

// Err returns why the emulator ended, after Done.
func (d *Device) Err() error { return d.err }

// Counts returns how many packets went to the device and came from it, before
// the Wire had its way with them.
func (d *Device) Counts() (to, from int64) { return d.bridge.to.Load(), d.bridge.from.Load() }

// Close ends the emulator, as a power cut would, and leaves nothing behind but
// the flash file, if a Folder was named.
func (d *Device) Close() error {
	d.close.Do(func() {
		if d.stop != nil {
			d.stop()
		}
		if d.cmd != nil && d.cmd.Process != nil {
			<-d.exited
		}
		if d.monitor != nil {
			d.monitor.Close()
		}
		if d.bridge != nil {
			d.bridge.close()
		}
		if d.flash != nil {
			fileflash.Unlock(d.flash)
			d.flash.Close()
		}
		if d.sockets != "" {
			os.RemoveAll(d.sockets)
		}
	})
	return nil
}
