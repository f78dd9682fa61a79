package refused

var n int64

func init() { n = 3 }

//femto:hook event
func Run() int64 { return n }
