//go:build tinygo && qemu

package board

import (
	"unsafe"

	"github.com/femto-containers/femto/flash"
)

// The emulated boards keep their flash in a file of the host, through
// semihosting: calls that the emulator answers. Neither machine's emulation
// has a flash controller.

const (
	semiOpen  = 0x01
	semiWrite = 0x05
	semiRead  = 0x06
	semiSeek  = 0x0a
	semiText  = 0x04

	modeRead   = 1 // "rb"
	modeUpdate = 3 // "r+b"
	modeCreate = 7 // "w+b"
)

// semihost is in start.S.
//
//go:linkname semihost semihost
func semihost(operation int, argument unsafe.Pointer) int

// arguments is a global as the emulator reads it behind the compiler's back.
var arguments [3]uintptr

func host(operation int, a, b, c uintptr) int {
	arguments = [3]uintptr{a, b, c}
	return semihost(operation, unsafe.Pointer(&arguments))
}

// hostOpen opens a file of the host. Its name ends with two NUL: what looks like
// a string of C goes where the linker script puts the names of fields.
func hostOpen(name string, mode uintptr) int {
	return host(semiOpen, uintptr(unsafe.Pointer(unsafe.StringData(name))), mode, uintptr(len(name)-2))
}

// hostRead has the emulator write to memory, even to what is read-only for the
// processor. It returns whether all n bytes were there.
func hostRead(file int, address uintptr, n int) bool {
	return host(semiRead, uintptr(file), address, uintptr(n)) == 0
}

func hostWrite(file int, p []byte) bool {
	return len(p) == 0 || host(semiWrite, uintptr(file), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p))) == 0
}

// A HostFile is a file of the host, for tests.
type HostFile int

// OpenHost opens a file in the emulator's folder for reading. Its name ends
// with two NUL.
func OpenHost(name string) HostFile { return HostFile(hostOpen(name, modeRead)) }

// Read fills p and reports whether there was so much left.
func (f HostFile) Read(p []byte) bool {
	return f >= 0 && hostRead(int(f), uintptr(unsafe.Pointer(&p[0])), len(p))
}

// Entropy takes random bytes from the host. A real board of this kind has no
// such source.
func Entropy(p []byte) bool {
	file := hostOpen("/dev/urandom\x00\x00", modeRead)
	return file >= 0 && hostRead(file, uintptr(unsafe.Pointer(&p[0])), len(p))
}

const (
	blockSize = 1024
	writeSize = 4
)

//go:extern _flash_data_start
var flashStart [0]byte

//go:extern _flash_data_end
var flashEnd [0]byte

// Flash is the part of the address space that the linker script sets aside,
// loaded from and kept in the file femto.flash in the emulator's folder.
var Flash hostFlash

type hostFlash struct{ file int }

func (f *hostFlash) Size() int {
	return int(uintptr(unsafe.Pointer(&flashEnd)) - uintptr(unsafe.Pointer(&flashStart)))
}
func (f *hostFlash) BlockSize() int { return blockSize }
func (f *hostFlash) WriteSize() int { return writeSize }

// open loads the file, or makes it and leaves the flash erased.
func (f *hostFlash) open() bool {
	size := f.Size()
	f.file = hostOpen("femto.flash\x00\x00", modeUpdate)
	if f.file >= 0 && host(semiSeek, uintptr(f.file), 0, 0) == 0 && hostRead(f.file, address(0), size) {
		return true
	}
	f.file = hostOpen("femto.flash\x00\x00", modeCreate)
	if f.file < 0 {
		return false
	}
	for at := 0; at < size; at += blockSize {
		if f.Erase(at) != flash.OK {
			return false
		}
	}
	return true
}

func address(off int) uintptr { return uintptr(unsafe.Pointer(&flashStart)) + uintptr(off) }

func (f *hostFlash) Mapped(off, n int) []byte {
	if off < 0 || n < 0 || n > f.Size() || off > f.Size()-n {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(address(off))), n)
}

func (f *hostFlash) Read(off int, p []byte) flash.Error {
	m := f.Mapped(off, len(p))
	if m == nil {
		return flash.ErrRange
	}
	copy(p, m)
	return flash.OK
}

func (f *hostFlash) Program(off int, p []byte) flash.Error {
	old := f.Mapped(off, len(p))
	if old == nil || off%writeSize != 0 || len(p)%writeSize != 0 {
		return flash.ErrRange
	}
	for _, b := range old {
		if b != 0xff {
			return flash.ErrProgrammed
		}
	}
	return f.store(off, p)
}

// store puts p into the file and, from there, into the address space.
func (f *hostFlash) store(off int, p []byte) flash.Error {
	if host(semiSeek, uintptr(f.file), uintptr(off), 0) != 0 || !hostWrite(f.file, p) ||
		host(semiSeek, uintptr(f.file), uintptr(off), 0) != 0 || !hostRead(f.file, address(off), len(p)) {
		return flash.ErrDevice
	}
	return flash.OK
}

const erased = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

func (f *hostFlash) Erase(off int) flash.Error {
	if f.Mapped(off, blockSize) == nil || off%blockSize != 0 {
		return flash.ErrRange
	}
	p := unsafe.Slice(unsafe.StringData(erased), len(erased))
	for end := off + blockSize; off < end; off += len(p) {
		if err := f.store(off, p); err != flash.OK {
			return err
		}
	}
	return flash.OK
}
