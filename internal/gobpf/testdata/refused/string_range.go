package refused

//femto:hook event
func Run(ctx []byte) int64 {
	n := 0
	for range "hello" {
		n++
	}
	return int64(n)
}
