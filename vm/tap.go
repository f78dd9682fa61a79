//go:build record || !tinygo

package vm

// tapState is for who records what helpers do.
type tapState struct {
	// Tap, if not nil, keeps what memory was like that a helper gets to write to
	// beside its arguments.
	Tap *Tap
}

// A Tap keeps what memory of a container was like before a helper writes to it.
type Tap struct {
	// Scratch takes the contents, from its end on. What is before Left is free.
	Scratch []byte
	Left    int
	Missed  bool // there was not room for all
	Windows int  // how many spans of memory are kept

	windows [maxWindows]tapWindow
}

const maxWindows = 8

type tapWindow struct {
	address uint32
	was     int // offset in Scratch
	mem     []byte
}

// Reset forgets what is kept, and keeps further contents in scratch.
func (t *Tap) Reset(scratch []byte) {
	t.Scratch, t.Left, t.Windows, t.Missed = scratch, len(scratch), 0, false
}

// Keep keeps what the memory at addr, mem, is like.
func (t *Tap) Keep(addr uint64, mem []byte) {
	if len(mem) == 0 || t.Missed {
		return
	}
	if t.Windows == maxWindows || len(mem) > t.Left {
		t.Missed = true
		return
	}
	t.Left -= len(mem)
	copy(t.Scratch[t.Left:], mem)
	t.windows[t.Windows&(maxWindows-1)] = tapWindow{uint32(addr & (1<<32 - 1)), t.Left, mem}
	t.Windows++
}

// Window returns the address of span i that is kept, below Windows, what it was
// like and what it is like.
func (t *Tap) Window(i int) (address uint32, was, is []byte) {
	w := &t.windows[i&(maxWindows-1)]
	return w.address, t.Scratch[w.was:][:len(w.mem)], w.mem
}

func (m *Machine) opened(addr uint64, write bool) {
	if write && m.Tap != nil {
		m.Tap.Keep(addr, m.window)
	}
}

// Suspending reports, to a helper, whether the container will be suspended when
// it returns.
func (m *Machine) Suspending() bool { return m.budget < 0 }

// Depth returns how many local calls are open, 0 to MaxDepth.
func (m *Machine) Depth() int { return int(m.depth) }

// Caller returns the slot that open local call i returns to; 0 is the
// outermost call, Depth()-1 the one that is running.
func (m *Machine) Caller(i int) int {
	if i < 0 || i >= int(m.depth) {
		return 0
	}
	return int(m.frames[i&(MaxDepth-1)*frameSize+frameSize-1] / slot)
}
