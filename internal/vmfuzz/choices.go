package vmfuzz

// choices turns bytes into decisions, so that a fuzzer which changes bytes
// changes a program. When the bytes are used up every decision is 0.
type choices struct{ data []byte }

func (c *choices) byte() int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b)
}

// n returns a number below limit, at most 65536.
func (c *choices) n(limit int) int {
	if limit <= 256 {
		return c.byte() % limit
	}
	return (c.byte() | c.byte()<<8) % limit
}

// in reports true in percent of all cases; false when the bytes are used up.
func (c *choices) in(percent int) bool { return c.n(100) >= 100-percent }

func pick[T any](c *choices, list ...T) T { return list[c.n(len(list))] }

// word returns a 64-bit number, most often one at which something changes.
func (c *choices) word() uint64 {
	switch c.n(6) {
	case 0:
		return uint64(c.byte())
	case 1:
		return -uint64(c.byte())
	case 2: // near a power of two
		return 1<<c.n(64) + uint64(c.n(5)) - 2
	case 3:
		return pick(c, 0, ^uint64(0), 1<<63, 1<<63-1, 1<<31, 1<<32-1, 1<<32, 0xffffffff80000000,
			0x8080808080808080, 0x0123456789abcdef, 0xfedcba9876543210, 0xffff, 0x10000)
	}
	var w uint64
	for range 8 {
		w = w<<8 | uint64(c.byte())
	}
	return w
}

// immediate returns a 32-bit number in the manner of word.
func (c *choices) immediate() int32 {
	switch c.n(4) {
	case 0:
		return int32(int8(c.byte()))
	case 1:
		return pick[int32](c, 0, 1, -1, 2, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 0x7fffffff, -0x80000000)
	}
	return int32(c.word())
}
