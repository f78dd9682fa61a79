package refused

var kept *int

//femto:hook event
func Run(ctx []byte) int64 {
	n := len(ctx)
	kept = &n
	return int64(*kept)
}
