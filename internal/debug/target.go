package debug

import (
	"time"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/internal/replay"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// A Target is what a session executes, one run after the other.
type Target interface {
	Runs() int
	// Run executes run n, from 0, and calls before ahead of each instruction.
	// The error says that it is not the run that it stands for.
	Run(n int, before vm.Trace) (femtotest.Result, error)
	// GoesOn reports whether run n goes on with what the one before it left.
	GoesOn(n int) bool
	// Calls and Log are what this run has done so far.
	Calls() []femtotest.Call
	Log() []string
	Store(engine.Scope) map[uint32]uint32
}

// A madeUp target is a container on a device that does not exist.
type madeUp struct {
	*femtotest.Container
	contexts [][]byte
	advance  time.Duration
}

// Container is a target: an activation for each context, a nil one being the
// hook's own; then advance passes, for containers that wait.
func Container(c *femtotest.Container, contexts [][]byte, advance time.Duration) Target {
	if len(contexts) == 0 {
		contexts = [][]byte{nil}
	}
	return &madeUp{c, contexts, advance}
}

func (t *madeUp) Runs() int {
	if t.advance > 0 {
		return len(t.contexts) + 1
	}
	return len(t.contexts)
}

func (t *madeUp) GoesOn(n int) bool { return n == len(t.contexts) }

func (t *madeUp) Run(n int, before vm.Trace) (femtotest.Result, error) {
	t.Before = before
	if t.GoesOn(n) {
		return t.Advance(t.advance), nil
	}
	return t.Fire(t.contexts[n]), nil
}

// A recording is a target whose helpers answer as they did on a device.
type recording struct {
	file    *replay.File
	session *replay.Session
	calls   []femtotest.Call
}

// Recording is a target: the activations that a device recorded of image.
func Recording(file *replay.File, image []byte) (Target, error) {
	session, err := file.Start(image)
	if err != nil {
		return nil, err
	}
	t := &recording{file: file, session: session}
	list := session.Machine().Helpers
	for i := range list {
		name, call := list[i].Name, list[i].Call
		list[i].Call = func(c *vm.Call) uint64 {
			args := c.R
			result := call(c)
			t.calls = append(t.calls, femtotest.Call{Helper: name, Args: args, Result: result})
			return result
		}
	}
	return t, nil
}

func (t *recording) Runs() int { return t.file.Len() }

func (t *recording) GoesOn(int) bool { return false }

func (t *recording) Run(_ int, before vm.Trace) (femtotest.Result, error) {
	t.calls = nil
	o, err := t.session.Next(before)
	return femtotest.Result{
		Value: int64(o.Value), Fault: o.Fault, PC: o.PC, Address: o.Address,
		Instructions: int(o.Instructions + o.Charged), Waiting: o.Status == vm.Suspended, Calls: t.calls,
	}, err
}

func (t *recording) Calls() []femtotest.Call { return t.calls }

// Log is empty: a recording has what helpers answered, not what they printed.
func (t *recording) Log() []string { return nil }

// Store is empty: a recording has no more of stores than what was read.
func (t *recording) Store(engine.Scope) map[uint32]uint32 { return nil }
