//go:build several || !tinygo

package agent

import (
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/suit"
)

// A manifest about several containers installs all of them or none. Each is a part,
// of which one at a time is in the update. When all parts have passed every check, a
// compaction of the log makes them current at once, as its snapshot is of what the
// device will be: a bank is there as a whole or not at all.

// Several is the room for a manifest with several components.
type Several struct {
	count   int // 0: there is one, which is in the update alone
	at      int // which is in the update
	parts   [suit.MaxComponents]part
	places  [suit.MaxComponents]int
	specs   [suit.MaxComponents]engine.Spec
	checked [suit.MaxComponents]engine.Tentative
	before  [suit.MaxComponents]Container
	numbers [suit.MaxComponents]uint64
}

// A part is what an update knows of one of its components.
type part struct {
	component component
	index     int
	slot      uint8
	written   bool
	size      int
	fresh     bool // it has no counter yet
}

// alone forgets the parts of the manifest before.
func (a *Agent) alone() {
	if o := a.c.Several; o != nil {
		o.count, o.at = 0, 0
	}
}

// parts returns the parts of the manifest, none if it is about one container.
func (a *Agent) parts() []part {
	if o := a.c.Several; o != nil {
		return o.parts[:o.count]
	}
	return nil
}

// another makes room for one more component, in the update. It reports false if
// there is none.
func (a *Agent) another() bool {
	o := a.c.Several
	if o == nil || o.count == len(o.parts) {
		return false
	}
	o.count = max(o.count, 1)
	a.put()
	o.at = o.count
	o.count++
	o.parts[o.at] = part{}
	u := &a.update
	u.named, u.written, u.size = false, false, 0
	return true
}

// put saves the part that is in the update.
func (a *Agent) put() {
	u, p := &a.update, &a.c.Several.parts[a.c.Several.at]
	fresh := u.named && a.findCounter(u.component.counter[:]) < 0
	*p = part{component: u.component, index: u.index, slot: u.slot, written: u.written, size: u.size, fresh: fresh}
}

// get has the update be about part k.
func (a *Agent) get(k int) {
	a.put()
	a.c.Several.at = k
	u, p := &a.update, &a.c.Several.parts[k]
	u.component, u.index, u.slot, u.written, u.size = p.component, p.index, p.slot, p.written, p.size
}

// turn has the update be about the part with a handle.
func (a *Agent) turn(handle int) {
	for k, p := range a.parts() {
		if a.update.index != handle && k != a.c.Several.at && p.index == handle {
			a.get(k)
			return
		}
	}
}

// newcomers counts the components that were named before the one in the update, and
// will take a counter each.
func (a *Agent) newcomers() int {
	n := 0
	for k, p := range a.parts() {
		if k != a.c.Several.at && p.fresh {
			n++
		}
	}
	return n
}

// freePlace returns a place for the container in the update that no other part has
// taken, -1 if there is none. One that is named twice has one place, which the
// processor refuses.
func (a *Agent) freePlace() int {
	for k, p := range a.parts() {
		if k != a.c.Several.at && p.component.counter == a.update.component.counter {
			return p.index
		}
	}
	for i := range a.c.Containers {
		free := !a.container(i).used()
		for k, p := range a.parts() {
			free = free && (k == a.c.Several.at || p.index != i)
		}
		if free {
			return i
		}
	}
	return -1
}

// Copy stores what another component of the manifest holds (suit.Platform).
func (a *Agent) Copy(handle, source int) suit.Reason {
	a.turn(source)
	var payload []byte
	switch {
	case a.update.written:
		payload = a.idle()
	case a.container(source).used():
		payload = a.image(source)
	default:
		return a.refused(ErrAbsent)
	}
	return a.Store(handle, payload)
}

// commitAll is commit for several components. It reports false if there is one.
func (a *Agent) commitAll() bool {
	o := a.c.Several
	if len(a.parts()) == 0 {
		return false
	}
	if !a.ready() {
		return true
	}
	signer, sequence := a.processor.Signer(), a.processor.Sequence()
	counters, news := a.counters, false
	for k := range o.parts[:o.count] {
		a.get(k)
		u := &a.update
		id := u.component.counter[:]
		o.before[k], o.numbers[k] = *a.container(u.index), a.sequence(id)
		news = news || u.written || o.numbers[k] != sequence
		a.spend(id, sequence)
		if u.written {
			state := u.slot
			if o.before[k].used() && a.engine.Tenant(signer).Grant.Trial > 0 {
				state |= stateTrial
			}
			a.occupy(u.index, state)
			a.container(u.index).tenant = uint8(signer)
		}
	}
	if !news {
		return true // the same manifest again
	}
	if !a.flashed(a.log.Compact()) {
		// The log has what was there before.
		for k := o.count - 1; k >= 0; k-- {
			a.get(k)
			if a.update.written && !o.before[k].used() {
				a.vacate(a.update.index)
			}
			*a.container(a.update.index) = o.before[k]
			if i := a.findCounter(a.update.component.counter[:]); i < counters {
				a.c.Counters[i].sequence = o.numbers[k]
			}
		}
		a.counters = counters
		a.refuse(suit.StageInstall, suit.ReasonOperation)
		return true
	}
	a.tries = 0
	for k := range o.parts[:o.count] {
		a.get(k)
		if a.update.written {
			a.start(a.update.index, &a.update.component)
		}
	}
	return true
}

// ready reports whether all parts can be what the manifest makes them, together.
// What it refuses is noted.
func (a *Agent) ready() bool {
	o, n := a.c.Several, 0
	for k := range o.parts[:o.count] {
		a.get(k)
		u := &a.update
		ok := true
		switch {
		case u.written:
			if ok = a.verify(); ok {
				a.spec(&o.parts[k].component, a.processor.Signer(), a.idle())
				o.places[n], o.specs[n] = u.index, a.newSpec
				n++
			}
		case !a.container(u.index).used():
			a.fail(DetailAgent, int(ErrAbsent))
			ok = false
		}
		if !ok {
			a.refusePart(k)
			return false
		}
	}
	which, refused := a.engine.CheckAll(o.places[:n], o.specs[:n], o.checked[:n])
	if refused.Reason == engine.OK {
		return true
	}
	for k := range o.parts[:o.count] {
		if o.parts[k].index == o.places[which] {
			a.judged(refused)
			a.refusePart(k)
		}
	}
	return false
}

// refusePart ends an update because of one of its components.
func (a *Agent) refusePart(k int) {
	a.refuse(suit.StageInstall, suit.ReasonOperation)
	a.reports[0].suit.Component = uint8(k)
}
