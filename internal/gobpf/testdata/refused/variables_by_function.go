package refused

func both() (int64, int64) { return 1, 2 }

var first, second = both()

//femto:hook event
func Run() int64 { return first + second }
