package bench

import "encoding/binary"

// The kernels in Go, on the same bytes.

func fletcher(memory []byte, n int) uint64 {
	sum1, sum2 := uint32(0xffff), uint32(0xffff)
	for n > 0 {
		block := min(n, 359)
		n -= block
		part := memory[:2*block]
		memory = memory[2*block:]
		for ; len(part) >= 2; part = part[2:] {
			sum1 += uint32(binary.LittleEndian.Uint16(part))
			sum2 += sum1
		}
		sum1 = sum1&0xffff + sum1>>16
		sum2 = sum2&0xffff + sum2>>16
	}
	sum1 = sum1&0xffff + sum1>>16
	sum2 = sum2&0xffff + sum2>>16
	return uint64(sum2<<16 | sum1)
}

func alu(_ []byte, n int) uint64 {
	x, sum := uint64(88172645463325252), uint64(0)
	for ; n > 0; n-- {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		sum += x * 0x2545f4914f6cdd1d
	}
	return sum
}

const distance = 6144 // from where memcpy8 and memcpy64 read to where they write

func memcpy8(memory []byte, n int) uint64 {
	from, to := memory[:n], memory[distance:distance+n]
	for i := range to {
		to[i] = from[i]
	}
	return uint64(to[n-1])
}

func memcpy64(memory []byte, n int) uint64 {
	from, to := memory[:8*n], memory[distance:distance+8*n]
	for i := 0; i < 8*n; i += 8 {
		binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:]))
	}
	return binary.LittleEndian.Uint64(to[8*n-8:])
}

// words are 32-bit words in memory.
type words []byte

func (w words) at(i int) uint32     { return binary.LittleEndian.Uint32(w[4*i:]) }
func (w words) set(i int, v uint32) { binary.LittleEndian.PutUint32(w[4*i:], v) }

func (w words) fill(n int) {
	x := uint32(1)
	for i := range n {
		x = x*1664525 + 1013904223
		w.set(i, x)
	}
}

func (w words) sum(n int) (sum uint64) {
	for i := range n {
		sum = sum*31 + uint64(w.at(i))
	}
	return sum
}

func bubble(memory []byte, n int) uint64 {
	v := words(memory)
	v.fill(n)
	for i := range n - 1 {
		for j := range n - 1 - i {
			if low, high := v.at(j), v.at(j+1); low > high {
				v.set(j, high)
				v.set(j+1, low)
			}
		}
	}
	return v.sum(n)
}

func quick(memory []byte, n int) uint64 {
	type part struct{ low, high int }
	var todo [32]part
	v := words(memory)
	v.fill(n)
	todo[0] = part{0, n}
	for depth := 1; depth > 0; {
		depth--
		low, high := todo[depth].low, todo[depth].high
		for high-low > 1 {
			pivot, i, j := v.at((low+high-1)/2), low, high-1
			for {
				for v.at(i) < pivot {
					i++
				}
				for v.at(j) > pivot {
					j--
				}
				if i >= j {
					break
				}
				a, b := v.at(i), v.at(j)
				v.set(i, b)
				v.set(j, a)
				i++
				j--
			}
			if j+1-low < high-j-1 {
				todo[depth] = part{j + 1, high}
				high = j + 1
			} else {
				todo[depth] = part{low, j + 1}
				low = j + 1
			}
			depth++
		}
	}
	return v.sum(n)
}

func sieve(memory []byte, n int) uint64 {
	composite := memory[:n]
	clear(composite)
	count := uint64(0)
	for i := 2; i < n; i++ {
		if composite[i] != 0 {
			continue
		}
		count++
		for k := i + i; k < n; k += i {
			composite[k] = 1
		}
	}
	return count
}

func calls(_ []byte, n int) uint64 {
	x := uint64(1)
	for i := range uint64(n) {
		x = outer(x, i)
	}
	return x
}

//go:noinline
func outer(x, i uint64) uint64 { return middle(x, i) + middle(i, x+1) }

//go:noinline
func middle(x, i uint64) uint64 { return inner(x^i, i) + x }

//go:noinline
func inner(x, i uint64) uint64 { return x*3 + i>>1 }

func hcall(_ []byte, n int) uint64 {
	x := uint64(0)
	for ; n > 0; n-- {
		x = host(x)
	}
	return x
}

//go:noinline
func host(x uint64) uint64 { return x + 1 }
