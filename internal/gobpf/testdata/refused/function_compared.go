package refused

func one() int64 { return 1 }

//femto:hook event
func Run(ctx []byte) int64 {
	f := one
	if len(ctx) > 1 {
		f = nil
	}
	if f != nil {
		return 1
	}
	return 0
}
