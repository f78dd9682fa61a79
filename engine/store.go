package engine

// Global stands for the global store where a container's place is asked for.
const Global = -1

// TenantStore is what stands for the store of tenant t, or of Owner, where a
// container's place is asked for.
func TenantStore(t int) int { return -3 - t }

// Scope is whose store a running container means.
type Scope uint8

const (
	ScopeLocal  Scope = iota // the container's own
	ScopeTenant              // shared by the containers of its tenant
	ScopeGlobal              // shared by all containers
)

// Entries of all stores lie in one pool without gaps: the global store first,
// then the owner's, the tenants', and the local store of each place of the
// table.

// account is how many entries a store has, and whether it has changed since
// Saved.
type account uint16

const changed account = 1 << 15

func (a account) entries() int { return int(a &^ changed) }

// store returns where the store of owner begins in the pool, and its account.
// If there is no such store the account is nil, and all entries lie before.
func (e *Engine) store(owner int) (begin int, a *account) {
	if owner == Global {
		return 0, &e.global
	}
	begin = e.global.entries()
	if owner == TenantStore(Owner) {
		return begin, &e.owner.store
	}
	begin += e.owner.store.entries()
	tenants, containers := e.config.Tenants, e.config.Containers
	for i := range tenants {
		if owner == TenantStore(i) {
			return begin, &tenants[i].store
		}
		begin += tenants[i].store.entries()
	}
	for i := range containers {
		if i == owner && containers[i].state != Removed {
			return begin, &containers[i].store
		}
		begin += containers[i].store.entries()
	}
	return begin, nil
}

// nobody has a store.
const nobody = 1 << 16

// promised returns how many entries all stores have, with what contracts were
// promised counted as if it was in use.
func (e *Engine) promised() int {
	n, _ := e.store(nobody)
	for i := range e.config.Containers {
		c := &e.config.Containers[i]
		n += max(int(c.reserved)-c.store.entries(), 0)
	}
	return n
}

// open returns the store of owner, with the rest of the pool as its capacity,
// and its account, which is nil if there is no such store.
//
//go:noinline
func (e *Engine) open(owner int) ([]Entry, *account) {
	begin, a := e.store(owner)
	if a == nil {
		return nil, nil
	}
	return e.config.Entries[begin:][:a.entries()], a
}

// Pairs returns the store of the container at place owner, of Global or of a
// TenantStore, in the order in which keys were first stored; nil if there is
// no such store. The slice aliases the pool: it is valid until the engine is
// called again.
func (e *Engine) Pairs(owner int) []Entry {
	pairs, _ := e.open(owner)
	return pairs[:len(pairs):len(pairs)]
}

// find returns where in pairs key is, or -1.
//
//go:noinline
func find(pairs []Entry, key uint32) int {
	for i := range pairs {
		if pairs[i].Key == key {
			return i
		}
	}
	return -1
}

// Put stores value under key in the store of owner, as in Pairs. It returns
// ErrStore if there is no room or the quota is used up, and ErrContainer if
// there is no such store.
func (e *Engine) Put(owner int, key, value uint32) Error {
	pairs, a := e.open(owner)
	if a == nil {
		return ErrContainer
	}
	i := find(pairs, key)
	if i < 0 {
		i = len(pairs)
		scope, t, reserved := ScopeTenant, (*Tenant)(nil), 0
		switch {
		case owner == Global:
			scope = ScopeGlobal
		case owner < Global:
			t = e.Tenant(-3 - owner)
		default:
			c := &e.config.Containers[owner]
			scope, t, reserved = ScopeLocal, e.tenantOf(c), int(c.reserved)
		}
		if i >= e.quota(scope, t) || i >= reserved && e.promised() >= len(e.config.Entries) {
			return ErrStore
		}
		// Behind all stores the pool is empty, so what falls off its end is no
		// entry.
		pairs = pairs[:cap(pairs)]
		copy(pairs[i+1:], pairs[i:])
		pairs[i] = Entry{key, ^value}
		*a++
	}
	if p := &pairs[i]; p.Value != value {
		p.Value = value
		*a |= changed
	}
	return OK
}

// Get returns what is stored under key for owner, or 0.
func (e *Engine) Get(owner int, key uint32) uint32 {
	pairs, _ := e.open(owner)
	if i := find(pairs, key); i >= 0 {
		return pairs[i].Value
	}
	return 0
}

// Delete removes key from the store of owner and reports whether it was there.
func (e *Engine) Delete(owner int, key uint32) bool {
	pairs, a := e.open(owner)
	i := find(pairs, key)
	if i >= 0 {
		drop(pairs[i:], 1, a)
	}
	return i >= 0
}

// Clear empties the store of owner.
func (e *Engine) Clear(owner int) {
	if pairs, a := e.open(owner); len(pairs) > 0 {
		drop(pairs, len(pairs), a)
	}
}

// drop takes the first n entries, at least one, out of a store. What is behind
// pairs in the pool moves up.
func drop(pairs []Entry, n int, a *account) {
	pairs = pairs[:cap(pairs)]
	clear(pairs[copy(pairs, pairs[n:]):])
	*a = (*a - account(n)) | changed
}

// Unsaved returns the owner of a store that was changed since Saved was last
// called for it, of those whose Scope is in scopes (bit 1<<Scope), and whether
// there is one: the next one after whose store was saved last, so that all have
// their turn. Who keeps stores in flash writes that owner's Pairs and then
// calls Saved; how seldom it asks is how much it wears the flash. Putting what
// is there already is no change.
func (e *Engine) Unsaved(scopes uint8) (owner int, ok bool) {
	first := TenantStore(len(e.config.Tenants) - 1)
	owner = e.saved
	for range len(e.config.Containers) - first {
		if owner++; owner >= len(e.config.Containers) {
			owner = first
		}
		scope := ScopeLocal
		switch {
		case owner == Global:
			scope = ScopeGlobal
		case owner < Global:
			scope = ScopeTenant
		}
		if _, a := e.store(owner); a != nil && *a&changed != 0 && scopes>>scope&1 != 0 {
			return owner, true
		}
	}
	return 0, false
}

// Saved notes that the store of owner is kept as it is now.
func (e *Engine) Saved(owner int) {
	e.saved = owner
	if _, a := e.store(owner); a != nil {
		*a &^= changed
	}
}

// For helpers: what the running container may ask for. Outside a run they do
// nothing.

// Store stores value under key for the running container.
func (e *Engine) Store(s Scope, key, value uint32) Error {
	if e.running == none {
		return ErrContainer
	}
	return e.Put(e.of(s), key, value)
}

// Fetch returns what is stored under key for the running container, or 0.
func (e *Engine) Fetch(s Scope, key uint32) uint32 {
	if e.running == none {
		return 0
	}
	return e.Get(e.of(s), key)
}

// Erase removes key from a store of the running container and reports whether
// it was there.
func (e *Engine) Erase(s Scope, key uint32) bool {
	return e.running != none && e.Delete(e.of(s), key)
}

// Entry returns entry i of a store of the running container, in the order of
// Pairs, and whether there is one.
func (e *Engine) Entry(s Scope, i uint32) (entry Entry, ok bool) {
	if e.running == none {
		return entry, false
	}
	pairs := e.Pairs(e.of(s))
	if i >= uint32(len(pairs)) {
		return entry, false
	}
	return pairs[i], true
}

// of returns whose store of scope s the running container means.
func (e *Engine) of(s Scope) int {
	switch s {
	case ScopeLocal:
		return int(e.running)
	case ScopeTenant:
		return TenantStore(e.config.Containers[e.running].Tenant())
	}
	return Global
}

// Now returns the time of the activation in microseconds.
func (e *Engine) Now() int64 { return e.now }

// Print gives line, as a rule a part of the Line buffer, to the log in the
// running container's name.
func (e *Engine) Print(line []byte) {
	if e.config.Log != nil && e.running != none {
		e.config.Log(&e.config.Containers[e.running], line)
	}
}
