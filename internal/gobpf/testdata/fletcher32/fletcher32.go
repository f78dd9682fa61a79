package fletcher32

const block = 359

func fold(sum uint64) uint64 { return sum&0xffff + sum>>16 }

//femto:hook event
func Fletcher32(ctx []byte) uint64 {
	first, second := uint64(0xffff), uint64(0xffff)
	for len(ctx) >= 2 {
		words := min(len(ctx)/2, block)
		for _ = range words {
			first += uint64(ctx[0]) | uint64(ctx[1])<<8
			second += first
			ctx = ctx[2:]
		}
		first, second = fold(first), fold(second)
	}
	return fold(second)<<16 | fold(first)
}
