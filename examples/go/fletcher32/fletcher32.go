// Package fletcher32 is Fletcher-32 over the words of the context: the
// benchmark of the papers.
package fletcher32

// The original folds after this many words, the most that 32-bit sums hold; the
// same blocks here give the same checksum.
const block = 359

func fold(sum uint64) uint64 { return sum&0xffff + sum>>16 }

// Fletcher32 returns the checksum. The last byte of an odd length is left out.
//
//femto:hook event
func Fletcher32(words []uint16) uint64 {
	first, second := uint64(0xffff), uint64(0xffff)
	for len(words) > 0 {
		n := min(len(words), block)
		for _, word := range words[:n] {
			first += uint64(word)
			second += first
		}
		words = words[n:]
		first, second = fold(first), fold(second)
	}
	return fold(second)<<16 | fold(first)
}
