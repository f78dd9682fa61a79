# increment.go:7
Increment:
	r0 = *(u64 *)(r1 + 0)
	r0 += 1
	r0 = (s32)r0
	exit
