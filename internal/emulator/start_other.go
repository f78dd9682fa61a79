//go:build !linux

package emulator

import (
	"os"
	"os/exec"
	"time"
)

func startBound(cmd *exec.Cmd) error { return cmd.Start() }

func lockFlash(*os.File) error { return nil }

// CPUTime returns how much processor time the emulator has used, 0 where the
// host does not say.
func (d *Device) CPUTime() time.Duration { return 0 }
