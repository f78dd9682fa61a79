package refused

type shape interface{ size() int }

//femto:hook event
func Run() bool {
	var s shape
	var x any = s
	return x == nil
}
