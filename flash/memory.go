package flash

// Operation is what a Memory is about to do.
type Operation uint8

const (
	OpProgram Operation = iota
	OpErase
)

// Memory is flash modelled in RAM. It holds its user to NOR semantics.
type Memory struct {
	data   []byte
	block  int
	write  int
	marks  []byte
	off    bool
	Counts [2]int // operations done, by Operation

	// Before, if not nil, is called ahead of every operation. If it returns
	// false the power is off: this operation and all later calls fail. To tear
	// the operation, Before changes the bytes of Data itself.
	Before func(op Operation, off int, p []byte) bool
}

// Init makes m a device over data, which must be a multiple of block, as block
// must be of write. Data keeps its contents: fill it with 0xff for erased
// flash. marks, with a bit per granule, lets m also refuse to program a
// granule again that was programmed with 0xff; nil does without.
func (m *Memory) Init(data []byte, block, write int, marks []byte) Error {
	if write < 1 || block < write || block%write != 0 || len(data)%block != 0 ||
		(marks != nil && len(marks) < (len(data)/write+7)/8) {
		return ErrRange
	}
	*m = Memory{data: data, block: block, write: write, marks: marks}
	return OK
}

// Data returns the bytes behind the device.
func (m *Memory) Data() []byte { return m.data }

// Marks returns the marks that Init was given.
func (m *Memory) Marks() []byte { return m.marks }

// Power turns the device back on after Before turned it off.
func (m *Memory) Power() { m.off = false }

func (m *Memory) Size() int      { return len(m.data) }
func (m *Memory) BlockSize() int { return m.block }
func (m *Memory) WriteSize() int { return m.write }

func (m *Memory) Read(off int, p []byte) Error {
	if m.off {
		return ErrDevice
	}
	if !within(off, len(p), len(m.data)) {
		return ErrRange
	}
	copy(p, m.data[off:])
	return OK
}

func (m *Memory) Program(off int, p []byte) Error {
	if m.off {
		return ErrDevice
	}
	if !within(off, len(p), len(m.data)) || off%m.write != 0 || len(p)%m.write != 0 {
		return ErrRange
	}
	for i := range p {
		granule := (off + i) / m.write
		if m.data[off+i] != 0xff || (m.marks != nil && m.marks[granule/8]>>(granule%8)&1 != 0) {
			return ErrProgrammed
		}
	}
	if !m.start(OpProgram, off, p) {
		return ErrDevice
	}
	copy(m.data[off:], p)
	m.mark(off, len(p), true)
	return OK
}

func (m *Memory) Erase(off int) Error {
	if m.off {
		return ErrDevice
	}
	if !within(off, m.block, len(m.data)) || off%m.block != 0 {
		return ErrRange
	}
	if !m.start(OpErase, off, nil) {
		return ErrDevice
	}
	for i := off; i < off+m.block; i++ {
		m.data[i] = 0xff
	}
	m.mark(off, m.block, false)
	return OK
}

func (m *Memory) Mapped(off, n int) []byte {
	if m.off || !within(off, n, len(m.data)) {
		return nil
	}
	return m.data[off : off+n : off+n]
}

func (m *Memory) start(op Operation, off int, p []byte) bool {
	if m.Before != nil && !m.Before(op, off, p) {
		m.off = true
		// A torn operation leaves its granules in doubt: only an erase makes
		// them usable again.
		if op == OpProgram {
			m.mark(off, len(p), true)
		} else {
			m.mark(off, m.block, true)
		}
		return false
	}
	m.Counts[op]++
	return true
}

func (m *Memory) mark(off, n int, programmed bool) {
	if m.marks == nil {
		return
	}
	for g := off / m.write; g < (off+n)/m.write; g++ {
		if programmed {
			m.marks[g/8] |= 1 << (g % 8)
		} else {
			m.marks[g/8] &^= 1 << (g % 8)
		}
	}
}
