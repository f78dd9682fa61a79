//go:build tinygo

package vm

// execute runs the loop of small processors.
func (m *Machine) execute() Fault { return m.loop() }

// A device runs text in place.
type hostState struct{}

func (m *Machine) prepare([]byte) {}
