package refused

func one() int64 { return 1 }
func two() int64 { return 2 }

func choose(n int) func() int64 {
	if n > 1 {
		return one
	}
	return two
}

//femto:hook event
func Run(ctx []byte) int64 { return choose(len(ctx))() }
