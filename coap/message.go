// Package coap is the Constrained Application Protocol (RFC 7252) with
// block-wise transfers (RFC 7959) for a device and for its tools: messages,
// exchanges and transfers, without sockets, clocks or goroutines.
package coap

// A Message is a view of a datagram. Its slices point into the datagram.
type Message struct {
	Type    Type
	Code    Code
	ID      uint16
	Token   []byte // 0..8 bytes
	Payload []byte // nil: no payload
	options []byte // checked by Parse
}

const (
	headerSize    = 4
	maxToken      = 8
	payloadMarker = 0xff
)

// Parse checks datagram as RFC 7252 §3 demands and sets m to a view of it.
// After an error with at least a header, m holds Type and ID, which is what a
// Reset needs. Token lengths above 8, and with them the extended ones of RFC
// 8974, are refused.
func Parse(datagram []byte, m *Message) Error {
	*m = Message{}
	if len(datagram) < headerSize {
		return ErrShort
	}
	if datagram[0]>>6 != 1 {
		return ErrVersion
	}
	m.Type = Type(datagram[0] >> 4 & 3)
	m.Code = Code(datagram[1])
	m.ID = uint16(datagram[2])<<8 | uint16(datagram[3])
	token := int(datagram[0] & 15)
	if m.Code == Empty {
		if token != 0 || len(datagram) != headerSize {
			return ErrEmpty
		}
		return 0
	}
	if class := m.Code.Class(); class == 1 || class == 3 || class > 5 {
		return ErrCode
	}
	if token > maxToken {
		return ErrTokenLength
	}
	rest := datagram[headerSize:]
	if len(rest) < token {
		return ErrShort
	}
	m.Token, rest = rest[:token], rest[token:]
	options := rest
	number := uint32(0)
	for len(rest) > 0 {
		if rest[0] == payloadMarker {
			if len(rest) == 1 {
				return ErrNoPayload
			}
			m.Payload = rest[1:]
			break
		}
		delta, length, header := optionHeader(rest)
		if header == 0 || length > len(rest)-header {
			return ErrOptionForm
		}
		number += delta
		if number > 0xffff {
			return ErrOptionForm
		}
		rest = rest[header+length:]
	}
	m.options = options[:len(options)-len(rest)]
	return 0
}

// optionHeader decodes the header of the option that b, not empty, starts
// with. header is the number of bytes it takes, 0 if it is malformed.
func optionHeader(b []byte) (delta uint32, length, header int) {
	header = 1
	delta, header = extend(b, header, uint32(b[0]>>4))
	if header == 0 {
		return 0, 0, 0
	}
	n, header := extend(b, header, uint32(b[0]&15))
	return delta, int(n), header
}

// extend reads the extended form of a nibble (RFC 7252 §3.1) at b[at:] and
// returns the position after it, 0 if it is malformed.
func extend(b []byte, at int, nibble uint32) (uint32, int) {
	switch nibble {
	case 13:
		if at >= len(b) {
			return 0, 0
		}
		return uint32(b[at]) + 13, at + 1
	case 14:
		if at+1 >= len(b) {
			return 0, 0
		}
		return uint32(b[at])<<8 + uint32(b[at+1]) + 269, at + 2
	case 15:
		return 0, 0
	}
	return nibble, at
}

// Options walks the options of a message in the order of their numbers.
//
//	o := m.Options()
//	for o.Next() {
//		use(o.Number, o.Value)
//	}
type Options struct {
	Number uint16
	Value  []byte // points into the datagram
	rest   []byte
}

// Options returns an iterator before the first option of m, which Parse has
// accepted.
func (m *Message) Options() Options { return Options{rest: m.options} }

// Next moves to the next option and reports whether there is one.
//
//go:noinline
func (o *Options) Next() bool {
	if len(o.rest) == 0 {
		return false
	}
	delta, length, header := optionHeader(o.rest)
	o.Number += uint16(delta)
	o.Value = o.rest[header : header+length]
	o.rest = o.rest[header+length:]
	return true
}

// equal compares without the copy that TinyGo makes for string(b) == s.
//
//go:noinline
func equal(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if b[i] != s[i] {
			return false
		}
	}
	return true
}

//go:noinline
func sameBytes(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Uint decodes the value of an option of format uint (RFC 7252 §3.2). More
// than four bytes, which no option of this package has, give the last four.
//
//go:noinline
func (o *Options) Uint() uint32 {
	v := uint32(0)
	for _, b := range o.Value {
		v = v<<8 | uint32(b)
	}
	return v
}
