package agent

import "github.com/femto-containers/femto/engine"

// The state of a container, as its record in the log has it.
const (
	stateSlot     = 1 << 0 // which of its two slots is current
	stateTrial    = 1 << 1 // the other slot has the version before
	stateStopped  = 1 << 2 // by a command, or as a trial failed and nothing could come back
	stateReverted = 1 << 3 // a trial failed
	stateBoot     = 1 << 4 // one start of the device during the trial
	stateBoots    = trialBoots * stateBoot
	stateUsed     = 1 << 7 // in RAM only
)

// trialBoots is how many starts of the device a trial may see, a power of two
// less one: a version that takes the device down must not be tried for ever,
// and time does not go on while there is no power.
const trialBoots = 3

// become returns the state of container i after a verb.
//
//go:noinline
func (a *Agent) become(i int, verb uint8) (state uint8, err Error) {
	state = a.container(i).state &^ (stateUsed | stateReverted)
	trial := state&stateTrial != 0
	switch {
	case verb == VerbStart:
		return state &^ stateStopped, OK
	case verb == VerbStop:
		return state | stateStopped, OK
	case verb == VerbConfirm && !trial:
		return 0, ErrConfirmed
	case verb == VerbRollback && !a.kept(i):
		return 0, ErrKept
	case verb == VerbRollback:
		state = (state ^ stateSlot) &^ stateStopped
	}
	return state &^ (stateTrial | stateBoots), OK
}

// kept reports whether the version of container i that is not current is there,
// and could run.
//
//go:noinline
func (a *Agent) kept(i int) bool {
	slot := slotIndex(i, 1-a.container(i).slot())
	raw, ok := intact(&a.slots, slot)
	if !ok || !same(a.slots.Bytes(slot, slotHeaderLen)[slotHook:], a.header(i)[slotHook:]) {
		return false
	}
	a.specOf(i, raw)
	return a.fits(i)
}

// enter has the engine do what container i's new state says.
//
//go:noinline
func (a *Agent) enter(i int, state uint8) {
	old := a.container(i).state
	a.occupy(i, state)
	if (old^state)&stateSlot != 0 && a.engine.Revert(i) != engine.OK {
		a.specOf(i, a.image(i)) // which ran already
		a.engine.Install(i, &a.newSpec)
	}
	if state&stateTrial == 0 {
		a.engine.Confirm(i)
	}
	if state&stateStopped != 0 {
		a.engine.Stop(i)
	} else {
		a.engine.Start(i)
	}
}

// watch writes down which trials the engine has ended, and how.
//
//go:noinline
func (a *Agent) watch() {
	for i := range a.c.Containers {
		c := a.container(i)
		if c.state&stateTrial == 0 || a.engine.Trial(i) != nil {
			continue
		}
		state := c.state &^ (stateUsed | stateTrial | stateBoots)
		if &a.engine.Container(i).Image().Bytes()[0] != &a.image(i)[0] {
			state = state ^ stateSlot | stateReverted
		} else if a.engine.Container(i).State() == engine.Stopped {
			state |= stateStopped
		}
		a.decide(i, state)
		a.occupy(i, state)
	}
}

// decide writes down a state of container i that is nobody's order. If that
// fails, the next start of the device decides anew.
func (a *Agent) decide(i int, state uint8) {
	id := a.header(i).counter()
	_ = a.append(kindInstall, id, a.sequence(id), uint8(i), state)
}

// resume has the engine run container i as the log says, at a start of the
// device. It reports whether there is something to run.
//
//go:noinline
func (a *Agent) resume(i int, c *component) bool {
	place := a.container(i)
	state := place.state &^ stateUsed
	if state&stateTrial != 0 {
		// The version before goes first, so that the engine knows it.
		a.occupy(i, state^stateSlot)
		_, whole := intact(&a.slots, slotIndex(i, place.slot()))
		whole = whole && same(a.header(i).counter(), c.counter[:]) && a.start(i, c)
		switch {
		case whole && state&stateBoots == stateBoots:
			state = state&^(stateTrial|stateBoots) ^ stateSlot | stateReverted
			a.decide(i, state)
			a.occupy(i, state)
			return true
		case whole:
			state += stateBoot
			a.decide(i, state)
		default:
			state &^= stateTrial | stateBoots
		}
		a.occupy(i, state)
		if !whole {
			a.decide(i, state)
		}
	}
	if !a.start(i, c) {
		return false
	}
	if state&stateStopped != 0 {
		a.engine.Stop(i)
	}
	return true
}

// fits reports whether newSpec, of specOf, may be what container i is.
//
//go:noinline
func (a *Agent) fits(i int) bool { return a.engine.Check(i, &a.newSpec).Reason == engine.OK }
