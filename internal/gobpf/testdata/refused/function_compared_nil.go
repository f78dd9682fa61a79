package refused

func call(f func() int) int {
	if f == nil {
		return 0
	}
	return f()
}

func one() int { return 1 }

//femto:hook event
func Run() int { return call(one) }
