package refused

//femto:helper 0x70
func send(v struct{ a, b int })

//femto:hook event
func Run() {
	send(struct{ a, b int }{1, 2})
}
