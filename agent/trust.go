package agent

import (
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/suit"
)

// The trust store is the last command with VerbTrust that the owner signed, as
// it came, in one of two slots behind those of the containers. A record of the
// log says which, so that it is the complete old or the complete new one. What
// the configuration says of owner and tenants counts until there is one.
// docs/spec/trust.md has the format.

// A trust reads a trust store's document.
type trust struct {
	d     cbor.Decoder
	owner Key
	flags uint64
	left  int // tenants to come
}

// TrustFlags are the owner's settings.
const (
	TrustClosed = 1 << iota // reading needs a session (VerbRead)
	TrustSigned             // hooks are fired by signed commands only
	trustFlags  = 1<<iota - 1
)

// Keys of a tenant in the document. Those from keyBudget on have unsigned
// integers.
const (
	TrustName        = 1  // tstr, 1 to 16 bytes
	TrustKeys        = 2  // [1*2 key]: bstr .size 32, Ed25519, or .size 33, a compressed point of P-256
	TrustID          = 3  // bstr .size 8, whose containers and counters are the tenant's; else the first key's identifier
	TrustHooks       = 4  // true, or [* bstr .size 16]: every hook, or those of these UUIDs
	TrustHelpers     = 5  // true, or [* uint]: every helper, or these numbers
	TrustBudget      = 6  // instructions per activation; 0: the hook's
	TrustRate        = 7  // instructions per second of all its containers; 0: no limit
	TrustContainers  = 8  // 0: a share
	TrustMemory      = 9  // bytes for .data and own stacks; 0: a share
	TrustLocal       = 10 // entries in a container's store; 0: all it has
	TrustTenant      = 11 // entries in the tenant's store; 0: all it has
	TrustTrial       = 12 // seconds that a new version has to prove itself; 0: none
	TrustConfirm     = 13 // 1: by being confirmed
	TrustCounters    = 14 // components that it can ever name; 0: a share
	TrustSpent       = 15 // numbers up to this one are spent
	TrustUntil       = 16 // higher numbers are refused; 0: none are
	TrustDevelopment = 17 // 1: the keys are for development, which devices in production refuse
	TrustFlash       = 18 // bytes of the images of all its containers; 0: as many as containers have
	TrustGlobal      = 19 // entries in its part of the global store; 0: all it has
	TrustEntries     = 20 // of all its stores together; 0: a share
	trustKeys        = 21
)

// trustBits is how many bits the numbers above have room for: larger ones are
// cut to the largest there is, which means the same.
var trustBits = [trustKeys]uint8{
	TrustBudget: 31, TrustRate: 31, TrustContainers: 8, TrustMemory: 16, TrustLocal: 16, TrustTenant: 16,
	TrustTrial: 16, TrustConfirm: 1, TrustCounters: 8, TrustDevelopment: 1,
	TrustFlash: 32, TrustGlobal: 16, TrustEntries: 16,
}

//
//go:noinline
func (t *trust) open(d *cbor.Decoder) {
	t.d = *d
	if t.d.Array() != 3 {
		t.d.Fail(cbor.ErrType)
	}
	t.owner.read(&t.d)
	t.flags = t.d.Uint()
	t.left = t.d.Array()
	if t.flags&^trustFlags != 0 || blank(t.owner[:]) {
		t.d.Fail(cbor.ErrRange)
	}
}

// fixed consumes a byte string of exactly len(p) bytes.
func fixed(d *cbor.Decoder, p []byte) {
	if b := d.Bytes(); copy(p, b) != len(b) || len(b) != len(p) {
		d.Fail(cbor.ErrRange)
	}
}

// next reads a tenant and its grant, and reports whether there was one. It
// refuses what it does not know: to pass over a limit would widen a grant.
func (t *trust) next(e *engine.Engine, tenant []Tenant, grant []engine.Grant) bool {
	d := &t.d
	if t.left == 0 || d.Err() != 0 {
		return false
	}
	t.left--
	clear(tenant)
	clear(grant)
	to, g := &tenant[0], &grant[0]
	var limits [trustKeys]uint32
	for n := d.Map(); n > 0 && d.Err() == 0; n-- {
		switch key := d.Uint(); key {
		case TrustName:
			if name := d.Text(); len(name) == 0 || copy(to.name[:], name) != len(name) {
				d.Fail(cbor.ErrRange)
			}
		case TrustKeys:
			switch d.Array() {
			case 2:
				to.Key.read(d)
				to.Next.read(d)
			case 1:
				to.Key.read(d)
			default:
				d.Fail(cbor.ErrRange)
			}
		case TrustID:
			fixed(d, to.id[:])
		case TrustHooks:
			if d.Type() == cbor.Simple && d.Bool() {
				to.Hooks = AllHooks
				break
			}
			for n := d.Array(); n > 0 && d.Err() == 0; n-- {
				var uuid [16]byte
				fixed(d, uuid[:])
				if hook := e.FindHook(&uuid); hook >= 0 {
					to.Hooks |= 1 << hook
				}
			}
		case TrustHelpers:
			if d.Type() == cbor.Simple && d.Bool() {
				g.Helpers = engine.Everything().Helpers
				break
			}
			for n := d.Array(); n > 0 && d.Err() == 0; n-- {
				number := d.Uint()
				g.Helpers.Add(uint8(number))
				if number > 255 {
					d.Fail(cbor.ErrRange)
				}
			}
		case TrustSpent:
			to.Spent = d.Uint()
		case TrustUntil:
			to.Until = d.Uint()
		default:
			if key >= trustKeys || key == 0 {
				d.Fail(cbor.ErrKey)
				break
			}
			limits[key] = uint32(min(d.Uint(), 1<<trustBits[key]-1))
		}
	}
	g.Hooks = to.Hooks
	g.Budget, g.Rate = int32(limits[TrustBudget]), int32(limits[TrustRate])
	g.Memory, g.Trial = uint16(limits[TrustMemory]), uint16(limits[TrustTrial])
	g.Quota = [3]uint16{uint16(limits[TrustLocal]), uint16(limits[TrustTenant]), uint16(limits[TrustGlobal])}
	g.Entries = uint16(limits[TrustEntries])
	g.Flash, g.Containers = limits[TrustFlash], uint8(limits[TrustContainers])
	g.Confirm = limits[TrustConfirm] != 0
	to.Counters = uint8(limits[TrustCounters])
	to.development = limits[TrustDevelopment] != 0
	to.identify()
	if to.free() || to.name[0] == 0 {
		d.Fail(cbor.ErrRange) // without a key or name
	}
	return d.Err() == 0
}

// judge reports what is wrong with a document, and changes nothing but the
// scratch tenants.
//
//go:noinline
func (a *Agent) judge(d *cbor.Decoder) verdict {
	wrong := no(suit.StageCheck, suit.ReasonParameter, OK)
	t, before := &a.doc, &a.before
	t.open(d)
	if t.left > len(a.tenants) || a.c.TrustSize == 0 {
		return wrong | verdict(ErrTenants)
	}
	seen := 0
	for ; t.next(a.engine, a.newTenant[:], a.newGrant[:]); seen++ {
		if a.newTenant[0].development && a.c.Production {
			return wrong | verdict(ErrDevelopment)
		}
		before.open(d)
		for k := 0; k < seen && before.next(a.engine, a.oldTenant[:], a.newGrant[:]); k++ {
			if a.newTenant[0].like(&a.oldTenant[0]) {
				return wrong | verdict(ErrTwice)
			}
		}
	}
	if t.d.End() != 0 {
		return no(suit.StageCBOR, suit.ReasonCBOR, OK)
	}
	return done
}

// believe makes the table of tenants what a judged document says. Tenants keep
// their places, so that engine and containers need not hear of most changes.
//
//go:noinline
func (a *Agent) believe(d *cbor.Decoder) {
	t := &a.doc
	t.open(d)
	a.own(t.owner[:])
	a.flags = uint8(t.flags)
	for i := range a.tenants {
		old := &a.tenants[i]
		stays := false
		for t.open(d); t.next(a.engine, a.newTenant[:], a.newGrant[:]); {
			stays = stays || !old.free() && same(a.newTenant[0].id[:], old.id[:])
		}
		if stays {
			continue
		}
		for k := range a.c.Containers {
			if a.container(k).used() && int(a.container(k).tenant) == i {
				a.engine.Remove(k)
				a.vacate(k)
			}
		}
		a.engine.Dismiss(i)
		clear(a.tenants[i : i+1])
		a.gone = true
	}
	for t.open(d); t.next(a.engine, a.newTenant[:], a.newGrant[:]); {
		i := a.findTenant(a.newTenant[0].id[:])
		for k := 0; i < 0; k++ { // there is room: judge has counted
			if a.tenants[k].free() {
				i = k
			}
		}
		copy(a.tenants[i:], a.newTenant[:])
		a.engine.Tenant(i).Grant = a.newGrant[0]
	}
}

// nobody is the key of a place without a signer.
var nobody Key

// own makes a key the owner's, zeros nobody's. The identity of the owner is
// zeros.
func (a *Agent) own(key []byte) {
	copy(a.owner.Key[:], key)
	a.owner.Hooks = AllHooks
	keyID(&a.owner.keyID[0], &a.owner.Key)
}

// trusting is how a new trust store becomes the device's: written, read back,
// and made current by a record; then it counts, and what it no longer allows
// ends.
//
//go:noinline
func (a *Agent) trusting(o *order, message []byte) verdict {
	failed := no(suit.StageInstall, suit.ReasonOperation, OK)
	slot := 1 - a.trustSlot
	digest(a.digest[:], message)
	putHeader(&a.newHeader, len(message), &a.digest, &a.named) // of no component
	if slotHeaderLen+len(message) > a.c.TrustSize {
		return failed | verdict(ErrTooLarge)
	}
	w := &a.update.writer
	if a.log.Torn() && !a.flashed(a.log.Compact()) ||
		!a.flashed(w.Begin(&a.trusts, int(slot))) || !a.flashed(w.Write(a.newHeader[:])) ||
		!a.flashed(w.Write(message)) || !a.flashed(w.Finish()) {
		return failed
	}
	if _, ok := intact(&a.trusts, int(slot)); !ok {
		return failed | verdict(ErrDigest)
	}
	if !a.flashed(a.append(kindTrust, trustCounter[:], o.sequence, slot, 0)) {
		return failed
	}
	a.spend(trustCounter[:], o.sequence)
	a.trustSlot, a.trusted = slot, true
	a.believe(&o.arg)
	a.recheck()
	a.forget()
	return done
}

// recheck takes off what the grants of now do not allow.
//
//go:noinline
func (a *Agent) recheck() {
	for i := range a.c.Containers {
		c := a.container(i)
		if !c.used() {
			continue
		}
		a.specOf(i, a.image(i))
		if !a.tenants[c.tenant].mayUse(a.newSpec.Hook) || !a.fits(i) {
			a.engine.Remove(i)
			a.vacate(i)
		}
	}
}

// forget frees the counters of tenants who are gone, also in the log: else a
// restart would find more of them than there is room for.
//
//go:noinline
func (a *Agent) forget() {
	gone := false
	for i := a.counters - 1; i >= 0; i-- {
		id := a.c.Counters[i].id.keyID()
		if a.findTenant(id) < 0 && !same(id, trustCounter.keyID()) {
			a.counters--
			a.c.Counters[i] = a.c.Counters[a.counters]
			gone = true
		}
	}
	if gone {
		// If this fails, the next append or start tries it again.
		a.log.Compact()
	}
}

// remember takes the trust store from flash: the one that the log says is
// current, or one with a higher number, as a damaged log may have lost its
// record. If the current one is damaged nobody is trusted: whoever else was once
// may have been revoked. It reports whether there is a trust store.
func (a *Agent) remember() bool {
	o := &a.order
	highest, whole := uint64(0), true
	if a.trusted {
		_, whole = a.trustIn(a.trustSlot)
		highest = o.sequence
	}
	for slot := range uint8(2) {
		if _, ok := a.trustIn(slot); ok && whole && o.sequence > highest {
			highest = o.sequence
			a.spend(trustCounter[:], highest)
			a.trusted, a.trustSlot = true, slot
		}
	}
	if !a.trusted {
		return false // the configuration's tenants may come and go, their numbers stay
	}
	a.own(nobody[:])
	if _, ok := a.trustIn(a.trustSlot); ok && a.judge(&o.arg) == done {
		a.believe(&o.arg)
		return true
	}
	clear(a.tenants)
	return false
}

// trustIn reads the message in a slot for the trust store into the order.
func (a *Agent) trustIn(slot uint8) (message []byte, ok bool) {
	var claim cose.Signature
	if a.c.TrustSize == 0 {
		return nil, false
	}
	message, ok = intact(&a.trusts, int(slot))
	return message, ok && cose.ParseCommand(message, &claim, (*[cose.PrefixSize]byte)(a.c.Envelope)) == 0 &&
		a.order.parse(claim.Payload) && a.order.verb == VerbTrust
}

// serveTrust answers GET trust with the message that is the trust store.
//
//go:noinline
func (a *Agent) serveTrust(resp *coap.Response) {
	message, ok := []byte(nil), false
	if a.trusted {
		message, ok = intact(&a.trusts, int(a.trustSlot))
	}
	if !ok {
		resp.Fail(coap.NotFound, "no trust store")
		return
	}
	resp.Code, resp.ContentFormat, resp.Body = coap.Content, coap.FormatCOSESign1, message
}
