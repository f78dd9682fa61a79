package refused

//femto:helper 200
func turn(angle float64)

//femto:hook event
func Run() { turn(1.5) }
