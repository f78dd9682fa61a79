package engine

import "github.com/femto-containers/femto/image"

// Trial is a version that comes back if the one that replaced it fails. The
// zero Trial is free.
type Trial struct {
	image    image.Image
	deadline int64  // 0: not known before the next Poll
	reserved uint16 // entries that the contract of what is on trial was promised
	place    uint8
	used     bool
}

// trial returns the trial that the container at place i is on, or nil.
//
//go:noinline
func (e *Engine) trial(i int) *Trial {
	trials := e.config.Trials
	for n := range trials {
		if t := &trials[n]; t.used && int(t.place) == i {
			return t
		}
	}
	return nil
}

// Trial returns the image that comes back if the container at place i fails
// its trial, nil if it is on none.
func (e *Engine) Trial(i int) []byte {
	if t := e.trial(i); t != nil {
		return t.image.Bytes()
	}
	return nil
}

// freeTrial returns what a trial of the container at place i can be noted in.
//
//go:noinline
func (e *Engine) freeTrial(i int) *Trial {
	t := e.trial(i)
	for n := range e.config.Trials {
		if t == nil && !e.config.Trials[n].used {
			t = &e.config.Trials[n]
		}
	}
	return t
}

func (e *Engine) endTrial(i int) {
	if t := e.trial(i); t != nil {
		*t = Trial{}
	}
}

// Confirm ends the trial of the container at place i: the old version will
// not come back.
func (e *Engine) Confirm(i int) Error {
	t := e.trial(i)
	switch {
	case t == nil:
		return ErrTrial
	case e.running != none:
		return ErrBusy
	}
	e.settle(e.Container(i), t.reserved)
	*t = Trial{}
	return OK
}

// settle leaves c what its own contract was promised, and what it needs itself.
//
//go:noinline
func (e *Engine) settle(c *Container, reserved uint16) {
	c.reserved = reserved
	e.release(c, c.needed())
}

// Revert ends the trial of the container at place i and puts the old version
// back, in the place and with the store of the new one: stopped or detached, if
// that one is. If the old version may no longer be installed, as a grant was
// taken back, the new one stays and is stopped.
func (e *Engine) Revert(i int) Error {
	t := e.trial(i)
	switch {
	case t == nil:
		return ErrTrial
	case e.running != none:
		return ErrBusy
	}
	c := e.Container(i)
	spec := Spec{Hook: int(c.hook), Tenant: c.Tenant(), Name: c.Name(), Image: t.image.Bytes(), Proven: true, Kept: true}
	was, reserved := c.state, t.reserved
	*t = Trial{}
	var p plan
	e.install(i, &spec, &p)
	switch {
	case p.err.Reason != OK:
		c.state = Stopped
		e.settle(c, reserved)
	case was == Installed:
		e.unlink(c, i)
		fallthrough
	case was == Stopped:
		c.state = was
	}
	return p.err.Reason
}

// pollTrials ends the trials whose time is up.
func (e *Engine) pollTrials() {
	trials := e.config.Trials
	for n := range trials {
		t := &trials[n]
		if !t.used {
			continue
		}
		i := int(t.place)
		g := &e.tenant(e.config.Containers[i].tenant).Grant
		if t.deadline == 0 {
			t.deadline = e.now + int64(g.Trial)*second
		}
		switch {
		case e.now < t.deadline:
			e.by(t.deadline)
		case g.Confirm:
			e.Revert(i)
			e.notify(i, Reverted)
		default:
			e.Confirm(i)
			e.notify(i, Confirmed)
		}
	}
}

//go:noinline
func (e *Engine) notify(i int, what Change) {
	if e.config.Notify != nil {
		e.config.Notify(i, what)
	}
}
