package refused

var f func() int64

//femto:hook event
func Run() int64 { return f() }
