//go:build !demo

package node

import (
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/vm"
)

// A standard node has no hooks but those that every node has.
const hookCount = firstExtra

// The helpers that containers may be granted, in flash.
//
//go:section .rodata.helpers
var table [8]vm.Helper

var wanted = helpers.Join(table[:], helpers.Core, helpers.Log)

type extras struct{}

func (n *Node) extend() {}

func (n *Node) switchTo(int64, uint64) {}

func (n *Node) file(int64) {}

func (n *Node) sample(int64) (next int64) { return 1<<63 - 1 }
