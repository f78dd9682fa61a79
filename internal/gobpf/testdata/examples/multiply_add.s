# multiply_add.go:10
MultiplyAdd:
	r0 = *(u64 *)(r1 + 0)
	r1 = *(u64 *)(r1 + 8)
	r0 *= r1
	r0 += 5
	exit
