# outlaw.go:10
Outlaw:
	r0 = *(u8 *)(r10 + 32513) # index out of range
	exit
