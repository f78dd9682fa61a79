package refused

type shape interface{ area() int }

type square struct{ side int }

func (s square) area() int { return s.side * s.side }

//femto:hook event
func Run(ctx []byte) int64 {
	var s shape = square{len(ctx)}
	return int64(s.area())
}
