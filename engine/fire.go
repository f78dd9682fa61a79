package engine

import "github.com/femto-containers/femto/vm"

// Result is what came of firing a hook.
type Result struct {
	Value        int64  // r0 of the last container that did not fault, or the hook's default
	Instructions uint32 // of all its containers, helpers included
	Ran          uint8  // containers that gave a result
	Faulted      uint8
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
// as the hook's policy says. A container that faults is skipped. ctx is their
// context: r1 points to it, r2 is its length; it is not kept and must not
// overlap an image. now is the time in microseconds, which never goes back.
func (e *Engine) Fire(now int64, hook int, ctx []byte) Result {
	return e.FireEach(now, hook, ctx, nil)
}

// FireEach is Fire and fills outcomes with what each container that ran did,
// the first Ran + Faulted of the result, as far as there is room.
func (e *Engine) FireEach(now int64, hook int, ctx []byte, outcomes []Outcome) Result {
	h := e.Hook(hook)
	if h == nil {
		return Result{Err: ErrHook}
	}
	h.fired++
	result := Result{Value: h.Default}
	if h.first == none {
		return result
	}
	if e.running != none {
		result.Err = ErrBusy
		return result
	}
	e.now = now
	m := &e.machine
	m.Region[vm.RegionContext] = vm.Region{Bytes: ctx, Writable: h.ContextWritable}
	for i := range h.Regions {
		m.Region[vm.RegionGrant+i] = h.Regions[i]
	}
	for i := h.first; i != none; i = e.config.Containers[i].next {
		if e.config.Containers[i].state != Enabled {
			continue
		}
		before := result.Instructions
		ok := e.run(i, h, &result)
		if n := int(result.Ran) + int(result.Faulted); n < len(outcomes) {
			o := Outcome{Container: int(i), Instructions: result.Instructions - before}
			if ok {
				o.Value = int64(m.Result())
			} else {
				o.Fault, o.PC, o.Address = m.Fault(), uint32(m.PC()), m.FaultAddress()
			}
			outcomes[n] = o
		}
		if !ok {
			result.Faulted++
			continue
		}
		result.Ran++
		value := int64(m.Result())
		result.Value = value
		if h.Policy == Single || (h.Policy == StopOnNegative && value < 0) || (h.Policy == StopOnPositive && value > 0) {
			break
		}
	}
	for i := range h.Regions {
		m.Region[vm.RegionGrant+i] = vm.Region{}
	}
	m.Region[vm.RegionContext] = vm.Region{}
	return result
}

// run is one activation of container i. It reports whether there was no fault.
func (e *Engine) run(i uint8, h *Hook, result *Result) bool {
	c := &e.config.Containers[i]
	m := &e.machine
	// Containers take turns on one stack; none may see what another left.
	if e.stack != i {
		clear(e.config.Stack)
		e.stack = i
	}
	begin, end := int(c.offset), int(c.offset)+c.Memory()
	m.Region[vm.RegionData] = vm.Region{Bytes: e.config.Memory[begin:end:end], Writable: true}
	m.Region[vm.RegionRodata] = vm.Region{Bytes: c.image.Rodata()}
	m.Frame = c.frame
	m.Reset(c.image.Text(), e.budget(h, e.grantOf(c)))

	e.running = i
	status := m.Run()
	e.running = none

	spent := m.Instructions() + m.Charged()
	result.Instructions += spent
	c.stats.Instructions += uint64(spent)
	c.stats.Activations++
	if status == vm.Done {
		c.streak = 0
		return true
	}
	c.stats.Faults++
	c.stats.Fault, c.stats.FaultPC, c.stats.FaultAddress = m.Fault(), uint32(m.PC()), m.FaultAddress()
	if c.streak++; e.config.FaultLimit > 0 && c.streak >= e.config.FaultLimit {
		c.state = Faulty
	} else if c.streak == 255 {
		c.streak = 254
	}
	return false
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
