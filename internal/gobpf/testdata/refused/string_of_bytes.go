package refused

//femto:hook event
func Run(ctx []byte) int64 {
	s := string(ctx)
	return int64(len(s))
}
