package emulator

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// openMonitor connects to the emulator's control socket.
func (d *Device) openMonitor() (err error) {
	if d.monitor, err = net.Dial("unix", filepath.Join(d.sockets, "qmp")); err != nil {
		return err
	}
	return d.command("qmp_capabilities", nil)
}

// Reset presses the board's reset button. The flash stays as it is.
func (d *Device) Reset() error { return d.command("system_reset", nil) }

// Pause stops the board's time, Resume lets it go on.
func (d *Device) Pause() error { return d.command("stop", nil) }

// Resume lets a paused board go on.
func (d *Device) Resume() error { return d.command("cont", nil) }

// Memory returns n bytes of the board's memory from address on.
func (d *Device) Memory(address, n uint32) ([]byte, error) {
	name := filepath.Join(d.sockets, "memory")
	defer os.Remove(name)
	err := d.command("pmemsave", map[string]any{"val": address, "size": n, "filename": name})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

// command has the emulator do something and waits until it has.
func (d *Device) command(name string, arguments any) error {
	d.monitor.SetDeadline(time.Now().Add(5 * time.Second))
	request := struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
	}{name, arguments}
	if err := json.NewEncoder(d.monitor).Encode(request); err != nil {
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
