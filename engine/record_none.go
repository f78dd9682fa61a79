//go:build tinygo && !record

package engine

import "github.com/femto-containers/femto/vm"

// A firmware without the tag record notes nothing of activations.
type recording struct{}

func (e *Engine) looked(uint8, *Container) {}

func (e *Engine) began(*Container, int32, []byte) {}

func (e *Engine) ended(vm.Status) {}

func (e *Engine) faulted(int) {}

func (e *Engine) replaced(int) {}
