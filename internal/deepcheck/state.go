package deepcheck

import (
	"math"
	"slices"

	"github.com/femto-containers/femto/isa"
)

// Variables of a state. The first ones have one value throughout an
// activation, the others are the registers.
const (
	zero      = iota // 0
	length           // r2 as the program finds it: bytes of the context
	stackEnd         // r10 as the program finds it
	grant            // address of what the context's first pointer leads to
	register         // r0
	variables = register + isa.Registers
)

const framePointer = register + isa.FramePointer

// A state is what is known where an instruction begins. The difference of each
// register to each variable before it is a num; that to zero is the register
// itself.
type state struct {
	differ [variables*(variables-1)/2 - register*(register-1)/2]num
	cells  []cell // of the stack, ascending; never changed in place
	// link says that a register is the difference of two others.
	link [isa.Registers]link
	// origin is the slot that last wrote a register, or
	origin [isa.Registers]int32
	// before is the state before a shift by 32 that the next instruction may
	// undo; nil: there was none.
	before *state
}

const (
	atEntry    = -1 // the program found it so
	severalOne = -2 // it depends on the way that was taken
	lost       = -3 // a helper was called
)

type link struct{ to, from uint8 } // variables; 0, 0: none

// A cell is a part of the stack whose content is known.
type cell struct {
	at     int32 // from the end of the stack, below 0
	size   int32
	value  [register]num // difference to each of the constant variables
	holds  uint16        // registers with the same value
	origin int32
}

func index(i, j int) int { return i*(i-1)/2 - register*(register-1)/2 + j }

// from is the difference i - j.
func (a *analysis) from(s *state, i, j int) num {
	switch {
	case i == j:
		return exactly(0)
	case i < register && j < register:
		return a.constants[i].sub(a.constants[j])
	case i > j:
		return s.differ[index(i, j)]
	}
	return s.differ[index(j, i)].neg()
}

// abs is the value of a register.
func (s *state) abs(r int) num { return s.differ[index(r, zero)] }

// A row is a register's difference to each variable.
type row [variables]num

func (a *analysis) row(s *state, i int) (r row) {
	for j := range r {
		r[j] = a.from(s, i, j)
	}
	return r
}

// plain is the row of a number of which nothing else is known.
func (a *analysis) plain(s *state, n num) (r row) {
	r[zero] = n
	for j := 1; j < register; j++ {
		r[j] = n.sub(a.constants[j])
	}
	for j := register; j < variables; j++ {
		r[j] = n.sub(s.abs(j))
	}
	return r
}

// assign makes r, whose differences are given, the value of register i.
func (a *analysis) assign(s *state, i int, r *row, slot int) {
	for j := range variables {
		switch {
		case j < i:
			s.differ[index(i, j)] = r[j]
		case j > i:
			s.differ[index(j, i)] = r[j].neg()
		}
	}
	n := i - register
	s.origin[n] = int32(slot)
	s.link[n] = link{}
	for k := range s.link {
		if l := s.link[k]; int(l.to) == i || int(l.from) == i {
			s.link[k] = link{}
		}
	}
	for k := range s.cells {
		if s.cells[k].holds>>n&1 != 0 {
			s.cells = slices.Clone(s.cells)
			for k := range s.cells {
				s.cells[k].holds &^= 1 << n
			}
			break
		}
	}
}

// number makes n the value of register i, of which nothing else is known.
func (a *analysis) number(s *state, i int, n num, slot int) {
	r := a.plain(s, n)
	a.assign(s, i, &r, slot)
}

// narrow notes that i - j is in n, and what follows for both and for all that
// is known in relation to them; false: no values are left.
func (a *analysis) narrow(s *state, i, j int, n num) bool {
	changed, ok := a.meet(s, i, j, n)
	if !changed || !ok {
		return ok
	}
	for _, k := range []int{i, j} {
		if k >= register && !a.spread(s, k) {
			return false
		}
	}
	// Registers that are differences say what the differences are.
	for k, l := range s.link {
		if l == (link{}) {
			continue
		}
		more, ok := a.meet(s, int(l.to), int(l.from), s.abs(register+k))
		if !ok || more && (!a.spread(s, int(l.to)) || !a.spread(s, int(l.from))) {
			return false
		}
	}
	a.refresh(s)
	return true
}

// meet narrows i - j to n.
func (a *analysis) meet(s *state, i, j int, n num) (changed, ok bool) {
	if i == j {
		return false, n.contains(0)
	}
	if i < register && j < register {
		_, ok := a.from(s, i, j).meet(n)
		return false, ok
	}
	if i < j {
		i, j, n = j, i, n.neg()
	}
	d := &s.differ[index(i, j)]
	met, ok := d.meet(n)
	changed = *d != met
	*d = met
	return changed, ok
}

// spread lets every variable that has a known relation to i know what is known
// of i, and i what is known of it.
func (a *analysis) spread(s *state, i int) bool {
	if i < register {
		return true
	}
	for k := range variables {
		if k == i {
			continue
		}
		d := a.from(s, k, i)
		if d == anything {
			continue
		}
		for x := range variables {
			if x == k || x == i || k < register && x < register {
				continue
			}
			if _, ok := a.meet(s, k, x, d.add(a.from(s, i, x))); !ok {
				return false
			}
			if _, ok := a.meet(s, i, x, a.from(s, k, x).sub(d)); !ok {
				return false
			}
		}
	}
	return true
}

// refresh lets cells know what is known of registers that hold the same.
func (a *analysis) refresh(s *state) {
	copied := false
	for k := range s.cells {
		for n := range isa.Registers {
			if s.cells[k].holds>>n&1 == 0 {
				continue
			}
			for j := range register {
				met, ok := s.cells[k].value[j].meet(s.differ[index(register+n, j)])
				if !ok || met == s.cells[k].value[j] {
					continue
				}
				if !copied {
					s.cells, copied = slices.Clone(s.cells), true
				}
				s.cells[k].value[j] = met
			}
		}
	}
}

// forget drops the cells that n bytes from at on may overlap, where at is from
// the end of the stack.
func (s *state) forget(at num, n uint64) {
	if at.smin < -math.MaxInt32 || at.smax > math.MaxInt32 || n > math.MaxInt32 {
		s.cells = nil
		return
	}
	keep := s.cells[:0:0]
	for _, c := range s.cells {
		if int64(c.at)+int64(c.size) <= at.smin || int64(c.at) >= at.smax+int64(n) {
			keep = append(keep, c)
		}
	}
	s.cells = keep
}

// put notes a cell whose bytes are forgotten.
func (s *state) put(c cell) {
	at, _ := slices.BinarySearchFunc(s.cells, c.at, func(d cell, at int32) int { return int(d.at) - int(at) })
	s.cells = slices.Insert(slices.Clone(s.cells), at, c)
}

func (s *state) cell(at, size int32) *cell {
	for k := range s.cells {
		if c := &s.cells[k]; c.at == at && c.size == size {
			return c
		}
	}
	return nil
}

// merge returns what holds in both states; widening, what grew goes on to the
// next threshold.
func (a *analysis) merge(s, t *state, widening bool) *state {
	m := *s
	m.before = nil
	for k := range m.differ {
		switch {
		case s.differ[k] == t.differ[k]:
		case widening:
			m.differ[k] = s.differ[k].widen(t.differ[k], a.unsigned, a.ordered)
		default:
			m.differ[k] = s.differ[k].join(t.differ[k])
		}
	}
	for k := range m.link {
		if s.link[k] != t.link[k] {
			m.link[k] = link{}
		}
		if s.origin[k] != t.origin[k] {
			m.origin[k] = severalOne
		}
	}
	m.cells = nil
	for k := range s.cells {
		c := s.cells[k]
		d := t.cell(c.at, c.size)
		if d == nil {
			continue
		}
		for j := range c.value {
			switch {
			case c.value[j] == d.value[j]:
			case widening:
				c.value[j] = c.value[j].widen(d.value[j], a.unsigned, a.ordered)
			default:
				c.value[j] = c.value[j].join(d.value[j])
			}
		}
		c.holds &= d.holds
		if c.origin != d.origin {
			c.origin = severalOne
		}
		m.cells = append(m.cells, c)
	}
	return &m
}

func (s *state) equal(t *state) bool {
	return s.differ == t.differ && s.link == t.link && s.origin == t.origin && slices.Equal(s.cells, t.cells)
}
