# sample_gcoap.go:11
Respond:
	r7 = r1
# sample_gcoap.go:12
	r1 = 1
	r2 = r10
	r2 += -4
	call 18
	r2 = *(u32 *)(r10 - 4)
	w2 += 1
	r1 = 1
	call 16
# sample_gcoap.go:13
	r1 = r7
	r2 = 69
	call 64
# sample_gcoap.go:14
	r1 = r7
	r2 = 1
	call 65
	r6 = r0
# sample_gcoap.go:15
	r1 = r7
	call 67
	r1 = *(u64 *)(r7 + 0)
	r1 = *(u16 *)(r1 + 12)
	r3 = .rodata+0 ll
	if r1 >= 5 goto L32
	r4 = 0
	goto L30
L25:
	r2 = *(u8 *)(r3 + 0)
	*(u8 *)(r0 + 0) = r2
	r4 += 1
	r0 += 1
	r3 += 1
L30:
	if r4 != r1 goto L25
	goto L35
L32:
	*(u32 *)(r0 + 0) = 1819043176
	*(u8 *)(r0 + 4) = 111
	r1 = 5
L35:
	w1 += w6
	r0 = (s32)r1
	exit
