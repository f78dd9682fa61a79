//go:build unix && !solaris && !aix

package fileflash

import (
	"os"
	"syscall"
)

// lock keeps other processes out until file is closed or the process ends.
func lock(file *os.File) error {
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return ErrInUse
	}
	return nil
}
