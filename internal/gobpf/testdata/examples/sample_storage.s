# sample_storage.go:18
Count:
	r1 = 5
	r2 = r10
	r2 += -4
	call 18
	r7 = *(u32 *)(r10 - 4)
	w7 += 1
# sample_storage.go:19
	r1 = 15
	r2 = r10
	r2 += -8
	call 18
	r6 = *(u32 *)(r10 - 8)
	w6 += 1
	w6 <<= 1
# sample_storage.go:20
	r1 = 5
	r2 = r7
	call 16
# sample_storage.go:21
	r1 = 15
	r2 = r6
	call 16
# sample_storage.go:22
	r2 = r7
	w2 += w6
	r1 = 3
	call 16
# sample_storage.go:23
	r0 = 0
	exit
