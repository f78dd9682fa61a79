//go:build tinygo

// Command faulty goes wrong in another way after each start, and says so when
// none is left: a test of the ways back. The board's flash keeps the count.
package main

import (
	"github.com/femto-containers/femto/firmware/board"
	"github.com/femto-containers/femto/flash"
)

var (
	index = 3
	depth int
	mark  [4]byte
	line  = [...]byte{'s', 't', 'a', 'r', 't', ' ', 0, ' ', 'c', 'a', 'u', 's', 'e', ' ', 0, '\n'}
)

func main() {
	board.Init()
	cause, starts := board.Started()
	line[6], line[14] = '0'+byte(starts), '0'+byte(cause)
	board.Console(line[:])
	start := 0
	for board.Flash.Mapped(4*start, 4)[0] != 0xff {
		start++
	}
	if board.Flash.Program(4*start, mark[:]) != flash.OK {
		board.Print("no flash\n")
	}
	switch start {
	case 0:
		var three [3]int
		three[index]++
	case 1:
		dig()
	case 2:
		board.Print("hanging\n")
		if watchdog {
			for {
				depth++
			}
		}
	}
	board.Print("firmware is up\n")
	for {
		board.Sleep(board.Now() + 1_000_000)
	}
}

// dig takes stack until there is none.
//
//go:noinline
func dig() int {
	depth++
	if depth < 0 {
		return 0
	}
	below := dig() // its result is used for more than a sum, or this would be a loop
	depth ^= below * depth
	return depth
}
