package refused

//femto:hook event
func Run(ctx []byte) int64 {
	var buffer [600]byte
	copy(buffer[:], ctx)
	return int64(buffer[len(ctx)])
}
