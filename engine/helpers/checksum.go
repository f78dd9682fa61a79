package helpers

import "github.com/femto-containers/femto/vm"

// crc32 works on bits: a table would cost more flash than speed is worth here.
func crc32(c *vm.Call) uint64 {
	sum := ^uint32(c.R[2])
	c.Charge(uint32(len(c.Mem[0])))
	for _, b := range c.Mem[0] {
		sum ^= uint32(b)
		for range 8 {
			sum = sum>>1 ^ 0xedb88320&-(sum&1)
		}
	}
	return uint64(^sum)
}

func fletcher32(c *vm.Call) uint64 {
	words := c.Mem[0]
	first, second := uint32(0xffff), uint32(0xffff)
	c.Charge(uint32(len(words)) / 2)
	for i := 0; i+1 < len(words); i += 2 {
		first += uint32(words[i]) | uint32(words[i+1])<<8
		first = fold(first)
		second = fold(second + first)
	}
	return uint64(second<<16 | first)
}

// fold keeps a sum of 16 bits and a carry below 65536, never at 0.
func fold(sum uint32) uint32 { return sum&0xffff + sum>>16 }
