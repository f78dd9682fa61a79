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
	return &e.Container(i - 2*n).store
}

// shared returns how many entries the first n parts of the global store have, n > 0.
// Helpers ask each time, so it does without calling.
//
//go:noinline
func (e *Engine) shared(n int) int {
	entries, tenants := e.owner.added.entries(), e.config.Tenants
	for i := range tenants[:n-1] {
		entries += tenants[i].added.entries()
	}
	return entries
}

// before returns how many entries the accounts before account i have.
//
//go:noinline
func (e *Engine) before(i int) int {
	if i == 0 {
		return 0
	}
	n := e.parts()
	entries := e.shared(min(i, n))
	for ; n < i; n++ {
		entries += e.account(n).entries()
	}
	return entries
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

// bounds returns where in the pool the entries of account i begin and end: of a
// part of the global store those of all parts, unless only the part is wanted.
//
//go:noinline
func (e *Engine) bounds(i int, part bool) (first, end int) {
	if n := e.parts(); i < n && !part {
		return 0, e.shared(n)
	}
	first = e.before(i)
	return first, first + e.account(i).entries()
}

//go:noinline
func (e *Engine) see(owner int, part bool) []Entry {
	i := e.index(owner)
	if i < 0 {
		return nil
	}
	first, end := e.bounds(i, part)
	return e.config.Entries[first:end:end]
}

// Pairs returns the store of the container at place owner, of Global or of a
// TenantStore, in the order in which keys were first stored, those of the global
// store by who added them; nil if there is no such store. The slice aliases the
// pool: it is valid until the engine is called again.
func (e *Engine) Pairs(owner int) []Entry { return e.see(owner, false) }

// Part is Pairs, but of a GlobalStore only what its tenant has added, of Global
// what the owner has: what Unsaved asks to save.
func (e *Engine) Part(owner int) []Entry { return e.see(owner, true) }

// find returns where in the pool key is for account i, or -1.
//
//go:noinline
func (e *Engine) find(i int, key uint32) int {
	at, end := e.bounds(i, false)
	for ; at < end; at++ {
		if e.config.Entries[at].Key == key {
			return at
		}
	}
	return -1
}

// Put stores value under key in the store of owner, as in Pairs. It returns
// ErrStore if there is no room or a quota is used up, and ErrContainer if there
// is no such store.
func (e *Engine) Put(owner int, key, value uint32) Error {
	return e.put(e.index(owner), key, value, false)
}

// Restore is Put for what was there before: shares do not count.
func (e *Engine) Restore(owner int, key, value uint32) Error {
	return e.put(e.index(owner), key, value, true)
}

// put is Put for an account, or -1.
//
//go:noinline
func (e *Engine) put(account int, key, value uint32, kept bool) Error {
	if account < 0 {
		return ErrContainer
	}
	at := e.find(account, key)
	if at < 0 {
		if at = e.insert(account, Entry{key, ^value}, kept); at < 0 {
			return ErrStore
		}
	}
	if p := &e.config.Entries[at]; p.Value != value {
		p.Value = value
		*e.holder(account, at) |= changed
	}
	return OK
}

// insert adds an entry behind those of an account and returns where in the pool
// it is, or -1 if there is no room or a quota is used up.
//
//go:noinline
func (e *Engine) insert(account int, entry Entry, kept bool) int {
	n := e.parts()
	scope, tenant, reserved := ScopeGlobal-Scope(account/n), account%n-1, 0
	if account >= 2*n {
		c := e.Container(account - 2*n)
		scope, tenant, reserved = ScopeLocal, c.Tenant(), int(c.reserved)
	}
	g, size := &e.Tenant(tenant).Grant, len(e.config.Entries)
	mine, all := e.taken(tenant)
	first, end := e.bounds(account, true)
	if quota := int(g.Quota[scope]); quota > 0 && end-first >= quota ||
		end-first >= reserved && (all >= size || e.exceeds(mine+1, g.Entries, size, kept)) {
		return -1
	}
	// Behind all stores the pool is empty, so what falls off its end is no entry.
	behind := e.config.Entries[end:]
	copy(behind[1:], behind)
	behind[0] = entry
	*e.account(account)++
	return end
}

// holder returns the account that entry at of the pool counts on, which account
// i sees: of the global store the part that it is in.
//
//go:noinline
func (e *Engine) holder(i, at int) *account {
	if i >= e.parts() {
		return e.account(i)
	}
	part := &e.owner.added
	for i := range e.config.Tenants {
		if at -= part.entries(); at < 0 {
			break
		}
		part = &e.config.Tenants[i].added
	}
	return part
}

// Get returns what is stored under key for owner, or 0.
func (e *Engine) Get(owner int, key uint32) uint32 {
	return e.get(e.index(owner), key)
}

// get is Get for an account, or -1.
func (e *Engine) get(account int, key uint32) uint32 {
	if account >= 0 {
		if at := e.find(account, key); at >= 0 {
			return e.config.Entries[at].Value
		}
	}
	return 0
}

// Delete removes key from the store of owner and reports whether it was there.
func (e *Engine) Delete(owner int, key uint32) bool {
	return e.delete(e.index(owner), key)
}

// delete is Delete for an account, or -1.
func (e *Engine) delete(account int, key uint32) bool {
	if account < 0 {
		return false
	}
	at := e.find(account, key)
	if at < 0 {
		return false
	}
	e.drop(at, 1, e.holder(account, at))
	return true
}

// Clear empties the store of owner; of a GlobalStore what its tenant has added,
// of Global what the owner has.
func (e *Engine) Clear(owner int) {
	if i := e.index(owner); i >= 0 {
		if first, end := e.bounds(i, true); first < end {
			e.drop(first, end-first, e.account(i))
		}
	}
}

// drop takes n entries, at least one, from at on out of the pool and off their
// account. What is behind them moves up.
//
//go:noinline
func (e *Engine) drop(at, n int, a *account) {
	pairs := e.config.Entries[at:]
	clear(pairs[copy(pairs, pairs[n:]):])
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
func (e *Engine) Store(s Scope, key, value uint32) Error { return e.put(e.of(s), key, value, false) }

// Fetch returns what is stored under key for the running container, or 0.
func (e *Engine) Fetch(s Scope, key uint32) uint32 { return e.get(e.of(s), key) }

// Erase removes key from a store of the running container and reports whether
// it was there.
func (e *Engine) Erase(s Scope, key uint32) bool { return e.delete(e.of(s), key) }

// Entry returns entry i of a store of the running container, in the order of
// Pairs, and whether there is one.
func (e *Engine) Entry(s Scope, i uint32) (entry Entry, ok bool) {
	account := e.of(s)
	if account < 0 {
		return entry, false
	}
	first, end := e.bounds(account, false)
	if i >= uint32(end-first) {
		return entry, false
	}
	return e.config.Entries[first+int(i)], true
}

// of returns the account that is the running container's in scope s, -1 if none
// is running.
func (e *Engine) of(s Scope) int {
	running := int(e.running)
	c := e.Container(running)
	if c == nil {
		return -1
	}
	i := c.Tenant() + 1
	switch s {
	case ScopeLocal:
		i = 2*e.parts() + running
	case ScopeTenant:
		i += e.parts()
	}
	return i
}

// Now returns the time of the activation in microseconds.
func (e *Engine) Now() int64 { return e.now }

// Print gives line, as a rule a part of the Line buffer, to the log in the
// running container's name.
func (e *Engine) Print(line []byte) {
	if e.config.Log != nil && e.running != none {
		e.config.Log(e.Container(int(e.running)), line)
	}
}
