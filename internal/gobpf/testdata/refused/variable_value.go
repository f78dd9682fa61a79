package refused

func start() int64 { return 3 }

var n = start()

//femto:hook event
func Run() int64 { return n }
