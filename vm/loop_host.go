//go:build !tinygo

package vm

//go:generate go run ../internal/hostloop

// deviceLoop makes a host run the loop of small processors, for tests.
var deviceLoop bool

// A host runs text that it has decoded beforehand; what it cannot decode, or
// not at a bearable cost, runs in place.
func (m *Machine) execute() Fault {
	if m.Before != nil {
		return m.traced()
	}
	if deviceLoop || len(m.code) == 0 {
		return m.inPlace()
	}
	switch fault := m.loopHost(); fault {
	case FaultMemory, callsHelper: // step finds the address and the helper
		return isRare
	default:
		return fault
	}
}

const (
	maxPrograms = 256     // that a machine keeps decoded
	maxDecoded  = 1 << 18 // bytes of text; longer text runs in place
)

// hostState is the text that a machine has decoded. It lives as long as the
// machine.
type hostState struct {
	// InPlace makes Reset leave text as it is, and Run run it as a device
	// does: more slowly, without memory of the machine's own.
	InPlace bool

	// Before, if set, is told of each instruction, and each is then executed
	// on its own: some hundred times more slowly.
	Before Trace
	lone   []byte // exits, as many as the longest text that was traced has bytes

	code     []operation // of the text of this activation; empty: it runs in place
	programs []program
	next     int // which of maxPrograms gives way to a new one
}

// A program is decoded text, and a copy of the text. It is never changed.
type program struct {
	text string
	code []operation
}

// Prepare decodes text, which Check has accepted, where that has not been done,
// so that Reset of it does not allocate. On devices it does nothing. It is not
// needed, and may be called while an activation is suspended.
func (m *Machine) Prepare(text []byte) { m.decoded(text) }

// prepare chooses what Run executes in place of text.
func (m *Machine) prepare(text []byte) { m.code = m.decoded(text) }

// decoded finds or makes the operations of text. Programs are known by their
// bytes, all of which are compared each time: so it does not matter where text
// is, nor what was there before, and nobody has to say that an install has
// changed it. Only here, and only for text that the machine does not keep, is
// memory allocated.
func (m *Machine) decoded(text []byte) []operation {
	if m.InPlace || len(text) > maxDecoded {
		return nil
	}
	for i := range m.programs {
		if p := &m.programs[i]; p.text == string(text) {
			return p.code
		}
	}
	p := program{string(text), decode(text)}
	if len(m.programs) < maxPrograms {
		m.programs = append(m.programs, p)
	} else {
		m.programs[m.next] = p
		m.next = (m.next + 1) % maxPrograms
	}
	return p.code
}
