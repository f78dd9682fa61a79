package refused

func work() {}

//femto:hook event
func Run() {
	go work()
}
