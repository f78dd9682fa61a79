# periodic_increment.go:16
Count:
	r6 = r10
	r6 += -4
	*(u32 *)(r10 - 4) = 0
	call 96
	*(u32 *)(r10 - 4) = r0
# periodic_increment.go:18
L5:
	r1 = r6
	r2 = 1000000
	call 97
# periodic_increment.go:19
	r1 = 80
	r2 = r10
	r2 += -8
	call 19
	r2 = *(u32 *)(r10 - 8)
	w2 += 1
	r1 = 80
	call 17
	goto L5
