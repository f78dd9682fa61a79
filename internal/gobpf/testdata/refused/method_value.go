package refused

type n int64

func (x n) double() int64 { return int64(x) * 2 }

//femto:hook event
func Run(ctx []byte) int64 {
	f := n(len(ctx)).double
	if len(ctx) > 2 {
		f = n(3).double
	}
	return f()
}
