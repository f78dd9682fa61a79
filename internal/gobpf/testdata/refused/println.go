package refused

//femto:hook event
func Run() { println("hello") }
