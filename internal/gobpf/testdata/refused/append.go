package refused

//femto:hook event
func Run(ctx []byte) int64 {
	list := append(ctx, 1)
	return int64(len(list))
}
