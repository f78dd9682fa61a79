package agent

import (
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/suit"
)

// Flash is laid out as the log, then two slots for each container. The slot
// that a container does not run from is idle: whatever is written there, the
// container that runs is untouched.

// open reads the flash and starts what is whole.
//
//go:noinline
func (a *Agent) open() Error {
	c := a.c
	err := a.log.Open(c.Flash, 0, c.LogSize, a.logBuffer[:], a)
	if err != flash.OK && err != flash.ErrUnformatted {
		return ErrFlash
	}
	// A bank holds its header, the longest snapshot and the record after it.
	records := 1 + len(c.Counters) + len(c.Containers) + 2
	if size := a.log.RecordSize(recordLongest); size > logBufferLen || records*size > c.LogSize/2 {
		return ErrConfig
	}
	trustsAt := c.LogSize + 2*len(c.Containers)*c.SlotSize
	if a.slots.Init(c.Flash, c.LogSize, c.SlotSize, 2*len(c.Containers)) != flash.OK ||
		c.TrustSize > 0 && a.trusts.Init(c.Flash, trustsAt, c.TrustSize, 2) != flash.OK ||
		err == flash.ErrUnformatted && (!a.neverUsed() || a.log.Format() != flash.OK) {
		return ErrFlash
	}
	var cursor flash.Cursor
	for {
		r, ok := a.log.Next(&cursor)
		if !ok {
			break
		}
		if err := a.replay(r.Kind, r.Payload); err != OK {
			return err
		}
	}
	if cursor.Err != flash.OK {
		return ErrFlash
	}
	believed := a.remember()
	// In the order in which they were installed, which is the order in which
	// a hook runs them.
	for rank := 0; rank < a.used(); {
		i := a.ranked(rank)
		if !a.adopt(i) {
			a.vacate(i)
			continue
		}
		rank = int(a.container(i).rank) + 1
	}
	if believed {
		a.forget()
	}
	return OK
}

// neverUsed reports whether no record was ever written to the log. A log that
// has records but no header that can be read is damaged, or somebody else's: to
// format it would forget every counter. A record has more than eight bytes that
// are not those of erased flash; a power cut in the first erase may leave one.
func (a *Agent) neverUsed() bool {
	bank, used := a.c.LogSize/2, 0
	for at := 0; at < a.c.LogSize; at += bank {
		for _, b := range a.c.Flash.Mapped(at, bank)[logHeaderRoom:] {
			if b != 0xff {
				used++
			}
		}
	}
	return used < 8
}

// logHeaderRoom is where the records of a bank begin at the earliest: a header
// may lie there half-written, after a power cut in the first formatting.
const logHeaderRoom = flash.MaxWriteSize

// adopt starts a container that the log says is installed, unless its slot is
// damaged, or its hook or tenant is no longer there to run it.
//
//go:noinline
func (a *Agent) adopt(i int) bool {
	if _, ok := intact(&a.slots, slotIndex(i, a.container(i).slot())); !ok {
		return false
	}
	header := a.header(i)
	t := a.findTenant(header.keyID())
	if t < 0 || a.name(&a.named, t, header.hook(), header.name()) != suit.ReasonOK {
		return false
	}
	// A tenant that was not trusted for a time may find that another one has
	// installed under the same name: the newer container counts.
	if old := a.find(&a.named); old >= 0 {
		a.engine.Remove(old)
		a.vacate(old)
	}
	a.container(i).tenant = uint8(t)
	return a.resume(i, &a.named)
}

// intact returns what a slot holds, if it is what its header says.
func intact(s *flash.Slots, slot int) (content []byte, ok bool) {
	header := slotHeader(s.Bytes(slot, slotHeaderLen))
	if !header.valid(s.Size() - slotHeaderLen) {
		return nil, false
	}
	content = s.Bytes(slot, slotHeaderLen+header.size())[slotHeaderLen:]
	return content, hashes(header.digest(), content)
}

// start has the engine run container i's current image, which passed every check
// when it came.
func (a *Agent) start(i int, c *component) bool {
	a.spec(c, int(a.container(i).tenant), a.image(i))
	a.newSpec.Kept = true
	return a.engine.Install(i, &a.newSpec).Reason == engine.OK
}

// spec describes a container to the engine, in newSpec: a local of that size
// would not stay on a microcontroller's stack.
//
//go:noinline
func (a *Agent) spec(c *component, tenant int, image []byte) {
	a.newSpec = engine.Spec{
		Hook: int(c.hook), Name: trimZeros(c.name[:]), Image: image, Tenant: tenant,
	}
}

// specOf describes container i with another image that it had before to the
// engine, in newSpec.
func (a *Agent) specOf(i int, image []byte) {
	c := a.engine.Container(i)
	a.newSpec = engine.Spec{Hook: c.Hook(), Name: c.Name(), Image: image, Tenant: c.Tenant(), Proven: true, Kept: true}
}

// Snapshot gives the log what is worth keeping when it moves to its other bank
// (flash.Owner).
//
//go:noinline
func (a *Agent) Snapshot(l *flash.Log) flash.Error {
	for i := 0; i < a.counters; i++ {
		counter := &a.c.Counters[i]
		if err := a.emit(kindCounter, counter.id[:], 0, 0); err != flash.OK {
			return err
		}
	}
	if a.trusted {
		if err := a.emit(kindTrust, trustCounter[:], a.trustSlot, 0); err != flash.OK {
			return err
		}
	}
	for rank := 0; rank < a.used(); rank++ {
		i := a.ranked(rank)
		if err := a.emit(kindInstall, a.header(i).counter(), uint8(i), a.container(i).state&^stateUsed); err != flash.OK {
			return err
		}
	}
	return flash.OK
}

// maxImage returns the longest image that fits a slot, in bytes.
func (a *Agent) maxImage() int { return a.c.SlotSize - slotHeaderLen }

func slotIndex(container int, slot uint8) int { return 2*container + int(slot) }

// header returns the header of container i's current slot.
//
//go:noinline
func (a *Agent) header(i int) slotHeader {
	return a.slots.Bytes(slotIndex(i, a.container(i).slot()), slotHeaderLen)
}

// image returns container i's current image, in flash.
//
//go:noinline
func (a *Agent) image(i int) []byte {
	slot := slotIndex(i, a.container(i).slot())
	return a.slots.Bytes(slot, slotHeaderLen+a.header(i).size())[slotHeaderLen:]
}

// write adds a part of the image to the idle slot, which is erased when the
// first part has come.
func (a *Agent) write(p []byte) bool {
	w := &a.update.writer
	if w.Written() == 0 {
		// The record of an update that failed may be in the log for all that,
		// and make the slot current after a restart. The log has to forget it
		// before the slot is written.
		if a.log.Torn() && !a.flashed(a.log.Compact()) || !a.flashed(w.Write(a.newHeader[:])) {
			return false
		}
	}
	return a.flashed(w.Write(p))
}

// seal ends the image in the idle slot.
func (a *Agent) seal() bool {
	u := &a.update
	u.size = u.writer.Written() - slotHeaderLen
	u.written = a.flashed(u.writer.Finish())
	return u.written
}

// idle returns what was written to the idle slot.
func (a *Agent) idle() []byte {
	u := &a.update
	return a.slots.Bytes(slotIndex(u.index, u.slot), slotHeaderLen+u.size)[slotHeaderLen:]
}

// flashed notes a failure of the flash in the report.
//
//go:noinline
func (a *Agent) flashed(err flash.Error) bool {
	if err != flash.OK {
		a.fail(DetailFlash, int(err))
	}
	return err == flash.OK
}
