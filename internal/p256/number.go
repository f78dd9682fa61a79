package p256

// A number has 256 bits in words, the lowest first.
type number [8]uint32

// A modulus is odd, and above 1<<255; negative is -1/m modulo 1<<32.
type modulus struct {
	m        number
	negative uint32
}

var (
	prime = modulus{number{0xffffffff, 0xffffffff, 0xffffffff, 0, 0, 0, 1, 0xffffffff}, 1}
	order = modulus{number{0xfc632551, 0xf3b9cac2, 0xa7179e84, 0xbce6faad, 0xffffffff, 0xffffffff, 0, 0xffffffff}, 0xee00bc4f}

	orderMinus2 = number{0xfc63254f, 0xf3b9cac2, 0xa7179e84, 0xbce6faad, 0xffffffff, 0xffffffff, 0, 0xffffffff}
	rootPower   = number{0, 0, 0x40000000, 0, 0, 0x40000000, 0xc0000000, 0x3fffffff} // (prime+1)/4
)

// load reads a number, big-endian.
//
//go:noinline
func (n *number) load(b *[32]byte) {
	for i := range n {
		at := 28 - 4*i
		n[i] = uint32(b[at])<<24 | uint32(b[at+1])<<16 | uint32(b[at+2])<<8 | uint32(b[at+3])
	}
}

func (n *number) zero() bool { return *n == number{} }

// bit returns bit i.
//
//go:noinline
func (n *number) bit(i int) uint32 { return n[i>>5&7] >> (i & 31) & 1 }

// below reports whether n is less than m.
func (n *number) below(m *modulus) bool {
	t := *n
	return t.subtract(&m.m) != 0
}

// add adds x and returns the carry.
//
//go:noinline
func (n *number) add(x *number) uint32 {
	sum := uint64(0)
	for i := range n {
		sum += uint64(n[i]) + uint64(x[i])
		n[i] = uint32(sum)
		sum >>= 32
	}
	return uint32(sum)
}

// subtract subtracts x and returns the borrow, 0 or 1.
//
//go:noinline
func (n *number) subtract(x *number) uint32 {
	difference := int64(0)
	for i := range n {
		difference += int64(n[i]) - int64(x[i])
		n[i] = uint32(difference)
		difference >>= 32
	}
	return uint32(difference) & 1
}

// add sets z to x + y; both are below m.
func (m *modulus) add(z, x, y *number) {
	sum := *x
	carry := sum.add(y)
	m.settle(&sum, carry)
	*z = sum
}

// subtract sets z to x - y; both are below m.
func (m *modulus) subtract(z, x, y *number) {
	difference := *x
	if difference.subtract(y) != 0 {
		difference.add(&m.m)
	}
	*z = difference
}

// settle brings n, with a carry of 1<<256, below m; it is below 2m.
//
//go:noinline
func (m *modulus) settle(n *number, carry uint32) {
	t := *n
	if t.subtract(&m.m) <= carry {
		*n = t
	}
}

// multiply sets z to x·y/2^256 modulo m (Montgomery). One of x and y is below m.
//
//go:noinline
func (m *modulus) multiply(z, x, y *number) {
	var t number
	var top uint32 // of t, whose word 8 it is
	for i := range x {
		top = m.row(&t, top, x[i], y)
	}
	m.settle(&t, top)
	*z = t
}

// row sets t, with top above it, to (t + f·y + q·m)/2^32, where q is such that
// nothing is lost, and returns what is above it.
//
//go:noinline
func (m *modulus) row(t *number, top, f uint32, y *number) uint32 {
	q := (t[0] + f*y[0]) * m.negative
	// Two carries: each product with two words added fits 64 bits.
	low := uint64(f)*uint64(y[0]) + uint64(t[0])
	high := uint64(q)*uint64(m.m[0]) + uint64(uint32(low))
	for i := 1; i < len(t); i++ {
		low = uint64(f)*uint64(y[i]) + uint64(t[i]) + low>>32
		high = uint64(q)*uint64(m.m[i]) + uint64(uint32(low)) + high>>32
		t[i-1] = uint32(high)
	}
	low = uint64(top) + low>>32 + high>>32
	t[7] = uint32(low)
	return uint32(low >> 32)
}

// enter sets z to x·2^256 modulo m, the Montgomery form of x, which may be m or
// more.
//
//go:noinline
func (m *modulus) enter(z, x *number) {
	n := *x
	m.settle(&n, 0)
	for range 256 {
		m.add(&n, &n, &n)
	}
	*z = n
}

// power sets z to x to the power of e, both in Montgomery form.
func (m *modulus) power(z, x, e *number) {
	one := number{1}
	m.enter(&one, &one)
	base, result := *x, one
	for i := 255; i >= 0; i-- {
		m.multiply(&result, &result, &result)
		if e.bit(i) != 0 {
			m.multiply(&result, &result, &base)
		}
	}
	*z = result
}
