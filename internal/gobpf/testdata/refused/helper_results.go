package refused

//femto:helper 0x70
func pair() (int, int)

//femto:hook event
func Run() int64 {
	a, b := pair()
	return int64(a + b)
}
