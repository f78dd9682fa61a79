package image

import "encoding/binary"

// Parts is what Append puts into an image.
type Parts struct {
	Data      []byte
	Rodata    []byte // without the functions' names
	Text      []byte
	Functions []Function
	Contract  *Contract // nil: an image of version 0
}

// Append appends to dst an image made of parts, as the original's packer lays
// it out: names of functions after the given .rodata, each ended by NUL, then
// .data and .rodata padded with NUL to a multiple of 8. With a contract, which
// comes last, it is of version 1. Append judges nothing that Parse judges, and
// returns nil if an offset does not fit the table's sixteen bits.
func Append(dst []byte, parts Parts) []byte {
	rodata := len(parts.Rodata)
	for _, f := range parts.Functions {
		if rodata > 0xffff || f.Offset < 0 || f.Offset > 0xffff {
			return nil
		}
		rodata += len(f.Name) + 1
	}
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, Magic)
	version := uint32(0)
	if parts.Contract != nil {
		version = 1
	}
	dst = le.AppendUint32(dst, version)
	dst = le.AppendUint32(dst, 0)
	dst = le.AppendUint32(dst, padded(len(parts.Data)))
	dst = le.AppendUint32(dst, padded(rodata))
	dst = le.AppendUint32(dst, uint32(len(parts.Text)))
	dst = le.AppendUint32(dst, uint32(len(parts.Functions)))

	dst = append(dst, parts.Data...)
	dst = pad(dst, len(parts.Data))
	dst = append(dst, parts.Rodata...)
	for _, f := range parts.Functions {
		dst = append(dst, f.Name...)
		dst = append(dst, 0)
	}
	dst = pad(dst, rodata)
	dst = append(dst, parts.Text...)

	name := len(parts.Rodata)
	for _, f := range parts.Functions {
		dst = le.AppendUint16(dst, uint16(name))
		dst = le.AppendUint16(dst, 0)
		dst = le.AppendUint16(dst, uint16(f.Offset))
		name += len(f.Name) + 1
	}
	if parts.Contract != nil {
		dst = AppendContract(dst, parts.Contract)
	}
	return dst
}

func padded(n int) uint32 { return uint32(n+Align-1) &^ (Align - 1) }

func pad(dst []byte, n int) []byte {
	for ; n%Align != 0; n++ {
		dst = append(dst, 0)
	}
	return dst
}
