package helpers

import "github.com/femto-containers/femto/vm"

func fmtU32Dec(c *vm.Call) uint64 {
	return fixed(c, uint32(c.R[1]), false, 0)
}

func fmtS16Dfp(c *vm.Call) uint64 {
	v := int32(int16(c.R[1]))
	if v < 0 {
		return fixed(c, uint32(-v), true, int32(c.R[2]))
	}
	return fixed(c, uint32(v), false, int32(c.R[2]))
}

// maxDigits is the most that a number can be moved by.
const maxDigits = 7

// fixed writes v times 10 to the power of exponent to the address in r1, where
// just the bytes that it takes must be writable, and returns their number.
func fixed(c *vm.Call, v uint32, negative bool, exponent int32) uint64 {
	if exponent < -maxDigits || exponent > maxDigits {
		return 0
	}
	var fraction uint32
	point := 0
	if exponent < 0 {
		scale := uint32(1)
		for ; point < int(-exponent); point++ {
			scale *= 10
		}
		v, fraction = v/scale, v%scale
	}
	begin := 0
	if negative {
		begin = 1
	}
	end := begin + 1
	for w := v; w >= 10; w /= 10 {
		end++
	}
	n := end + max(int(exponent), 0)
	if point > 0 {
		n += 1 + point
	}
	out, ok := c.Bytes(c.R[0], n, true)
	if !ok {
		return 0
	}
	out[0] = '-'
	decimal(out[begin:end], v)
	if point > 0 {
		out[end] = '.'
		end++
	}
	decimal(out[end:], fraction)
	return uint64(n)
}

// decimal fills out with the last digits of v.
func decimal(out []byte, v uint32) {
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = '0' + byte(v%10)
		v /= 10
	}
}

func strlen(c *vm.Call) uint64 { return uint64(len(c.Mem[0])) }
