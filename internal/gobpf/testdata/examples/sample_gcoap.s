Respond:
	r7 = r1
# sdk/go/femto/femto.go:56
	r1 = 1
	r2 = r10
	r2 += -4
	call 18
# sdk/go/femto/femto.go:57
	r2 = *(u32 *)(r10 - 4)
# sample_gcoap.go:12
	w2 += 1
# sdk/go/femto/femto.go:61
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
# sdk/go/femto/femto.go:179
	r1 = r7
	call 67
	r1 = *(u64 *)(r7 + 0)
	r4 = *(u16 *)(r1 + 12)
# sample_gcoap.go:15
	r2 = .rodata+0 ll
	if r4 s< 5 goto L24
	r4 = 5
L24:
	r3 = 0
	goto L31
L26:
	r1 = *(u8 *)(r2 + 0)
	*(u8 *)(r0 + 0) = r1
	r3 += 1
	r0 += 1
	r2 += 1
L31:
	if r3 != r4 goto L26
	w6 += w4
	r0 = (s32)r6
	exit
