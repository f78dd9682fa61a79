package agent

import (
	"encoding/binary"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
)

// A Keeper keeps containers' stores over restarts, as Stores does. It is what a
// firmware sets in Config if it wants that.
type Keeper interface {
	restore(a *Agent) Error
	keep(a *Agent, now int64, all bool) (next int64)
}

// Stores keeps containers' stores in a part of the flash that is the firmware's
// to choose. A store is written whole, one at most in each Every, so the wear
// does not depend on how often containers write.
//
// A power cut costs the changes since a store was last written; what is
// restored is a store as it was at one time, and only to the container, or the
// tenant, whose it was.
type Stores struct {
	Flash  flash.Device
	Offset int   // where two banks of whole blocks begin
	Size   int   // of both, in bytes: see BankSize
	Every  int64 // microseconds between two stores that are written
	Scopes uint8 // bit 1<<engine.Scope: stores of that scope are kept

	agent *Agent
	log   flash.Log
	due   int64
	retry int64 // when a compaction that failed is tried again
	buf   [storeRecord]byte
	sets  [2]storeSet // what is appended, and what a snapshot emits meanwhile
}

// A storeSet is one of the records that together hold a store.
type storeSet [storeHead + storePairs*pairSize]byte

const (
	storeRecord = 64
	storeTag    = 16 // whose store: see tag
	storeHead   = storeTag + 2
	storePairs  = 4 // pairs in a record
	pairSize    = 9 // key, value, pairEnd
	maxParts    = 254
	partMark    = 1 // ends the tag of a tenant's part of the global store
	kindStore   = 2 // 1 was without pairEnd
)

// pairEnd stands behind each pair. What a container stores is its own choice,
// and would otherwise make up a record of another's store, for a log that looks
// for one in what a power cut has left of this one.
const pairEnd = 0xff

// BankSize returns the bytes of a bank that holds stores of so many pairs
// altogether, in so many stores; Size is at least two of them, in whole blocks.
// The store that is being written is there twice.
func BankSize(stores, pairs int) int {
	return storeRecord * (1 + 2*(stores+(pairs+storePairs-1)/storePairs))
}

// tag sets the tag of owner's store, which tells it from any other that the
// device ever has, and reports whether there is such a store to keep.
func (s *Stores) tag(set *storeSet, owner int) bool {
	a := s.agent
	tag := set[:storeTag]
	clear(tag)
	scope := engine.ScopeLocal
	switch {
	case owner == engine.Global:
		scope = engine.ScopeGlobal
	case owner == engine.TenantStore(engine.Owner):
		return false // its containers are not of the network
	case owner < engine.Global:
		tenant := (engine.Global - owner) / 2 // counted from 1
		scope = engine.ScopeTenant
		if owner == engine.GlobalStore(tenant-1) {
			scope, tag[storeTag-1] = engine.ScopeGlobal, partMark
		}
		t := &a.tenants[tenant-1]
		if t.free() {
			return false
		}
		copy(tag, t.id[:])
	default:
		if !a.container(owner).used() {
			return false
		}
		copy(tag, a.header(owner).counter())
	}
	return s.Scopes>>scope&1 != 0
}

// first is the first owner of a store; the last is the last container.
func (s *Stores) first() int { return engine.TenantStore(len(s.agent.tenants) - 1) }

// restore gives every store what was kept of it.
func (s *Stores) restore(a *Agent) Error {
	s.agent, s.due, s.retry = a, 0, 0
	switch s.log.Open(s.Flash, s.Offset, s.Size, s.buf[:], s) {
	case flash.OK:
	case flash.ErrUnformatted:
		// Nobody is harmed by stores that are forgotten.
		if s.log.Format() != flash.OK {
			return ErrFlash
		}
	default:
		return ErrConfig
	}
	a.gone = false
	// A store counts when its last record is there behind all the others.
	var cursor, begin flash.Cursor
	var from storeSet
	next := byte(0)
	for {
		before := cursor
		record, ok := s.log.Next(&cursor)
		if !ok {
			break
		}
		p := record.Payload
		if record.Kind != kindStore || len(p) < storeHead {
			continue
		}
		part, parts := p[storeTag], p[storeTag+1]
		if part == 0 {
			begin, next = before, 0
			copy(from[:storeTag], p)
		}
		if part != next || !same(from[:storeTag], p[:storeTag]) {
			next = 0xff
			continue
		}
		if next++; next == parts {
			a.gone = !s.fill(from[:storeTag], begin, parts) || a.gone
		}
	}
	for owner := s.first(); owner < a.engine.Containers(); owner++ {
		a.engine.Saved(owner)
	}
	return OK
}

// fill puts the pairs of so many records from cursor on into the store with tag,
// in place of what it has. It reports whether there still is one.
func (s *Stores) fill(tag []byte, cursor flash.Cursor, parts byte) bool {
	e := s.agent.engine
	for owner := s.first(); owner < e.Containers(); owner++ {
		if !s.tag(&s.sets[0], owner) || !same(s.sets[0][:storeTag], tag) {
			continue
		}
		e.Clear(owner)
		for ; parts > 0; parts-- {
			record, _ := s.log.Next(&cursor)
			for p := record.Payload[storeHead:]; len(p) >= pairSize; p = p[pairSize:] {
				e.Restore(owner, binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:]))
			}
		}
		return true
	}
	return false
}

// keep writes a store that has changed, if it is time, or all of them. What was
// kept of whoever is gone is dropped at once, so that it never comes back. It
// returns when it wants to be called again at the latest.
func (s *Stores) keep(a *Agent, now int64, all bool) (next int64) {
	if a.gone && now >= s.retry {
		s.retry = now + s.Every
		a.gone = s.log.Compact() != flash.OK
	}
	for {
		owner, ok := a.engine.Unsaved(s.Scopes)
		if !ok {
			return coap.Never
		}
		if s.tag(&s.sets[0], owner) {
			if now < s.due && !all {
				return s.due
			}
			s.due = now + s.Every
			if s.write(&s.sets[0], owner) != flash.OK {
				return s.due // the flash has its reasons; the change is tried again
			}
		}
		a.engine.Saved(owner)
	}
}

// write appends the pairs of owner, whose tag is set, as new records.
func (s *Stores) write(set *storeSet, owner int) flash.Error {
	for part, more := 0, true; more; part++ {
		var n int
		if n, more = s.encode(set, owner, part); n == 0 {
			return flash.ErrTooLong
		}
		if err := s.log.Append(kindStore, set[:n]); err != flash.OK {
			return err
		}
	}
	return flash.OK
}

// encode makes set, whose tag is set, a part of owner's pairs, and returns its
// length, 0 if the pairs are too many, and whether there are further parts.
func (s *Stores) encode(set *storeSet, owner, part int) (n int, more bool) {
	pairs := s.agent.engine.Part(owner)
	parts := max(1, (len(pairs)+storePairs-1)/storePairs)
	if parts > maxParts {
		return 0, false
	}
	set[storeTag], set[storeTag+1] = byte(part), byte(parts)
	n = storeHead
	for pairs = pairs[min(part*storePairs, len(pairs)):]; n < len(set) && len(pairs) > 0; pairs = pairs[1:] {
		binary.LittleEndian.PutUint32(set[n:], pairs[0].Key)
		binary.LittleEndian.PutUint32(set[n+4:], pairs[0].Value)
		set[n+pairSize-1] = pairEnd
		n += pairSize
	}
	return n, part+1 < parts
}

// Snapshot gives the log all stores as they are (flash.Owner).
func (s *Stores) Snapshot(*flash.Log) flash.Error {
	set := &s.sets[1]
	for owner := s.first(); owner < s.agent.engine.Containers(); owner++ {
		if s.tag(set, owner) && len(s.agent.engine.Part(owner)) > 0 {
			for part, more := 0, true; more; part++ {
				var n int
				if n, more = s.encode(set, owner, part); n == 0 {
					return flash.ErrTooLong
				}
				if err := s.log.Emit(kindStore, set[:n]); err != flash.OK {
					return err
				}
			}
		}
	}
	return flash.OK
}
