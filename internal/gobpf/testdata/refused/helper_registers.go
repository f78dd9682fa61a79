package refused

//femto:helper 0x70
func send(a, b, c []byte)

//femto:hook event
func Run(ctx []byte) {
	send(ctx, ctx, ctx)
}
