# heart_rate.go:16
Rate:
	*(u64 *)(r10 - 8) = 0
# heart_rate.go:17
	r1 = 128
	call 49
	r1 = r0
	r2 = r10
	r2 += -8
	call 50
	if w0 s< 0 goto L11
# heart_rate.go:20
	r0 = *(s16 *)(r10 - 8)
	r0 *= 100
	exit
# heart_rate.go:18
L11:
	r0 = 80
	exit
