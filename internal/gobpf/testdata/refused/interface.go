package refused

var last any

//femto:hook event
func Run(ctx []byte) int64 {
	last = len(ctx)
	return 0
}
