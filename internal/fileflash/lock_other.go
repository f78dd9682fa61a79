//go:build !unix || solaris || aix

package fileflash

import "os"

// Lock does nothing here.
func Lock(*os.File) error { return nil }

// Unlock does nothing here.
func Unlock(*os.File) {}
