package refused

//femto:hook event
func Run(ctx []byte) int64 {
	copyOf := make([]byte, len(ctx))
	return int64(copy(copyOf, ctx))
}
