package refused

func elsewhere() int64

//femto:hook event
func Run() int64 { return elsewhere() }
