package engine

// Global stands for the global store where a container's place is asked for.
const Global = -1

// Scope is whose store a running container means.
type Scope uint8

const (
	ScopeLocal  Scope = iota // the container's own
	ScopeGlobal              // shared by all containers
)

// Entries of all stores lie in one pool without gaps: the global store first,
// then the local store of each place of the table.

// span returns where the store of owner, a place or Global, begins and how
// many entries it has.
func (e *Engine) span(owner int) (begin, n int) {
	if owner == Global {
		return 0, int(e.global)
	}
	begin = int(e.global)
	for i := range owner {
		begin += int(e.config.Containers[i].entries)
	}
	return begin, int(e.config.Containers[owner].entries)
}

// free returns how many entries no store has.
func (e *Engine) free() int {
	n := len(e.config.Entries) - int(e.global)
	for i := range e.config.Containers {
		n -= int(e.config.Containers[i].entries)
	}
	return n
}

// Pairs returns the store of the container at place owner, or of Global, in
// the order in which keys were first stored; nil if there is no such
// container. The slice aliases the pool: it is valid until the engine is
// called again.
func (e *Engine) Pairs(owner int) []Entry {
	if !e.owns(owner) {
		return nil
	}
	begin, n := e.span(owner)
	return e.config.Entries[begin : begin+n : begin+n]
}

func (e *Engine) owns(owner int) bool {
	return owner == Global || (uint(owner) < uint(len(e.config.Containers)) && e.config.Containers[owner].state != Unused)
}

// Put stores value under key in the store of the container at place owner, or
// of Global. It returns ErrStore if there is no room or the quota is used up,
// and ErrContainer if there is no such container.
func (e *Engine) Put(owner int, key, value uint32) Error {
	if !e.owns(owner) {
		return ErrContainer
	}
	begin, n := e.span(owner)
	pool := e.config.Entries
	end := begin + n
	for i := begin; i < end; i++ {
		if pool[i].Key == key {
			pool[i].Value = value
			return OK
		}
	}
	quota := e.config.GlobalQuota
	if owner != Global {
		quota = e.config.LocalQuota
		if g := e.config.Containers[owner].grant; g != nil && g.LocalQuota > 0 {
			quota = g.LocalQuota
		}
	}
	left := e.free()
	if (quota > 0 && n >= int(quota)) || left == 0 {
		return ErrStore
	}
	copy(pool[end+1:len(pool)-left+1], pool[end:len(pool)-left])
	pool[end] = Entry{key, value}
	if owner == Global {
		e.global++
	} else {
		e.config.Containers[owner].entries++
	}
	return OK
}

// Get returns what is stored under key for owner, or 0.
func (e *Engine) Get(owner int, key uint32) uint32 {
	for _, entry := range e.Pairs(owner) {
		if entry.Key == key {
			return entry.Value
		}
	}
	return 0
}

// dropEntries empties the local store of place i.
func (e *Engine) dropEntries(i int) {
	begin, n := e.span(i)
	pool := e.config.Entries
	end := len(pool) - e.free()
	copy(pool[begin:end], pool[begin+n:end])
	clear(pool[end-n : end])
	e.config.Containers[i].entries = 0
}

// For helpers: what the running container may ask for. Outside a run they do
// nothing.

// Store stores value under key for the running container.
func (e *Engine) Store(s Scope, key, value uint32) Error {
	if e.running == none {
		return ErrContainer
	}
	return e.Put(e.owner(s), key, value)
}

// Fetch returns what is stored under key for the running container, or 0.
func (e *Engine) Fetch(s Scope, key uint32) uint32 {
	if e.running == none {
		return 0
	}
	return e.Get(e.owner(s), key)
}

func (e *Engine) owner(s Scope) int {
	if s == ScopeGlobal {
		return Global
	}
	return int(e.running)
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
