package engine

// State is what a container of the table is doing (docs/spec/engine.md).
type State uint8

const (
	Removed   State = iota // there is none: the place is free
	Installed              // checked and in its place, on no hook
	Attached               // runs when its hook fires, or when Poll gets to it
	Running                // seen from helpers only
	Suspended              // long-running, and waiting for its turn or its time
	Stopped                // by Stop
	Faulted                // by the engine, after too many faults in a row
	states

	refused State = 0xff
)

type event uint8

const (
	install event = iota
	attach
	detach
	run
	suspend // in a helper that waits, or at the end of a quantum
	end     // with a result or a fault
	limit   // of faults in a row
	stop
	start
	remove
	events
)

// transitions is the lifecycle: what comes of an event in a state.
var transitions = [states][events]State{
	//           install    attach    detach     run      suspend    end       limit    stop     start      remove
	Removed:   {Installed, refused, refused, refused, refused, refused, refused, refused, refused, refused},
	Installed: {Installed, Attached, refused, refused, refused, refused, refused, refused, refused, Removed},
	Attached:  {Installed, refused, Installed, Running, refused, refused, Faulted, Stopped, Attached, Removed},
	Running:   {refused, refused, refused, refused, Suspended, Attached, refused, refused, refused, refused},
	Suspended: {Installed, refused, Installed, Running, refused, refused, refused, Stopped, Suspended, Removed},
	Stopped:   {Installed, refused, Installed, refused, refused, refused, refused, Stopped, Attached, Removed},
	Faulted:   {Installed, refused, Installed, refused, refused, refused, refused, Stopped, Attached, Removed},
}

// move takes container i through a transition that somebody asks for. It
// changes nothing but the state.
func (e *Engine) move(i int, what event) (*Container, Error) {
	c := e.Container(i)
	if c == nil || c.state == Removed {
		return nil, ErrContainer
	}
	if e.running != none {
		return nil, ErrBusy
	}
	to := transitions[c.state][what]
	if to == refused {
		return nil, ErrState
	}
	c.state = to
	return c, OK
}

// Stop keeps the container at place i from running. One that is suspended
// loses its place: Start lets it begin anew.
func (e *Engine) Stop(i int) Error {
	_, err := e.move(i, stop)
	return err
}

// Start lets the container at place i run again. Its faults in a row count
// from zero.
func (e *Engine) Start(i int) Error {
	c, err := e.move(i, start)
	if err == OK {
		c.streak = 0
		if c.state == Attached {
			c.wake = 0
		}
	}
	return err
}

// Detach takes the container at place i off its hook; its store and its .data
// stay. It returns ErrState if it is on no hook.
func (e *Engine) Detach(i int) Error {
	c, err := e.move(i, detach)
	if err == OK {
		e.unlink(c, i)
	}
	return err
}

// Attach puts the container at place i back on its hook, behind all that are
// there. It returns ErrState if it is on the hook.
func (e *Engine) Attach(i int) Error {
	c, err := e.move(i, attach)
	if err == OK {
		c.streak, c.wake = 0, 0
		e.link(c, i)
	}
	return err
}

// Remove detaches the container at place i and clears all that it had.
func (e *Engine) Remove(i int) Error {
	c, err := e.move(i, remove)
	if err != OK {
		return err
	}
	c.state = Installed // it has a store as long as it is there
	e.Clear(i)
	e.unlink(c, i)
	e.release(c, 0)
	e.endTrial(i)
	*c = Container{}
	e.forget(i)
	return OK
}

// Order returns the place of the container that the hook runs in position n,
// counted from 0, or -1.
func (e *Engine) Order(hook, n int) int {
	h := e.Hook(hook)
	if h == nil {
		return -1
	}
	for i := h.first; i != none; i = e.config.Containers[i].next {
		if n == 0 {
			return int(i)
		}
		n--
	}
	return -1
}

// Position returns where in the order of its hook the container at place i is,
// counted from 1, or 0 if it is on no hook.
func (e *Engine) Position(i int) int {
	n := 1
	for at := e.config.Hooks[e.Container(i).hook].first; at != none; at = e.Container(int(at)).next {
		if int(at) == i {
			return n
		}
		n++
	}
	return 0
}

// link puts c last on its hook.
func (e *Engine) link(c *Container, i int) {
	c.next = none
	*e.linkTo(c.hook, none) = uint8(i)
}

// unlink takes c off its hook, if it is on it.
func (e *Engine) unlink(c *Container, i int) {
	if at := e.linkTo(c.hook, uint8(i)); *at == uint8(i) {
		*at = c.next
	}
}

// linkTo returns what points to place i on a hook, or to none.
func (e *Engine) linkTo(hook, i uint8) *uint8 {
	at := &e.config.Hooks[hook].first
	for *at != i && *at != none {
		at = &e.config.Containers[*at].next
	}
	return at
}
