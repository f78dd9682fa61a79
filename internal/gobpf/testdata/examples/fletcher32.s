# fletcher32.go:14
Fletcher32:
	r6 = r2
	r6 >>= 1
# fletcher32.go:16
	r2 = 65535
	r3 = 65535
	goto L29
# fletcher32.go:17
L5:
	r5 = r6
	if r5 s< 359 goto L8
	r5 = 359
# fletcher32.go:18
L8:
	r0 = r5
	r0 <<= 1
	r1 = r4
	r1 += r0
	goto L17
L13:
	r0 = *(u16 *)(r4 + 0)
# fletcher32.go:19
	r2 += r0
# fletcher32.go:20
	r3 += r2
	r4 += 2
# fletcher32.go:18
L17:
	if r4 != r1 goto L13
# fletcher32.go:22
	r6 -= r5
# fletcher32.go:9
	r4 = r2
	r4 &= 65535
	r2 >>= 16
	r4 += r2
	r0 = r3
	r0 &= 65535
	r3 >>= 16
	r0 += r3
# fletcher32.go:23
	r2 = r4
	r3 = r0
# fletcher32.go:16
L29:
	r4 = r1
	if r6 s> 0 goto L5
# fletcher32.go:9
	r0 = r3
	r0 &= 65535
	r3 >>= 16
	r0 += r3
# fletcher32.go:25
	r0 <<= 16
# fletcher32.go:9
	r1 = r2
	r1 &= 65535
	r2 >>= 16
	r1 += r2
# fletcher32.go:25
	r0 |= r1
	exit
