package refused

//femto:hook event
func Run() int {
	var x any
	n, _ := x.(int)
	return n
}
