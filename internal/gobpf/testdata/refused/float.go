package refused

//femto:hook event
func Run(ctx []byte) int64 {
	mean := float64(len(ctx)) / 2
	return int64(mean)
}
