package refused

//femto:hook event
func Run(a, b int) string { return "" }
