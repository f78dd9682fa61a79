package vm

// Containers that suspend can share a machine as well, if what has to survive
// between two slices is kept elsewhere: the registers, the place in the text
// and the open calls.

const (
	place     = 11 // register, of no instruction, that takes pc and depth
	savedHead = place + 1
)

// SavedSize returns the bytes that Save needs for a program whose Need.Depth
// is depth.
func SavedSize(depth uint8) int { return 8 * (savedHead + int(min(depth, MaxDepth))*frameSize) }

// Suspend lets Run return Suspended when the helper has returned; the next Run
// goes on behind the call. The machine must have a Quantum.
func (c *Call) Suspend() {
	m := c.m
	m.reserve += m.budget + 1
	m.budget = -1
}

// Save writes the state of a suspended activation to dst, which has SavedSize
// bytes and must be out of containers' reach: Restore trusts it. It reports
// false if there are more open calls than the program was found to have.
func (m *Machine) Save(dst []byte) bool {
	n := 8 * (savedHead + int(m.depth)*frameSize)
	if n > len(dst) {
		return false
	}
	m.r[place] = uint64(m.pc) | uint64(m.depth)<<32
	m.keep(dst[:n], false)
	return true
}

// Restore lets the next Run go on where src was saved, with the budget that
// Reset, called before with the same text, has set.
func (m *Machine) Restore(src []byte) {
	m.keep(src, true)
	m.pc, m.depth = int(m.r[place]&(1<<31-1)), uint8(m.r[place]>>32)
	m.budget += int32(m.pc >> slotShift)
}

// keep writes the state to b or, if back is set, reads it from there. Each
// word is turned by a byte eight times, and so left as it was.
//
//go:noinline
func (m *Machine) keep(b []byte, back bool) {
	for i := range b {
		w := &m.r[i>>3&15]
		if f := i>>3 - savedHead; f >= len(m.frames) {
			break
		} else if f >= 0 {
			w = &m.frames[f]
		}
		v := *w
		if back {
			v = v&^0xff | uint64(b[i])
		}
		b[i] = uint8(v)
		*w = v>>8 | v<<56
	}
}
