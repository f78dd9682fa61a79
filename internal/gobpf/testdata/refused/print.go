package refused

//femto:hook event
func Run() int64 {
	print("x")
	return 0
}
