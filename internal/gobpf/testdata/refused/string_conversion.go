package refused

//femto:hook event
func Run(ctx []byte) int64 { return int64(len(string(ctx))) }
