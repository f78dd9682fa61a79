//go:build tinygo

// Package serial is the firmware of boards whose link is a serial line with
// SLIP.
package serial

import (
	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/firmware/board"
	"github.com/femto-containers/femto/firmware/node"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/link/ip"
	"github.com/femto-containers/femto/link/slip"
)

const port = 5683

var (
	device   node.Node
	config   node.Config
	line     slip.Line
	from     link.Addr // of the datagram at hand
	incoming [node.MaxDatagram + ip.Overhead]byte
	outgoing [node.MaxDatagram + ip.Overhead]byte
)

// Run is the firmware of the board with that name and class.
func Run(name string, class [16]byte) {
	board.Init()
	cause, starts := board.Started()

	line = slip.Line{IPv4: link.IPv4(10, 0, 3, 15, 0).IP, IPv6: [16]byte{0: 0xfe, 1: 0x80, 15: 2}, Port: port,
		Decoder: slip.Decoder{Buffer: incoming[:]}, Buffer: outgoing[:]}

	config = node.Config{Board: name, Class: class, Flash: &board.Flash, Send: send, Log: log, Reboot: board.Reset,
		Boot: hooks.Boot{Cause: cause, Starts: starts}}
	if !board.Entropy(config.Random[:]) {
		board.Print("no entropy: message ids can be guessed\n")
	}
	if err := device.Init(board.Now(), &config); err != agent.OK {
		board.Halt("cannot start: ", node.Why(err))
	}
	board.Print("femto " + node.Version + " on ")
	board.Print(name)
	board.Print(" is up\n")

	for {
		for b, ok := board.SerialGet(); ok; b, ok = board.SerialGet() {
			datagram, reply := line.ReceiveFrom(&from, b)
			if reply != nil {
				slip.Write(reply, board.SerialPut)
			}
			if datagram != nil {
				device.Deliver(board.Now(), &from, datagram)
			}
		}
		board.Sleep(device.Poll(board.Now()))
	}
}

func send(to *link.Addr, datagram []byte) {
	if packet := line.SendTo(to, datagram); packet != nil {
		slip.Write(packet, board.SerialPut)
	}
}

func log(container *engine.Container, line []byte) {
	device.PrintLine(container, line, board.Console)
}
