package vm

import "github.com/femto-containers/femto/isa"

// Containers that suspend can share a machine as well, if what has to survive
// between two slices is kept elsewhere: the place in the text, the registers
// and the open calls.

const (
	savedRegisters = isa.FramePointer + 1
	savedHead      = 8 + 8*savedRegisters
	savedFrame     = 8 + 8*4
)

// SavedSize returns the bytes that Save needs for a program whose Need.Depth
// is depth.
func SavedSize(depth uint8) int { return savedHead + int(min(depth, MaxDepth))*savedFrame }

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
	if SavedSize(m.depth) > len(dst) {
		return false
	}
	m.keep(dst, false)
	return true
}

// Restore lets the next Run go on where src was saved, with the budget that
// Reset, called before with the same text, has set.
func (m *Machine) Restore(src []byte) {
	m.keep(src, true)
	m.budget += int32(m.pc / slot)
}

// keep writes the state to b or, if back is set, reads it from there.
func (m *Machine) keep(b []byte, back bool) {
	place := uint64(m.pc) | uint64(m.depth)<<32
	b = carry(b, &place, back)
	m.pc, m.depth = int(place&(1<<31-1)), uint8(place>>32)
	for i := range savedRegisters {
		b = carry(b, &m.r[i], back)
	}
	for i := range m.depth {
		f := &m.frames[i&(MaxDepth-1)]
		ret := uint64(f.ret)
		b = carry(b, &ret, back)
		f.ret = int(ret & (1<<31 - 1))
		for j := range f.saved {
			b = carry(b, &f.saved[j], back)
		}
	}
}

// carry copies word to the start of b, or back, and returns the rest of b.
//
//go:noinline
func carry(b []byte, word *uint64, back bool) []byte {
	const size = 8
	if len(b) < size {
		return b // not reached: b is as long as SavedSize says
	}
	v := *word
	for i := range size {
		if back {
			v = v>>8 | uint64(b[i])<<56
		} else {
			b[i] = uint8(v)
			v >>= 8
		}
	}
	if back {
		*word = v
	}
	return b[size:]
}
