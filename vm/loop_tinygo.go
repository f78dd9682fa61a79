//go:build tinygo

package vm

// execute runs the loop of small processors.
func (m *Machine) execute() Fault { return m.inPlace() }

// A device runs text in place.
type hostState struct{}

// Prepare decodes text on hosts.
func (m *Machine) Prepare([]byte) {}

func (m *Machine) prepare([]byte) {}
