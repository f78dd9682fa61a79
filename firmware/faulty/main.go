//go:build tinygo

// Command faulty panics, and says so when it was started again: a test of the
// way back from a fault.
package main

import "github.com/femto-containers/femto/firmware/board"

var index = 3

func main() {
	board.Init()
	if board.ReportFault() {
		board.Print("firmware is up\n")
		for {
			board.Sleep(1 << 62)
		}
	}
	var three [3]int
	three[index]++
}
