package refused

//femto:hook event
func Run(ctx []byte) int64 {
	s := "hello"
	return int64(len(s[:len(ctx)]))
}
