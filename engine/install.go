package engine

import (
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// Wakeup is the number of the helper that waits, as the original's
// ztimer_periodic_wakeup: a container of version 0 that calls it is
// long-running, as it cannot say so.
const Wakeup = 0x61

// Spec describes a container to install.
type Spec struct {
	Hook   int
	Tenant int    // place in the table of tenants, or Owner
	Name   []byte // at most 16 bytes, copied; together with Hook it names the container
	Image  []byte // kept: must stay as it is until the container is replaced or removed
	Proven bool   // needs no trial, whatever the tenant's grant says
	Kept   bool   // was installed before: it takes no more than it had, so shares do not count
}

// plan is what Check finds out for Install. It stays below the 256 bytes that
// a local may have.
type plan struct {
	err       CheckError
	trial     *Trial    // that it will be on, or nil
	container Container // what it will be
	contract  image.Contract
}

// Check decides whether spec may be installed at place i, where it replaces
// the container that is there, and changes nothing. Every reason for which
// Install could refuse is found here.
func (e *Engine) Check(i int, spec *Spec) CheckError {
	var p plan
	e.check(i, spec, &p)
	return p.err
}

// check plans the installation of spec.
func (e *Engine) check(i int, spec *Spec, p *plan) {
	c, h, t := e.Container(i), e.Hook(spec.Hook), e.Tenant(spec.Tenant)
	err := &p.err
	switch {
	case e.running != none:
		err.Reason = ErrBusy
	case c == nil:
		err.Reason = ErrContainer
	case t == nil:
		err.Reason = ErrTenant
	case h == nil || (c.state != Removed && int(c.hook) != spec.Hook):
		err.Reason = ErrHook
	case len(spec.Name) > len(c.name):
		err.Reason = ErrName
	case e.config.ImageSize > 0 && len(spec.Image) > e.config.ImageSize:
		err.Reason = ErrImageSize
	case e.overlaps(spec.Image, h):
		err.Reason = ErrAlias
	case !spec.Proven && c.state != Removed && c.tenant == uint8(spec.Tenant) && len(e.config.Trials) > 0 && t.Grant.Trial > 0:
		if p.trial = e.freeTrial(i); p.trial == nil {
			err.Reason = ErrTrial
		}
	}
	if err.Reason != OK {
		return
	}
	m := &p.container.image
	contract := &p.contract
	*m, err.Image = image.Parse(spec.Image)
	if raw := m.Contract(); raw != nil {
		err.Image = image.ParseContract(raw, contract)
	}
	if err.Image != image.OK {
		err.Reason = ErrImage
		return
	}
	var need vm.Need
	if err.Program = need.Check(m.Text(), &e.owner.Grant.Helpers); err.Program.Fault != vm.OK {
		err.Reason = ErrProgram
		return
	}
	p.container.frame, p.container.depth = need.Frame, need.Depth
	p.container.reserved = contract.Entries[0]
	if p.trial != nil { // for the version that may come back
		p.container.size = c.size
		p.container.reserved = max(p.container.reserved, c.reserved)
	}
	if contract.Flags&image.LongRunning != 0 || need.Helpers.Has(Wakeup) {
		stack := int(contract.Stack)
		if stack == 0 {
			stack = len(e.config.Stack)
		}
		p.container.stack = uint16(min(stack+unit-1, 0xffff) &^ (unit - 1))
	}
	e.unmet(c, h, spec, t, &need, p)
}

// unmet notes all that the contract or the text, by need, wants and does not
// get.
func (e *Engine) unmet(c *Container, h *Hook, spec *Spec, t *Tenant, need *vm.Need, p *plan) {
	g, contract := &t.Grant, &p.contract
	unmet := Unmet(0)
	if !g.mayUse(spec.Hook) || !h.is(contract.Hook) {
		unmet |= UnmetHook
	}
	var calls vm.HelperSet
	for n := range e.all {
		// A helper may be granted that this firmware lacks, and with a
		// contract only what it names may be called.
		wanted := need.Helpers[n] | contract.Helpers[n]
		granted := e.all[n] & g.Helpers[n]
		if contract.Has(image.KeyHelpers) {
			granted &= contract.Helpers[n]
		}
		calls[n] = granted
		p.err.Helpers[n] = wanted &^ granted
		if wanted&^granted != 0 {
			unmet |= UnmetHelpers
		}
	}
	if p.container.stack == 0 && int(contract.Stack) > len(e.config.Stack) {
		unmet |= UnmetStack
	}
	if contract.Budget > e.budget(h, g) {
		unmet |= UnmetBudget
	}
	size := max(p.container.needed(), int(p.container.size))
	containers, memory, images, free := 1, size, len(spec.Image), len(e.config.Memory)>>unitShift-e.used+int(c.size)
	mine, all := e.taken(spec.Tenant)
	all += int(contract.Entries[ScopeLocal]) - c.promised()
	mine += int(contract.Entries[ScopeLocal])
	if c.Tenant() == spec.Tenant { // a free place has promised nothing
		mine -= c.promised()
	}
	for places := e.config.Containers; len(places) > 0; places = places[1:] {
		if other := &places[0]; other != c && other.state != Removed && other.tenant == uint8(spec.Tenant) {
			containers++
			memory += int(other.size)
			images += len(other.image.Bytes())
		}
	}
	p.container.size = uint16(min(size, 0xffff))
	for scope := range contract.Entries {
		n := int(contract.Entries[scope])
		if quota := int(g.Quota[scope]); quota > 0 && n > quota || e.exceeds(n, g.Entries, len(e.config.Entries), spec.Kept) {
			unmet |= UnmetLocal << scope // the bits are in the order of the scopes
		}
	}
	if all > len(e.config.Entries) || e.exceeds(mine, g.Entries, len(e.config.Entries), spec.Kept) {
		unmet |= UnmetLocal
	}
	if e.exceeds(containers, uint16(g.Containers), len(e.config.Containers), spec.Kept) {
		unmet |= UnmetContainers
	}
	if size > free || e.exceeds(unit*memory, g.Memory, len(e.config.Memory), spec.Kept) {
		unmet |= UnmetMemory
	}
	if g.Flash > 0 && uint32(images) > g.Flash {
		unmet |= UnmetFlash
	}
	p.err.Unmet = unmet
	switch {
	case unmet&UnmetHelpers != 0:
		p.err.Reason = ErrNotGranted
		p.err.Program = need.Check(p.container.image.Text(), &calls)
	case unmet == UnmetMemory:
		p.err.Reason = ErrMemory
	case unmet != 0:
		p.err.Reason = ErrUnmet
	}
}

// needed returns the size of the memory that c takes, beside what it keeps for
// a version that may come back.
func (c *Container) needed() int {
	n := len(c.image.Data())
	if c.stack > 0 {
		n += int(c.stack) + vm.SavedSize(c.depth)
	}
	return n >> unitShift
}

// Install puts the container of spec at place i, behind those that its hook
// has. If place i is in use the new container takes over its place in the
// order and, of the same tenant, its local store; nothing of the old one is
// lost if Install refuses. If the tenant's grant asks for it, what replaces a
// container is on trial. The check is never left out.
func (e *Engine) Install(i int, spec *Spec) CheckError {
	var p plan
	e.install(i, spec, &p)
	return p.err
}

//go:noinline
func (e *Engine) install(i int, spec *Spec, p *plan) {
	e.check(i, spec, p)
	if p.err.Reason != OK {
		return
	}
	c, n := e.Container(i), &p.container
	n.tenant, n.hook = uint8(spec.Tenant), uint8(spec.Hook)
	copy(n.name[:], spec.Name)
	linked := c.state != Removed && c.state != Installed
	if c.state != Removed {
		if t := p.trial; t != nil {
			if !t.used {
				t.image = c.image
			}
			t.deadline, t.place, t.used, t.reserved = 0, uint8(i), true, p.contract.Entries[ScopeLocal]
		} else {
			e.endTrial(i)
		}
		if c.tenant != n.tenant {
			e.Clear(i)
		}
		e.release(c, 0)
	}
	n.store, n.next = c.store, c.next
	n.offset = uint16(e.used)
	n.state = Attached
	*c = *n
	if !linked {
		e.link(c, i)
	}
	e.machine.Prepare(n.image.Text())
	copy(e.config.Memory[unit*e.used:], n.image.Data())
	e.used += int(n.size)
	e.forget(i)
}

// release gives back what c has of memory beyond keep units, and closes the
// gap. Containers know their memory by virtual addresses only, so it can move
// between runs.
func (e *Engine) release(c *Container, keep int) {
	end := int(c.offset) + int(c.size)
	n := int(c.size) - keep
	if n <= 0 {
		return
	}
	memory := e.config.Memory[:unit*e.used]
	copy(memory[unit*(end-n):], memory[unit*end:])
	clear(memory[len(memory)-unit*n:])
	e.used -= n
	c.size = uint16(keep)
	all := e.config.Containers
	for i := range all {
		if other := &all[i]; other.state != Removed && int(other.offset) >= end && other.size > 0 {
			other.offset -= uint16(n)
		}
	}
}

// forget makes the next run begin with a cleared stack, and drops what the
// container has sent, as place i has another one, or none.
func (e *Engine) forget(i int) {
	e.replaced(i)
	e.withdraw(i)
	if e.stack == uint8(i) {
		e.stack = none
		clear(e.config.Stack)
	}
}

// overlaps reports whether the image lies in memory that a container of the
// hook may write: then checked text could change.
func (e *Engine) overlaps(image []byte, h *Hook) bool {
	if overlap(image, e.config.Stack) || overlap(image, e.config.Memory) {
		return true
	}
	for _, r := range h.Regions {
		if r.Writable && overlap(image, r.Bytes) {
			return true
		}
	}
	return false
}

// overlap reports whether a and b share memory: then one begins in the other.
//
//go:noinline
func overlap(a, b []byte) bool {
	if len(a) > 0 && len(b) > 0 {
		for i := range max(len(a), len(b)) {
			if i < len(a) && &a[i] == &b[0] || i < len(b) && &b[i] == &a[0] {
				return true
			}
		}
	}
	return false
}
