//go:build tinygo && !qemu

package serial

import (
	"github.com/femto-containers/femto/firmware/board"
	"github.com/femto-containers/femto/firmware/node"
)

// A board with too little flash for the node does not compile.
const _ uint = board.FlashSize - node.FlashSize
