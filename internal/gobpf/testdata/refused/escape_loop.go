package refused

type node struct {
	next  *node
	value byte
}

//femto:hook event
func Run(ctx []byte) int64 {
	var first *node
	for _, b := range ctx {
		first = &node{first, b}
	}
	sum := 0
	for n := first; n != nil; n = n.next {
		sum += int(n.value)
	}
	return int64(sum)
}
