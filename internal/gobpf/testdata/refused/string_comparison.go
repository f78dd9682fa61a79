package refused

//femto:hook event
func Run(ctx []byte) int64 {
	s := "a"
	if len(ctx) > 1 {
		s = "b"
	}
	if s == "a" {
		return 1
	}
	return 0
}
