# temp_sens.go:16
Temperature:
	*(u64 *)(r10 - 8) = 0
# temp_sens.go:17
	r1 = 66
	call 49
	r1 = r0
	r2 = r10
	r2 += -8
	call 50
	if w0 s< 0 goto L11
# temp_sens.go:20
	r0 = *(s16 *)(r10 - 8)
	r0 *= 100
	exit
# temp_sens.go:18
L11:
	r0 = 2716
	exit
