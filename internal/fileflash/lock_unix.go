//go:build unix && !solaris && !aix

package fileflash

import (
	"os"
	"syscall"
)

// Lock keeps other devices off a flash file until Unlock, or until this process
// ends. It returns ErrInUse if another device has it.
func Lock(file *os.File) error {
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return ErrInUse
	}
	return nil
}

// Unlock lets others have a flash file. To close it is not enough: a process that
// is being started at this moment has it, too, for as long as that takes.
func Unlock(file *os.File) { syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
