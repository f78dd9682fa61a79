package replay

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A DivergedError says that a replay did not do what the device did.
type DivergedError struct {
	Activation int // from 1
	What       string
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("activation %d: %s", e.Activation, e.What)
}

// A Session is a replay under way.
type Session struct {
	file    *File
	machine vm.Machine
	need    vm.Need
	text    []byte
	starts  []bool // slots at which an instruction is
	stack   []byte
	done    int    // activations
	saved   []byte // of a long-running container
	calls   []call // that are to come
	end     End
	what    string // in which it diverged
}

// Run executes activation n of the recording, from 1 to Len, and calls before, if
// it is not nil, ahead of each of its instructions. The ones before it are
// executed first, as they left memory behind. An outcome other than the device's
// is a *DivergedError, with the outcome.
func (f *File) Run(image []byte, n int, before vm.Trace) (Outcome, error) {
	if n < 1 || n > f.Len() {
		return Outcome{}, fmt.Errorf("recording: there is no activation %d, it has %d", n, f.Len())
	}
	s, err := f.Start(image)
	if err != nil {
		return Outcome{}, err
	}
	for s.done < n-1 {
		if o, err := s.Next(nil); err != nil {
			return o, err
		}
	}
	return s.Next(before)
}

// Start prepares a replay of all activations with the image that was recorded,
// which must stay as it is.
func (f *File) Start(raw []byte) (*Session, error) {
	if digest := sha256.Sum256(raw); !f.sameBytes(digest[:]) {
		return nil, ErrDigest
	}
	img, bad := image.Parse(raw)
	if bad != image.OK {
		return nil, fmt.Errorf("image: %w", bad)
	}
	initial, rodata, text := img.Parts()
	s := &Session{file: f, text: text, stack: make([]byte, f.layout.Stack)}
	var all vm.HelperSet
	for n := range 256 {
		all.Add(uint8(n))
	}
	if refused := s.need.Check(text, &all); refused.Fault != vm.OK {
		return nil, fmt.Errorf("image: %w at instruction %d", refused.Fault, refused.PC)
	}
	s.starts = make([]bool, len(text)/isa.Size)
	for i := 0; i < len(s.starts); i++ {
		s.starts[i] = true
		if op := text[isa.Size*i]; op&isa.ClassMask == isa.ClassLD {
			i++
		}
	}
	m := &s.machine
	m.Frame = s.need.Frame
	m.Region[vm.RegionStack] = vm.Region{Bytes: s.stack, Writable: true}
	m.Region[vm.RegionData] = vm.Region{Bytes: append([]byte{}, initial...), Writable: true}
	m.Region[vm.RegionRodata] = vm.Region{Bytes: rodata}
	for i, grant := range f.layout.Grants {
		m.Region[vm.RegionGrant+i] = vm.Region{Bytes: make([]byte, grant>>1), Writable: grant&1 != 0}
	}
	for n := range 256 {
		if s.need.Helpers.Has(uint8(n)) {
			m.Helpers = append(m.Helpers, s.helper(uint8(n)))
		}
	}
	return s, nil
}

// helper returns what answers in place of a helper.
func (s *Session) helper(n uint8) vm.Helper {
	h := vm.Helper{Number: n, Name: fmt.Sprintf("helper %#x", n)}
	for i := range helpers.Standard {
		if helpers.Standard[i].Number == n {
			h = helpers.Standard[i]
		}
	}
	h.Call = func(c *vm.Call) uint64 { return s.answer(n, h.Name, c) }
	return h
}

// Machine returns the machine that executes: between activations, and while one
// is under way, it may be looked at.
func (s *Session) Machine() *vm.Machine { return &s.machine }

// Done returns how many activations were executed.
func (s *Session) Done() int { return s.done }

// Next executes the next activation, of those that Len counts, and calls before,
// if it is not nil, ahead of each instruction. An outcome other than the device's
// is a *DivergedError, with the outcome.
func (s *Session) Next(before vm.Trace) (Outcome, error) {
	if s.done == s.file.Len() {
		return Outcome{}, errors.New("recording: there is no further activation")
	}
	a := &s.file.activations[s.done]
	s.done++
	m := &s.machine
	if err := s.prepare(a); err != nil {
		return Outcome{}, fmt.Errorf("recording: activation %d: %w", s.done, err)
	}
	m.Before = before
	status := m.Run()
	m.Before = nil
	o := Outcome{Status: status, PC: m.PC(), Instructions: m.Instructions(), Charged: m.Charged()}
	switch status {
	case vm.Done:
		o.Value = m.Result()
	case vm.Faulted:
		if o.Fault = m.Fault(); o.Fault == vm.FaultMemory {
			o.Address = m.FaultAddress()
		}
	case vm.Suspended:
		s.saved = make([]byte, vm.SavedSize(vm.MaxDepth))
		m.Save(s.saved)
	}
	return o, s.compare(a, o)
}

// prepare gives the machine what an activation begins with.
func (s *Session) prepare(a *activation) error {
	m := &s.machine
	for i := range s.file.layout.Grants {
		clear(m.Region[vm.RegionGrant+i].Bytes)
	}
	if a.Flags&flagCleared != 0 {
		clear(s.stack)
	}
	m.Region[vm.RegionContext] = vm.Region{}
	if len(a.Context) > 0 {
		m.Region[vm.RegionContext] = vm.Region{Bytes: append([]byte{}, a.Context...), Writable: s.file.layout.Writable}
	}
	for i := range a.memory {
		if !s.write(&a.memory[i]) {
			return fmt.Errorf("there is no memory at %#x", a.memory[i].Address)
		}
	}
	if a.Budget > vm.MaxBudget || a.Quantum > vm.MaxBudget {
		return errors.New("the budget is too large")
	}
	m.Quantum = int32(a.Quantum)
	m.Reset(s.text, int32(a.Budget))
	s.calls, s.end, s.what = a.calls, a.end, ""
	if a.Flags&flagResumed == 0 {
		return nil
	}
	saved := s.saved
	if len(a.Saved) > 0 {
		saved = a.Saved
	}
	if !s.resumable(saved) {
		return errors.New("it goes on at a place where it cannot be")
	}
	m.Restore(saved)
	return nil
}

// resumable reports whether the machine may be given what Save kept.
func (s *Session) resumable(saved []byte) bool {
	const word, place, head, frame, placeInFrame = 8, 11, 12, 5, 4
	if len(saved)%word != 0 || len(saved) < word*head || len(saved) > vm.SavedSize(vm.MaxDepth) {
		return false
	}
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(saved[word*i:]) }
	depth := at(place) >> 32
	if depth > uint64((len(saved)/word-head)/frame) || !s.startsAt(at(place)&(1<<32-1)) {
		return false
	}
	for i := range int(depth) {
		if !s.startsAt(at(head + frame*i + placeInFrame)) {
			return false
		}
	}
	return true
}

// startsAt reports whether there is an instruction at an offset of the text.
func (s *Session) startsAt(pc uint64) bool {
	return pc%isa.Size == 0 && pc/isa.Size < uint64(len(s.starts)) && s.starts[pc/isa.Size]
}

// write puts what was recorded into memory of the container's and reports whether
// there is such memory.
func (s *Session) write(v *Memory) bool {
	region := &s.machine.Region[v.Address>>28]
	at := int(v.Address & (1<<28 - 1))
	if v.Address>>28 == vm.RegionRodata || at > len(region.Bytes) || len(v.Content) > len(region.Bytes)-at {
		return false
	}
	copy(region.Bytes[at:], v.Content)
	return true
}

// answer does what a helper did on the device.
func (s *Session) answer(n uint8, name string, c *vm.Call) uint64 {
	m := &s.machine
	if len(s.calls) == 0 {
		if s.end.End < 0 && int(s.end.PC) == m.PC() {
			// The gate did not let it run, for a reason that only the device knows.
			s.charge(c, s.end.Charged)
			s.stop(c, vm.Fault(s.end.End))
			return 0
		}
		return s.diverge(c, fmt.Sprintf("calls %s at instruction %d, where the device did not", name, m.PC()))
	}
	next := &s.calls[0]
	if next.Helper != n {
		return s.diverge(c, fmt.Sprintf("calls %s at instruction %d, the device called helper %#x", name, m.PC(), next.Helper))
	}
	s.calls = s.calls[1:]
	for i := range next.memory {
		if !s.write(&next.memory[i]) {
			return s.diverge(c, fmt.Sprintf("%s at instruction %d wrote to %#x, where there is no memory", name, m.PC(), next.memory[i].Address))
		}
	}
	if !s.charge(c, next.Charged) {
		return s.diverge(c, fmt.Sprintf("%s at instruction %d costs more than on the device", name, m.PC()))
	}
	switch {
	case next.End < 0:
		s.stop(c, vm.Fault(next.End))
	case next.End == endSuspended:
		if m.Quantum == 0 {
			return s.diverge(c, fmt.Sprintf("%s at instruction %d suspends a container that cannot be", name, m.PC()))
		}
		c.Suspend()
	}
	return next.R0
}

// charge lets helpers have charged so much in all.
func (s *Session) charge(c *vm.Call, total uint32) bool {
	has := s.machine.Charged()
	if has > total {
		return false
	}
	c.Charge(total - has)
	return true
}

// stop lets the helper stop the container as the device's did.
func (s *Session) stop(c *vm.Call, fault vm.Fault) {
	if fault == vm.FaultMemory {
		c.Bytes(s.end.Value, vm.MaxRegion+1, false) // which notes the address
	}
	c.Fault = fault
}

// diverge ends the activation.
func (s *Session) diverge(c *vm.Call, what string) uint64 {
	s.what = what
	c.Fault = vm.FaultCall
	return 0
}

// compare holds an outcome against the device's.
func (s *Session) compare(a *activation, o Outcome) error {
	recorded := a.outcome()
	switch {
	case s.what != "":
	case len(s.calls) > 0:
		s.what = fmt.Sprintf("%v; the device called helper %#x before", o, s.calls[0].Helper)
	case o != recorded:
		s.what = fmt.Sprintf("%v; on the device it %v", o, recorded)
	default:
		return nil
	}
	return &DivergedError{Activation: s.done, What: s.what}
}
