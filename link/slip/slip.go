// Package slip frames packets on a serial line (RFC 1055).
package slip

const (
	end    = 0xc0
	escape = 0xdb
	escEnd = 0xdc
	escEsc = 0xdd
)

// Append appends the frame of packet to dst: at most 2*len(packet)+2 bytes. It
// begins with END too, which ends what noise may have left on the line.
func Append(dst, packet []byte) []byte {
	dst = append(dst, end)
	for _, b := range packet {
		switch b {
		case end:
			dst = append(dst, escape, escEnd)
		case escape:
			dst = append(dst, escape, escEsc)
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, end)
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
