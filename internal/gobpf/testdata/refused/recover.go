package refused

//femto:hook event
func Run() int64 {
	if recover() != nil {
		return 1
	}
	return 0
}
