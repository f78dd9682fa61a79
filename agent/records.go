package agent

import "encoding/binary"

// Records of the log. A counter travels in the record that spends it, so that
// a number and what it allowed become true together or not at all.
const (
	kindCounter = 1 // counterID[16] sequence u64
	kindInstall = 2 // counterID[16] sequence u64 container u8 slot u8
	kindRemove  = 3 // counterID[16] sequence u64 container u8
)

const (
	counterIDLen  = 16
	recordCounter = 24 // length of the part that every record has
	recordLongest = recordCounter + 2
)

// A Counter is the highest sequence number that one tenant's key has spent on
// one component. Counters outlive their containers.
type Counter struct {
	id       [counterIDLen]byte
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
		if string(a.c.Counters[i].id[:]) == string(id) {
			return i
		}
	}
	return -1
}

// roomForCounter reports whether a number could be spent on id.
func (a *Agent) roomForCounter(id []byte) bool {
	return a.counters < len(a.c.Counters) || a.findCounter(id) >= 0
}

// spend raises a counter in RAM, which the log already holds.
func (a *Agent) spend(id []byte, sequence uint64) {
	i := a.findCounter(id)
	if i < 0 {
		if a.counters == len(a.c.Counters) {
			return
		}
		i = a.counters
		a.counters++
		a.c.Counters[i] = Counter{}
		copy(a.c.Counters[i].id[:], id)
	}
	if sequence > a.c.Counters[i].sequence {
		a.c.Counters[i].sequence = sequence
	}
}

// record builds a record in the agent's scratch: spending a number, and what
// it was spent on.
func (a *Agent) record(id []byte, sequence uint64, more ...byte) []byte {
	r := a.scratch[:recordCounter+len(more)]
	copy(r, id)
	binary.LittleEndian.PutUint64(r[counterIDLen:], sequence)
	copy(r[recordCounter:], more)
	return r
}

// replay takes in one record of the log, oldest first. Records that no longer
// fit this firmware's tables only raise their counter.
func (a *Agent) replay(kind uint8, r []byte) {
	if len(r) < recordCounter {
		return
	}
	a.spend(r[:counterIDLen], binary.LittleEndian.Uint64(r[counterIDLen:]))
	if len(r) <= recordCounter || int(r[recordCounter]) >= len(a.c.Containers) {
		return
	}
	c := &a.c.Containers[r[recordCounter]]
	switch kind {
	case kindInstall:
		if len(r) > recordCounter+1 {
			*c = Container{used: true, slot: r[recordCounter+1] & 1}
		}
	case kindRemove:
		*c = Container{}
	}
}
