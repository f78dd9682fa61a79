package refused

type shape interface{ size() int }

//femto:hook event
func Run() int {
	var s shape
	return s.size()
}
