package refused

//femto:hook event
func Run() int64 { return 0 }

//femto:hook timer
func Tick() int64 { return 0 }
