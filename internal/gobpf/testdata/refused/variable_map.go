package refused

var names = map[int]int{1: 2}

//femto:hook event
func Run() int { return len(names) }
