// Package embedding is what a firmware adds to femto for itself: a hook, a
// helper and a sensor, each in a file of its own, and a device that has all
// three. Go and TinyGo compile the same files: for the tests here, and for the
// boards in firmware/embedding. docs/embedding.md tells the story.
package embedding

import (
	_ "embed"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/vm"
)

// The device's hooks by number: its own, and two of the standard ones.
const (
	HookDoor = iota
	HookEvent
	HookTimer
)

// offered are the helpers that there are: some of the standard ones, and its own.
var (
	offered = helpers.Join(table[:], helpers.Core, helpers.Sensors, []vm.Helper{Blink})
	table   [16]vm.Helper
)

// A Device is an engine and all the memory that it ever has.
type Device struct {
	engine.Engine
	hooks      [3]engine.Hook
	containers [3]engine.Container
	stack      [512]byte
	sensors    [1]helpers.Sensor
	board      helpers.Board
}

// Start makes the device ready for containers.
func (d *Device) Start() engine.Error {
	d.hooks[HookDoor] = Door
	hooks.EventHook(&d.hooks[HookEvent])
	hooks.TimerHook(&d.hooks[HookTimer])
	d.sensors[0] = Thermometer
	d.board.Sensors = d.sensors[:]
	return d.Init(&engine.Config{
		Hooks:      d.hooks[:],
		Containers: d.containers[:],
		Stack:      d.stack[:],
		Helpers:    offered,
		Env:        &d.board,
	})
}

// Containers that use them, from containers/.
var (
	//go:embed containers/door.bin
	doorImage []byte
	//go:embed containers/blink.bin
	blinkImage []byte
	//go:embed containers/thermometer.bin
	thermometerImage []byte
)

// Install puts a container on each hook.
func (d *Device) Install() engine.CheckError {
	for hook, image := range [...][]byte{doorImage, blinkImage, thermometerImage} {
		spec := engine.Spec{Hook: hook, Tenant: engine.Owner, Image: image}
		if err := d.Engine.Install(hook, &spec); err.Reason != engine.OK {
			return err
		}
	}
	return engine.CheckError{}
}
