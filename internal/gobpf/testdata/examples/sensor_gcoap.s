# sensor_gcoap.go:12
Respond:
	r7 = r1
# sensor_gcoap.go:13
	*(u64 *)(r10 - 8) = 0
# sensor_gcoap.go:14
	r1 = 1
	call 48
	r1 = r0
	r2 = r10
	r2 += -8
	call 50
	if w0 s< 0 goto L33
# sensor_gcoap.go:17
	r1 = r7
	r2 = 69
	call 64
# sensor_gcoap.go:18
	r1 = r7
	r2 = 0
	call 66
# sensor_gcoap.go:19
	r1 = r7
	r2 = 1
	call 65
	r6 = (s32)r0
# sensor_gcoap.go:20
	r1 = r7
	call 67
	r1 = r0
	r0 = *(u64 *)(r7 + 0)
	r0 = *(u16 *)(r0 + 12)
	r2 = *(s16 *)(r10 - 8)
	r3 = *(s8 *)(r10 - 1)
	if r0 < 13 goto L32
	call 80
	w1 = w0
# sensor_gcoap.go:21
	r0 = r6
	r0 += r1
	exit
# sensor_gcoap.go:20
L32:
	r0 = *(u8 *)(r10 + 32517) # slice is shorter than the array
# sensor_gcoap.go:15
L33:
	r0 = -160
	exit
