package engine

import "github.com/femto-containers/femto/vm"

// Result is what came of firing a hook.
type Result struct {
	Value        int64  // r0 of the last container that did not fault, or the hook's default
	Instructions uint32 // of all its containers, helpers included
	Ran          uint8  // containers that gave a result
	Faulted      uint8
	Skipped      uint8 // containers whose tenant has used up its rate
	Err          Error // ErrHook or ErrBusy: nothing ran
}

// An Outcome is what one container did when its hook fired.
type Outcome struct {
	Container    int
	Value        int64    // r0, without a fault
	Fault        vm.Fault // OK if it gave a result
	PC           uint32   // instruction slot of the fault
	Address      uint64   // of a FaultMemory
	Instructions uint32   // helpers included
}

// Fire runs the containers of hook in the order in which they were attached,
// as the hook's policy says. A container that faults is skipped; one that is
// long-running is begun by the next Poll, unless it is under way. ctx is their
// context: r1 points to it, r2 is its length; it is not kept and must not
// overlap an image. now is the time in microseconds, which never goes back.
func (e *Engine) Fire(now int64, hook int, ctx []byte) Result {
	return e.FireEach(now, hook, ctx, nil)
}

// FireEach is Fire and fills outcomes with what each container that ran did,
// the first Ran + Faulted of the result, as far as there is room.
func (e *Engine) FireEach(now int64, hook int, ctx []byte, outcomes []Outcome) (result Result) {
	if uint(hook) >= uint(len(e.config.Hooks)) {
		result.Err = ErrHook
		return result
	}
	h := &e.config.Hooks[hook]
	if h.first == none {
		h.fired++
		result.Value = h.Default
		return result
	}
	e.fire(now, h, ctx, outcomes, nil, &result)
	return result
}

// FireOne is Fire for container i alone, on its hook. It returns ErrContainer
// if there is none.
func (e *Engine) FireOne(now int64, i int, ctx []byte) (result Result) {
	c := e.Container(i)
	if c == nil || c.state == Removed {
		result.Err = ErrContainer
		return result
	}
	h := &e.config.Hooks[c.hook]
	e.fire(now, h, ctx, nil, &target{c.tenant, none, uint8(i)}, &result)
	return result
}

// fire runs the containers of h, or those that are meant, and adds
// up what comes of them in result.
//
//go:noinline
func (e *Engine) fire(now int64, h *Hook, ctx []byte, outcomes []Outcome, to *target, result *Result) {
	h.fired++
	result.Value = h.Default
	if e.running != none {
		result.Err = ErrBusy
		return
	}
	e.now = now
	m := &e.machine
	m.Region[vm.RegionContext] = vm.Region{Bytes: ctx, Writable: h.ContextWritable}
	e.mapRegions(h)
	var c *Container
	for i := h.first; i != none; i = c.next {
		c = &e.config.Containers[i]
		if to != nil && (c.tenant != to.tenant || i == to.but || to.only != none && i != to.only) {
			continue
		}
		if c.stack > 0 && c.wake == never {
			c.wake = now
		}
		if c.stack > 0 || c.state != Attached {
			continue
		}
		t := e.tenantOf(c)
		// Who gets an event was found to afford it, and gets it whole.
		if t.Grant.Rate > 0 && t.affords(now) > now && (to == nil || to.only != none) {
			result.Skipped++
			continue
		}
		status, spent := e.run(i, c, h, t)
		result.Instructions += spent
		value := int64(m.Result())
		if n := int(result.Ran) + int(result.Faulted); n < len(outcomes) {
			o := &outcomes[n]
			// Field by field: a literal would be made on the stack and copied.
			o.Container, o.Instructions, o.Fault = int(i), spent, m.Fault()
			o.PC, o.Address, o.Value = 0, 0, value
			if status != vm.Done {
				o.PC, o.Address, o.Value = uint32(m.PC()), m.FaultAddress(), 0
			}
		}
		if status != vm.Done {
			result.Faulted++
			continue
		}
		result.Ran++
		result.Value = value
		if h.Policy == Single || (h.Policy == StopOnNegative && value < 0) || (h.Policy == StopOnPositive && value > 0) {
			break
		}
	}
	e.unmap(h)
}

// mapRegions lets the containers of h have what it grants beside a context.
func (e *Engine) mapRegions(h *Hook) { copy(e.machine.Region[vm.RegionGrant:], h.Regions) }

//go:noinline
func (e *Engine) unmap(h *Hook) {
	e.machine.Region[vm.RegionContext] = vm.Region{}
	clear(e.machine.Region[vm.RegionGrant:][:len(h.Regions)])
}

// run is one activation of container i, or one slice of it.
//
//go:noinline
func (e *Engine) run(i uint8, c *Container, h *Hook, t *Tenant) (status vm.Status, spent uint32) {
	m := &e.machine
	initial, rodata, text := c.image.Parts()
	data := len(initial)
	memory := e.config.Memory[unit*int(c.offset):][:c.Memory()]
	m.Region[vm.RegionData] = vm.Region{Bytes: memory[:data:data], Writable: true}
	m.Region[vm.RegionRodata] = vm.Region{Bytes: rodata}
	m.Frame, m.Quantum = c.frame, 0
	resumed := c.state == Suspended
	e.looked(i, c)
	stack, budget := e.config.Stack, e.budget(h, &t.Grant)
	var saved []byte
	if c.stack > 0 {
		end := data + int(c.stack)
		stack, saved = memory[data:end:end], memory[end:]
		m.Quantum, budget = min(budget, e.config.Quantum), vm.MaxBudget
		if !resumed {
			clear(stack)
		}
	} else if e.stack != i {
		// Containers take turns on one stack; none may see what another left.
		clear(stack)
		e.stack = i
	}
	m.Region[vm.RegionStack] = vm.Region{Bytes: stack, Writable: true}
	m.Reset(text, budget)
	if resumed {
		m.Restore(saved)
	} else {
		c.activations++
	}
	c.wake = e.now
	c.state = Running
	e.running = i
	e.began(c, budget, saved)
	status = m.Run()
	e.ended(status)
	e.running = none

	spent = m.Instructions() + m.Charged()
	c.instructions += uint64(spent)
	c.longest = max(c.longest, spent)
	if t.Grant.Rate > 0 {
		t.credit -= int64(spent) * second
	}
	if status == vm.Suspended && m.Save(saved) {
		c.state = Suspended
		return status, spent
	}
	c.state, c.wake = Attached, never
	if status == vm.Done {
		c.streak = 0
		return status, spent
	}
	e.failed(int(i), c)
	return status, spent
}

// failed notes the fault of c, in place i.
//
//go:noinline
func (e *Engine) failed(i int, c *Container) {
	m := &e.machine
	c.faults++
	c.fault, c.pc, c.address = m.Fault(), uint32(m.PC()), m.FaultAddress()
	e.faulted(i)
	// A long-running container is begun again, but not in a hurry.
	c.wake = e.now + second
	c.streak = min(c.streak, 254) + 1
	if e.config.FaultLimit > 0 && c.streak >= e.config.FaultLimit {
		if e.trial(i) == nil {
			c.state = Faulted
			e.notify(i, Detached)
		} else if e.Revert(i) == OK {
			e.notify(i, Reverted)
		}
	}
}

// budget is what an activation may execute, in instructions.
func (e *Engine) budget(h *Hook, g *Grant) int32 {
	n := e.config.Budget
	if h.Budget > 0 {
		n = h.Budget
	}
	if g.Budget > 0 {
		n = min(n, g.Budget)
	}
	return n
}
