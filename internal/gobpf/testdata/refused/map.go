package refused

//femto:hook event
func Run(ctx []byte) int64 {
	seen := map[byte]bool{}
	seen[ctx[0]] = true
	return int64(len(seen))
}
