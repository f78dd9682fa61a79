package refused

var factor = 1.5

//femto:hook event
func Run() int { return int(factor) }
