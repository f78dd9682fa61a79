package engine

// Global stands for the global store where a container's place is asked for.
const Global = -1

// TenantStore is what stands for the store of tenant t, or of Owner, where a
// container's place is asked for.
func TenantStore(t int) int { return -4 - 2*t }

// GlobalStore is what stands for the global store as tenant t, or Owner, sees
// it: all of it, but what is added counts as the tenant's part, and ends with
// the tenant. Global is GlobalStore(Owner).
func GlobalStore(t int) int { return -3 - 2*t }

// Scope is whose store a running container means.
type Scope uint8

const (
	ScopeLocal  Scope = iota // the container's own
	ScopeTenant              // shared by the containers of its tenant
	ScopeGlobal              // shared by all containers
)

// Entries of all stores lie in one pool without gaps: the parts of the global
// store first, the owner's and each tenant's, then the owner's store, the
// tenants', and the local store of each place of the table. Of each there is an
// account, in the same order.

// account is how many entries a store has, and whether it has changed since
// Saved.
type account uint16

const changed account = 1 << 15

func (a account) entries() int { return int(a &^ changed) }

// parts is how many parts the global store has.
func (e *Engine) parts() int { return len(e.config.Tenants) + 1 }

// index returns which account is owner's, -1 if there is no such store.
func (e *Engine) index(owner int) int {
	n := e.parts()
	if owner >= 0 {
		if c := e.Container(owner); c == nil || c.state == Removed {
			return -1
		}
		return 2*n + owner
	}
	i := (-1 - owner) >> 1
	switch {
	case i >= n:
		return -1
	case owner&1 == 0:
		return n + i
	}
	return i
}

// account returns account i.
//
//go:noinline
func (e *Engine) account(i int) *account {
	n := e.parts()
	switch {
	case i < n:
		return &e.Tenant(i - 1).added
	case i < 2*n:
		return &e.Tenant(i - 1 - n).store
	}
	return &e.config.Containers[i-2*n].store
}

// before returns how many entries the accounts before account i have. Helpers
// of the global store run over all its parts, so this loop is a short one.
//
//go:noinline
func (e *Engine) before(i int) (n int) {
	if i == 0 {
		return 0
	}
	n = e.owner.added.entries()
	tenants := e.config.Tenants
	for t := 0; t < len(tenants) && t < i-1; t++ {
		n += tenants[t].added.entries()
	}
	for j := e.parts(); j < i; j++ {
		n += e.account(j).entries()
	}
	return n
}

// taken returns how many entries the stores of a tenant have, and those of all,
// with what contracts were promised counted as if it was in use.
//
//go:noinline
func (e *Engine) taken(tenant int) (mine, all int) {
	for i := Owner; i < len(e.config.Tenants); i++ {
		t := e.Tenant(i)
		n := t.store.entries() + t.added.entries()
		all += n
		if i == tenant {
			mine += n
		}
	}
	for i := range e.config.Containers {
		c := &e.config.Containers[i]
		n := c.promised()
		all += n
		if c.Tenant() == tenant {
			mine += n
		}
	}
	return mine, all
}

// promised returns how many entries are c's, in use or not.
//
//go:noinline
func (c *Container) promised() int { return max(int(c.reserved), c.store.entries()) }

// open returns what owner sees of its store, or only what is its part, with the
// rest of the pool as its capacity, and its account, which is -1 if there is no
// such store.
//
//go:noinline
func (e *Engine) open(owner int, part bool) (pairs []Entry, i int) {
	i = e.index(owner)
	if i < 0 {
		return nil, i
	}
	first, last := i, i
	if n := e.parts(); i < n && !part {
		first, last = 0, n-1
	}
	return e.config.Entries[e.before(first):e.before(last+1)], i
}

// Pairs returns the store of the container at place owner, of Global or of a
// TenantStore, in the order in which keys were first stored, those of the global
// store by who added them; nil if there is no such store. The slice aliases the
// pool: it is valid until the engine is called again.
func (e *Engine) Pairs(owner int) []Entry {
	pairs, _ := e.open(owner, false)
	return pairs[:len(pairs):len(pairs)]
}

// Part is Pairs, but of a GlobalStore only what its tenant has added, of Global
// what the owner has: what Unsaved asks to save.
func (e *Engine) Part(owner int) []Entry {
	pairs, _ := e.open(owner, true)
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
// ErrStore if there is no room or a quota is used up, and ErrContainer if there
// is no such store.
func (e *Engine) Put(owner int, key, value uint32) Error { return e.put(owner, key, value, false) }

// Restore is Put for what was there before: shares do not count.
func (e *Engine) Restore(owner int, key, value uint32) Error { return e.put(owner, key, value, true) }

//go:noinline
func (e *Engine) put(owner int, key, value uint32, kept bool) Error {
	pairs, account := e.open(owner, false)
	if account < 0 {
		return ErrContainer
	}
	i, n := find(pairs, key), e.parts()
	if i < 0 {
		scope, tenant, reserved := ScopeGlobal, account-1, 0
		if account >= n {
			scope, tenant = ScopeTenant, tenant-n
		}
		if owner >= 0 {
			c := &e.config.Containers[owner]
			scope, tenant, reserved = ScopeLocal, c.Tenant(), int(c.reserved)
		}
		g, size := &e.Tenant(tenant).Grant, len(e.config.Entries)
		mine, all := e.taken(tenant)
		pairs, _ = e.open(owner, true)
		i = len(pairs)
		if quota := int(g.Quota[scope]); quota > 0 && i >= quota ||
			i >= reserved && (all >= size || e.exceeds(mine+1, g.Entries, size, kept)) {
			return ErrStore
		}
		// Behind all stores the pool is empty, so what falls off its end is no
		// entry.
		pairs = pairs[:cap(pairs)]
		copy(pairs[i+1:], pairs[i:])
		pairs[i] = Entry{key, ^value}
		*e.account(account)++
	} else if account < n {
		account = e.partOf(i)
	}
	if p := &pairs[i]; p.Value != value {
		p.Value = value
		*e.account(account) |= changed
	}
	return OK
}

// partOf returns whose part of the global store has its pair i.
//
//go:noinline
func (e *Engine) partOf(i int) (account int) {
	for i >= e.before(account+1) {
		account++
	}
	return account
}

// Get returns what is stored under key for owner, or 0.
func (e *Engine) Get(owner int, key uint32) uint32 {
	pairs, _ := e.open(owner, false)
	if i := find(pairs, key); i >= 0 {
		return pairs[i].Value
	}
	return 0
}

// Delete removes key from the store of owner and reports whether it was there.
func (e *Engine) Delete(owner int, key uint32) bool {
	pairs, account := e.open(owner, false)
	i := find(pairs, key)
	if i < 0 {
		return false
	}
	if account < e.parts() {
		account = e.partOf(i)
	}
	e.drop(pairs[i:], 1, account)
	return true
}

// Clear empties the store of owner; of a GlobalStore what its tenant has added,
// of Global what the owner has.
func (e *Engine) Clear(owner int) {
	if pairs, account := e.open(owner, true); len(pairs) > 0 {
		e.drop(pairs, len(pairs), account)
	}
}

// drop takes the first n entries, at least one, out of a store. What is behind
// pairs in the pool moves up.
func (e *Engine) drop(pairs []Entry, n, of int) {
	pairs = pairs[:cap(pairs)]
	clear(pairs[copy(pairs, pairs[n:]):])
	a := e.account(of)
	*a = (*a - account(n)) | changed
}

// Unsaved returns the owner of a store that was changed since Saved was last
// called for it, of those whose Scope is in scopes (bit 1<<Scope), and whether
// there is one: the next one after whose store was saved last, so that all have
// their turn. Who keeps stores in flash writes that owner's Part and then
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
		case owner >= 0:
		case owner&1 == 0:
			scope = ScopeTenant
		default:
			scope = ScopeGlobal
		}
		if i := e.index(owner); i >= 0 && *e.account(i)&changed != 0 && scopes>>scope&1 != 0 {
			return owner, true
		}
	}
	return 0, false
}

// Saved notes that the store of owner is kept as it is now.
func (e *Engine) Saved(owner int) {
	e.saved = owner
	if i := e.index(owner); i >= 0 {
		*e.account(i) &^= changed
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
	tenant := e.config.Containers[e.running].Tenant()
	switch s {
	case ScopeLocal:
		return int(e.running)
	case ScopeTenant:
		return TenantStore(tenant)
	}
	return GlobalStore(tenant)
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
