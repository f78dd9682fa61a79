# heart_wave.go:19
Rate:
	r1 = 11
	r2 = r10
	r2 += -4
	call 18
	r6 = *(u32 *)(r10 - 4)
	r1 = 10
	r2 = r10
	r2 += -8
	call 18
	r0 = *(u32 *)(r10 - 8)
# heart_wave.go:20
	if w6 != 0 goto L16
# heart_wave.go:22
	r1 = 10
	r2 = 1
	call 16
	r6 = 80
	r0 = 1
# heart_wave.go:24
L16:
	if w0 != 0 goto L19
# heart_wave.go:27
	w6 += -2
	goto L20
# heart_wave.go:25
L19:
	w6 += 2
# heart_wave.go:29
L20:
	if w6 == 80 goto L22
	if w6 != 150 goto L26
# heart_wave.go:30
L22:
	r2 = 1
	w2 -= w0
	r1 = 10
	call 16
# heart_wave.go:32
L26:
	r1 = 11
	r2 = r6
	call 16
# heart_wave.go:33
	r0 = r6
	exit
