package refused

//femto:hook event
func Run(ctx []byte) int64 {
	var x any = ctx
	switch x.(type) {
	case []byte:
		return 1
	}
	return 0
}
