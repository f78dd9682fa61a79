// Package slip carries UDP datagrams over a serial line: IP packets in the
// frames of RFC 1055.
package slip

const (
	end    = 0xc0
	escape = 0xdb
	escEnd = 0xdc
	escEsc = 0xdd
)

// Write puts the frame of packet on the line, byte by byte. It begins with END
// too, which ends what noise may have left there.
func Write(packet []byte, put func(byte)) {
	put(end)
	for _, b := range packet {
		switch b {
		case end:
			put(escape)
			b = escEnd
		case escape:
			put(escape)
			b = escEsc
		}
		put(b)
	}
	put(end)
}

// Append appends the frame of packet to dst: at most 2*len(packet)+2 bytes.
func Append(dst, packet []byte) []byte {
	Write(packet, func(b byte) { dst = append(dst, b) })
	return dst
}

// A Decoder finds packets in the bytes that come in, in whatever pieces.
type Decoder struct {
	Buffer []byte // the caller's; its length is the longest packet

	n       int
	escaped bool
	bad     bool // the frame is too long or malformed: skip to its end
}

// Feed takes one byte and returns the packet that it ended, if any. The packet
// is in Buffer, valid until the next call. Empty frames, and frames that are
// malformed or longer than Buffer, are dropped.
func (d *Decoder) Feed(b byte) []byte {
	if b == end {
		packet := d.Buffer[:d.n]
		if d.bad || d.escaped {
			packet = nil
		}
		d.n, d.bad, d.escaped = 0, false, false
		if len(packet) == 0 {
			return nil
		}
		return packet
	}
	if d.escaped {
		d.escaped = false
		switch b {
		case escEnd:
			b = end
		case escEsc:
			b = escape
		default:
			d.bad = true
		}
	} else if b == escape {
		d.escaped = true
		return nil
	}
	if d.n == len(d.Buffer) {
		d.bad = true
		return nil
	}
	d.Buffer[d.n] = b
	d.n++
	return nil
}
