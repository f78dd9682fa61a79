//go:build record || !tinygo

package engine

import (
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/vm"
)

// recording is what an engine has for its recorder.
type recording struct{ recorder *Recorder }

// A Recorder notes what activations of one container depend on, so that they can
// be executed again elsewhere, or what helpers they call (docs/spec/recording.md).
// The firmware fills the exported fields before SetRecorder and leaves them alone.
type Recorder struct {
	Buffer  []byte      // its length is what a recording may take
	Helpers []vm.Helper // as many as the engine has; the contents are lost
	Calls   []OpenCalls // as many as containers, or none

	state     RecordState
	mode      RecordMode
	container uint8
	flags     uint8 // of the activation at hand
	active    bool  // and it is noted
	first     bool  // nothing was noted before
	full      bool
	started   uint16
	wanted    uint16
	done      uint16

	at      int    // items in Buffer that count end here,
	next    int    // and those of the activation at hand here
	gone    uint32 // bytes of items that gave way to others
	goneHow uint32 // and how many these were
	items   uint32 // in Buffer
	pending uint32 // and of the activation at hand
	tap     vm.Tap // it keeps in the rest of Buffer what helpers are about to change
}

// OpenCalls are the local calls that were open at a fault: the slots that they
// return to, the outermost first.
type OpenCalls struct {
	depth uint8
	slots [vm.MaxDepth]uint32
}

// RecordState says what a recorder is doing.
type RecordState uint8

const (
	RecordNone    RecordState = iota // and has not done anything
	RecordGoing                      // noting
	RecordDone                       // all activations asked for are there
	RecordFull                       // the next one did not fit
	RecordEnded                      // by StopRecording
	RecordWithout                    // the container was replaced or removed
)

// RecordMode is what a recorder notes.
type RecordMode uint8

const (
	RecordInputs     RecordMode = 1 << iota // what a replay needs
	RecordUntilFault                        // only the last activations up to a fault
	RecordTrace                             // calls of helpers; the oldest items give way
)

// Kinds of items.
const (
	itemLayout = iota
	itemBegin
	itemMemory
	itemCall
	itemEnd
	itemEnter
	itemTrace
)

// Flags of itemBegin and itemEnter.
const (
	flagResumed = 1 << iota
	flagCleared
)

const (
	endSuspended = 1
	traceContext = 16 // bytes of a context that a trace tells
	maxGap       = 8  // equal bytes between others for which no new item is worth while
)

// SetRecorder gives the engine, after Init, a recorder, which it keeps. It
// returns ErrConfig if the recorder has no room for the helpers.
func (e *Engine) SetRecorder(r *Recorder) Error {
	if len(r.Helpers) < len(e.config.Helpers) || len(r.Calls) != 0 && len(r.Calls) < len(e.config.Containers) {
		return ErrConfig
	}
	for i := range e.config.Helpers {
		r.Helpers[i] = e.config.Helpers[i]
		r.Helpers[i].Call = observed
	}
	clear(r.Calls)
	r.state = RecordNone
	e.recorder = r
	return OK
}

// Recorder returns the engine's recorder, or nil.
func (e *Engine) Recorder() *Recorder { return e.recorder }

// StartRecording lets the recorder begin anew with the next activation of
// container i, and end after so many.
func (e *Engine) StartRecording(i int, mode RecordMode, activations uint16) Error {
	c, r := e.Container(i), e.recorder
	if c == nil || c.state == Removed || r == nil {
		return ErrContainer
	}
	*r = Recorder{Buffer: r.Buffer, Helpers: r.Helpers, Calls: r.Calls, started: r.started + 1,
		state: RecordGoing, mode: mode, container: uint8(i), wanted: activations, first: true}
	return OK
}

// StopRecording ends what is going on.
func (e *Engine) StopRecording() {
	if r := e.recorder; r != nil && r.state == RecordGoing {
		r.state = RecordEnded
	}
}

// State returns what the recorder is doing.
func (r *Recorder) State() RecordState { return r.state }

// Mode returns what it notes, or noted last.
func (r *Recorder) Mode() RecordMode { return r.mode }

// Container returns whose activations these are.
func (r *Recorder) Container() int { return int(r.container) }

// Number returns a number that is another one for each recording since the
// firmware started.
func (r *Recorder) Number() uint16 { return r.started }

// Activations returns how many activations there were, and how many were asked
// for.
func (r *Recorder) Activations() (done, wanted int) { return int(r.done), int(r.wanted) }

// Items returns the items from position on, as bytes, or all if there are none
// at that position; the positions of the first byte, of the oldest item and
// behind the last one; and the number of the oldest item. The slice aliases
// Buffer.
func (r *Recorder) Items(position uint32) (items []byte, from, oldest, end, number uint32) {
	oldest, end = r.gone, r.gone+uint32(r.at)
	from = position
	if from < oldest || from > end {
		from = oldest
	}
	return r.Buffer[from-oldest : r.at], from, oldest, end, r.goneHow
}

// FaultCalls returns the slots to which the local calls return that were open
// when container i faulted last, the outermost first.
func (e *Engine) FaultCalls(i int) []uint32 {
	if e.recorder == nil || uint(i) >= uint(len(e.recorder.Calls)) {
		return nil
	}
	c := &e.recorder.Calls[i]
	return c.slots[:c.depth&(2*vm.MaxDepth-1)]
}

// looked is called when container i is about to run, and nothing was done for it
// yet.
func (e *Engine) looked(i uint8, c *Container) {
	r := e.recorder
	if r == nil {
		return
	}
	r.active = r.state == RecordGoing && r.container == i
	r.flags = 0
	if c.state == Suspended {
		r.flags = flagResumed
	} else if c.stack > 0 || e.stack != i {
		r.flags = flagCleared
	}
}

// began is called when the machine is ready to run c.
func (e *Engine) began(c *Container, budget int32, saved []byte) {
	r := e.recorder
	if r == nil || !r.active {
		return
	}
	m := &e.machine
	m.Helpers = r.Helpers[:len(e.config.Helpers)]
	context := m.Region[vm.RegionContext].Bytes
	if r.mode&RecordTrace != 0 {
		for more := true; more; {
			w := r.encoder()
			w.Array(5)
			w.Uint(itemEnter)
			w.Uint(uint64(e.now))
			w.Uint(uint64(r.flags))
			w.Uint(uint64(len(context)))
			w.ByteString(context[:min(len(context), traceContext)])
			more = r.put(&w)
		}
		return
	}
	if r.mode&RecordUntilFault != 0 && !r.first && r.at > len(r.Buffer)/2 {
		r.gone += uint32(r.at)
		r.goneHow += r.items
		r.at, r.items, r.first = 0, 0, true
	}
	r.next, r.pending, r.full = r.at, 0, false
	r.tap.Reset(nil)
	if r.first {
		r.layout(m)
	}
	w := r.encoder()
	w.Array(7)
	w.Uint(itemBegin)
	w.Uint(uint64(e.now))
	w.Uint(uint64(budget))
	w.Uint(uint64(m.Quantum))
	w.Uint(uint64(r.flags))
	w.ByteString(context)
	if !r.first || r.flags&flagResumed == 0 {
		saved = nil
	} else if n := vm.SavedSize(c.depth); n < len(saved) {
		saved = saved[:n]
	}
	w.ByteString(saved)
	r.put(&w)
	if r.first {
		initial, _, _ := c.image.Parts()
		r.differing(vm.RegionData, initial, m.Region[vm.RegionData].Bytes)
		if r.flags&flagCleared == 0 {
			r.differing(vm.RegionStack, nil, m.Region[vm.RegionStack].Bytes)
		}
	}
	for i := vm.RegionGrant; i < vm.Regions; i++ {
		r.differing(i, nil, m.Region[i].Bytes)
	}
}

// layout notes what regions there are.
func (r *Recorder) layout(m *vm.Machine) {
	grants := vm.Regions
	for grants > vm.RegionGrant && m.Region[grants-1].Bytes == nil {
		grants--
	}
	w := r.encoder()
	w.Array(4)
	w.Uint(itemLayout)
	w.Uint(uint64(len(m.Region[vm.RegionStack].Bytes)))
	w.Bool(m.Region[vm.RegionContext].Writable)
	w.Array(grants - vm.RegionGrant)
	for i := vm.RegionGrant; i < grants; i++ {
		v := uint64(len(m.Region[i].Bytes)) << 1
		if m.Region[i].Writable {
			v |= 1
		}
		w.Uint(v)
	}
	r.put(&w)
}

// ended is called when the machine has run a container.
func (e *Engine) ended(status vm.Status) {
	r := e.recorder
	if r == nil || !r.active {
		return
	}
	m := &e.machine
	m.Helpers = e.config.Helpers
	r.active = false
	end, value := int64(0), m.Result()
	switch status {
	case vm.Suspended:
		end, value = endSuspended, 0
	case vm.Faulted:
		end, value = int64(m.Fault()), 0
		if m.Fault() == vm.FaultMemory {
			value = m.FaultAddress()
		}
	}
	for more := true; more; {
		w := r.encoder()
		w.Array(6)
		w.Uint(itemEnd)
		w.Int(end)
		w.Uint(value)
		w.Uint(uint64(m.PC()))
		w.Uint(uint64(m.Instructions()))
		w.Uint(uint64(m.Charged()))
		more = r.put(&w)
	}
	if r.full {
		r.state = RecordFull
		return
	}
	r.at, r.first = r.next, false
	r.items += r.pending
	r.pending = 0
	r.done++
	if r.done == r.wanted || r.mode&RecordUntilFault != 0 && end < 0 {
		r.state = RecordDone
	}
}

// observed stands for every helper of a container that is recorded.
func observed(c *vm.Call) uint64 {
	e := c.Env.(*Engine)
	r, m := e.recorder, &e.machine
	h := e.called()
	if h == nil {
		return 0 // not reached: the gate has found it
	}
	traced := r.mode&RecordTrace != 0
	if !traced {
		r.tap.Reset(r.Buffer[r.next:])
		for i, arg := range h.Args {
			if arg&vm.ArgWrite == vm.ArgWrite {
				r.tap.Keep(c.R[i], c.Mem[i])
			}
		}
		m.Tap = &r.tap
	}
	result := h.Call(c)
	m.Tap = nil
	end := int64(c.Fault)
	if end == 0 && m.Suspending() {
		end = endSuspended
	}
	if traced {
		arguments := 0
		for arguments < len(h.Args) && h.Args[arguments] != vm.ArgNone {
			arguments++
		}
		for more := true; more; {
			w := r.encoder()
			w.Array(5 + arguments)
			w.Uint(itemTrace)
			w.Uint(uint64(m.PC()))
			w.Uint(uint64(h.Number))
			w.Uint(result)
			w.Int(end)
			for _, v := range c.R[:arguments] {
				w.Uint(v)
			}
			more = r.put(&w)
		}
		return result
	}
	w := r.encoder()
	w.Array(5)
	w.Uint(itemCall)
	w.Uint(uint64(h.Number))
	w.Uint(result)
	w.Uint(uint64(m.Charged()))
	w.Int(end)
	r.put(&w)
	for i := range r.tap.Windows {
		address, was, is := r.tap.Window(i)
		r.changed(address, was, is)
	}
	r.full = r.full || r.tap.Missed
	r.tap.Reset(nil)
	return result
}

// called returns the helper that the running container calls.
func (e *Engine) called() *vm.Helper {
	text := e.config.Containers[e.running].image.Text()
	at := 8*e.machine.PC() + 4
	if at >= len(text) {
		return nil
	}
	for i := range e.config.Helpers {
		if e.config.Helpers[i].Number == text[at] {
			return &e.config.Helpers[i]
		}
	}
	return nil
}

// differing notes what of a region is other than it was; nil: than zeros.
func (r *Recorder) differing(region int, was, is []byte) {
	r.changed(uint32(vm.Address(region, 0)), was, is)
}

// changed notes what of the memory at an address is other than it was, if
// anything; where was ends it was zero.
func (r *Recorder) changed(address uint32, was, is []byte) {
	for i := 0; i < len(is); i++ {
		if !differs(was, is, i) {
			continue
		}
		begin, end := i, i+1
		for i++; i < len(is) && i-end < maxGap; i++ {
			if differs(was, is, i) {
				end = i + 1
			}
		}
		w := r.encoder()
		w.Array(3)
		w.Uint(itemMemory)
		w.Uint(uint64(address) + uint64(begin))
		w.ByteString(is[begin:end])
		r.put(&w)
	}
}

func differs(was, is []byte, i int) bool {
	if i < len(was) {
		return is[i] != was[i]
	}
	return is[i] != 0
}

// encoder writes an item behind those that are there.
func (r *Recorder) encoder() cbor.Encoder {
	if r.mode&RecordTrace != 0 {
		return cbor.NewEncoder(r.Buffer[r.at:])
	}
	return cbor.NewEncoder(r.Buffer[r.next : len(r.Buffer)-(len(r.tap.Scratch)-r.tap.Left)])
}

// put takes the item that was written. In a trace it is to be written again, with
// more room, if put returns true.
func (r *Recorder) put(w *cbor.Encoder) (again bool) {
	trace := r.mode&RecordTrace != 0
	switch {
	case !w.Overflow() && trace:
		r.at += w.Len()
		r.next = r.at
		r.items++
	case !w.Overflow() && !r.full:
		r.next += w.Len()
		r.pending++
	case !trace:
		r.full = true
	case r.at == 0: // it is longer than the buffer
		r.goneHow++
	default:
		oldest := cbor.New(r.Buffer[:r.at])
		oldest.Skip(cbor.MaxDepth)
		n := oldest.Offset()
		r.at = copy(r.Buffer, r.Buffer[n:r.at])
		r.gone += uint32(n)
		r.goneHow++
		r.items--
		return true
	}
	return false
}

// faulted notes what was open when container i faulted.
func (e *Engine) faulted(i int) {
	if e.recorder == nil || i >= len(e.recorder.Calls) {
		return
	}
	m := &e.machine
	c := &e.recorder.Calls[i]
	c.depth = uint8(m.Depth())
	for k := range c.slots {
		c.slots[k] = uint32(m.Caller(k))
	}
}

// replaced is told that place i has another container, or none.
func (e *Engine) replaced(i int) {
	r := e.recorder
	if r == nil {
		return
	}
	if r.state == RecordGoing && int(r.container) == i {
		r.state = RecordWithout
	}
	if i < len(r.Calls) {
		r.Calls[i] = OpenCalls{}
	}
}
