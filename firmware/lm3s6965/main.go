//go:build tinygo

// Command lm3s6965 is the firmware for the LM3S6965 evaluation board as QEMU
// emulates it: Ethernet with IPv4 and IPv6, and SLIP on UART1.
package main

import (
	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/firmware/board"
	"github.com/femto-containers/femto/firmware/node"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/link/ethernet"
	"github.com/femto-containers/femto/link/slip"
)

const (
	port         = 5683
	zoneEthernet = 1
	zoneSerial   = 2
)

var (
	device     node.Node
	config     node.Config
	wire       ethernet.Stack
	line       slip.Line
	neighbours [8]ethernet.Neighbour
	from       link.Addr // of the datagram at hand

	// One buffer serves both links: what comes in is dealt with at once.
	// A datagram of a neighbour may be longer than what the node takes.
	incoming [ethernet.MaxFrame]byte
	outgoing [node.MaxDatagram + ethernet.Overhead]byte
	serial   [node.MaxDatagram + ethernet.Overhead]byte
)

func main() {
	board.Init()
	config.Boot.Cause, config.Boot.Starts = board.Started()

	mac := board.MAC()
	wire = ethernet.Stack{MAC: mac, IPv4: [4]byte{10, 0, 2, 15}, Port: port, Zone: zoneEthernet,
		Neighbours: neighbours[:], Buffer: outgoing[:]}
	wire.Init()
	line = slip.Line{IPv4: link.IPv4(10, 0, 3, 15, 0).IP, IPv6: [16]byte{0: 0xfe, 1: 0x80, 15: 2}, Port: port, Zone: zoneSerial,
		Decoder: slip.Decoder{Buffer: serial[:]}, Buffer: outgoing[:]}

	config.Board, config.Class, config.Flash = "lm3s6965", node.ClassLM3S6965, &board.Flash
	config.Send, config.Log, config.Reboot = send, log, board.Reset
	if !board.Entropy(config.Random[:]) {
		board.Print("no entropy: message ids can be guessed\n")
	}
	if err := device.Init(board.Now(), &config); err != agent.OK {
		board.Halt("cannot start: ", node.Why(err))
	}
	board.Print("femto " + node.Version + " on lm3s6965 is up\n")
	// Some routers wait for ever for an answer to their first question.
	board.FramePut(wire.Announce())

	for {
		receive()
		board.Sleep(device.Poll(board.Now()))
	}
}

// receive deals with everything that came in.
func receive() {
	for n := board.FrameGet(incoming[:]); n >= 0; n = board.FrameGet(incoming[:]) {
		datagram, reply := wire.ReceiveFrom(&from, incoming[:n])
		if reply != nil {
			board.FramePut(reply)
		}
		if datagram != nil {
			device.Deliver(board.Now(), &from, datagram)
		}
	}
	for b, ok := board.SerialGet(); ok; b, ok = board.SerialGet() {
		datagram, reply := line.ReceiveFrom(&from, b)
		if reply != nil {
			slip.Write(reply, board.SerialPut)
		}
		if datagram != nil {
			device.Deliver(board.Now(), &from, datagram)
		}
	}
}

func send(to *link.Addr, datagram []byte) {
	if to.Zone == zoneSerial {
		if packet := line.SendTo(to, datagram); packet != nil {
			slip.Write(packet, board.SerialPut)
		}
		return
	}
	if frame := wire.SendTo(to, datagram); frame != nil {
		board.FramePut(frame)
	}
}

func log(container *engine.Container, line []byte) {
	device.PrintLine(container, line, board.Console)
}
