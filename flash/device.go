// Package flash keeps state in NOR flash: a device interface, an append-only
// log that survives power cuts, and slots for images executed in place.
package flash

// Error says why flash did not do what was asked. Zero is no error.
type Error uint8

const (
	OK             Error = iota
	ErrRange             // outside the device, or not aligned to its granularity
	ErrDevice            // the device failed, or has no power
	ErrProgrammed        // programs a granule twice, or sets a bit, without an erase
	ErrUnformatted       // neither bank holds a log of this layout
	ErrFull              // the live state and the new record do not fit a bank
	ErrTooLong           // a record longer than the log's buffer
	ErrKind              // record kind 255, which erased flash reads as
	ErrOrder             // a call that makes no sense now, as Append inside a snapshot
	ErrNotMapped         // images need flash that the processor reads as memory
)

// Error returns the reason in words.
func (e Error) Error() string {
	switch e {
	case OK:
		return "no error"
	case ErrRange:
		return "outside the flash or not aligned"
	case ErrDevice:
		return "flash device failed"
	case ErrProgrammed:
		return "flash programmed twice without an erase"
	case ErrUnformatted:
		return "flash holds no log"
	case ErrFull:
		return "log is full"
	case ErrTooLong:
		return "record is too long for the log"
	case ErrKind:
		return "record kind is reserved"
	case ErrOrder:
		return "call is not allowed now"
	case ErrNotMapped:
		return "flash is not memory-mapped"
	}
	return "unknown flash error"
}

// Device is NOR flash: erasing a block sets all its bits, programming clears
// bits, and a granule is programmed at most once between two erases. Offsets
// and lengths are in bytes from the beginning of the device.
type Device interface {
	Size() int
	BlockSize() int // what one erase clears
	WriteSize() int // the granule of programming, which divides BlockSize

	// Read fills p with what is stored from off on.
	Read(off int, p []byte) Error

	// Program stores p, whose length is a multiple of WriteSize, at off, which
	// is one too. A power cut may leave any part of it done. p is not kept.
	Program(off int, p []byte) Error

	// Erase erases the block that begins at off.
	Erase(off int) Error

	// Mapped returns the n bytes from off on as memory, valid until they are
	// erased, or nil if the device is not memory-mapped. They must not be
	// written to.
	Mapped(off, n int) []byte
}

// within reports whether n bytes from off on lie inside size, with no sum that
// could wrap.
func within(off, n, size int) bool {
	return off >= 0 && n >= 0 && n <= size && off <= size-n
}

func roundUp(n, granule int) int {
	return (n + granule - 1) / granule * granule
}
