package engine

import (
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// Error says why the engine refused. Zero is no error.
type Error uint8

const (
	OK            Error = iota
	ErrConfig           // a table is too long or too short
	ErrHook             // no such hook, or the container is attached to another one
	ErrContainer        // no such container
	ErrName             // a name longer than 16 bytes
	ErrImage            // not an image; see CheckError.Image
	ErrImageSize        // image longer than a slot
	ErrProgram          // .text fails the load-time check; see CheckError.Program
	ErrNotGranted       // .text calls a helper that the grant lacks; see CheckError.Program
	ErrMemory           // no room for .data
	ErrAlias            // the image lies in memory that containers may write
	ErrStore            // the store, or its quota, is full
	ErrBusy             // called from inside a run
	ErrTenant           // no such tenant
	ErrUnmet            // the image needs more than it gets; see CheckError.Unmet
	ErrState            // not in the state that the container is in
	ErrTrial            // not on trial, or too many are
	ErrQueue            // too many events wait
)

// Error returns the reason in words.
func (e Error) Error() string {
	switch e {
	case OK:
		return "no error"
	case ErrConfig:
		return "engine configuration is invalid"
	case ErrHook:
		return "no such hook"
	case ErrContainer:
		return "no such container"
	case ErrName:
		return "container name is too long"
	case ErrImage:
		return "image is invalid"
	case ErrImageSize:
		return "image is larger than a slot"
	case ErrProgram:
		return "program fails the load-time check"
	case ErrNotGranted:
		return "program calls a helper that is not granted"
	case ErrMemory:
		return "not enough memory for .data"
	case ErrAlias:
		return "image lies in writable memory"
	case ErrStore:
		return "store is full"
	case ErrBusy:
		return "a container is running"
	case ErrTenant:
		return "no such tenant"
	case ErrUnmet:
		return "image needs more than it is granted"
	case ErrState:
		return "not in this state of the container"
	case ErrTrial:
		return "not on trial, or too many containers are"
	case ErrQueue:
		return "too many events wait"
	}
	return "unknown engine error"
}

// CheckError is why a container may not be installed. Reason is OK if it may.
// Of needs that are not met Unmet has all at once; Reason is ErrNotGranted if
// helpers are among them, ErrMemory if it is memory alone, else ErrUnmet.
type CheckError struct {
	Reason  Error
	Image   image.Error   // with ErrImage
	Program vm.CheckError // with ErrProgram, and the first call of ErrNotGranted
	Unmet   Unmet
	Helpers vm.HelperSet // with UnmetHelpers: those that are lacking
}

// Error returns the innermost reason in words.
func (e CheckError) Error() string {
	switch {
	case e.Image != image.OK:
		return e.Image.Error()
	case e.Program.Fault != vm.OK:
		return e.Program.Error()
	}
	return e.Reason.Error()
}

// String says in words, with semicolons between, what is needed and not there.
func (u Unmet) String() string {
	text := ""
	for i, need := range needs {
		if u>>i&1 != 0 {
			if text != "" {
				text += "; "
			}
			text += need
		}
	}
	return text
}

// needs are the words for the bits of Unmet.
var needs = [...]string{
	"the hook, which the tenant may not use or the contract does not name", "helpers", "more stack than the device has",
	"a larger budget", "more entries in its store", "more entries in the tenant's store", "more entries in the global store",
	"more memory", "one container more than the tenant may have", "more flash for images",
}
