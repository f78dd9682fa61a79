package refused

func done() {}

//femto:hook event
func Run() {
	defer done()
}
