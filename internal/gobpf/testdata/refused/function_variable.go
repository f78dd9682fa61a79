package refused

var handler func() int64

func one() int64 { return 1 }

//femto:hook event
func Run() int64 {
	handler = one
	return handler()
}
