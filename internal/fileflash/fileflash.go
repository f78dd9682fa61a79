// Package fileflash is flash in a file of the host: NOR semantics in memory,
// written through, so that a killed process loses nothing that was programmed.
package fileflash

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/femto-containers/femto/flash"
)

var (
	// ErrSize says that the file is not flash of the wanted size.
	ErrSize = errors.New("not a flash file of this device")
	// ErrInUse says that another process has the file open as flash.
	ErrInUse = errors.New("flash file is in use by another device")
)

// File is a flash.Device. It holds the whole contents in memory.
type File struct {
	flash.Memory
	file *os.File
}

// Open opens the flash in path, or makes an erased one of size bytes. It keeps
// other processes out where the system can.
func Open(path string, size, blockSize, writeSize int) (*File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open flash: %w", err)
	}
	f := &File{file: file}
	if err := f.load(size, blockSize, writeSize); err != nil {
		Unlock(file)
		file.Close()
		return nil, fmt.Errorf("open flash %s: %w", path, err)
	}
	return f, nil
}

func (f *File) load(size, blockSize, writeSize int) error {
	if err := Lock(f.file); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(f.file, int64(size)+1))
	if err != nil {
		return err
	}
	// A file that is new, or whose making was cut short, has nothing in it yet.
	if erased := bytes.Repeat([]byte{0xff}, size); len(data) < size && bytes.HasPrefix(erased, data) {
		if _, err := f.file.WriteAt(erased[len(data):], int64(len(data))); err != nil {
			return err
		}
		data = erased
	}
	if len(data) != size {
		return fmt.Errorf("%w: wanted %d bytes", ErrSize, size)
	}
	if err := f.Memory.Init(data, blockSize, writeSize, nil); err != flash.OK {
		return err
	}
	return nil
}

// Program stores p at off, in memory and in the file (flash.Device).
func (f *File) Program(off int, p []byte) flash.Error {
	if err := f.Memory.Program(off, p); err != flash.OK {
		return err
	}
	return f.writeThrough(off, len(p))
}

// Erase erases the block at off, in memory and in the file (flash.Device).
func (f *File) Erase(off int) flash.Error {
	if err := f.Memory.Erase(off); err != flash.OK {
		return err
	}
	return f.writeThrough(off, f.BlockSize())
}

func (f *File) writeThrough(off, n int) flash.Error {
	if _, err := f.file.WriteAt(f.Data()[off:off+n], int64(off)); err != nil {
		return flash.ErrDevice
	}
	return flash.OK
}

// Close writes out what the system still holds, and lets the file go.
func (f *File) Close() error {
	err := f.file.Sync()
	Unlock(f.file)
	return errors.Join(err, f.file.Close())
}
