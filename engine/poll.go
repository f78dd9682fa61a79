package engine

import "github.com/femto-containers/femto/vm"

// Poll does what is due at now, in microseconds, and returns when it wants to
// be called again at the latest: it fires periodic hooks, delivers one event,
// ends trials, and runs one slice of one long-running container. So whatever
// else is due waits for one Quantum at most.
func (e *Engine) Poll(now int64) (next int64) {
	if e.running != none {
		return now
	}
	e.now = now
	next = never
	for i := range e.config.Hooks {
		if h := &e.config.Hooks[i]; h.Period > 0 {
			next = min(next, e.pollPeriod(h))
		}
	}
	next = e.pollTrials(next)
	return e.pollSlice(e.deliver(next))
}

// pollPeriod fires h if it is due, and returns when it will be next.
func (e *Engine) pollPeriod(h *Hook) int64 {
	switch {
	case h.due == 0:
		h.due = e.now + h.Period
	case e.now >= h.due:
		// A device that was busy does not make up for what it missed.
		h.due = max(h.due+h.Period, e.now+1)
		putTick(&e.tick, uint64(e.now), uint64(h.fired))
		h.fired++
		e.fire(e.now, h, e.tick[:], nil, nil)
	}
	return h.due
}

//go:noinline
func putTick(b *[16]byte, v, w uint64) {
	for i := range 8 {
		b[i], b[8+i] = byte(v>>(8*i)), byte(w>>(8*i))
	}
}

// pollSlice runs the container whose turn it is. Tenants take turns, and in
// turn of a tenant its containers; a tenant that has used up its rate is
// passed over.
func (e *Engine) pollSlice(next int64) int64 {
	best, order := none, 1<<16
	for i := range e.config.Containers {
		c := &e.config.Containers[i]
		if c.stack == 0 || c.state != Attached && c.state != Suspended {
			continue
		}
		t := e.tenantOf(c)
		at := max(t.affords(e.now), c.wake)
		if at > e.now {
			next = min(next, at)
			continue
		}
		if best != none {
			next = e.now
		}
		turn := int(c.tenant-e.served-1)<<8 | int(uint8(i)-t.served-1)
		if turn < order {
			best, order = i, turn
		}
	}
	if best == none {
		return next
	}
	c := &e.config.Containers[best]
	e.served = c.tenant
	t := e.tenantOf(c)
	t.served = uint8(best)
	h := &e.config.Hooks[c.hook]
	e.mapRegions(h)
	e.run(uint8(best), c, h, t)
	e.unmap(h)
	if c.stack > 0 && (c.state == Attached || c.state == Suspended) {
		next = min(next, max(c.wake, e.now))
	}
	return next
}

// Sleep, of a helper that waits, suspends the running container until the time
// at. It returns ErrContainer, and does nothing, for a container that is not
// long-running.
func (e *Engine) Sleep(call *vm.Call, at int64) Error {
	if e.running == none || e.config.Containers[e.running].stack == 0 {
		return ErrContainer
	}
	e.config.Containers[e.running].wake = at
	call.Suspend()
	return OK
}

// Event is what a container has sent to the others of its tenant.
type Event struct {
	due          int64 // when it is delivered
	kind, value  uint32
	tenant, from uint8 // from is none if the sender gets it too
	alone        bool  // it is for from, not for the others
}

// Send queues an event for the other containers of the running one's tenant
// that are on the hook that has Events, which Poll fires with {u32 kind, u32
// value, u64 now}. It returns ErrQueue if too many wait: a tenant may
// fill no more than its share of the queue.
func (e *Engine) Send(kind, value uint32) Error {
	return e.queue(Event{due: e.now, kind: kind, value: value, from: e.running})
}

// SendAt is Send for a time to come, in microseconds, and for all containers of
// the tenant on that hook, the running one included: a timer that fires once.
func (e *Engine) SendAt(due int64, kind, value uint32) Error {
	return e.queue(Event{due: due, kind: kind, value: value, from: none})
}

func (e *Engine) queue(event Event) Error {
	if e.running == none {
		return ErrContainer
	}
	c := &e.config.Containers[e.running]
	mine := 0
	queue := e.config.Events
	for i := range queue[:e.queued] {
		if queue[i].tenant == c.tenant {
			mine++
		}
	}
	if e.queued == len(queue) || mine*(len(e.config.Tenants)+1) >= len(queue) {
		return ErrQueue
	}
	event.tenant = c.tenant
	queue[e.queued] = event
	e.queued++
	return OK
}

// deliver fires the event that is due first, and returns when it wants to be
// called again, which is next at the latest.
func (e *Engine) deliver(next int64) int64 {
	queue := e.config.Events[:e.queued]
	first := 0
	for i := range queue {
		if queue[i].due < queue[first].due {
			first = i
		}
	}
	if len(queue) == 0 {
		return next
	}
	event := queue[first]
	if event.due > e.now {
		return min(next, event.due)
	}
	e.queued--
	copy(queue[first:], queue[first+1:])
	for i := range e.config.Hooks {
		if h := &e.config.Hooks[i]; h.Events {
			putTick(&e.tick, uint64(event.kind)|uint64(event.value)<<32, uint64(e.now))
			h.fired++
			e.fire(e.now, h, e.tick[:], nil, &event)
			break
		}
	}
	if e.queued > 0 {
		return e.now
	}
	return next
}
