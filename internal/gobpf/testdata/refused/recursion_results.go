package refused

func both(n int) (int, int) {
	if n == 0 {
		return 0, 1
	}
	a, b := both(n - 1)
	return b, a + b
}

//femto:hook event
func Run(ctx []byte) int64 {
	a, _ := both(len(ctx))
	return int64(a)
}
