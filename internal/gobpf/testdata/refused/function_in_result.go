package refused

type action struct {
	run func() int
	n   int
}

func get() action { return action{} }

//femto:hook event
func Run() int { return get().run() }
