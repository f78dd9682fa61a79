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
	if w0 s< 0 goto L12
# temp_sens.go:20
	r0 = *(s16 *)(r10 - 8)
	w0 *= 100
	r0 = (s32)r0
	exit
# temp_sens.go:18
L12:
	r0 = 2716
	exit
