package agent

import (
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/sha2"
	"github.com/femto-containers/femto/suit"
)

// Flash is laid out as the log, then two slots for each container. The slot
// that a container does not run from is idle: whatever is written there, the
// container that runs is untouched.

// open reads the flash and starts what is whole.
func (a *Agent) open() Error {
	c := a.c
	err := a.log.Open(c.Flash, 0, c.LogSize, a.logBuffer[:], a)
	if err == flash.ErrUnformatted {
		err = a.log.Format()
	}
	if err != flash.OK || a.slots.Init(c.Flash, c.LogSize, c.SlotSize, 2*len(c.Containers)) != flash.OK {
		return ErrFlash
	}
	var cursor flash.Cursor
	for {
		r, ok := a.log.Next(&cursor)
		if !ok {
			break
		}
		a.replay(r.Kind, r.Payload)
	}
	if cursor.Err != flash.OK {
		return ErrFlash
	}
	for i := range c.Containers {
		if c.Containers[i].used && !a.adopt(i) {
			c.Containers[i] = Container{slot: c.Containers[i].slot}
		}
	}
	return OK
}

// adopt starts a container that the log says is installed, unless its slot is
// damaged, or its hook or tenant is no longer there to run it.
func (a *Agent) adopt(i int) bool {
	header := a.header(i)
	if !header.valid(a.maxImage()) {
		return false
	}
	var sum [sha2.Size256]byte
	sha2.Sum256(&sum, a.image(i))
	if string(sum[:]) != string(header.digest()) {
		return false
	}
	for t := range a.c.Tenants {
		if string(a.c.Tenants[t].keyID[:]) != string(header.keyID()) {
			continue
		}
		var named component
		if a.name(&named, t, header.hook(), header.name()) != suit.ReasonOK {
			return false
		}
		a.c.Containers[i].tenant = uint8(t)
		return a.start(i, &named)
	}
	return false
}

// start has the engine run container i's current image.
func (a *Agent) start(i int, c *component) bool {
	a.spec(c, int(a.c.Containers[i].tenant), a.image(i))
	return a.engine.Install(i, &a.newSpec).Reason == engine.OK
}

// spec describes a container to the engine, in newSpec: a local of that size
// would not stay on a microcontroller's stack.
func (a *Agent) spec(c *component, tenant int, image []byte) {
	a.newSpec = engine.Spec{
		Hook: int(c.hook), Name: trimZeros(c.name[:]), Image: image, Grant: a.c.Tenants[tenant].Grant,
	}
}

// Snapshot gives the log what is worth keeping when it moves to its other bank
// (flash.Owner).
func (a *Agent) Snapshot(l *flash.Log) flash.Error {
	for i := 0; i < a.counters; i++ {
		counter := &a.c.Counters[i]
		if err := l.Emit(kindCounter, a.record(counter.id[:], counter.sequence)); err != flash.OK {
			return err
		}
	}
	for i := range a.c.Containers {
		if !a.c.Containers[i].used {
			continue
		}
		id := a.header(i).counter()
		if err := l.Emit(kindInstall, a.record(id, a.sequence(id), uint8(i), a.c.Containers[i].slot)); err != flash.OK {
			return err
		}
	}
	return flash.OK
}

// maxImage returns the longest image that fits a slot, in bytes.
func (a *Agent) maxImage() int { return a.c.SlotSize - slotHeaderLen }

func slotIndex(container int, slot uint8) int { return 2*container + int(slot) }

// header returns the header of container i's current slot.
func (a *Agent) header(i int) slotHeader {
	return a.slots.Bytes(slotIndex(i, a.c.Containers[i].slot), slotHeaderLen)
}

// image returns container i's current image, in flash.
func (a *Agent) image(i int) []byte {
	slot := slotIndex(i, a.c.Containers[i].slot)
	return a.slots.Bytes(slot, slotHeaderLen+a.header(i).size())[slotHeaderLen:]
}

// prepare opens the update's idle slot for an image of size bytes with a
// digest, by writing its header.
func (a *Agent) prepare(size int, digest *[sha2.Size256]byte) bool {
	u := &a.update
	u.written = false
	if size > a.maxImage() {
		a.report.fail(DetailAgent, int(ErrTooLarge))
		return false
	}
	tenant := &a.c.Tenants[a.processor.Signer()]
	putHeader(&a.newHeader, size, digest, &u.component, &tenant.keyID)
	err := u.writer.Begin(&a.slots, slotIndex(u.index, u.slot))
	if err == flash.OK {
		err = u.writer.Write(a.newHeader[:])
	}
	return a.flashed(err)
}

// write adds a part of the image to the idle slot.
func (a *Agent) write(p []byte) bool { return a.flashed(a.update.writer.Write(p)) }

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
func (a *Agent) flashed(err flash.Error) bool {
	if err != flash.OK {
		a.report.fail(DetailFlash, int(err))
	}
	return err == flash.OK
}
