// Package cbor reads and writes the deterministic subset of CBOR (RFC 8949
// §4.2.1) that SUIT, COSE and the device's own documents use.
//
// The subset: definite lengths, shortest-form heads, map keys strictly
// ascending (so never twice), valid UTF-8 in text, and of the simple values
// false, true and null. Everything else is refused, so one document has one
// encoding and the host and the device agree on every byte.
package cbor

// Error says why bytes are no document of the subset; 0 is none.
type Error uint8

const (
	ErrTruncated  Error = iota + 1 // an item claims more bytes than there are
	ErrSyntax                      // reserved additional information, or a simple value outside the subset
	ErrIndefinite                  // indefinite length
	ErrShortest                    // a head longer than its value needs
	ErrDepth                       // nested deeper than the caller allows
	ErrOrder                       // a map key that is not after the one before it
	ErrDuplicate                   // a map key twice
	ErrKey                         // a map key that is neither an integer, a byte string nor text
	ErrText                        // text that is not UTF-8
	ErrTrailing                    // bytes after the document
	ErrType                        // not the type the caller asked for
	ErrRange                       // an integer the caller's type cannot hold
)

func (e Error) Error() string {
	switch e {
	case 0:
		return "no error"
	case ErrTruncated:
		return "cbor: truncated"
	case ErrSyntax:
		return "cbor: unsupported head"
	case ErrIndefinite:
		return "cbor: indefinite length"
	case ErrShortest:
		return "cbor: not the shortest form"
	case ErrDepth:
		return "cbor: nested too deep"
	case ErrOrder:
		return "cbor: map keys out of order"
	case ErrDuplicate:
		return "cbor: duplicate map key"
	case ErrKey:
		return "cbor: unsupported map key"
	case ErrText:
		return "cbor: text is not utf-8"
	case ErrTrailing:
		return "cbor: trailing bytes"
	case ErrType:
		return "cbor: wrong type"
	case ErrRange:
		return "cbor: integer out of range"
	}
	return "cbor: unknown error"
}

// Type is the major type of an item (RFC 8949 §3.1).
type Type uint8

const (
	Uint   Type = 0
	Nint   Type = 1
	Bytes  Type = 2
	Text   Type = 3
	Array  Type = 4
	Map    Type = 5
	Tag    Type = 6
	Simple Type = 7
	None   Type = 8 // no item: the end, or an error before
)

const (
	simpleFalse = 20
	simpleTrue  = 21
	simpleNull  = 22
)

// MaxDepth is the deepest nesting of arrays, maps and tags that Skip follows.
const MaxDepth = 8

// A Decoder pulls items out of a document. The first error sticks: every later
// call returns zero values, so a caller may read a whole structure and ask Err
// once. What it returns are views of the document, never copies.
type Decoder struct {
	b   []byte
	off int
	err Error
}

// New returns a Decoder over b, which it keeps.
func New(b []byte) Decoder { return Decoder{b: b} }

// At returns a Decoder over b that starts at off.
func At(b []byte, off int) Decoder { return Decoder{b: b, off: off} }

// Err returns the first error.
func (d *Decoder) Err() Error { return d.err }

// Offset returns where the next item starts.
//go:noinline
func (d *Decoder) Offset() int { return d.off }

// More reports whether there is another item and no error so far.
//go:noinline
func (d *Decoder) More() bool { return d.err == 0 && d.off < len(d.b) }

// End checks that nothing is left and returns the first error.
//go:noinline
func (d *Decoder) End() Error {
	if d.err == 0 && d.off != len(d.b) {
		d.err = ErrTrailing
	}
	return d.err
}

// Fail records e unless there is an error already.
//go:noinline
func (d *Decoder) Fail(e Error) {
	if d.err == 0 {
		d.err = e
	}
}

// Type returns the type of the next item without consuming it.
//go:noinline
func (d *Decoder) Type() Type {
	if !d.More() {
		return None
	}
	return Type(d.b[d.off] >> 5)
}

// Null reports whether the next item is null, without consuming it.
//go:noinline
func (d *Decoder) Null() bool { return d.More() && d.b[d.off] == 7<<5|simpleNull }

// head consumes one head and checks that what a string claims is there.
func (d *Decoder) head() (Type, uint64) {
	if d.err != 0 {
		return None, 0
	}
	if d.off >= len(d.b) {
		d.err = ErrTruncated
		return None, 0
	}
	first := d.b[d.off]
	t := Type(first >> 5)
	value := uint64(first & 31)
	off := d.off + 1
	if value >= 24 {
		if value > 27 {
			d.err = ErrSyntax
			if value == 31 {
				d.err = ErrIndefinite
			}
			return None, 0
		}
		if t == Simple { // floats, and simple values of two bytes
			d.err = ErrSyntax
			return None, 0
		}
		n := 1 << (value - 24)
		if n > len(d.b)-off {
			d.err = ErrTruncated
			return None, 0
		}
		value = 0
		for i := 0; i < n; i++ {
			value = value<<8 | uint64(d.b[off+i])
		}
		off += n
		if value < 24 || n > 1 && value>>(4*uint(n)) == 0 {
			d.err = ErrShortest
			return None, 0
		}
	}
	left := uint64(len(d.b) - off)
	switch t {
	case Bytes, Text, Array:
		if value > left {
			d.err = ErrTruncated
		}
	case Map:
		if value > left/2 {
			d.err = ErrTruncated
		}
	case Tag:
		if left == 0 {
			d.err = ErrTruncated
		}
	case Simple:
		if value < simpleFalse || value > simpleNull {
			d.err = ErrSyntax
		}
	}
	if d.err != 0 {
		return None, 0
	}
	d.off = off
	return t, value
}

// expect consumes the head of an item of type t.
//
//go:noinline
func (d *Decoder) expect(t Type) uint64 {
	start := d.off
	got, value := d.head()
	if d.err == 0 && got != t {
		d.err = ErrType
		d.off = start
	}
	if d.err != 0 {
		return 0
	}
	return value
}

// Uint consumes an unsigned integer.
//go:noinline
func (d *Decoder) Uint() uint64 { return d.expect(Uint) }

// Int consumes an integer, of either sign, that fits 32 bits.
//go:noinline
func (d *Decoder) Int() int32 {
	negative := d.Type() == Nint
	want := Uint
	if negative {
		want = Nint
	}
	value := d.expect(want)
	if value > 1<<31-1 {
		d.Fail(ErrRange)
		return 0
	}
	if negative {
		return -1 - int32(value)
	}
	return int32(value)
}

// Bool consumes false or true.
//go:noinline
func (d *Decoder) Bool() bool {
	value := d.expect(Simple)
	if value == simpleNull {
		d.Fail(ErrType)
	}
	return value == simpleTrue
}

// Nil consumes null.
//go:noinline
func (d *Decoder) Nil() {
	if d.expect(Simple) != simpleNull {
		d.Fail(ErrType)
	}
}

// Bytes consumes a byte string and returns a view of it.
//go:noinline
func (d *Decoder) Bytes() []byte { return d.take(d.expect(Bytes)) }

// Text consumes a text string and returns a view of it.
//go:noinline
func (d *Decoder) Text() []byte {
	s := d.take(d.expect(Text))
	if !validText(s) {
		d.Fail(ErrText)
		return nil
	}
	return s
}

//go:noinline
func (d *Decoder) take(n uint64) []byte {
	if d.err != 0 {
		return nil
	}
	s := d.b[d.off : d.off+int(n)]
	d.off += int(n)
	return s
}

// Array consumes the head of an array and returns its number of items, which
// is never more than the bytes left.
//go:noinline
func (d *Decoder) Array() int { return int(d.expect(Array)) }

// Map consumes the head of a map and returns its number of pairs, of which
// there are never more than half the bytes left. It does not hold the keys to
// their order: check the document with Valid first.
//go:noinline
func (d *Decoder) Map() int { return int(d.expect(Map)) }

// Tag consumes a tag and returns its number.
//go:noinline
func (d *Decoder) Tag() uint64 { return d.expect(Tag) }

// Skip consumes one item of any type, nested at most depth (and MaxDepth)
// arrays, maps and tags deep, and holds everything inside to the subset.
func (d *Decoder) Skip(depth int) {
	if depth > MaxDepth {
		depth = MaxDepth
	}
	var stack [MaxDepth]level
	top := -1
	for d.err == 0 {
		if top >= 0 && stack[top].left == 0 {
			top--
			if top < 0 {
				return
			}
			continue
		}
		key := false
		if top >= 0 {
			key = stack[top].keys && stack[top].left&1 == 0
			stack[top].left--
		}
		start := d.off
		t, value := d.head()
		switch t {
		case Text:
			if s := d.take(value); !validText(s) {
				d.Fail(ErrText)
			}
		case Bytes:
			d.take(value)
		case Array, Map, Tag:
			if key {
				d.Fail(ErrKey)
				return
			}
			if top+1 >= depth {
				d.Fail(ErrDepth)
				return
			}
			top++
			stack[top] = level{left: uint32(value), keys: t == Map}
			switch t {
			case Map:
				stack[top].left *= 2
			case Tag:
				stack[top].left = 1
			}
			continue
		case Simple:
			if key {
				d.Fail(ErrKey)
			}
		}
		if key && d.err == 0 {
			l := &stack[top]
			if l.some {
				d.ascending(d.b[l.from:l.to], d.b[start:d.off])
			}
			l.some, l.from, l.to = true, start, d.off
		}
		if top < 0 {
			return
		}
	}
}

// level is one array, map or tag that Skip is inside.
type level struct {
	left     uint32 // items still to come, keys and values both
	keys     bool   // a map
	some     bool   // from and to are set
	from, to int    // the key before
}

// Raw consumes one item and returns its encoding.
//go:noinline
func (d *Decoder) Raw(depth int) []byte {
	start := d.off
	d.Skip(depth)
	if d.err != 0 {
		return nil
	}
	return d.b[start:d.off]
}

// ascending fails unless key comes after last in bytewise order.
//go:noinline
func (d *Decoder) ascending(last, key []byte) {
	for i := 0; i < len(last) && i < len(key); i++ {
		if key[i] != last[i] {
			if key[i] < last[i] {
				d.Fail(ErrOrder)
			}
			return
		}
	}
	// No encoding is a proper prefix of another one.
	d.Fail(ErrDuplicate)
}

// Valid checks that b is exactly one document of the subset, nested at most
// depth deep.
//go:noinline
func Valid(b []byte, depth int) Error {
	d := New(b)
	d.Skip(depth)
	return d.End()
}

// validText reports whether s is UTF-8 (RFC 3629: no overlong form, no
// surrogate, nothing above U+10FFFF).
//go:noinline
func validText(s []byte) bool {
	for i := 0; i < len(s); {
		c := s[i]
		i++
		if c < 0x80 {
			continue
		}
		n, low, high := 0, byte(0x80), byte(0xbf)
		switch {
		case c < 0xc2 || c > 0xf4:
			return false
		case c < 0xe0:
			n = 1
		case c < 0xf0:
			n = 2
			if c == 0xe0 {
				low = 0xa0
			} else if c == 0xed {
				high = 0x9f
			}
		default:
			n = 3
			if c == 0xf0 {
				low = 0x90
			} else if c == 0xf4 {
				high = 0x8f
			}
		}
		if n > len(s)-i {
			return false
		}
		for ; n > 0; n-- {
			if s[i] < low || s[i] > high {
				return false
			}
			low, high = 0x80, 0xbf
			i++
		}
	}
	return true
}
