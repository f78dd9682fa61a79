//go:build several || !tinygo

package engine

// A Tentative is what CheckAll keeps of a place while it looks at others.
type Tentative struct {
	container Container
	trial     *Trial // that would begin or end there, or nil
	before    Trial
}

// CheckAll decides as Check does whether specs may be installed one after the other,
// each at a place of its own, and changes nothing: what one takes is not there for
// the next. It returns which of them is refused first, and why. kept is room for as
// many as there are specs.
func (e *Engine) CheckAll(places []int, specs []Spec, kept []Tentative) (which int, refused CheckError) {
	used, n := e.used, 0
	for n < len(specs) {
		var p plan
		e.check(places[n], &specs[n], &p)
		if p.err.Reason != OK {
			which, refused = n, p.err
			break
		}
		e.pretend(places[n], &specs[n], &p, &kept[n])
		n++
	}
	for n--; n >= 0; n-- {
		if t := kept[n].trial; t != nil {
			*t = kept[n].before
		}
		*e.Container(places[n]) = kept[n].container
	}
	e.used = used
	return which, refused
}

// pretend makes the tables say that what is planned was installed at place i.
func (e *Engine) pretend(i int, spec *Spec, p *plan, kept *Tentative) {
	c, n := e.Container(i), p.container
	kept.container, kept.trial = *c, p.trial
	if kept.trial == nil && c.state != Removed {
		kept.trial = e.trial(i)
	}
	if t := kept.trial; t != nil {
		kept.before = *t
		*t = Trial{}
		if p.trial != nil {
			t.place, t.used, t.reserved = uint8(i), true, p.contract.Entries[ScopeLocal]
		}
	}
	n.tenant, n.hook, n.state = uint8(spec.Tenant), uint8(spec.Hook), c.state
	n.store, n.next, n.offset = c.store, c.next, c.offset
	if n.state == Removed {
		n.state = Installed
	}
	e.used += int(n.size) - int(c.size)
	*c = n
}
