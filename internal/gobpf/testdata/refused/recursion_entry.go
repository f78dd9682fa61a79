package refused

//femto:hook event
func Run(ctx []byte) int64 {
	if len(ctx) == 0 {
		return 0
	}
	return Run(ctx[1:]) + 1
}
