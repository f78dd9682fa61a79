package coap

// A Builder writes one message into a buffer of the caller: Start, then options
// in ascending order, then at most one Payload. What does not fit, or comes in
// the wrong order, is not written and makes Bytes fail.
type Builder struct {
	buf    []byte
	n      int
	last   uint16
	failed bool
}

// Start begins a message in buf, which the Builder keeps until Bytes.
//
//go:noinline
func (b *Builder) Start(buf []byte, t Type, c Code, id uint16, token []byte) {
	*b = Builder{buf: buf}
	if len(token) > maxToken || len(buf) < headerSize+len(token) {
		b.failed = true
		return
	}
	buf[0] = 1<<6 | uint8(t)<<4 | uint8(len(token))
	buf[1] = uint8(c)
	buf[2] = uint8(id >> 8)
	buf[3] = uint8(id)
	b.n = headerSize + copy(buf[headerSize:], token)
}

// Option appends an option.
//
//go:noinline
func (b *Builder) Option(number uint16, value []byte) {
	at := b.header(number, len(value))
	if !b.failed {
		b.n = at + copy(b.buf[at:], value)
	}
}

// Uint appends an option of format uint, in as few bytes as it takes.
//
//go:noinline
func (b *Builder) Uint(number uint16, v uint32) {
	n := 0
	for x := v; x != 0; x >>= 8 {
		n++
	}
	at := b.header(number, n)
	if b.failed {
		return
	}
	for i := n - 1; i >= 0; i-- {
		b.buf[at] = uint8(v >> (8 * i))
		at++
	}
	b.n = at
}

// header appends the header of an option whose value takes n bytes, and
// returns where the value goes.
func (b *Builder) header(number uint16, n int) int {
	if b.failed || number < b.last || n > 0xffff {
		b.failed = true
		return 0
	}
	delta := int(number - b.last)
	at := b.n + 1 + extendedSize(delta) + extendedSize(n)
	if at+n > len(b.buf) {
		b.failed = true
		return 0
	}
	b.last = number
	b.buf[b.n] = nibble(delta)<<4 | nibble(n)
	b.putExtended(b.putExtended(b.n+1, delta), n)
	return at
}

func nibble(v int) uint8 {
	switch {
	case v < 13:
		return uint8(v)
	case v < 269:
		return 13
	}
	return 14
}

func extendedSize(v int) int {
	switch {
	case v < 13:
		return 0
	case v < 269:
		return 1
	}
	return 2
}

func (b *Builder) putExtended(at, v int) int {
	switch extendedSize(v) {
	case 1:
		b.buf[at] = uint8(v - 13)
	case 2:
		b.buf[at] = uint8((v - 269) >> 8)
		b.buf[at+1] = uint8(v - 269)
	}
	return at + extendedSize(v)
}

// Payload ends the message with p. An empty p adds nothing, as RFC 7252 §3
// demands.
//
//go:noinline
func (b *Builder) Payload(p []byte) {
	if len(p) == 0 {
		return
	}
	if b.failed || b.n+1+len(p) > len(b.buf) {
		b.failed = true
		return
	}
	b.buf[b.n] = payloadMarker
	b.n += 1 + copy(b.buf[b.n+1:], p)
}

// Bytes returns the message, which lies in the buffer given to Start. ok is
// false if it did not fit or an option was out of order.
func (b *Builder) Bytes() (message []byte, ok bool) {
	if b.failed {
		return nil, false
	}
	return b.buf[:b.n], true
}
