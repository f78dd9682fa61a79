package refused

//femto:helper 300
func send(a int)

//femto:hook event
func Run(ctx []byte) {
	send(len(ctx))
}
