//go:build tinygo

// Command embedding runs examples/embedding on a board and prints what its
// containers answer. `make test-boards` compares that with what they answer on
// a host.
package main

import (
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/examples/embedding"
	"github.com/femto-containers/femto/firmware/board"
)

var device embedding.Device

func main() {
	board.Init()
	embedding.Lamp = func(on bool) { say("lamp", on) }
	embedding.Celsius = func() (int16, bool) { return 2150, true }
	if device.Start() != engine.OK {
		board.Halt("start", "")
	}
	if err := device.Install(); err.Reason != engine.OK {
		board.Halt("install ", err.Error())
	}
	say("another key opens:", embedding.Opens(&device.Engine, embedding.HookDoor, board.Now(), another[:]))
	say("1234 opens:", embedding.Opens(&device.Engine, embedding.HookDoor, board.Now(), key[:]))
	say("blinked 3:", device.Fire(board.Now(), embedding.HookEvent, pattern[:]).Value == 3)
	say("measured 2150:", device.Fire(board.Now(), embedding.HookTimer, timer[:]).Value == 2150)
	board.Print("done\n")
	for {
		board.Sleep(1 << 62)
	}
}

var (
	another = [4]byte{1, 2, 3, 4}
	key     = [4]byte{0xd2, 4, 0, 0}
	pattern = [3]byte{'*', '-', '*'}
	timer   [16]byte
)

func say(what string, yes bool) {
	board.Print(what)
	if yes {
		board.Print(" true\n")
	} else {
		board.Print(" false\n")
	}
}
