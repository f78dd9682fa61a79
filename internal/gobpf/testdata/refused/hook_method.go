package refused

type t int

//femto:hook event
func (t) Run() int64 { return 0 }
