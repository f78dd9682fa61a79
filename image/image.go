// Package image reads and writes container images: a header, .data, .rodata,
// .text and a table of functions in one run of bytes, read in place.
package image

import "encoding/binary"

const (
	// Magic is the first four bytes of an image, "rBPF", read as a
	// little-endian number.
	Magic = 0x46504272

	// HeaderSize is the length of the header: seven little-endian u32.
	HeaderSize = 28

	// FunctionSize is the length of one entry of the function table: name
	// offset, flags and location offset, each a little-endian u16.
	FunctionSize = 6

	// Align is what the lengths of .data, .rodata and .text are multiples of.
	Align = 8

	flagCompressed = 1
)

// Error says why bytes are not an image. Zero is no error.
type Error uint8

const (
	OK             Error = iota
	ErrShort             // shorter than a header
	ErrMagic             // does not begin with "rBPF"
	ErrVersion           // a version other than 0
	ErrCompressed        // text is compressed, which no device reads
	ErrFlags             // a flag without a meaning is set
	ErrAlign             // a section's length is not a multiple of 8
	ErrLength            // the lengths of the parts do not add up to the image's
	ErrEmpty             // no instruction
	ErrTermination       // .rodata does not end in NUL although names lie in it
	ErrName              // a function's name begins outside .rodata
	ErrLocation          // a function begins outside .text or between instructions
)

// Error returns the reason in words.
func (e Error) Error() string {
	switch e {
	case OK:
		return "no error"
	case ErrShort:
		return "image is shorter than its header"
	case ErrMagic:
		return "not an image: magic number differs"
	case ErrVersion:
		return "image version is not supported"
	case ErrCompressed:
		return "compressed images are not supported"
	case ErrFlags:
		return "unknown image flag"
	case ErrAlign:
		return "section length is not a multiple of 8"
	case ErrLength:
		return "section lengths do not add up to the image's length"
	case ErrEmpty:
		return "image has no instruction"
	case ErrTermination:
		return ".rodata does not end in NUL"
	case ErrName:
		return "function name lies outside .rodata"
	case ErrLocation:
		return "function lies outside .text"
	}
	return "unknown image error"
}

// Image is a view of a valid image. It aliases the bytes it was parsed from:
// they must not change while it is in use. The zero Image is empty.
type Image struct {
	bytes  []byte
	rodata int // where .rodata begins
	text   int
	table  int
}

// Function names a place in .text.
type Function struct {
	Name   []byte // without the NUL; aliases the image
	Offset int    // in bytes from the beginning of .text
}

// Parse checks b as an image of version 0 and returns a view of it. It reads
// the header and the function table only: whether .text may run is for
// vm.Check to say. It takes time in proportion to the number of functions.
func Parse(b []byte) (Image, Error) {
	if len(b) < HeaderSize {
		return Image{}, ErrShort
	}
	le := binary.LittleEndian
	if le.Uint32(b) != Magic {
		return Image{}, ErrMagic
	}
	if le.Uint32(b[4:]) != 0 {
		return Image{}, ErrVersion
	}
	switch flags := le.Uint32(b[8:]); {
	case flags == flagCompressed:
		return Image{}, ErrCompressed
	case flags != 0:
		return Image{}, ErrFlags
	}

	// Each length is taken off what is left, so no sum can wrap.
	var end [3]int
	rest := uint32(len(b) - HeaderSize)
	for i := range end {
		n := le.Uint32(b[12+4*i:])
		if n > rest {
			return Image{}, ErrLength
		}
		if n%Align != 0 {
			return Image{}, ErrAlign
		}
		rest -= n
		end[i] = len(b) - int(rest)
	}
	functions := le.Uint32(b[24:])
	if functions > rest/FunctionSize || functions*FunctionSize != rest {
		return Image{}, ErrLength
	}

	m := Image{bytes: b, rodata: end[0], text: end[1], table: end[2]}
	if m.text == m.table {
		return Image{}, ErrEmpty
	}
	// The writer of the original ends every name and pads .rodata with NUL, so
	// one look at the last byte bounds all names.
	if functions > 0 && (m.rodata == m.text || b[m.text-1] != 0) {
		return Image{}, ErrTermination
	}
	for at := m.table; at < len(b); at += FunctionSize {
		if int(le.Uint16(b[at:])) >= m.text-m.rodata {
			return Image{}, ErrName
		}
		if le.Uint16(b[at+2:]) != 0 {
			return Image{}, ErrFlags
		}
		location := int(le.Uint16(b[at+4:]))
		if location >= m.table-m.text || location%Align != 0 {
			return Image{}, ErrLocation
		}
	}
	return m, OK
}

// Bytes returns the whole image.
func (m *Image) Bytes() []byte { return m.bytes }

// Data returns the initial contents of .data. It aliases the image: what a
// container may write is a copy.
func (m *Image) Data() []byte { return m.section(HeaderSize, m.rodata) }

// Rodata returns .rodata with the functions' names at its end.
func (m *Image) Rodata() []byte { return m.section(m.rodata, m.text) }

// Text returns the instructions; execution begins with the first.
func (m *Image) Text() []byte { return m.section(m.text, m.table) }

// section caps the slice, so that no append reaches the next section.
func (m *Image) section(from, to int) []byte {
	if m.bytes == nil {
		return nil
	}
	return m.bytes[from:to:to]
}

// Functions returns the number of functions in the table.
func (m *Image) Functions() int { return (len(m.bytes) - m.table) / FunctionSize }

// Function returns entry i of the table, and whether there is one.
func (m *Image) Function(i int) (Function, bool) {
	if i < 0 || i >= m.Functions() {
		return Function{}, false
	}
	entry := m.bytes[m.table+i*FunctionSize:]
	name := m.Rodata()[binary.LittleEndian.Uint16(entry):]
	n := 0
	for n < len(name) && name[n] != 0 {
		n++
	}
	return Function{Name: name[:n:n], Offset: int(binary.LittleEndian.Uint16(entry[4:]))}, true
}
