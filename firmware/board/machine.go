//go:build tinygo && !qemu

package board

import (
	"machine"
	"time"
	"unsafe"

	"github.com/femto-containers/femto/flash"
)

// Boards that people own, through TinyGo's package machine. The link is the
// board's USB or debugger port; there is no console beside it.

var began time.Time

// Init starts clock and link.
func Init() {
	began = time.Now()
	startWatchdog()
	Flash.begin = machine.FlashDataEnd() - regionSize
}

// Now returns microseconds since Init.
func Now() int64 { return time.Since(began).Microseconds() }

// Sleep waits until something came in, or the clock says until, or a second is
// over. It keeps the watchdog quiet.
func Sleep(until int64) {
	feedWatchdog()
	for until = min(until, Now()+1_000_000); machine.Serial.Buffered() == 0 && Now() < until; {
		time.Sleep(time.Millisecond)
	}
}

// Console drops text.
func Console([]byte) {}

// ReportFault does not know.
func ReportFault() bool { return false }

// Started does not know either.
func Started() (cause, starts uint32) {
	const unknown = 5
	return unknown, 0
}

// Entropy takes the chip's random numbers.
func Entropy(p []byte) bool {
	for i := range p {
		n, err := machine.GetRNG()
		if err != nil {
			return false
		}
		p[i] = byte(n)
	}
	return true
}

// SerialGet returns a byte from the link, if there is one.
func SerialGet() (b byte, ok bool) {
	if machine.Serial.Buffered() == 0 {
		return 0, false
	}
	b, err := machine.Serial.ReadByte()
	return b, err == nil
}

// SerialPut sends a byte over the link.
func SerialPut(b byte) { machine.Serial.WriteByte(b) }

// FlashSize is how much of the chip's flash is Flash, in bytes.
const FlashSize = 76 << 10

const (
	regionSize = FlashSize
	blockSize  = 4 << 10
	writeSize  = 4
)

// Flash is the end of the chip's flash, which every version of the firmware
// leaves alone.
var Flash chipFlash

type chipFlash struct {
	begin uintptr
	page  [256]byte
}

func (f *chipFlash) Size() int      { return regionSize }
func (f *chipFlash) BlockSize() int { return blockSize }
func (f *chipFlash) WriteSize() int { return writeSize }

// chip turns an offset into one that package machine counts from.
func (f *chipFlash) chip(off int) int64 {
	return int64(f.begin-machine.FlashDataStart()) + int64(off)
}

func (f *chipFlash) Mapped(off, n int) []byte {
	if off < 0 || n < 0 || n > regionSize || off > regionSize-n {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(f.begin+uintptr(off))), n)
}

func (f *chipFlash) Read(off int, p []byte) flash.Error {
	m := f.Mapped(off, len(p))
	if m == nil {
		return flash.ErrRange
	}
	copy(p, m)
	return flash.OK
}

// Program writes whole pages of the chip, filled up with ones, which change
// nothing in NOR flash.
func (f *chipFlash) Program(off int, p []byte) flash.Error {
	old := f.Mapped(off, len(p))
	if old == nil || off%writeSize != 0 || len(p)%writeSize != 0 {
		return flash.ErrRange
	}
	for _, b := range old {
		if b != 0xff {
			return flash.ErrProgrammed
		}
	}
	page := f.page[:machine.Flash.WriteBlockSize()]
	for len(p) > 0 {
		for i := range page {
			page[i] = 0xff
		}
		at := off % len(page)
		n := copy(page[at:], p)
		if _, err := machine.Flash.WriteAt(page, f.chip(off-at)); err != nil {
			return flash.ErrDevice
		}
		off += n
		p = p[n:]
	}
	return flash.OK
}

func (f *chipFlash) Erase(off int) flash.Error {
	if f.Mapped(off, blockSize) == nil || off%blockSize != 0 {
		return flash.ErrRange
	}
	size := machine.Flash.EraseBlockSize()
	if machine.Flash.EraseBlocks(f.chip(off)/size, blockSize/size) != nil {
		return flash.ErrDevice
	}
	return flash.OK
}
