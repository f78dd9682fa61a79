package refused

func one() int { return 1 }
func two() int { return 2 }

//femto:hook event
func Run(ctx []byte) int {
	f := one
	if len(ctx) > 2 {
		f = two
	}
	g := func() int { return f() }
	return g()
}
