// Package image reads and writes container images: a header, .data, .rodata,
// .text, a table of functions and a contract in one run of bytes, read in place.
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
	ErrVersion           // a version other than 0 and 1
	ErrCompressed        // text is compressed, which no device reads
	ErrFlags             // a flag without a meaning is set
	ErrAlign             // a section's length is not a multiple of 8
	ErrLength            // the lengths of the parts do not add up to the image's
	ErrEmpty             // no instruction
	ErrTermination       // .rodata does not end in NUL although names lie in it
	ErrName              // a function's name begins outside .rodata
	ErrLocation          // a function begins outside .text or between instructions
	ErrContract          // the contract of an image of version 1 is missing or malformed
	ErrABI               // the contract names another ABI
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
	case ErrContract:
		return "contract is missing or malformed"
	case ErrABI:
		return "container is made for another ABI"
	}
	return "unknown image error"
}

// Image is a view of a valid image. It aliases the bytes it was parsed from:
// they must not change while it is in use, as where the parts lie is read from
// the header whenever one is asked for. The zero Image is empty.
type Image struct{ bytes []byte }

// Function names a place in .text.
type Function struct {
	Name   []byte // without the NUL; aliases the image
	Offset int    // in bytes from the beginning of .text
}

// Parse checks b as an image and returns a view of it. It reads the header and
// the function table only: whether .text may run is for vm.Check to say, what
// a contract asks for is for ParseContract. It takes time in proportion to the
// number of functions.
func Parse(b []byte) (m Image, err Error) {
	if err = check(b); err == OK {
		m.bytes = b
	}
	return m, err
}

// check is what Parse says of b.
//
//go:noinline
func check(b []byte) Error {
	if len(b) < HeaderSize {
		return ErrShort
	}
	if number(b, 0) != Magic {
		return ErrMagic
	}
	version := number(b, 4)
	if version > 1 {
		return ErrVersion
	}
	switch flags := number(b, 8); {
	case flags == flagCompressed:
		return ErrCompressed
	case flags != 0:
		return ErrFlags
	}

	// Each length is taken off what is left, so no sum can wrap.
	rest := uint32(len(b) - HeaderSize)
	for at := offData; at <= offText; at += 4 {
		n := number(b, at)
		if n > rest {
			return ErrLength
		}
		rest -= n
		// Not n%Align: its lowest byte would be read on its own, and so all four.
		if (uint32(len(b)-HeaderSize)-rest)%Align != 0 {
			return ErrAlign
		}
	}
	functions := number(b, offFunctions)
	if functions > rest/FunctionSize || version == 0 && functions*FunctionSize != rest {
		return ErrLength
	}
	if version == 1 && functions*FunctionSize == rest {
		return ErrContract
	}

	m := Image{bytes: b}
	rodata, text := m.Rodata(), m.Text()
	if len(text) == 0 {
		return ErrEmpty
	}
	// The writer of the original ends every name and pads .rodata with NUL, so
	// one look at the last byte bounds all names.
	if functions > 0 && (len(rodata) == 0 || rodata[len(rodata)-1] != 0) {
		return ErrTermination
	}
	le := binary.LittleEndian
	for table := m.table(); len(table) >= FunctionSize; table = table[FunctionSize:] {
		if int(le.Uint16(table)) >= len(rodata) {
			return ErrName
		}
		if le.Uint16(table[2:]) != 0 {
			return ErrFlags
		}
		location := int(le.Uint16(table[4:]))
		// .text ends at a multiple of Align, too; as above.
		if location >= len(text) || (len(text)-location)%Align != 0 {
			return ErrLocation
		}
	}
	return OK
}

// Bytes returns the whole image.
func (m *Image) Bytes() []byte { return m.bytes }

// Data returns the initial contents of .data. It aliases the image: what a
// container may write is a copy.
func (m *Image) Data() []byte { return m.section(offData) }

// Rodata returns .rodata with the functions' names at its end.
func (m *Image) Rodata() []byte { return m.section(offRodata) }

// Text returns the instructions; execution begins with the first.
func (m *Image) Text() []byte { return m.section(offText) }

// Contract returns the contract as it is encoded, for ParseContract; nil for
// an image of version 0, which has none.
func (m *Image) Contract() []byte {
	if b := m.section(offFunctions + 4); len(b) > 0 {
		return b
	}
	return nil
}

// Parts returns .data, .rodata and .text at once, which is cheaper. The image
// must not be empty.
func (m *Image) Parts() (data, rodata, text []byte) {
	le := binary.LittleEndian
	b := m.bytes[HeaderSize:]
	n := le.Uint32(m.bytes[offData:])
	data, b = b[:n:n], b[n:]
	n = le.Uint32(m.bytes[offRodata:])
	rodata, b = b[:n:n], b[n:]
	n = le.Uint32(m.bytes[offText:])
	return data, rodata, b[:n:n]
}

func (m *Image) table() []byte { return m.section(offFunctions) }

// Where the header has the lengths of the parts, in the order of the parts.
const (
	offData      = 12
	offRodata    = 16
	offText      = 20
	offFunctions = 24
)

// section returns the part whose length is at offset length of the header; the
// contract's would be after it. It caps the slice, so that no append reaches
// the next part.
func (m *Image) section(length int) []byte {
	if len(m.bytes) == 0 {
		return nil
	}
	from, to := 0, HeaderSize
	for at := offData; at <= length; at += 4 {
		n := int(number(m.bytes, at))
		if at == offFunctions {
			n *= FunctionSize
		}
		from, to = to, to+n
	}
	if length > offFunctions {
		to = len(m.bytes)
	}
	return m.bytes[from:to:to]
}

// number returns the number at offset at of the header, or behind it; 0 if
// there is none.
func number(b []byte, at int) uint32 {
	at &= 31
	if uint(at)+4 > uint(len(b)) {
		return 0
	}
	return uint32(b[at]) | uint32(b[at+1])<<8 | uint32(b[at+2])<<16 | uint32(b[at+3])<<24
}

// Functions returns the number of functions in the table.
func (m *Image) Functions() int {
	if m.bytes == nil {
		return 0
	}
	return int(binary.LittleEndian.Uint32(m.bytes[offFunctions:]))
}

// Function returns entry i of the table, and whether there is one.
func (m *Image) Function(i int) (Function, bool) {
	if i < 0 || i >= m.Functions() {
		return Function{}, false
	}
	entry := m.table()[i*FunctionSize:]
	name := m.Rodata()[binary.LittleEndian.Uint16(entry):]
	n := 0
	for n < len(name) && name[n] != 0 {
		n++
	}
	return Function{Name: name[:n:n], Offset: int(binary.LittleEndian.Uint16(entry[4:]))}, true
}
