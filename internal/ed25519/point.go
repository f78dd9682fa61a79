package ed25519

// A point of the curve in extended coordinates: x/z, y/z, and t = xy/z.
type point struct{ x, y, z, t fe }

// An addend is a point prepared for being added more than once.
type addend struct{ less, more, z2, t2d fe } // y-x, y+x, 2z, 2dt

var generator = point{
	x: fe{0x8f25d51a, 0xc9562d60, 0x9525a7b2, 0x692cc760, 0xfdd6dc5c, 0xc0a4e231, 0xcd6e53fe, 0x216936d3},
	y: fe{0x66666658, 0x66666666, 0x66666666, 0x66666666, 0x66666666, 0x66666666, 0x66666666, 0x66666666},
	z: one,
	t: fe{0xa5b7dda3, 0x6dde8ab3, 0x775152f5, 0x20f09f80, 0x64abe37d, 0x66ea4e8e, 0xd78b7665, 0x67875f0f},
}

// decode sets p to the point that b encodes (RFC 8032 §5.1.3) and reports
// whether there is one. Like crypto/ed25519 it takes y that are not reduced,
// and a sign for x = 0.
func (p *point) decode(b *[32]byte) bool {
	p.y.load(b)
	sign := p.y[7] >> 31
	p.y.clearTop(0)

	// x = sqrt(u/v) with u = y^2-1, v = dy^2+1: uv^3 (uv^7)^((q-5)/8), times
	// the root of -1 where that gives the root of -u/v.
	var u, v, w, x fe
	u.multiply(&p.y, &p.y)
	v.multiply(&u, &d)
	u.subtract(&u, &one)
	v.add(&v, &one)
	w.multiply(&v, &v)
	w.multiply(&w, &v) // v^3
	x.multiply(&w, &w)
	x.multiply(&x, &v)
	x.multiply(&x, &u) // uv^7
	p.z.power(&x, &p.t)
	p.z.square(&p.z, 2)
	x.multiply(&p.z, &x)
	x.multiply(&x, &w)
	x.multiply(&x, &u)

	w.multiply(&x, &x)
	w.multiply(&w, &v)
	if !w.equal(&u) {
		w.add(&w, &u)
		if !w.equal(&fe{}) {
			return false
		}
		x.multiply(&x, &rootM1)
	}
	x.normal()
	p.x, p.z = x, one
	p.t.multiply(&p.x, &p.y)
	if x[0]&1 != sign {
		p.negate()
	}
	return true
}

// encode writes p to b.
func (p *point) encode(b *[32]byte) {
	var inverse, x, y fe
	inverse.invert(&p.z)
	x.multiply(&p.x, &inverse)
	y.multiply(&p.y, &inverse)
	x.normal()
	y.normal()
	y[7] |= x[0] << 31
	for i := range b {
		b[i] = byte(y[i/4] >> (8 * (i & 3)))
	}
}

func (p *point) negate() {
	p.x.subtract(&fe{}, &p.x)
	p.t.subtract(&fe{}, &p.t)
}

func (a *addend) set(p *point) {
	a.less.subtract(&p.y, &p.x)
	a.more.add(&p.y, &p.x)
	a.z2.add(&p.z, &p.z)
	a.t2d.multiply(&p.t, &d2)
}

// add adds a to p, whichever points they are.
func (p *point) add(a *addend) {
	var w, x, y, z fe
	w.subtract(&p.y, &p.x)
	w.multiply(&w, &a.less)
	x.add(&p.y, &p.x)
	x.multiply(&x, &a.more)
	y.multiply(&p.t, &a.t2d)
	z.multiply(&p.z, &a.z2)
	p.combine(&w, &x, &y, &z)
}

// double doubles p.
func (p *point) double() {
	var w, x, y, z fe
	x.add(&p.x, &p.y)
	x.multiply(&x, &x)
	w.multiply(&p.x, &p.x)
	y.multiply(&p.y, &p.y)
	z.multiply(&p.z, &p.z)
	z.add(&z, &z)
	// Signs as in add: the four differences and sums of combine are then the
	// usual e, f, g, h of doubling.
	p.t.add(&w, &y)      // h
	x.subtract(&p.t, &x) // e
	y.subtract(&w, &y)   // g
	z.add(&z, &y)        // f
	p.finish(&x, &z, &y, &p.t)
}

func (p *point) combine(a, b, c, d *fe) {
	var e, f, g fe
	e.subtract(b, a)
	f.subtract(d, c)
	g.add(d, c)
	p.t.add(b, a)
	p.finish(&e, &f, &g, &p.t)
}

// finish sets p from e, f, g and h, which may be p.t.
func (p *point) finish(e, f, g, h *fe) {
	p.x.multiply(e, f)
	p.y.multiply(g, h)
	p.z.multiply(f, g)
	p.t.multiply(e, h)
}

// multiply sets p to k*a + s*generator, bit by bit for both at once. It leaves
// a + generator in a: a third point here would go to TinyGo's heap.
func (p *point) multiply(k *fe, a *point, s *fe) {
	var first, second, both addend // not an array: that would be too large for TinyGo's stack
	first.set(a)
	second.set(&generator)
	a.add(&second)
	both.set(a)
	p.x, p.y, p.z, p.t = fe{}, one, one, fe{}
	for n := 252; n >= 0; n-- {
		p.double()
		inK, inS := k.bit(n) != 0, s.bit(n) != 0
		if inK && inS {
			p.add(&both)
		} else if inK {
			p.add(&first)
		} else if inS {
			p.add(&second)
		}
	}
}
