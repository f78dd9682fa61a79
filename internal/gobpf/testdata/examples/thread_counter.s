# thread_counter.go:14
Count:
	r6 = *(u64 *)(r1 + 8)
	if r6 == 0 goto L10
# thread_counter.go:18
	r1 = r6
	r2 = r10
	r2 += -4
	call 19
	r2 = *(u32 *)(r10 - 4)
	w2 += 1
	r1 = r6
	call 17
# thread_counter.go:15
L10:
	r0 = 0
	exit
