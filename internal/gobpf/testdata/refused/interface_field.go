package refused

type box struct{ content any }

//femto:hook event
func Run() int64 {
	var b box
	b.content = 1
	return int64(b.content.(int))
}
