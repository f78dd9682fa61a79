package refused

//femto:hook event
func Run(ctx []byte) int64 {
	z := complex(float32(len(ctx)), 1)
	return int64(real(z * z))
}
