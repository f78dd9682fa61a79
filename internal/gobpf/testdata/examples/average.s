# average.go:7
Average:
	r2 >>= 2
# average.go:8
	if r2 <= 0 goto L13
	r4 = *(u32 *)(r1 + 0)
# average.go:10
	r3 = r4
	w3 += 1
	if r3 > r2 goto L14
	if r3 < 1 goto L14
	r1 += 4
	r3 += -1
	r3 <<= 2
	r3 += r1
	r0 = 0
	goto L19
# average.go:8
L13:
	r0 = *(u8 *)(r10 + 32513) # index out of range
# average.go:10
L14:
	r0 = *(u8 *)(r10 + 32514) # slice bounds out of range
# average.go:13
L15:
	r0 = *(u8 *)(r10 + 32515) # division by zero
# average.go:10
L16:
	r2 = *(u32 *)(r1 + 0)
# average.go:11
	r0 += r2
	r1 += 4
# average.go:10
L19:
	if r1 != r3 goto L16
# average.go:13
	if r4 == 0 goto L15
	r0 /= r4
	r0 = (s32)r0
	exit
