//go:build record

package node

import (
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/vm"
)

// recordSize is the bytes of what is recorded of a container.
const recordSize = 1 << 10

// With the build tag record a node notes what activations depend on, for whoever
// wants to execute them again (docs/spec/recording.md).
type recording struct {
	recorder engine.Recorder
	buffer   [recordSize]byte
	observed [len(table)]vm.Helper
	calls    [containers]engine.OpenCalls
}

func (n *Node) observe() {
	r := &n.recording
	r.recorder.Buffer = r.buffer[:]
	r.recorder.Helpers = r.observed[:]
	r.recorder.Calls = r.calls[:]
	n.engine.SetRecorder(&r.recorder)
}
