package vm

// What encoding/binary does, in functions that TinyGo too makes part of the
// run loop, where its compiler joins the bytes to one access and drops the
// bounds checks after a test by outside.

//go:inline
func load16(b []byte, at int) uint16 {
	return uint16(b[at]) | uint16(b[at+1])<<8
}

//go:inline
func load32(b []byte, at int) uint32 {
	return uint32(b[at]) | uint32(b[at+1])<<8 | uint32(b[at+2])<<16 | uint32(b[at+3])<<24
}

//go:inline
func store16(b []byte, at int, v uint16) {
	b[at], b[at+1] = uint8(v), uint8(v>>8)
}

//go:inline
func store32(b []byte, at int, v uint32) {
	b[at], b[at+1], b[at+2], b[at+3] = uint8(v), uint8(v>>8), uint8(v>>16), uint8(v>>24)
}
