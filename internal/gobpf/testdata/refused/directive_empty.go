package refused

//femto:meta budget

//femto:hook event
func Run() int64 { return 0 }
