# coap_formatter.go:13
Respond:
	r6 = r1
# coap_formatter.go:14
	*(u64 *)(r10 - 24) = 0
	*(u64 *)(r10 - 16) = 0
	*(u32 *)(r10 - 8) = 0
# coap_formatter.go:15
	r1 = 80
	r2 = r10
	r2 += -4
	call 19
	r2 = *(u32 *)(r10 - 4)
	r1 = r10
	r1 += -24
	call 81
	w8 = w0
# coap_formatter.go:16
	r1 = r6
	r2 = 69
	call 64
# coap_formatter.go:17
	r1 = r6
	r2 = 0
	call 66
# coap_formatter.go:18
	r1 = r6
	r2 = 1
	call 65
	r7 = (s32)r0
# coap_formatter.go:19
	r1 = r6
	call 67
	r1 = *(u64 *)(r6 + 0)
	r6 = *(u16 *)(r1 + 12)
	if r8 > 20 goto L40
	if r6 s< r8 goto L30
	r6 = r8
L30:
	if r6 s<= 0 goto L36
	r1 = r0
	r2 = r10
	r2 += -24
	r3 = r6
	call 2
L36:
	if r6 s< r8 goto L41
# coap_formatter.go:22
	r0 = r7
	r0 += r8
	exit
# coap_formatter.go:19
L40:
	r0 = *(u8 *)(r10 + 32514) # slice bounds out of range
# coap_formatter.go:20
L41:
	r0 = -1
	exit
