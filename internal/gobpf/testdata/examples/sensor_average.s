# sensor_average.go:21
Average:
	r9 = r10
	r9 += -56
	*(u64 *)(r10 - 56) = 0
	*(u64 *)(r10 - 48) = 0
	*(u64 *)(r10 - 40) = 0
	*(u64 *)(r10 - 32) = 0
	*(u64 *)(r10 - 24) = 0
# sensor_average.go:23
	r8 = r10
	r8 += -4
	*(u32 *)(r10 - 4) = 0
	call 96
	*(u32 *)(r10 - 4) = r0
	r7 = 0
	r6 = 0
# sensor_average.go:25
L14:
	*(u64 *)(r10 - 16) = 0
# sensor_average.go:26
	r1 = r8
	r2 = 1000000
	call 97
# sensor_average.go:27
	r1 = 1
	call 48
	r1 = r0
	r2 = r10
	r2 += -16
	call 50
	if w0 s< 0 goto L14
# sensor_average.go:30
	r1 = *(s16 *)(r10 - 16)
	if r6 != 0 goto L40
# sensor_average.go:38
	*(u32 *)(r10 - 56) = r1
	*(u32 *)(r10 - 52) = r1
	*(u32 *)(r10 - 48) = r1
	*(u32 *)(r10 - 44) = r1
	*(u32 *)(r10 - 40) = r1
	*(u32 *)(r10 - 36) = r1
	*(u32 *)(r10 - 32) = r1
	*(u32 *)(r10 - 28) = r1
	*(u32 *)(r10 - 24) = r1
	*(u32 *)(r10 - 20) = r1
# sensor_average.go:43
	r6 = 1
	goto L48
# sensor_average.go:32
L39:
	r0 = *(u8 *)(r10 + 32513) # index out of range
L40:
	if r7 >= 10 goto L39
	r0 = r7
	r0 <<= 2
	r0 += r9
	*(u32 *)(r0 + 0) = r1
# sensor_average.go:33
	r7 += 1
	if r7 != 10 goto L48
# sensor_average.go:43
	r7 = 0
L48:
	r3 = r10
	r3 += -16
	r1 = r10
	r1 += -56
	r2 = 0
	goto L57
L54:
	r0 = *(u32 *)(r1 + 0)
# sensor_average.go:44
	r2 += r0
	r1 += 4
# sensor_average.go:43
L57:
	if r1 != r3 goto L54
# sensor_average.go:46
	r2 /= 10
	r1 = 80
	call 17
	goto L14
