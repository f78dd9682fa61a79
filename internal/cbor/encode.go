package cbor

// An Encoder writes items into a buffer of fixed size. Once something does not
// fit it writes nothing more and Overflow is true; the caller asks once, at
// the end.
type Encoder struct {
	b        []byte
	n        int
	overflow bool
}

// NewEncoder returns an Encoder that fills b, which it keeps.
func NewEncoder(b []byte) Encoder { return Encoder{b: b} }

// Bytes returns what was written, a view of the buffer.
func (e *Encoder) Bytes() []byte { return e.b[:e.n] }

// Len returns how many bytes were written.
func (e *Encoder) Len() int { return e.n }

// Overflow reports whether something did not fit.
func (e *Encoder) Overflow() bool { return e.overflow }

// Head writes the head of an item in its shortest form.
//
//go:noinline
func (e *Encoder) Head(t Type, value uint64) {
	n := 0
	first := byte(value)
	switch {
	case value < 24:
	case value < 1<<8:
		first, n = 24, 1
	case value < 1<<16:
		first, n = 25, 2
	case value < 1<<32:
		first, n = 26, 4
	default:
		first, n = 27, 8
	}
	if !e.room(1 + n) {
		return
	}
	e.b[e.n] = byte(t)<<5 | first
	for i := 0; i < n; i++ {
		e.b[e.n+n-i] = byte(value)
		value >>= 8
	}
	e.n += 1 + n
}

//go:noinline
func (e *Encoder) room(n int) bool {
	if e.overflow || n > len(e.b)-e.n {
		e.overflow = true
		return false
	}
	return true
}

// Uint writes an unsigned integer.
//
//go:noinline
func (e *Encoder) Uint(v uint64) { e.Head(Uint, v) }

// Int writes an integer of either sign.
//
//go:noinline
func (e *Encoder) Int(v int64) {
	if v < 0 {
		e.Head(Nint, uint64(-1-v))
		return
	}
	e.Head(Uint, uint64(v))
}

// ByteString writes a byte string; s is copied.
//
//go:noinline
func (e *Encoder) ByteString(s []byte) {
	e.Head(Bytes, uint64(len(s)))
	e.Raw(s)
}

// Text writes a text string, which must be UTF-8; s is copied.
//
//go:noinline
func (e *Encoder) Text(s string) {
	e.Head(Text, uint64(len(s)))
	e.RawString(s)
}

// Array writes the head of an array of n items.
//
//go:noinline
func (e *Encoder) Array(n int) { e.Head(Array, uint64(n)) }

// Map writes the head of a map of n pairs. The caller writes them in the order
// of their keys.
//
//go:noinline
func (e *Encoder) Map(n int) { e.Head(Map, uint64(n)) }

// Tag writes a tag.
func (e *Encoder) Tag(n uint64) { e.Head(Tag, n) }

// Bool writes false or true.
//
//go:noinline
func (e *Encoder) Bool(v bool) {
	if v {
		e.Head(Simple, simpleTrue)
		return
	}
	e.Head(Simple, simpleFalse)
}

// Nil writes null.
func (e *Encoder) Nil() { e.Head(Simple, simpleNull) }

// Raw writes bytes that are encoded already.
//
//go:noinline
func (e *Encoder) Raw(b []byte) {
	if e.room(len(b)) {
		e.n += copy(e.b[e.n:], b)
	}
}

// RawString writes bytes that are encoded already.
//
//go:noinline
func (e *Encoder) RawString(s string) {
	if e.room(len(s)) {
		for i := range len(s) {
			e.b[e.n] = s[i]
			e.n++
		}
	}
}
