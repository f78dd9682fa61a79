package refused

//femto:hook event
func Run() int {
	var last [2]*int
	for i := 0; i < 4; i++ {
		last[i&1] = &i
	}
	return *last[0]
}
