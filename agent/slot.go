package agent

import "encoding/binary"

// A slot holds one image behind a header that says what it is. The header alone
// means nothing: a record in the log makes a slot current, after everything in
// it passed every check (docs/spec/flash.md).
//
// All fields are little endian and lie at multiples of eight.
const (
	slotMagic     = 0x746c7366 // "fslt"
	slotSize      = 4          // u32, bytes of the image
	slotDigest    = 8          // SHA-256 of the image
	slotHook      = 40         // UUID
	slotName      = 56         // 16 bytes, zero-padded
	slotCounter   = 72         // counterID, which says whose it is
	slotHeaderLen = 88
)

// slotHeader is a view of a slot's first bytes in flash.
type slotHeader []byte

func (h slotHeader) valid(room int) bool {
	return len(h) >= slotHeaderLen && binary.LittleEndian.Uint32(h) == slotMagic && h.size() <= room
}

func (h slotHeader) size() int       { return int(binary.LittleEndian.Uint32(h[slotSize:]) & 0x7fffffff) }
func (h slotHeader) digest() []byte  { return h[slotDigest : slotDigest+32] }
func (h slotHeader) hook() []byte    { return h[slotHook : slotHook+16] }
func (h slotHeader) counter() []byte { return h[slotCounter : slotCounter+16] }
func (h slotHeader) keyID() []byte   { return h.counter()[:keyIDLen] }

// name returns the name without its padding.
func (h slotHeader) name() []byte { return trimZeros(h[slotName : slotName+nameLen]) }

//go:noinline
func trimZeros(b []byte) []byte {
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return b[:n]
}

// putHeader writes the header of a slot for size bytes of a component's image
// into h.
//
//go:noinline
func putHeader(h *[slotHeaderLen]byte, size int, digest *[32]byte, c *component) {
	clear(h[:])
	putUint64(h[:], uint64(size)<<32|slotMagic)
	copy(h[slotDigest:], digest[:])
	copy(h[slotHook:], c.uuid[:])
	copy(h[slotName:], c.name[:])
	copy(h[slotCounter:], c.counter[:])
}
