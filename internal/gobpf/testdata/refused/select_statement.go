package refused

//femto:hook event
func Run() int64 {
	select {}
}
