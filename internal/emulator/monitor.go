package emulator

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// openMonitor connects to the emulator's control socket.
func (d *Device) openMonitor() (err error) {
	if d.monitor, err = net.Dial("unix", filepath.Join(d.sockets, "qmp")); err != nil {
		return err
	}
	return d.command("qmp_capabilities")
}

// Reset presses the board's reset button. The flash stays as it is.
func (d *Device) Reset() error { return d.command("system_reset") }

// Pause stops the board's time, Resume lets it go on.
func (d *Device) Pause() error { return d.command("stop") }

// Resume lets a paused board go on.
func (d *Device) Resume() error { return d.command("cont") }

// command has the emulator do something and waits until it has.
func (d *Device) command(name string) error {
	d.monitor.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintf(d.monitor, "{\"execute\":%q}\n", name); err != nil {
		return err
	}
	decoder := json.NewDecoder(d.monitor)
	for {
		var answer struct {
			Return *json.RawMessage
			Error  *struct{ Desc string }
		}
		if err := decoder.Decode(&answer); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		switch {
		case answer.Error != nil:
			return fmt.Errorf("%s: %s", name, answer.Error.Desc)
		case answer.Return != nil:
			return nil
		}
	}
}
