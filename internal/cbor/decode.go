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
//
//go:noinline
func (d *Decoder) Offset() int { return d.off }

// More reports whether there is another item and no error so far.
//
//go:noinline
func (d *Decoder) More() bool { return d.err == 0 && d.off < len(d.b) }

// End checks that nothing is left and returns the first error.
//
//go:noinline
func (d *Decoder) End() Error {
	if d.err == 0 && d.off != len(d.b) {
		d.err = ErrTrailing
	}
	return d.err
}

// Fail records e unless there is an error already.
//
//go:noinline
func (d *Decoder) Fail(e Error) {
	if d.err == 0 {
		d.err = e
	}
}

// Type returns the type of the next item without consuming it.
//
//go:noinline
func (d *Decoder) Type() Type {
	if !d.More() {
		return None
	}
	return Type(d.b[d.off] >> 5)
}

// Null reports whether the next item is null, and consumes it if it is.
//
//go:noinline
func (d *Decoder) Null() bool {
	if d.Type() != Simple || d.b[d.off] != byte(Simple)<<5|simpleNull {
		return false
	}
	d.off++
	return true
}

// head consumes one head and checks that what it claims can be there.
//
//go:noinline
func (d *Decoder) head() (t Type, value uint64) {
	e := ErrTruncated
	off := d.off
	left := len(d.b) - off - 1
	if d.err != 0 || left < 0 {
		goto fail
	}
	t = Type(d.b[off] >> 5)
	value = uint64(d.b[off] & 31)
	off++
	if value >= 24 {
		n := 1 << (value & 3)
		e = ErrSyntax
		switch {
		case value == 31:
			e = ErrIndefinite
			goto fail
		case value > 27 || t == Simple: // floats, and simple values of two bytes
			goto fail
		}
		e = ErrTruncated
		left -= n
		if left < 0 {
			goto fail
		}
		value = 0
		for n := n; n > 0; n-- {
			value = value<<8 | uint64(d.b[off])
			off++
		}
		if value < 24 || n > 1 && value>>(4*uint(n)) == 0 {
			e = ErrShortest
			goto fail
		}
	}
	switch t {
	case Bytes, Text, Array, Map:
		if value > uint64(left) {
			goto fail
		}
	case Simple:
		if value-simpleFalse > simpleNull-simpleFalse {
			e = ErrSyntax
			goto fail
		}
	}
	d.off = off
	return t, value
fail:
	d.Fail(e)
	return None, 0
}

// expect consumes the head of an item of type t.
//
//go:noinline
func (d *Decoder) expect(t Type) uint64 {
	start := d.off
	got, value := d.head()
	if got != t && got != None {
		d.err = ErrType
		d.off = start
		value = 0
	}
	return value
}

// Uint consumes an unsigned integer.
//
//go:noinline
func (d *Decoder) Uint() uint64 { return d.expect(Uint) }

// Int consumes an integer, of either sign, that fits 32 bits.
//
//go:noinline
func (d *Decoder) Int() int32 {
	t := d.Type()
	if t != Nint {
		t = Uint
	}
	value := d.expect(t)
	n := int32(value)
	if value > 1<<31-1 {
		d.Fail(ErrRange)
		n = 0
	} else if t == Nint && d.err == 0 {
		n = ^n
	}
	return n
}

// Bool consumes false or true.
//
//go:noinline
func (d *Decoder) Bool() bool {
	value := d.expect(Simple)
	if value == simpleNull {
		d.Fail(ErrType)
	}
	return value == simpleTrue
}

// Bytes consumes a byte string and returns a view of it.
//
//go:noinline
func (d *Decoder) Bytes() []byte { return d.take(d.expect(Bytes)) }

// Text consumes a text string and returns a view of it.
//
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
	start := d.off
	d.off += int(n)
	return d.b[start:d.off]
}

// Array consumes the head of an array and returns its number of items, which
// is never more than the bytes left.
//
//go:noinline
func (d *Decoder) Array() int { return int(d.expect(Array)) }

// Map consumes the head of a map and returns its number of pairs, which is
// never more than the bytes left. It does not hold the keys to
// their order: check the document with Valid first.
//
//go:noinline
func (d *Decoder) Map() int { return int(d.expect(Map)) }

// Tag consumes a tag and returns its number.
//
//go:noinline
func (d *Decoder) Tag() uint64 { return d.expect(Tag) }

// Skip consumes one item of any type, nested at most depth (and MaxDepth)
// arrays, maps and tags deep, and holds everything inside to the subset.
//
//go:noinline
func (d *Decoder) Skip(depth int) {
	if depth > MaxDepth {
		depth = MaxDepth
	}
	t, n := d.head()
	switch t {
	case Bytes, Text:
		if s := d.take(n); t == Text && !validText(s) {
			d.Fail(ErrText)
		}
		return
	case Tag:
		n = 1
	case Array, Map:
	default:
		return
	}
	if depth == 0 {
		d.Fail(ErrDepth)
	}
	last := 0 // where the key before is, if there is one: no key is at 0
	for ; n > 0 && d.err == 0; n-- {
		if t == Map {
			last = d.key(last)
		}
		d.Skip(depth - 1)
	}
}

// key consumes a key of a map and checks that it comes after the one at last
// in bytewise order. It returns where it is.
func (d *Decoder) key(last int) int {
	start := d.off
	switch d.Type() {
	case Array, Map, Tag, Simple:
		d.Fail(ErrKey)
	}
	d.Skip(0)
	if d.err != 0 || last == 0 {
		return start
	}
	// No encoding is a proper prefix of another one.
	e := ErrDuplicate
	for i := start; i < d.off; i++ {
		if was := d.b[last+i-start]; was != d.b[i] {
			e = ErrOrder
			if was < d.b[i] {
				return start
			}
			break
		}
	}
	d.Fail(e)
	return start
}

// Raw consumes one item and returns its encoding.
//
//go:noinline
func (d *Decoder) Raw(depth int) []byte {
	start := d.off
	d.Skip(depth)
	n := d.off - start
	d.off = start
	return d.take(uint64(n))
}

// Valid checks that b is exactly one document of the subset, nested at most
// depth deep.
//
//go:noinline
func Valid(b []byte, depth int) Error {
	d := New(b)
	d.Skip(depth)
	return d.End()
}

// validText reports whether s is UTF-8 (RFC 3629: no overlong form, no
// surrogate, nothing above U+10FFFF).
//
//go:noinline
func validText(s []byte) bool {
	for i := 0; i < len(s); {
		c := uint32(s[i])
		i++
		if c < 0x80 {
			continue
		}
		more, least := 1, uint32(0x80)
		switch {
		case c < 0xc0 || c > 0xf7:
			return false
		case c >= 0xf0:
			c, more, least = c&7, 3, 0x10000
		case c >= 0xe0:
			c, more, least = c&15, 2, 0x800
		default:
			c &= 31
		}
		for ; more > 0; more-- {
			if i == len(s) || s[i]&0xc0 != 0x80 {
				return false
			}
			c = c<<6 | uint32(s[i]&0x3f)
			i++
		}
		if c < least || c > 0x10ffff || c>>11 == 0xd800>>11 {
			return false
		}
	}
	return true
}
