package refused

func newest(n int) *int {
	if n > 9 {
		return newest(n - 1)
	}
	return &n
}

//femto:hook event
func Run(ctx []byte) int64 { return int64(*newest(len(ctx))) }
