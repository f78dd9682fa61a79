package refused

func call(f func() int) int { return f() }

//femto:hook event
func Run() int { return call(nil) }
