package sim

import (
	"errors"
	"fmt"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// RunOnce runs an image once in an engine of its own, on a hook that has
// nothing but the given context, and returns what it did. before, unless nil, is
// called before each instruction, log takes the lines it prints. The error is
// about the image.
func RunOnce(raw, context []byte, budget int32, before vm.Trace, log func(line string)) (engine.Outcome, error) {
	img, err := image.Parse(raw)
	if err != image.OK {
		return engine.Outcome{}, fmt.Errorf("image: %w", err)
	}
	// The hook is the one that the image is for.
	hook := engine.Hook{Name: "run", ContextWritable: true}
	if raw := img.Contract(); raw != nil {
		var contract image.Contract
		if err := image.ParseContract(raw, &contract); err != image.OK {
			return engine.Outcome{}, fmt.Errorf("image: %w", err)
		}
		copy(hook.UUID[:], contract.Hook)
	}
	var e engine.Engine
	if err := e.Init(&engine.Config{
		Hooks:      []engine.Hook{hook},
		Containers: make([]engine.Container, 1),
		Stack:      make([]byte, stackSize),
		Memory:     make([]byte, len(img.Data())+memory),
		Entries:    make([]engine.Entry, entries),
		Line:       make([]byte, lineSize),
		Helpers:    helpers.Standard,
		Env:        &newBoard().Board,
		Budget:     budget,
		Log:        func(_ *engine.Container, line []byte) { log(string(line)) },
	}); err != engine.OK {
		return engine.Outcome{}, fmt.Errorf("set up the engine: %w", err)
	}
	if err := e.Install(0, &engine.Spec{Tenant: engine.Owner, Image: raw}); err.Reason != engine.OK {
		return engine.Outcome{}, fmt.Errorf("load: %w", err)
	}
	if e.Container(0).LongRunning() {
		return engine.Outcome{}, errors.New("it is long-running: only a device can resume it when it waits")
	}
	e.Trace(before)
	outcomes := make([]engine.Outcome, 1)
	e.FireEach(0, 0, context, outcomes)
	return outcomes[0], nil
}
