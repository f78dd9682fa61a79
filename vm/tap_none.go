//go:build tinygo && !record

package vm

// A firmware without the tag record does not look at helpers.
type tapState struct{}

func (m *Machine) opened(uint64, bool) {}
