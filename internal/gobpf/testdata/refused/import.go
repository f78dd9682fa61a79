package refused

import "fmt"

//femto:hook event
func Run() int64 {
	fmt.Println("hello")
	return 0
}
