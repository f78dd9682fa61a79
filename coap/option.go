package coap

// Option numbers (RFC 7252 §5.10, RFC 7641, RFC 7959, RFC 9175).
const (
	IfMatch       = 1
	UriHost       = 3
	ETag          = 4
	IfNoneMatch   = 5
	Observe       = 6
	UriPort       = 7
	UriPath       = 11
	ContentFormat = 12
	MaxAge        = 14
	UriQuery      = 15
	Accept        = 17
	Block2        = 23
	Block1        = 27
	Size2         = 28
	ProxyUri      = 35
	ProxyScheme   = 39
	Size1         = 60
	RequestTag    = 292
)

// Critical reports whether a receiver that does not understand the option must
// refuse the message (RFC 7252 §5.4.6).
func Critical(number uint16) bool { return number&1 != 0 }

// noCacheKey reports whether an option leaves the identity of a request as it
// is (RFC 7252 §5.4.6).
func noCacheKey(number uint16) bool { return number&0x1e == 0x1c }

// validLength checks the length of the value of an option this package
// understands; one of another length counts as not understood (RFC 7252
// §5.4.3).
//
//go:noinline
func validLength(number uint16, n int) bool {
	switch number {
	case UriHost:
		return n >= 1 && n <= 255
	case UriPath, UriQuery:
		return n <= 255
	case UriPort, ContentFormat, Accept:
		return n <= 2
	case Block1, Block2, Observe:
		return n <= 3
	case ETag:
		return n >= 1 && n <= 8
	case MaxAge, Size1, Size2:
		return n <= 4
	case RequestTag:
		return n <= 8
	}
	return true
}

// A Block is the value of a Block1 or Block2 option (RFC 7959 §2.2).
type Block struct {
	Num  uint32 // 0..1<<20-1
	More bool
	SZX  uint8 // 0..6; 7 is reserved
}

const (
	maxSZX      = 6
	maxBlockNum = 1<<20 - 1
)

// DecodeBlock returns the Block with the option value v.
func DecodeBlock(v uint32) Block {
	return Block{Num: v >> 4 & maxBlockNum, More: v&8 != 0, SZX: uint8(v & 7)}
}

// Value returns the option value of b.
func (b Block) Value() uint32 {
	v := b.Num<<4 | uint32(b.SZX)
	if b.More {
		v |= 8
	}
	return v
}

// Size returns the block size in bytes, 16..1024.
func (b Block) Size() int { return 16 << b.SZX }

// Offset returns where in the body the block starts, in bytes.
func (b Block) Offset() int { return int(b.Num) << (b.SZX + 4) }

// blockAt returns the block of size szx that starts at offset in a body of
// size bytes. ok is false where the number would not fit its 20 bits.
//
//go:noinline
func blockAt(offset, size int, szx uint8) (b Block, ok bool) {
	num := offset >> (szx + 4)
	return Block{Num: uint32(num), More: size-offset > 16<<szx, SZX: szx}, num <= maxBlockNum
}

// szxOf returns the exponent of a block size; ok is false for a size that
// is not one of 16, 32 … 1024.
func szxOf(size int) (szx uint8, ok bool) {
	for szx := uint8(0); szx <= maxSZX; szx++ {
		if size == 16<<szx {
			return szx, true
		}
	}
	return 0, false
}
