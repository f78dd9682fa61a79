package engine

import "github.com/femto-containers/femto/vm"

// Poll does what is due at now, in microseconds, and returns when it wants to
// be called again at the latest: it fires periodic hooks, delivers one event,
// ends trials, and runs one slice of one long-running container. So whatever
// else is due waits for one Quantum at most.
//
//go:noinline
func (e *Engine) Poll(now int64) (next int64) {
	if e.running != none {
		return now
	}
	e.now, e.next = now, never
	hooks := e.config.Hooks
	for i := range hooks {
		if h := &hooks[i]; h.Period > 0 {
			e.pollPeriod(h)
		}
	}
	e.pollTrials()
	e.deliver()
	e.pollSlice()
	return e.next
}

// by makes Poll want to be called again at the time at or earlier.
//
//go:noinline
func (e *Engine) by(at int64) {
	if at < e.next {
		e.next = at
	}
}

// pollPeriod fires h if it is due.
func (e *Engine) pollPeriod(h *Hook) {
	if h.due == 0 {
		h.due = e.now + h.Period
	}
	if h.due <= e.now {
		// A device that was busy does not make up for what it missed.
		if h.due += h.Period; h.due <= e.now {
			h.due = e.now + 1
		}
		e.tick(h, &[4]uint32{uint32(e.now), uint32(e.now >> 32), h.fired}, nil)
	}
	e.by(h.due)
}

// tick fires h, for those that are meant, with the context of these words.
//
//go:noinline
func (e *Engine) tick(h *Hook, words *[4]uint32, to *target) {
	for i := range e.context {
		e.context[i] = byte(words[i>>2] >> (8 * (i & 3)))
	}
	var result Result
	e.fire(e.now, h, e.context[:], nil, to, &result)
}

// waits reports whether c is long-running and wants a turn.
func (c *Container) waits() bool {
	return c.stack > 0 && (c.state == Attached || c.state == Suspended)
}

// ready reports whether it is time for what is due at the time from, and t has
// some of its rate left. If not, Poll wants to be called again when it will be.
//
//go:noinline
func (e *Engine) ready(t *Tenant, from int64) bool {
	at := max(t.affords(e.now), from)
	if at > e.now {
		e.by(at)
	}
	return at <= e.now
}

// leastWeight is what a tenant without a rate weighs at least, in instructions
// per second, against those that have one.
const leastWeight = 1 << 16

// pollSlice runs the container whose turn it is: of the tenant that has come
// least far, which is what its slices executed divided by its rate, and of its
// containers the one that has waited longest. Who has no rate weighs as much as the heaviest
// of those that wait. Who had nothing to run has no claim on the past, and a
// tenant that has used up its rate is passed over.
func (e *Engine) pollSlice() {
	best, weight := uint8(0), int32(leastWeight)
	var c *Container
	var t *Tenant // whose it is
	i := uint8(0)
	// The table is cut short, here and in other loops that leave elements out:
	// TinyGo would test an index against the length once more.
	for places := e.config.Containers; len(places) > 0; places = places[1:] {
		one := &places[0]
		i++
		if !one.waits() {
			continue
		}
		of := e.tenant(one.tenant)
		weight = max(weight, of.Grant.Rate)
		if !e.ready(of, one.wake) {
			continue
		}
		if c != nil {
			e.by(e.now)
		}
		if c == nil || of.lead < t.lead || of == t && one.wake < c.wake {
			best, c, t = i-1, one, of
		}
	}
	if c == nil {
		return
	}
	for i, least := Owner, t.lead; i < len(e.config.Tenants); i++ {
		of := e.Tenant(i)
		of.lead -= min(of.lead, least)
	}
	h := &e.config.Hooks[c.hook]
	e.mapRegions(h)
	_, spent := e.run(best, c, h, t)
	e.unmap(h)
	if t.Grant.Rate > 0 {
		weight = t.Grant.Rate
	}
	t.lead = max(1, min(spent, 1<<22-1)<<10/(uint32(weight)>>10+1))
	if c.waits() {
		e.by(max(c.wake, e.now))
	}
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
	due         int64 // when it is delivered
	kind, value uint32
	from        uint8
	target
}

// A target says which containers of a hook are meant: those of a tenant.
type target struct {
	tenant uint8
	but    uint8 // not this container
	only   uint8 // no other than this; none: it is an event, and meant for all
}

// Send queues an event for the other containers of the running one's tenant
// that are on the hook that has Events, which Poll fires with {u32 kind, u32
// value, u64 now}. It returns ErrQueue if too many wait: a tenant may
// fill no more than its share of the queue. What a container has sent, timers
// among it, ends with it.
func (e *Engine) Send(kind, value uint32) Error {
	return e.queue(e.now, kind, value, e.running)
}

// SendAt is Send for a time to come, in microseconds, and for all containers of
// the tenant on that hook, the running one included: a timer that fires once.
func (e *Engine) SendAt(due int64, kind, value uint32) Error {
	return e.queue(due, kind, value, none)
}

func (e *Engine) queue(due int64, kind, value uint32, but uint8) Error {
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
	if e.queued == len(queue) || (mine+1)*(len(e.config.Tenants)+1) > len(queue) {
		e.tenantOf(c).dropped++
		return ErrQueue
	}
	queue[e.queued] = Event{due: due, kind: kind, value: value, from: e.running, target: target{c.tenant, but, none}}
	e.queued++
	e.by(due)
	return OK
}

// withdraw drops the events of place i that are not delivered yet.
func (e *Engine) withdraw(i int) {
	queue := e.config.Events[:e.queued]
	for e.queued = 0; len(queue) > 0; queue = queue[1:] {
		if v := &queue[0]; int(v.from) != i {
			e.config.Events[e.queued] = *v
			e.queued++
		}
	}
}

// deliver fires the event that is due first, of those whose tenant has some of
// its rate left.
func (e *Engine) deliver() {
	var first *Event
	for queue := e.config.Events[:e.queued]; len(queue) > 0; queue = queue[1:] {
		v := &queue[0]
		if !e.ready(e.tenant(v.tenant), v.due) {
			continue
		}
		if first != nil {
			e.by(e.now)
		}
		if first == nil || v.due < first.due {
			first = v
		}
	}
	if first == nil {
		return
	}
	kind, value, to := first.kind, first.value, first.target
	first.from = none
	e.withdraw(none)
	for hooks := e.config.Hooks; len(hooks) > 0; hooks = hooks[1:] {
		if h := &hooks[0]; h.Events {
			e.tick(h, &[4]uint32{kind, value, uint32(e.now), uint32(e.now >> 32)}, &to)
			break
		}
	}
}
