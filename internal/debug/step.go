package debug

import "github.com/femto-containers/femto/vm"

// A Step says how far a command goes.
type Step uint8

const (
	In          Step = iota // to the next line, also in a function that is called
	Over                    // to the next line of this function or its caller
	Out                     // until this function returns; backwards, to its call
	Instruction             // one instruction
	Next                    // one instruction of this function, calls included
)

// A Reason says why a command returned.
type Reason uint8

const (
	Stepped   Reason = iota // the step is done
	Hit                     // a breakpoint
	Paused                  // Pause was called
	Faulted                 // the container was stopped
	Ended                   // the last activation has ended
	Beginning               // nothing older is kept
)

// A Stop says where a command returned, and why.
type Stop struct {
	Reason      Reason
	Breakpoints []*Breakpoint // of a Hit
	End         *End          // of Faulted and Ended
	Err         error         // of a condition that cannot be evaluated
}

// Continue runs to the next stop, or back to the one before.
func (s *Session) Continue(back bool) Stop {
	return s.walk(back, func() bool { return false })
}

// Step runs until a step is done, unless something stops it before. Where it is
// not known which line an instruction comes from, lines are instructions.
func (s *Session) Step(how Step, back bool) Stop {
	from := s.position()
	if from.place.Line == 0 {
		switch how {
		case In:
			how = Instruction
		case Over:
			how = Next
		}
	}
	switch how {
	case Instruction:
		return s.walk(back, func() bool { return true })
	case Next:
		return s.walk(back, func() bool { return s.position().notBelow(from) })
	case Out:
		return s.walk(back, func() bool { return s.position().above(from) })
	}
	if back {
		return s.lineBack(how == Over, from)
	}
	return s.walk(false, func() bool {
		now := s.position()
		return now.place.Line > 0 && !now.sameLine(from) && (how == In || now.notBelow(from))
	})
}

// lineBack goes back to where the line began or, from there, to where the line
// before it began.
func (s *Session) lineBack(over bool, from position) Stop {
	if s.startsLine() {
		stop := s.walk(true, func() bool {
			now := s.position()
			return now.place.Line > 0 && (!over || now.notBelow(from))
		})
		if stop.Reason != Stepped || s.startsLine() {
			return stop
		}
		from = s.position()
	}
	return s.walk(true, func() bool {
		now := s.position()
		if !over && now.depth > from.depth && now.place.Line > 0 {
			from = now // into what was called, from its end
		}
		return now.sameLine(from) && s.startsLine()
	})
}

// startsLine reports whether the instruction before this one was of another
// line, or of a function that has returned since.
func (s *Session) startsLine() bool {
	now := s.position()
	if s.at == s.begin {
		return true
	}
	s.state.cross(s.change(s.at - 1))
	s.at--
	before := s.position()
	s.state.cross(s.change(s.at))
	s.at++
	if before.activation == now.activation && (before.depth > now.depth || before.place.Line == 0) {
		return false // what was called belongs to the line that calls
	}
	return !before.sameLine(now)
}

// A position says where a session is, as steps see it.
type position struct {
	activation, depth int
	place             Place
}

func (s *Session) position() position {
	n, _ := s.Activation()
	place, _ := s.PlaceAt(s.state.Slot)
	return position{n, len(s.state.Calls) + len(s.inlinedAt(s.state.Slot)), place}
}

func (p position) notBelow(from position) bool {
	return p.activation != from.activation || p.depth <= from.depth
}

func (p position) above(from position) bool {
	return p.activation != from.activation || p.depth < from.depth
}

func (p position) sameLine(from position) bool { return p == from }

// walk crosses instructions until done, or until something else is a reason to
// stop.
func (s *Session) walk(back bool, done func() bool) Stop {
	for {
		if back {
			if !s.backward() {
				return Stop{Reason: Beginning}
			}
		} else {
			moved, end := s.forward()
			switch {
			case end != nil && (end.Fault != vm.OK && !s.PassFaults || end.Err != nil):
				return Stop{Reason: Faulted, End: end}
			case end != nil && end.Last:
				return Stop{Reason: Ended, End: end}
			case !moved && end == nil:
				return Stop{Reason: Ended, End: s.ends[s.at]}
			case !moved:
				continue
			}
		}
		if stop, ok := s.hit(back); ok {
			return stop
		}
		if done() {
			return Stop{Reason: Stepped}
		}
		if s.paused.Swap(false) && (s.config.Attend == nil || s.config.Attend()) {
			return Stop{Reason: Paused}
		}
	}
}

// GoTo moves to a place in time, at the most to where something ends.
func (s *Session) GoTo(at int) Stop {
	back := at < s.at
	if at == s.at {
		return Stop{Reason: Stepped}
	}
	s.quiet = true
	defer func() { s.quiet = false }()
	return s.walk(back, func() bool { return s.at == at })
}
