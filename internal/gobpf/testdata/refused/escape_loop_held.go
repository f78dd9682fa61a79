package refused

//femto:hook event
func Run(ctx []byte) int {
	var last [2]*int
	for i := range ctx {
		x := int(ctx[i])
		last[i&1] = &x
	}
	return *last[0]
}
