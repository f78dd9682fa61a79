package ed25519

// An fe is a number below 2^256, least significant word first: an element of
// the field of 2^255-19, not always the least of its class, or a scalar.
type fe [8]uint32

var (
	one    = fe{1}
	two255 = fe{7: 1 << 31}
	d      = fe{0x135978a3, 0x75eb4dca, 0x4141d8ab, 0x00700a4d, 0x7779e898, 0x8cc74079, 0x2b6ffe73, 0x52036cee}
	d2     = fe{0x26b2f159, 0xebd69b94, 0x8283b156, 0x00e0149a, 0xeef3d130, 0x198e80f2, 0x56dffce7, 0x2406d9dc}
	rootM1 = fe{0x4a0ea0b0, 0xc4ee1b27, 0xad2fe478, 0x2f431806, 0x3dfbd7a7, 0x2b4d0099, 0x4fc1df0b, 0x2b832480} // square root of -1
)

// load sets r to the little-endian b.
func (r *fe) load(b *[32]byte) {
	for i := range r {
		r[i] = uint32(b[4*i]) | uint32(b[4*i+1])<<8 | uint32(b[4*i+2])<<16 | uint32(b[4*i+3])<<24
	}
}

// plus adds n to r and returns the carry.
func (r *fe) plus(n uint32) uint32 {
	for i := 0; i < len(r) && n != 0; i++ {
		sum := uint64(r[i]) + uint64(n)
		r[i] = uint32(sum)
		n = uint32(sum >> 32)
	}
	return n
}

// fold adds n*2^256 to r, which 2^256 = 38 in the field makes small. n is below
// 2^26. After a carry r is so small that adding another 38 has none.
func (r *fe) fold(n uint32) { r[0] += 38 * r.plus(38*n) }

//go:noinline
func (r *fe) add(a, b *fe) {
	var carry uint64
	for i := range r {
		carry += uint64(a[i]) + uint64(b[i])
		r[i] = uint32(carry)
		carry >>= 32
	}
	r.fold(uint32(carry))
}

//go:noinline
func (r *fe) subtract(a, b *fe) {
	var borrow int64
	for i := range r {
		borrow += int64(a[i]) - int64(b[i])
		r[i] = uint32(borrow)
		borrow >>= 32
	}
	// What was borrowed is 2^256, so 38 is too much. If that borrows again,
	// r is so large that taking away another 38 does not.
	if borrow == 0 {
		return
	}
	borrow = -38
	for i := 0; i < len(r) && borrow != 0; i++ {
		borrow += int64(r[i])
		r[i] = uint32(borrow)
		borrow >>= 32
	}
	r[0] += uint32(38 * borrow)
}

//go:noinline
func (r *fe) multiply(a, b *fe) {
	var t [16]uint32
	for i := range a {
		n := uint64(a[i])
		row := (*fe)(t[i : i+8])
		var carry uint32
		for j := range b {
			// At most (2^32-1)^2 + 2(2^32-1) = 2^64-1.
			v := n*uint64(b[j]) + uint64(row[j]) + uint64(carry)
			row[j] = uint32(v)
			carry = uint32(v >> 32)
		}
		t[i+8] = carry
	}
	var carry uint32
	for i := range r {
		v := 38*uint64(t[i+8]) + uint64(t[i]) + uint64(carry)
		r[i] = uint32(v)
		carry = uint32(v >> 32)
	}
	r.fold(carry)
}

// square sets r to a^(2^n).
func (r *fe) square(a *fe, n int) {
	*r = *a
	for ; n > 0; n-- {
		r.multiply(r, r)
	}
}

// power sets r to a^(2^250-1) and a11 to a^11, with which both exponents that
// are needed end.
func (r *fe) power(a, a11 *fe) {
	var x, y fe
	x.square(a, 1)
	y.square(&x, 2)
	y.multiply(&y, a)    // 9
	a11.multiply(&y, &x) // 11
	x.square(a11, 1)
	x.multiply(&x, &y) // 2^5-1
	y.square(&x, 5)
	x.multiply(&y, &x) // 2^10-1
	y.square(&x, 10)
	y.multiply(&y, &x) // 2^20-1
	r.square(&y, 20)
	y.multiply(r, &y) // 2^40-1
	y.square(&y, 10)
	x.multiply(&y, &x) // 2^50-1
	y.square(&x, 50)
	y.multiply(&y, &x) // 2^100-1
	r.square(&y, 100)
	y.multiply(r, &y) // 2^200-1
	y.square(&y, 50)
	r.multiply(&y, &x)
}

// invert sets r to 1/a, a^(2^255-21), which is 0 for 0.
func (r *fe) invert(a *fe) {
	var x, a11 fe
	x.power(a, &a11)
	r.square(&x, 5)
	r.multiply(r, &a11)
}

// normal makes r the least of its class.
func (r *fe) normal() {
	r.clearTop(19) // now below 2^255+19
	// A number of at least 2^255-19 has bit 255 when 19 is added, and is then
	// what the other bits say.
	t := *r
	t.plus(19)
	if t[7] >= two255[7] {
		t[7] -= two255[7]
		*r = t
	}
}

// clearTop takes bit 255 away and adds n in its place.
func (r *fe) clearTop(n uint32) {
	top := r[7] >> 31
	r[7] &^= two255[7]
	r.plus(top * n)
}

// equal reports whether a and b are of the same class.
//
//go:noinline
func (a *fe) equal(b *fe) bool {
	var t fe
	t.subtract(a, b)
	t.normal()
	return t == fe{}
}

// below compares numbers, not classes.
//
//go:noinline
func (a *fe) below(b *fe) bool {
	for i := 7; i >= 0; i-- {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// order is that of the generator.
var order = fe{0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de, 0, 0, 0, 0x10000000}

// reduceScalar sets r to the little-endian b modulo order.
func (r *fe) reduceScalar(b *[64]byte) {
	*r = fe{}
	for bit := 511; bit >= 0; bit-- {
		carry := uint32(b[bit>>3]) >> (bit & 7) & 1
		for i := range r {
			r[i], carry = r[i]<<1|carry, r[i]>>31
		}
		if r.below(&order) {
			continue
		}
		var borrow int64
		for i := range r {
			borrow += int64(r[i]) - int64(order[i])
			r[i] = uint32(borrow)
			borrow >>= 32
		}
	}
}

// bit returns bit n of r.
func (r *fe) bit(n int) uint32 { return r[n>>5] >> (n & 31) & 1 }
