//go:build tinygo && !several

package agent

import "github.com/femto-containers/femto/suit"

// Several is nothing: firmware without the build tag several takes manifests of one
// component.
type Several struct{}

func (a *Agent) alone()          {}
func (a *Agent) another() bool   { return false }
func (a *Agent) turn(handle int) {}
func (a *Agent) newcomers() int  { return 0 }
func (a *Agent) freePlace() int  { return a.engine.Free() }
func (a *Agent) commitAll() bool { return false }

// Copy is for several components (suit.Platform).
func (a *Agent) Copy(handle, source int) suit.Reason { return suit.ReasonCommand }
