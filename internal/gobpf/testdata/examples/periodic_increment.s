# periodic_increment.go:16
Count:
	r6 = r10
	r6 += -4
	*(u32 *)(r10 - 4) = 0
	call 96
	*(u32 *)(r10 - 4) = r0
# periodic_increment.go:18
L5:
	r1 = r6
	r2 = 1000000
	call 97
# sdk/go/femto/femto.go:94
	r1 = 80
	r2 = r10
	r2 += -8
	call 19
# sdk/go/femto/femto.go:95
	r2 = *(u32 *)(r10 - 8)
# periodic_increment.go:19
	w2 += 1
# sdk/go/femto/femto.go:99
	r1 = 80
	call 17
	goto L5
