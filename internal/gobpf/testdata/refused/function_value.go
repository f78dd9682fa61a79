package refused

func one() int64 { return 1 }
func two() int64 { return 2 }

//femto:hook event
func Run(ctx []byte) int64 {
	f := one
	if len(ctx) > 1 {
		f = two
	}
	return f()
}
