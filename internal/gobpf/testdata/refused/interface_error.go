package refused

func check(n int) error { return nil }

//femto:hook event
func Run(ctx []byte) int64 {
	if check(len(ctx)) != nil {
		return -1
	}
	return 0
}
