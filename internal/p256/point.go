package p256

// A point of the curve in projective coordinates, x = X/Z and y = Y/Z, in
// Montgomery form. Of the point that is none, Z is 0.
type point [3]number

// The registers of a formula are in two banks: TinyGo has no larger variables
// on a stack.
type bank [8]number

// Registers. The sum of the point in x1, y1, z1 and the one in
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
func run(low, high *bank, formula []step) {
	for _, s := range formula {
		var left, right number
		get(low, high, s>>4, &left)
		get(low, high, s, &right)
		switch s >> 12 {
		case times:
			prime.multiply(&left, &left, &right)
		case plus:
			prime.add(&left, &left, &right)
		default:
			prime.subtract(&left, &left, &right)
		}
		put(low, high, s>>8, &left)
	}
}

//go:noinline
func get(low, high *bank, register step, to *number) {
	if register&8 != 0 {
		*to = high[register&7]
	} else {
		*to = low[register&7]
	}
}

//go:noinline
func put(low, high *bank, register step, from *number) {
	if register&8 != 0 {
		high[register&7] = *from
	} else {
		low[register&7] = *from
	}
}

// decode sets key to the point that public is, and reports whether it is one
// of the curve. It sets the coefficient for good.
func decode(low, high *bank, key *point, public *[PublicKeySize]byte) bool {
	var x, square number
	prime.enter(&x, &curveB)
	put(low, high, coefficient, &x)
	x.load((*[32]byte)(public[1:]))
	if public[0]&^1 != 2 || !x.below(&prime) {
		return false
	}
	prime.enter(&key[0], &x)
	put(low, high, x1, &key[0])
	run(low, high, equation[:])
	get(low, high, t0, &square)
	y := &key[1]
	prime.power(y, &square, &rootPower)
	prime.multiply(&x, y, y)
	if x != square {
		return false
	}
	// Which of the two roots it is shows outside of Montgomery form.
	one := number{1}
	prime.multiply(&x, y, &one)
	if x[0]&1 != uint32(public[0]&1) {
		x = number{}
		prime.subtract(y, &x, y)
	}
	prime.enter(&key[2], &one)
	return true
}

// combine sets sum to u times the base point plus v times key.
func combine(low, high *bank, sum, key *point, u, v *number) {
	var generator, both point
	prime.enter(&generator[0], &base[0])
	prime.enter(&generator[1], &base[1])
	generator[2] = key[2]
	both = generator
	add(low, high, &both, key)

	*sum = point{{}, key[2], {}}
	for i := 255; i >= 0; i-- {
		add(low, high, sum, sum)
		switch u.bit(i) | v.bit(i)<<1 {
		case 1:
			add(low, high, sum, &generator)
		case 2:
			add(low, high, sum, key)
		case 3:
			add(low, high, sum, &both)
		}
	}
}

// add adds q to p.
//
//go:noinline
func add(low, high *bank, p, q *point) {
	for i := range step(3) {
		put(low, high, x1+i, &p[i])
		put(low, high, x2+i, &q[i])
	}
	run(low, high, addition[:])
	for i := range step(3) {
		get(low, high, sumX+i, &p[i])
	}
}
