// Package average is the mean of n numbers.
package average

// Average takes n, then n numbers. Without numbers it faults.
//
//femto:hook event
func Average(context []uint32) int32 {
	n := context[0]
	sum := uint64(0)
	for _, v := range context[1 : 1+n] {
		sum += uint64(v)
	}
	return int32(sum / uint64(n))
}
