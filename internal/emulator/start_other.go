//go:build !linux

package emulator

import (
	"os/exec"
	"time"
)

func startBound(cmd *exec.Cmd) error { return cmd.Start() }

// CPUTime returns how much processor time the emulator has used, 0 where the
// host does not say.
func (d *Device) CPUTime() time.Duration { return 0 }
