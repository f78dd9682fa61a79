package refused

//femto:meta budget 100

//femto:hook event
//femto:budget 200
func Run() int64 { return 0 }
