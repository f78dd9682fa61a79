package engine

import (
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// Engine hosts containers. It is one thread's: calls must not overlap.
type Engine struct {
	machine vm.Machine
	config  Config
	owner   Tenant
	all     vm.HelperSet // every helper there is
	now     int64
	used    int    // bytes of Memory
	global  uint16 // entries in the global store
	running uint8  // container, or none
	stack   uint8  // container whose leavings are on the stack, or none
}

// Init makes e an empty engine. It keeps config's slices, whose contents are
// lost.
func (e *Engine) Init(config *Config) Error {
	if len(config.Hooks) > MaxTable || len(config.Containers) > MaxTable || len(config.Tenants) > MaxTable ||
		len(config.Stack) > vm.MaxRegion || len(config.Memory) > vm.MaxRegion || len(config.Entries) > 0xffff {
		return ErrConfig
	}
	// Field by field: a literal of the whole would be built on the stack first.
	e.machine = vm.Machine{}
	e.config = *config
	e.all = vm.HelperSet{}
	e.owner = Tenant{Grant: Everything()}
	e.now, e.used, e.global = 0, 0, 0
	e.running, e.stack = none, none
	for i := range e.config.Hooks {
		if len(e.config.Hooks[i].Regions) > vm.Regions-vm.RegionGrant {
			return ErrConfig
		}
		e.config.Hooks[i].first, e.config.Hooks[i].fired = none, 0
	}
	for i := range e.config.Tenants {
		e.config.Tenants[i].entries = 0
	}
	clear(e.config.Containers)
	clear(e.config.Memory)
	clear(e.config.Entries)
	for i := range e.config.Helpers {
		e.all.Add(e.config.Helpers[i].Number)
	}
	if e.config.Budget <= 0 {
		e.config.Budget = DefaultBudget
	}
	e.machine.Helpers = e.config.Helpers
	e.machine.Env = e
	e.machine.Region[vm.RegionStack] = vm.Region{Bytes: e.config.Stack, Writable: true}
	return OK
}

// Container returns place i of the table, or nil if there is none.
func (e *Engine) Container(i int) *Container {
	if uint(i) >= uint(len(e.config.Containers)) {
		return nil
	}
	return &e.config.Containers[i]
}

// Hook returns hook i, or nil if there is none.
func (e *Engine) Hook(i int) *Hook {
	if uint(i) >= uint(len(e.config.Hooks)) {
		return nil
	}
	return &e.config.Hooks[i]
}

// FindHook returns the number of the hook with the given UUID, or -1.
func (e *Engine) FindHook(uuid *[16]byte) int {
	for i := range e.config.Hooks {
		if e.config.Hooks[i].UUID == *uuid {
			return i
		}
	}
	return -1
}

// Hooks returns the number of hooks.
func (e *Engine) Hooks() int { return len(e.config.Hooks) }

// Containers returns the number of places in the table.
func (e *Engine) Containers() int { return len(e.config.Containers) }

// Helpers returns the helpers that containers may be granted.
func (e *Engine) Helpers() []vm.Helper { return e.config.Helpers }

// Env returns what the firmware gave its helpers to work on, as Config.Env.
func (e *Engine) Env() any { return e.config.Env }

// Line returns the buffer for one line of output.
func (e *Engine) Line() []byte { return e.config.Line }

// Find returns the place of the container called name on hook, or -1.
func (e *Engine) Find(hook int, name []byte) int {
	for i := range e.config.Containers {
		c := &e.config.Containers[i]
		if c.state != Unused && int(c.hook) == hook && c.isNamed(name) {
			return i
		}
	}
	return -1
}

// Free returns a free place of the table, or -1.
func (e *Engine) Free() int {
	for i := range e.config.Containers {
		if e.config.Containers[i].state == Unused {
			return i
		}
	}
	return -1
}

// MemoryFree returns how many bytes are left for .data.
func (e *Engine) MemoryFree() int { return len(e.config.Memory) - e.used }

// Spec describes a container to install.
type Spec struct {
	Hook   int
	Tenant int    // place in the table of tenants, or Owner
	Name   []byte // at most 16 bytes, copied; together with Hook it names the container
	Image  []byte // kept: must stay as it is until the container is replaced or removed
}

// Check decides whether spec may be installed at place i, where it replaces
// the container that is there, and changes nothing. Every reason for which
// Install could refuse is found here.
func (e *Engine) Check(i int, spec *Spec) CheckError {
	_, _, err := e.check(i, spec)
	return err
}

func (e *Engine) check(i int, spec *Spec) (m image.Image, need vm.Need, err CheckError) {
	c, t := e.Container(i), e.Tenant(spec.Tenant)
	switch {
	case e.running != none:
		err.Reason = ErrBusy
	case c == nil:
		err.Reason = ErrContainer
	case t == nil:
		err.Reason = ErrTenant
	case e.Hook(spec.Hook) == nil || (c.state != Unused && int(c.hook) != spec.Hook):
		err.Reason = ErrHook
	case len(spec.Name) > len(c.name):
		err.Reason = ErrName
	case e.config.ImageSize > 0 && len(spec.Image) > e.config.ImageSize:
		err.Reason = ErrImageSize
	case e.overlaps(spec):
		err.Reason = ErrAlias
	}
	if err.Reason != OK {
		return m, need, err
	}
	var contract image.Contract
	m, err.Image = image.Parse(spec.Image)
	if raw := m.Contract(); raw != nil {
		err.Image = image.ParseContract(raw, &contract)
	}
	if err.Image != image.OK {
		err.Reason = ErrImage
		return m, need, err
	}
	if need, err.Program = vm.Check(m.Text(), &e.owner.Grant.Helpers); err.Program.Fault != vm.OK {
		err.Reason = ErrProgram
		return m, need, err
	}
	e.unmet(c, spec, &t.Grant, &contract, &need, &m, &err)
	return m, need, err
}

// unmet notes in err all that the contract or the text wants and does not get.
func (e *Engine) unmet(c *Container, spec *Spec, g *Grant, contract *image.Contract, need *vm.Need, m *image.Image, err *CheckError) {
	h := &e.config.Hooks[spec.Hook]
	if !g.mayUse(spec.Hook) || contract.Hook != nil && [16]byte(contract.Hook) != h.UUID {
		err.Unmet |= UnmetHook
	}
	for n := range e.all {
		// A helper may be granted that this firmware lacks, and with a
		// contract only what it names may be called.
		wanted := need.Helpers[n] | contract.Helpers[n]
		granted := e.all[n] & g.Helpers[n]
		if contract.Has(image.KeyHelpers) {
			granted &= contract.Helpers[n]
		}
		if err.Helpers[n] = wanted &^ granted; err.Helpers[n] != 0 {
			err.Unmet |= UnmetHelpers
		}
		need.Helpers[n] = granted
	}
	if int(contract.Stack) > len(e.config.Stack) {
		err.Unmet |= UnmetStack
	}
	if contract.Budget > e.budget(h, g) {
		err.Unmet |= UnmetBudget
	}
	for scope, unmet := range [...]Unmet{UnmetLocal, UnmetTenant, UnmetGlobal} {
		if int(contract.Entries[scope]) > e.quota(Scope(scope), g) {
			err.Unmet |= unmet
		}
	}
	containers, memory, before := 1, len(m.Data()), c.Memory()
	for i := range e.config.Containers {
		if other := &e.config.Containers[i]; other != c && other.state != Unused && other.Tenant() == spec.Tenant {
			containers++
			memory += other.Memory()
		}
	}
	if g.Containers > 0 && containers > int(g.Containers) {
		err.Unmet |= UnmetContainers
	}
	if len(m.Data()) > e.MemoryFree()+before || g.Memory > 0 && memory > int(g.Memory) {
		err.Unmet |= UnmetMemory
	}
	switch {
	case err.Unmet&UnmetHelpers != 0:
		err.Reason = ErrNotGranted
		_, err.Program = vm.Check(m.Text(), &need.Helpers)
	case err.Unmet == UnmetMemory:
		err.Reason = ErrMemory
	case err.Unmet != 0:
		err.Reason = ErrUnmet
	}
}

// quota is how many entries a store of a scope may have.
func (e *Engine) quota(s Scope, g *Grant) int {
	var n uint16
	switch s {
	case ScopeLocal:
		if n = g.LocalQuota; n == 0 {
			n = e.config.LocalQuota
		}
	case ScopeTenant:
		if n = g.TenantQuota; n == 0 {
			n = e.config.TenantQuota
		}
	case ScopeGlobal:
		n = e.config.GlobalQuota
	}
	if n == 0 {
		return len(e.config.Entries)
	}
	return min(int(n), len(e.config.Entries))
}

func (e *Engine) grantOf(c *Container) *Grant { return &e.Tenant(c.Tenant()).Grant }

// Install puts the container of spec at place i, behind those that its hook
// has. If place i is in use the new container takes over its place in the
// order and, of the same tenant, its local store; nothing of the old one is
// lost if Install refuses. The check is never left out.
func (e *Engine) Install(i int, spec *Spec) CheckError {
	m, need, err := e.check(i, spec)
	if err.Reason != OK {
		return err
	}
	c := &e.config.Containers[i]
	next := uint8(none)
	if c.state == Unused {
		e.attach(spec.Hook, uint8(i))
	} else {
		next = c.next
		if c.Tenant() != spec.Tenant {
			e.Clear(i)
		}
		e.dropData(c)
	}
	entries := c.entries
	*c = Container{image: m, tenant: uint8(spec.Tenant), offset: uint32(e.used), entries: entries, frame: need.Frame,
		hook: uint8(spec.Hook), next: next, state: Enabled}
	copy(c.name[:], spec.Name)
	e.used += copy(e.config.Memory[e.used:], m.Data())
	e.forgetStack(i)
	return err
}

// Remove detaches the container at place i and clears all that it had.
func (e *Engine) Remove(i int) Error {
	c := e.Container(i)
	if c == nil || c.state == Unused {
		return ErrContainer
	}
	if e.running != none {
		return ErrBusy
	}
	link := &e.config.Hooks[c.hook].first
	for *link != uint8(i) {
		link = &e.config.Containers[*link].next
	}
	*link = c.next
	e.Clear(i)
	e.dropData(c)
	*c = Container{}
	e.forgetStack(i)
	return OK
}

// Stop keeps the container at place i from running.
func (e *Engine) Stop(i int) Error { return e.setState(i, Stopped) }

// Start lets the container at place i run again. Its faults in a row count
// from zero.
func (e *Engine) Start(i int) Error { return e.setState(i, Enabled) }

func (e *Engine) setState(i int, s State) Error {
	c := e.Container(i)
	if c == nil || c.state == Unused {
		return ErrContainer
	}
	if e.running != none {
		return ErrBusy
	}
	c.state, c.streak = s, 0
	return OK
}

func (e *Engine) attach(hook int, i uint8) {
	link := &e.config.Hooks[hook].first
	for *link != none {
		link = &e.config.Containers[*link].next
	}
	*link = i
}

// dropData closes the gap that c's .data leaves. Containers know their memory
// by virtual addresses only, so it can move between runs.
func (e *Engine) dropData(c *Container) {
	n := c.Memory()
	begin := int(c.offset)
	copy(e.config.Memory[begin:e.used], e.config.Memory[begin+n:e.used])
	clear(e.config.Memory[e.used-n : e.used])
	e.used -= n
	for i := range e.config.Containers {
		other := &e.config.Containers[i]
		if other.state != Unused && other.offset > c.offset {
			other.offset -= uint32(n)
		}
	}
}

// forgetStack makes the next run begin with a cleared stack.
func (e *Engine) forgetStack(i int) {
	if e.stack == uint8(i) {
		e.stack = none
		clear(e.config.Stack)
	}
}

// overlaps reports whether the image lies in memory that a container of the
// hook may write: then checked text could change.
func (e *Engine) overlaps(spec *Spec) bool {
	if overlap(spec.Image, e.config.Stack) || overlap(spec.Image, e.config.Memory) {
		return true
	}
	for _, r := range e.config.Hooks[spec.Hook].Regions {
		if r.Writable && overlap(spec.Image, r.Bytes) {
			return true
		}
	}
	return false
}

// overlap reports whether a and b share memory: then one begins in the other.
func overlap(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	for i := range a {
		if &a[i] == &b[0] {
			return true
		}
	}
	for i := range b {
		if &b[i] == &a[0] {
			return true
		}
	}
	return false
}
