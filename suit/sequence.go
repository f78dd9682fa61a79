package suit

type kind uint8

const (
	kindRoot kind = iota // a section, or the shared sequence before it
	kindTry              // an alternative of a try-each
	kindRun              // the argument of a run-sequence
)

// A frame is a sequence that is running. Offsets are into the envelope.
type frame struct {
	pos, end     uint16 // the command that is running, and the end of the sequence
	next         uint16 // the command after it
	alternative  uint16 // the next alternative of the same try-each
	alternatives uint16 // how many of them there are still
	selected     uint8  // the set of components that commands apply to
	todo         uint8  // those of them that the running command still has to do
	kind         kind
	soft         bool // the soft-failure parameter
}

// run executes until processing ends or waits.
func (p *Processor) run() Status {
	p.status = Idle
	for p.status == Idle {
		if p.depth == 0 {
			p.begin()
			continue
		}
		f := &p.frames[p.depth-1]
		if f.pos == f.end {
			p.leave()
			continue
		}
		p.step(f)
	}
	return p.status
}

// begin starts the next section, or the shared sequence that precedes it with
// all parameters cleared, so that a section sees only parameters that the
// shared sequence and itself set. Without a section the shared sequence runs
// once: a manifest for another class is never accepted.
func (p *Processor) begin() {
	const end = uint8(2 * sectionCount)
	for p.phase < end && p.sections[p.phase/2] == (span{}) {
		p.phase += 2
	}
	if p.phase&1 != 0 && !p.identified {
		p.refuse(StageCheck, ReasonCondition)
		return
	}
	if p.phase > end || p.phase == end && p.identified {
		p.finish()
		return
	}
	p.report = Report{Section: SectionCommon}
	s := p.shared
	if p.phase&1 == 0 {
		p.identified = false
		for i := range p.components {
			p.components[i].parameters = [parameterCount]span{}
		}
	} else {
		s = p.sections[p.phase/2]
		p.report.Section = order[p.phase/2]
	}
	p.phase++
	p.start = s.from
	p.push(kindRoot, s, 1)
}

// finish ends processing: no payload may be left that no image match has seen.
func (p *Processor) finish() {
	for i := range p.components[:p.count] {
		if p.components[i].unverified {
			p.report.Component = uint8(i)
			p.refuse(StageCondition, ReasonCondition)
			return
		}
	}
	p.status = Done
	p.report = Report{}
	if p.severed {
		p.report.Stage = StageInstall
	}
}

// push starts a sequence for a set of components. There is room for it: inspect
// has seen how deep sequences nest.
//
//go:noinline
func (p *Processor) push(kind kind, s span, selected uint8) *frame {
	p.seek(s.from, s.to)
	p.d.Array()
	f := &p.frames[p.depth]
	*f = frame{
		pos: uint16(p.d.Offset()), end: s.to,
		selected: selected, kind: kind, soft: kind == kindTry,
	}
	p.depth++
	return f
}

// nest starts a sequence inside another one, for the one component that the
// command of the outer one is at.
func (p *Processor) nest(kind kind, s span) *frame {
	outer := &p.frames[p.depth-1]
	return p.push(kind, s, outer.todo&-outer.todo)
}

// leave ends a sequence that succeeded or may fail, and with it the command
// that ran it.
func (p *Processor) leave() {
	p.depth--
	if p.depth > 0 {
		p.frames[p.depth-1].advance()
	}
}

// advance goes on to the next component of the running command, or else to the
// next command.
//
//go:noinline
func (f *frame) advance() {
	f.todo &= f.todo - 1
	if f.todo == 0 {
		f.pos = f.next
	}
}

// try starts the alternative of a try-each at offset at, of which there are n
// to go including it.
//
//go:noinline
func (p *Processor) try(at, n uint16) {
	outer := &p.frames[p.depth-1]
	p.seek(at, outer.end)
	if p.d.Null() {
		outer.advance() // no commands: nothing can fail
		return
	}
	s := p.bytes()
	f := p.nest(kindTry, s)
	f.alternative, f.alternatives = s.to, n-1
}

// fail ends the sequence in which a condition failed. A soft failure ends there
// (run-sequence) or goes on with the next alternative (try-each); any other
// one fails the command that ran the sequence, and so the sequence around it.
func (p *Processor) fail(reason Reason) {
	for p.depth > 1 {
		f := &p.frames[p.depth-1]
		if f.soft && f.kind == kindRun {
			p.leave()
			return
		}
		p.depth--
		if f.soft && f.alternatives > 0 {
			p.try(f.alternative, f.alternatives)
			return
		}
	}
	p.refuse(StageCondition, reason)
}
