package refused

var a, b [64]byte

//femto:hook event
func Run() bool { return a == b }
