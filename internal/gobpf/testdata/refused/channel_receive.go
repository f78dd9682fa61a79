package refused

var results chan int64

//femto:hook event
func Run() int64 { return <-results }
