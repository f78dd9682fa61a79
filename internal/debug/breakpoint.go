package debug

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Breakpoint is a reason to stop.
type Breakpoint struct {
	ID       int
	Kind     string // "line", "function", "instruction", "helper" or "watch"
	Name     string // as people would say it: src/tick.c:12, store_global, instruction 7, counter
	Slots    []int  // before which it stops
	Place    Place  // of a line: the one that has instructions
	Address  uint64 // of a watch
	Size     int    // of a watch, in bytes
	Hits     int    // how often its condition has held up to here, since it was set
	Disabled bool

	condition *Expression
	compare   string // how Hits is compared with count: "", "==", ">", ">=", "<", "<=", "%"
	count     int
}

// Breakpoints lists them in the order in which they were set.
func (s *Session) Breakpoints() []*Breakpoint { return s.breakpoints }

// BreakLine sets a breakpoint at a line of a source, or at the next one that
// has instructions.
func (s *Session) BreakLine(file string, line int) (*Breakpoint, error) {
	known, ok := s.File(file)
	if !ok {
		if !s.HasSource() {
			return nil, fmt.Errorf("%s:%d: it is not known which instructions come from it: the image has no debug side file", file, line)
		}
		return nil, fmt.Errorf("%s:%d: no instruction comes from that file; there are %s", file, line, strings.Join(s.Files(), ", "))
	}
	slots, actual := s.SlotsOf(known, line)
	if slots == nil {
		return nil, fmt.Errorf("%s:%d: neither it nor a line after it has instructions", known, line)
	}
	return s.add(&Breakpoint{Kind: "line", Name: fmt.Sprintf("%s:%d", known, actual), Slots: slots, Place: Place{known, actual}}), nil
}

// isCalled reports whether a function has a name: a method by its own, too.
func isCalled(function, name string) bool {
	return function == name || strings.HasSuffix(function, "."+name)
}

// inlinedSlots are the first slots of what was put in place of calls of a
// function, for each line with such a call.
func (s *Session) inlinedSlots(name string) (slots []int) {
	first := map[Place]int{}
	for _, in := range s.Debug.Inlined {
		at := Place{in.File, in.Line}
		if from, ok := first[at]; isCalled(in.Function, name) && (!ok || in.From < from) {
			first[at] = in.From
		}
	}
	for _, slot := range first {
		slots = append(slots, slot)
	}
	slices.Sort(slots)
	return slots
}

// BreakFunction sets a breakpoint where a function begins; of a helper, where
// it is called.
func (s *Session) BreakFunction(name string) (*Breakpoint, error) {
	for _, f := range s.Functions {
		if isCalled(f.Name, name) {
			place, _ := s.PlaceAt(f.Slot)
			return s.add(&Breakpoint{Kind: "function", Name: name, Slots: []int{f.Slot}, Place: place}), nil
		}
	}
	if slots := s.inlinedSlots(name); slots != nil {
		place, _ := s.PlaceAt(slots[0])
		return s.add(&Breakpoint{Kind: "function", Name: name, Slots: slots, Place: place}), nil
	}
	if b, err := s.BreakHelper(name); err == nil {
		return b, nil
	}
	names := make([]string, len(s.Functions))
	for i, f := range s.Functions {
		names[i] = f.Name
	}
	return nil, fmt.Errorf("%s is neither a function of this container, which has %s, nor a helper that it calls", name, strings.Join(names, ", "))
}

// BreakHelper sets a breakpoint at every call of a helper.
func (s *Session) BreakHelper(name string) (*Breakpoint, error) {
	name = strings.TrimPrefix(name, "femto_")
	b := &Breakpoint{Kind: "helper", Name: name}
	for i := range s.Listing {
		if called, ok := s.Helper(s.Listing[i].Slot); ok && called == name {
			b.Slots = append(b.Slots, s.Listing[i].Slot)
		}
	}
	if b.Slots == nil {
		return nil, fmt.Errorf("this container does not call a helper %s", name)
	}
	return s.add(b), nil
}

// BreakInstruction sets a breakpoint at the instruction at a slot.
func (s *Session) BreakInstruction(slot int) (*Breakpoint, error) {
	if slot < 0 || slot >= s.Slots() || s.Listing[s.Index(slot)].Slot != slot {
		return nil, fmt.Errorf("there is no instruction %d", slot)
	}
	place, _ := s.PlaceAt(slot)
	return s.add(&Breakpoint{Kind: "instruction", Name: fmt.Sprintf("instruction %d", slot), Slots: []int{slot}, Place: place}), nil
}

// Watch sets a breakpoint on changes of the n bytes at address, which name
// stands for.
func (s *Session) Watch(name string, address uint64, n int) (*Breakpoint, error) {
	if n < 1 || s.state.Memory(address, n) == nil {
		return nil, fmt.Errorf("%s: no %d bytes at %#x", name, n, address)
	}
	return s.add(&Breakpoint{Kind: "watch", Name: name, Address: address, Size: n}), nil
}

func (s *Session) add(b *Breakpoint) *Breakpoint {
	s.last++
	b.ID = s.last
	s.breakpoints = append(s.breakpoints, b)
	s.mark()
	return b
}

// Remove takes a breakpoint away.
func (s *Session) Remove(b *Breakpoint) {
	s.breakpoints = slices.DeleteFunc(s.breakpoints, func(other *Breakpoint) bool { return other == b })
	s.mark()
}

// mark notes where there may be something to stop for.
func (s *Session) mark() {
	clear(s.marked)
	s.watched = false
	for _, b := range s.breakpoints {
		for _, slot := range b.Slots {
			s.marked[slot] = true
		}
		s.watched = s.watched || b.Size > 0
	}
}

// SetCondition lets b stop only where a condition holds and, of those times,
// where the count of them is as hits says: "3" or ">= 3" from the third on,
// "== 3" the third alone, "% 3" every third. Both may be "".
func (s *Session) SetCondition(b *Breakpoint, condition, hits string) error {
	var e *Expression
	if condition = strings.TrimSpace(condition); condition != "" {
		var err error
		if e, err = Parse(condition); err != nil {
			return fmt.Errorf("condition %s: %w", condition, err)
		}
	}
	compare, count := "", 0
	if hits = strings.TrimSpace(hits); hits != "" {
		compare = ">="
		for _, c := range []string{"==", ">=", "<=", ">", "<", "%", "="} {
			if rest, ok := strings.CutPrefix(hits, c); ok {
				compare, hits = c, strings.TrimSpace(rest)
				break
			}
		}
		n, err := strconv.Atoi(hits)
		if err != nil || n < 0 || n == 0 && compare == "%" {
			return fmt.Errorf("hits %q: want a number, or ==, >, >=, <, <= or %% and a number", hits)
		}
		count = n
	}
	b.condition, b.compare, b.count, b.Hits = e, compare, count, 0
	return nil
}

// Condition is the condition of a breakpoint in words, "" if it has none.
func (b *Breakpoint) Condition() string {
	var parts []string
	if b.condition != nil {
		parts = append(parts, "if "+b.condition.String())
	}
	if b.compare != "" {
		parts = append(parts, fmt.Sprintf("hits %s %d", b.compare, b.count))
	}
	return strings.Join(parts, ", ")
}

func (b *Breakpoint) counted() bool {
	switch b.compare {
	case "":
		return true
	case "==", "=":
		return b.Hits == b.count
	case ">":
		return b.Hits > b.count
	case "<":
		return b.Hits < b.count
	case "<=":
		return b.Hits <= b.count
	case "%":
		return b.Hits%b.count == 0
	}
	return b.Hits >= b.count
}

// reached reports whether b is here, c being what the instruction changed that
// led or, backwards, leads on from here.
func (s *Session) reached(b *Breakpoint, c *change) (bool, error) {
	if b.Size > 0 {
		if c == nil || !c.touches(uint32(b.Address), b.Size) {
			return false, nil
		}
	} else if !slices.Contains(b.Slots, s.state.Slot) {
		return false, nil
	}
	if b.condition == nil {
		return true, nil
	}
	v, err := s.Evaluate(b.condition, 0)
	return err != nil || v.True(), err
}

// count adds n to the hits of the breakpoints that are reached by crossing the
// instruction at a place in time: the session stands behind it.
func (s *Session) count(at, n int) {
	if !s.watched && !s.marked[s.state.Slot] {
		return
	}
	for _, b := range s.breakpoints {
		if ok, _ := s.reached(b, s.change(at)); ok {
			b.Hits += n
		}
	}
}

// hit looks for breakpoints where the session has arrived.
func (s *Session) hit(back bool) (stop Stop, found bool) {
	if s.quiet || !s.watched && !s.marked[s.state.Slot] {
		return stop, false
	}
	var c *change
	if back {
		c = s.change(s.at)
	} else if s.at > s.begin {
		c = s.change(s.at - 1)
	}
	for _, b := range s.breakpoints {
		if b.Disabled {
			continue
		}
		ok, err := s.reached(b, c)
		if ok && (back || b.counted()) {
			stop.Breakpoints = append(stop.Breakpoints, b)
			stop.Err = cmp.Or(stop.Err, err)
		}
	}
	stop.Reason = Hit
	return stop, stop.Breakpoints != nil
}

// Here counts the breakpoints at the place where the session stands, as if it
// had just arrived, and reports whether they stop it: for its beginning.
func (s *Session) Here() (Stop, bool) {
	for _, b := range s.breakpoints {
		if ok, _ := s.reached(b, nil); ok {
			b.Hits++
		}
	}
	return s.hit(false)
}

// TakeBreakpoints sets the breakpoints of another session of the same program.
func (s *Session) TakeBreakpoints(from *Session) {
	for _, old := range from.breakpoints {
		b := *old
		b.Hits = 0
		s.breakpoints = append(s.breakpoints, &b)
	}
	s.last = from.last
	s.mark()
}
