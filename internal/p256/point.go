package p256

// A calculator adds points of the curve in projective coordinates, x = X/Z and
// y = Y/Z, all in Montgomery form.
type calculator struct {
	register [registers]number
	key      point
}

type point [3]number

// Registers of a calculator. The sum of the point in x1, y1, z1 and the one in
// x2, y2, z2 is in x3, y3, z3.
const (
	x1 = iota
	y1
	z1
	x2
	y2
	z2
	sumX
	sumY
	sumZ
	t0
	t1
	t2
	t3
	t4
	coefficient // b of the curve
	registers
)

const x3, y3, z3, b = sumX, sumY, sumZ, coefficient

// What a step of a formula does: register to = left op right.
const (
	times = iota
	plus
	minus
)

// A step is op<<12 | to<<8 | left<<4 | right.
type step uint16

// addition is the complete formula for curves with a = -3 (Renes, Costello,
// Batina: Complete addition formulas for prime order elliptic curves, 2016,
// algorithm 4): it adds any two points, also equal ones, and none. As a table
// it takes a sixth of what as many calls would.
var addition = [...]step{
	times<<12 | t0<<8 | x1<<4 | x2,
	times<<12 | t1<<8 | y1<<4 | y2,
	times<<12 | t2<<8 | z1<<4 | z2,
	plus<<12 | t3<<8 | x1<<4 | y1,
	plus<<12 | t4<<8 | x2<<4 | y2,
	times<<12 | t3<<8 | t3<<4 | t4,
	plus<<12 | t4<<8 | t0<<4 | t1,
	minus<<12 | t3<<8 | t3<<4 | t4,
	plus<<12 | t4<<8 | y1<<4 | z1,
	plus<<12 | x3<<8 | y2<<4 | z2,
	times<<12 | t4<<8 | t4<<4 | x3,
	plus<<12 | x3<<8 | t1<<4 | t2,
	minus<<12 | t4<<8 | t4<<4 | x3,
	plus<<12 | x3<<8 | x1<<4 | z1,
	plus<<12 | y3<<8 | x2<<4 | z2,
	times<<12 | x3<<8 | x3<<4 | y3,
	plus<<12 | y3<<8 | t0<<4 | t2,
	minus<<12 | y3<<8 | x3<<4 | y3,
	times<<12 | z3<<8 | b<<4 | t2,
	minus<<12 | x3<<8 | y3<<4 | z3,
	plus<<12 | z3<<8 | x3<<4 | x3,
	plus<<12 | x3<<8 | x3<<4 | z3,
	minus<<12 | z3<<8 | t1<<4 | x3,
	plus<<12 | x3<<8 | t1<<4 | x3,
	times<<12 | y3<<8 | b<<4 | y3,
	plus<<12 | t1<<8 | t2<<4 | t2,
	plus<<12 | t2<<8 | t1<<4 | t2,
	minus<<12 | y3<<8 | y3<<4 | t2,
	minus<<12 | y3<<8 | y3<<4 | t0,
	plus<<12 | t1<<8 | y3<<4 | y3,
	plus<<12 | y3<<8 | t1<<4 | y3,
	plus<<12 | t1<<8 | t0<<4 | t0,
	plus<<12 | t0<<8 | t1<<4 | t0,
	minus<<12 | t0<<8 | t0<<4 | t2,
	times<<12 | t1<<8 | t4<<4 | y3,
	times<<12 | t2<<8 | t0<<4 | y3,
	times<<12 | y3<<8 | x3<<4 | z3,
	plus<<12 | y3<<8 | y3<<4 | t2,
	times<<12 | x3<<8 | t3<<4 | x3,
	minus<<12 | x3<<8 | x3<<4 | t1,
	times<<12 | z3<<8 | t4<<4 | z3,
	times<<12 | t1<<8 | t3<<4 | t0,
	plus<<12 | z3<<8 | z3<<4 | t1,
}

// equation leaves x³ - 3x + b of the x in x1 in t0; it takes y from x.
var equation = [...]step{
	times<<12 | t0<<8 | x1<<4 | x1,
	times<<12 | t0<<8 | t0<<4 | x1,
	minus<<12 | t0<<8 | t0<<4 | x1,
	minus<<12 | t0<<8 | t0<<4 | x1,
	minus<<12 | t0<<8 | t0<<4 | x1,
	plus<<12 | t0<<8 | t0<<4 | b,
}

var (
	curveB = number{0x27d2604b, 0x3bce3c3e, 0xcc53b0f6, 0x651d06b0, 0x769886bc, 0xb3ebbd55, 0xaa3a93e7, 0x5ac635d8}
	base   = [2]number{
		{0xd898c296, 0xf4a13945, 0x2deb33a0, 0x77037d81, 0x63a440f2, 0xf8bce6e5, 0xe12c4247, 0x6b17d1f2},
		{0x37bf51f5, 0xcbb64068, 0x6b315ece, 0x2bce3357, 0x7c0f9e16, 0x8ee7eb4a, 0xfe1a7f9b, 0x4fe342e2},
	}
)

// run does the steps of a formula.
//
//go:noinline
func (c *calculator) run(formula []step) {
	for _, s := range formula {
		to, left, right := &c.register[s>>8&15%registers], &c.register[s>>4&15%registers], &c.register[s&15%registers]
		switch s >> 12 {
		case times:
			prime.multiply(to, left, right)
		case plus:
			prime.add(to, left, right)
		default:
			prime.subtract(to, left, right)
		}
	}
}

// decode sets the key, and reports whether public is a point of the curve.
func (c *calculator) decode(public *[PublicKeySize]byte) bool {
	prime.enter(&c.register[coefficient], &curveB)
	var x number
	x.load((*[32]byte)(public[1:]))
	if public[0]&^1 != 2 || !x.below(&prime) {
		return false
	}
	prime.enter(&c.key[0], &x)
	c.register[x1] = c.key[0]
	c.run(equation[:])
	y := &c.key[1]
	prime.power(y, &c.register[t0], &rootPower)
	var square number
	prime.multiply(&square, y, y)
	if square != c.register[t0] {
		return false
	}
	// Which of the two roots it is shows outside of Montgomery form.
	one := number{1}
	prime.multiply(&square, y, &one)
	if square[0]&1 != uint32(public[0]&1) {
		prime.subtract(y, &number{}, y)
	}
	prime.enter(&c.key[2], &one)
	return true
}

// combine leaves u times the base point plus v times the key in the sum.
func (c *calculator) combine(u, v *number) {
	var points [4]point // none, base, key, and the sum of both
	points[0] = point{{}, c.key[2], {}}
	prime.enter(&points[1][0], &base[0])
	prime.enter(&points[1][1], &base[1])
	points[1][2] = c.key[2]
	points[2] = c.key
	c.sum(&points[1], &points[2])
	copy(points[3][:], c.register[sumX:])

	at := points[0]
	for i := 255; i >= 0; i-- {
		c.sum(&at, &at)
		copy(at[:], c.register[sumX:])
		c.sum(&at, &points[u.bit(i)|v.bit(i)<<1])
		copy(at[:], c.register[sumX:])
	}
}

// sum adds p and q.
//
//go:noinline
func (c *calculator) sum(p, q *point) {
	copy(c.register[x1:], p[:])
	copy(c.register[x2:], q[:])
	c.run(addition[:])
}
