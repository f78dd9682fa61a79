package refused

//femto:hook event
func Run(ctx []byte) int64 {
	c := make(chan int, 1)
	c <- len(ctx)
	return int64(<-c)
}
