package agent

import (
	"encoding/binary"

	"github.com/femto-containers/femto/flash"
)

// Records of the log. A counter travels in the record that spends it, so that
// a number and what it allowed become true together or not at all.
const (
	kindCounter = 1 // counterID[16] sequence u64
	kindInstall = 2 // counterID[16] sequence u64 container u8 state u8
	kindRemove  = 3 // counterID[16] sequence u64 container u8
	kindTrust   = 4 // counterID[16] sequence u64 slot u8
)

const (
	recordCounter = 24 // length of the part that every record has
	recordLongest = recordCounter + 2

	// logBufferLen is room for any record with what the log adds, in whole
	// granules of up to 32 bytes.
	logBufferLen = 64
)

// A counterID is the identity of a component's counter: the tenant's key
// identifier and the beginning of SHA-256(hook UUID, padded name), 8 bytes
// each.
type counterID [16]byte

// trustCounter is the owner's only counter, and the first of the table.
var trustCounter counterID

func (id *counterID) keyID() []byte { return id[:keyIDLen] }

// A Counter is the highest sequence number that one tenant's key has spent on
// one component. Counters outlive their containers.
type Counter struct {
	id       counterID
	sequence uint64
}

// sequence returns the highest number spent, 0 if there was none.
func (a *Agent) sequence(id []byte) uint64 {
	if i := a.findCounter(id); i >= 0 {
		return a.c.Counters[i].sequence
	}
	return 0
}

func (a *Agent) findCounter(id []byte) int {
	for i := 0; i < a.counters; i++ {
		if same(a.c.Counters[i].id[:], id) {
			return i
		}
	}
	return -1
}

// countersOf returns how many counters a tenant has.
func (a *Agent) countersOf(t *Tenant) int {
	n := 0
	for i := 0; i < a.counters; i++ {
		if same(a.c.Counters[i].id.keyID(), t.id[:]) {
			n++
		}
	}
	return n
}

// spend raises a counter in RAM, which the log already holds. It reports false
// if there is no room for the counter.
func (a *Agent) spend(id []byte, sequence uint64) bool {
	i := a.findCounter(id)
	if i < 0 {
		if a.counters == len(a.c.Counters) {
			return false
		}
		i = a.counters
		a.counters++
		a.c.Counters[i] = Counter{}
		copy(a.c.Counters[i].id[:], id)
	}
	if sequence > a.c.Counters[i].sequence {
		a.c.Counters[i].sequence = sequence
	}
	return true
}

// A record is one of the log while it is built.
type record [recordLongest]byte

// of makes r say that a number was spent, and what it was spent on.
//
//go:noinline
func (r *record) of(kind uint8, id []byte, sequence uint64, place, state uint8) []byte {
	copy(r[:], id)
	putUint64(r[len(counterID{}):], sequence)
	r[recordCounter], r[recordCounter+1] = place, state
	n := recordCounter + 1
	switch kind {
	case kindCounter:
		n = recordCounter
	case kindInstall:
		n = recordLongest
	}
	return r[:n]
}

// putUint64 is binary.LittleEndian.PutUint64 in less code.
//
//go:noinline
func putUint64(b []byte, v uint64) {
	b = b[:8]
	for i := range b {
		b[i] = byte(v)
		v >>= 8
	}
}

// append writes a record to the log.
//
//go:noinline
func (a *Agent) append(kind uint8, id []byte, sequence uint64, place, state uint8) flash.Error {
	return a.log.Append(kind, a.appended.of(kind, id, sequence, place, state))
}

// emit writes a record with the number as it stands to a snapshot.
//
//go:noinline
func (a *Agent) emit(kind uint8, id []byte, place, state uint8) flash.Error {
	return a.log.Emit(kind, a.emitted.of(kind, id, a.sequence(id), place, state))
}

// replay takes in one record of the log, oldest first. Containers that this
// firmware has no place for are passed over, but not a counter: without it,
// old manifests would be good again.
func (a *Agent) replay(kind uint8, r []byte) Error {
	if len(r) < recordCounter {
		return OK
	}
	id := len(counterID{})
	if !a.spend(r[:id], binary.LittleEndian.Uint64(r[id:])) {
		return ErrCounters
	}
	if kind == kindTrust && len(r) == recordCounter+1 {
		a.trusted, a.trustSlot = true, r[recordCounter]&1
		return OK
	}
	if len(r) == recordCounter || int(r[recordCounter]) >= len(a.c.Containers) {
		return OK
	}
	i := int(r[recordCounter])
	switch {
	case kind == kindInstall && len(r) == recordLongest:
		a.occupy(i, r[recordCounter+1])
	case kind == kindRemove:
		a.vacate(i)
	}
	return OK
}

// occupy marks container i as in use, in a state. A new one ranks behind all
// others, and is nobody's yet.
func (a *Agent) occupy(i int, state uint8) {
	c := a.container(i)
	if !c.used() {
		c.rank, c.tenant = uint8(a.used()), noTenant
	}
	c.state = state | stateUsed
}

// vacate marks container i as free.
func (a *Agent) vacate(i int) {
	c := a.container(i)
	if !c.used() {
		return
	}
	for k := range a.c.Containers {
		if other := a.container(k); other.used() && other.rank > c.rank {
			other.rank--
		}
	}
	*c = Container{state: c.state & stateSlot}
	a.gone = true
}

// used counts the containers in use.
func (a *Agent) used() int {
	n := 0
	for i := range a.c.Containers {
		if a.container(i).used() {
			n++
		}
	}
	return n
}

// ranked returns the container of a rank, of which there are used.
func (a *Agent) ranked(rank int) int {
	for i := range a.c.Containers {
		if c := a.container(i); c.used() && int(c.rank) == rank {
			return i
		}
	}
	return -1
}
