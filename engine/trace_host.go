//go:build !tinygo

package engine

import "github.com/femto-containers/femto/vm"

// Trace lets before be called before each instruction of every container, from
// now on; nil ends it. Init ends it, too.
func (e *Engine) Trace(before vm.Trace) { e.machine.Before = before }
