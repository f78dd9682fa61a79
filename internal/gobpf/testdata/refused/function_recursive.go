package refused

//femto:hook event
func Run(ctx []byte) int {
	var sum func(n int) int
	sum = func(n int) int {
		if n == 0 {
			return 0
		}
		return n + sum(n-1)
	}
	return sum(len(ctx))
}
