// Package debug runs a container one instruction at a time, forwards and
// backwards. It knows nothing of how people see it: internal/debug/dap and
// internal/debug/terminal show it.
//
// The machine itself only ever goes forwards. A session keeps a copy of its
// state and, for each instruction, what it changed; so going back, and forwards
// again to where the machine is, is a matter of the copy alone, and no helper
// is called twice.
package debug

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// Config says what is debugged.
type Config struct {
	Target  Target
	Program *symbols.Program
	History int          // instructions that can be gone back, at least; 0: DefaultHistory
	Output  func(Output) // told of what happens for the first time; may be nil

	// Attend, if set, is called between two instructions after Pause, and says
	// whether to stop. It may look at the session and set breakpoints.
	Attend func() bool
}

// DefaultHistory takes about 60 MB when it is full.
const DefaultHistory = 1 << 20

// An Output is something that happened for the first time: a line that the
// container printed, or the end of an activation.
type Output struct {
	Line string
	End  *End
}

// An End is how an activation ended; of a container that is long-running, how
// far it came until it waits.
type End struct {
	Run  int   // from 1
	Last bool  // nothing comes after it
	Err  error // it is not what it stands for: a recording that went otherwise
	femtotest.Result
}

// A Call is one call of a helper.
type Call struct {
	Slot int
	femtotest.Call
}

// A Session is one container and its activations. It belongs to one goroutine,
// but for Pause.
type Session struct {
	*symbols.Program
	PassFaults bool // do not stop for what stops the container

	config Config
	state  State
	live   live

	next    func() (event, bool)
	stop    func()
	resumes bool // the machine stands where the state does, in the middle of a wait

	// Places in time are counted in instructions since the session began.
	begin, at, front int        // the oldest that is kept, where the session is, where the machine is
	history          [][]change // in blocks; the first one begins at begin
	begins           []int      // where activations begin
	ends             map[int]*End
	reported         bool // the end that is here has been said

	calls                  []Call
	lines                  []string
	heardCalls, heardLines int // of what the container has of its activation

	breakpoints []*Breakpoint
	marked      []bool // slots with a breakpoint
	watched     bool   // memory is
	quiet       bool   // breakpoints count, but do not stop
	last        int    // breakpoint made
	paused      atomic.Bool
}

// event is what the goroutine of the machine hands over: it stands before an
// instruction, or has ended an activation.
type event struct {
	machine *vm.Machine
	result  *femtotest.Result
	err     error
	fresh   bool // the first of a run
	anew    bool // the first of an activation
}

const blockSize = 1 << 14 // changes

var errClosed = errors.New("session closed")

// Open begins a session: it stands before the first instruction.
func Open(config Config) (*Session, error) {
	if config.History <= 0 {
		config.History = DefaultHistory
	}
	s := &Session{Program: config.Program, config: config, ends: map[int]*End{}, marked: make([]bool, config.Program.Slots())}
	s.live.stores = func() (pairs [len(Scopes)]map[uint32]uint32) {
		for i, scope := range Scopes {
			pairs[i] = config.Target.Store(scope)
		}
		return pairs
	}
	s.next, s.stop = iter.Pull(s.activations)
	e, _ := s.next()
	if e.err != nil {
		s.stop()
		return nil, e.err
	}
	if e.machine == nil {
		s.stop()
		return nil, errors.New("the container has not run an instruction")
	}
	s.live.machine, s.live.region = e.machine, e.machine.Region
	s.state.follow(&s.live, e.machine.PC(), isa.Instruction{}, true)
	s.begins = []int{0}
	return s, nil
}

// Close ends the session, wherever the machine is.
func (s *Session) Close() { s.stop() }

// Pause makes the command that is under way return, or the next one. It may be
// called from any goroutine.
func (s *Session) Pause() { s.paused.Store(true) }

// activations runs them all and hands over what the machine does.
func (s *Session) activations(yield func(event) bool) {
	defer func() {
		if r := recover(); r != nil && r != any(errClosed) {
			panic(r)
		}
	}()
	t := s.config.Target
	var fresh, anew bool
	before := func(m *vm.Machine) {
		if !yield(event{machine: m, fresh: fresh, anew: anew}) {
			panic(errClosed)
		}
		fresh, anew = false, false
	}
	for n := range t.Runs() {
		fresh, anew = true, !t.GoesOn(n)
		if r, err := t.Run(n, before); !yield(event{result: &r, err: err, fresh: fresh}) {
			return
		}
	}
}

// execute lets the machine, which is where the session is, execute one
// instruction. It reports whether it did and, if that has ended what the
// container was fired for, how.
func (s *Session) execute() (bool, *End) {
	e, ok := s.next()
	if !ok {
		return false, nil
	}
	in := s.Instruction(s.state.Slot)
	s.listen(e.fresh)
	if e.machine == nil {
		return false, s.ended(in, e.result, e.err)
	}
	m := e.machine
	s.live.machine, s.live.region = m, m.Region
	if s.resumes {
		s.resumes = false
		return s.execute()
	}
	anew := e.anew || !s.follows(in, m)
	s.keep(s.state.follow(&s.live, m.PC(), in, anew))
	if anew {
		s.begins = append(s.begins, s.at)
	}
	return true, nil
}

// follows reports whether the machine may be where it is after in: otherwise a
// container that is long-running was begun again.
func (s *Session) follows(in isa.Instruction, m *vm.Machine) bool {
	exit := in.Opcode == isa.ClassJMP|isa.EXIT
	if exit {
		return len(s.state.Calls) > 0
	}
	return m.PC() != 0 || in.Class() == isa.ClassJMP || in.Class() == isa.ClassJMP32
}

// ended notes how an activation ended, and what its last instruction did: a
// call that faulted or waits, a jump that spent the budget.
func (s *Session) ended(in isa.Instruction, r *femtotest.Result, err error) *End {
	slot := s.state.Slot
	if r.Fault != vm.OK {
		slot = r.PC
	} else if r.Waiting {
		slot = s.live.machine.PC()
		s.resumes = s.config.Target.GoesOn(len(s.ends) + 1)
	}
	_, helper := s.Helper(s.state.Slot)
	if slot != s.state.Slot || r.Fault != vm.OK && helper {
		s.keep(s.state.follow(&s.live, slot, in, false))
	}
	end := &End{Run: len(s.ends) + 1, Last: len(s.ends)+1 == s.config.Target.Runs(), Err: err, Result: *r}
	s.ends[s.at] = end
	if s.config.Output != nil {
		s.config.Output(Output{End: end})
	}
	return end
}

// listen takes over what helpers have done.
func (s *Session) listen(fresh bool) {
	if fresh {
		s.heardCalls, s.heardLines = 0, 0
	}
	calls, lines := s.config.Target.Calls(), s.config.Target.Log()
	for _, call := range calls[s.heardCalls:] {
		s.calls = append(s.calls, Call{s.state.Slot, call})
	}
	for _, line := range lines[s.heardLines:] {
		s.lines = append(s.lines, line)
		if s.config.Output != nil {
			s.config.Output(Output{Line: line})
		}
	}
	s.heardCalls, s.heardLines = len(calls), len(lines)
	s.live.helpers, s.live.logged = len(s.calls), len(s.lines)
}

// keep adds what the machine's last instruction changed.
func (s *Session) keep(c change) {
	if n := len(s.history); n == 0 || len(s.history[n-1]) == blockSize {
		if n > 0 && (n-1)*blockSize >= s.config.History {
			s.history = slices.Delete(s.history, 0, 1)
			s.begin += blockSize
		}
		s.history = append(s.history, make([]change, 0, blockSize))
	}
	last := &s.history[len(s.history)-1]
	*last = append(*last, c)
	s.front++
	s.at, s.reported = s.front, false
}

// change is what the instruction at a place in time changed.
func (s *Session) change(at int) *change {
	at -= s.begin
	return &s.history[at/blockSize][at%blockSize]
}

// forward crosses one instruction. It reports whether it did and, if an
// activation has ended here or there, how.
func (s *Session) forward() (bool, *End) {
	if end := s.ends[s.at]; end != nil && !s.reported {
		s.reported = true
		return false, end
	}
	if s.at < s.front {
		s.state.cross(s.change(s.at))
		s.at++
		s.reported = false
		s.count(s.at-1, 1)
		return true, nil
	}
	was := s.at
	moved, end := s.execute()
	if s.at != was {
		s.count(was, 1)
	}
	s.reported = end != nil
	return moved, end
}

// backward crosses one instruction, unless this is the oldest place kept.
func (s *Session) backward() bool {
	if s.at == s.begin {
		return false
	}
	s.count(s.at-1, -1)
	s.at--
	s.state.cross(s.change(s.at))
	s.reported = false
	return true
}

// State is the container as it is here. It is valid until the session moves.
func (s *Session) State() *State { return &s.state }

// At returns the place in time: how many instructions of the session come
// before it, the first that can be gone back to, and the last executed.
func (s *Session) At() (at, begin, front int) { return s.at, s.begin, s.front }

// Activation returns which activation this is, from 1, and where it began.
func (s *Session) Activation() (n, begin int) {
	n, found := slices.BinarySearch(s.begins, s.at)
	if found {
		n++
	}
	return n, s.begins[n-1]
}

// Calls returns the calls of helpers so far, of all activations.
func (s *Session) Calls() []Call { return s.calls[:s.state.Helpers] }

// Lines returns what the container has printed so far.
func (s *Session) Lines() []string { return s.lines[:s.state.Logged] }

// End is how the activation has ended, if that is here.
func (s *Session) End() *End {
	if s.reported {
		return s.ends[s.at]
	}
	return nil
}

// Changed returns which registers the last instruction before this place
// changed, as a set of bits.
func (s *Session) Changed() (registers uint16) {
	if s.at == s.begin {
		return 0
	}
	c := s.change(s.at - 1)
	if c.register != noRegister {
		registers |= 1 << c.register
	}
	if c.more != nil {
		for i, v := range c.more.registers {
			if v != s.state.Registers[i] {
				registers |= 1 << i
			}
		}
	}
	return registers
}

// ErrPast is returned where something could only be changed where the machine
// is.
var ErrPast = errors.New("this is the past: what is done cannot be changed; go on to the last instruction first")

// SetRegister sets register n, 0 to 9.
func (s *Session) SetRegister(n int, value uint64) error {
	if n < 0 || n >= isa.FramePointer {
		return fmt.Errorf("r%d cannot be set", n)
	}
	return s.edit(func() {
		s.live.machine.SetRegister(n, value)
		s.state.Registers[n] = value
	})
}

// SetMemory writes to memory that the container may write.
func (s *Session) SetMemory(address uint64, b []byte) error {
	mem := s.state.Memory(address, len(b))
	if mem == nil || !s.state.Region[address>>28].Writable {
		return fmt.Errorf("%#x: no %d bytes that the container may write", address, len(b))
	}
	return s.edit(func() {
		copy(mem, b)
		copy(at(&s.live.region, uint32(address), len(b)), b)
	})
}

// edit changes state and machine, so that what was before the last instruction
// stays what it was.
func (s *Session) edit(do func()) error {
	if s.at != s.front || s.ends[s.at] != nil {
		return ErrPast
	}
	if s.at == s.begin {
		do()
		return nil
	}
	c := s.change(s.at - 1)
	s.state.cross(c)
	registers, region := s.state.Registers, s.state.Region
	for i := range region {
		region[i].Bytes = slices.Clone(region[i].Bytes)
	}
	s.state.cross(c)
	do()
	if c.more == nil {
		c.more = &more{calls: s.state.Calls, helpers: s.state.Helpers, logged: s.state.Logged}
	}
	c.more.registers, c.register, c.width = registers, noRegister, 0
	if c.more.region != nil {
		return nil
	}
	c.more.spans = nil
	for i := range region {
		c.more.spans = append(c.more.spans, differences(uint32(i)<<28, region[i].Bytes, s.state.Region[i].Bytes)...)
	}
	return nil
}

// Readable returns as many of n bytes at address as are mapped.
func (s *Session) Readable(address uint64, n int) []byte {
	if address>>32 != 0 || n < 0 {
		return nil
	}
	mem, offset := s.state.Region[address>>28].Bytes, int(address&0xfffffff)
	if offset > len(mem) {
		return nil
	}
	return mem[offset:min(offset+n, len(mem))]
}
